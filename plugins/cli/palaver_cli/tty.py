"""Asking the person at the controlling terminal, while the standard streams belong to a script."""

import asyncio
import os
import termios
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console

from palaver import View
from palaver_cli import asking
from palaver_cli.markdown import Block
from palaver_cli.render import Brush
from palaver_cli.surface import Key

_TERMINAL = "/dev/tty"


def asker() -> "Asker | None":
    """Whoever sits at the controlling terminal; None if there is none."""
    try:
        os.close(os.open(_TERMINAL, os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return None
    return Asker(Console(stderr=True))


class Asker:
    """See `palaver_cli.surface.Surface`; prints to standard error, reads the terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._brush = Brush(console, "ansi_dark")
        self._one_at_a_time = asyncio.Lock()

    def echo(self, text: str) -> None:
        self._write(text + "\n")

    def answer(self, block: Block) -> None:
        self._write(self._brush.draw(self._brush.answer(block.source), self._console.width))

    def view(self, view: View) -> None:
        self._write("\n" + self._brush.draw(self._brush.view(view), self._console.width))

    def tool(self, tool: str, summary: str, *, ok: bool, output: str) -> None:
        del output
        self._write(f"{'●' if ok else '✗'} {tool} {summary}\n")

    def note(self, text: str, *, joined: bool = False) -> None:
        del joined
        self._write(text + "\n")

    def changed(self) -> None:
        """Nothing is live here."""

    async def key(self, question: str, keys: Sequence[Key]) -> str | None:
        async with self._one_at_a_time:
            offered = "  ".join(f"{key.key} {key.label}" for key in keys)
            self._write(f"{question}  {offered}  Enter no: ")
            with _raw() as terminal:
                pressed = await _one_key(terminal)
            self._write("\n")
            return pressed if pressed in {key.key for key in keys} else ""

    async def words(self, question: str) -> str | None:
        async with self._one_at_a_time:
            self._write(f"{question}\n> ")
            with _cooked() as terminal:
                return (await _line(terminal)) or None

    def _write(self, text: str) -> None:
        self._console.file.write(text)
        self._console.file.flush()


@contextmanager
def _cooked() -> Iterator[int]:
    terminal = os.open(_TERMINAL, os.O_RDWR | os.O_NOCTTY)
    try:
        termios.tcflush(terminal, termios.TCIFLUSH)
        yield terminal
    finally:
        os.close(terminal)


@contextmanager
def _raw() -> Iterator[int]:
    """Keys one by one and unseen; Ctrl-C stays a signal. What was typed ahead is thrown away."""
    with _cooked() as terminal:
        before = termios.tcgetattr(terminal)
        try:
            tty.setcbreak(terminal)
            yield terminal
        finally:
            termios.tcsetattr(terminal, termios.TCSAFLUSH, before)


async def _one_key(terminal: int) -> str:
    """The one key that is pressed after a quiet moment, alone; else nothing, which is a no."""
    while await _read(terminal, asking.QUIET_S) is not None:
        pass
    pressed = await _read(terminal, None) or ""
    more = await _read(terminal, asking.ALONE_S)
    return pressed.lower() if more in (None, "\n") else ""


async def _line(terminal: int) -> str:
    text = ""
    while not text.endswith("\n"):
        some = await _read(terminal, None)
        if not some:
            break
        text += some
    return text.strip()


async def _read(terminal: int, timeout: float | None) -> str | None:
    """What has come, or None at the time-out."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def readable() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(terminal, readable)
    try:
        await asyncio.wait_for(ready, timeout)
    except TimeoutError:
        return None
    finally:
        loop.remove_reader(terminal)
    return os.read(terminal, 4096).decode(errors="replace")
