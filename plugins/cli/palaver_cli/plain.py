"""The REPL without a terminal: lines in, text out, no escape sequences, nobody to ask."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Sequence
from typing import TextIO

from palaver import View
from palaver_cli.chat import Chat
from palaver_cli.markdown import Block
from palaver_cli.render import MARK
from palaver_cli.surface import Key
from palaver_cli.text import harmless


class Plain:
    """See `palaver_cli.surface.Surface`.

    Answers stay Markdown, for whoever reads the pipe; what is beside them goes to `err`.
    """

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self._out = out
        self._err = err

    def echo(self, text: str) -> None:
        self._write(f"\n{MARK} {text}")

    def answer(self, block: Block) -> None:
        self._write(block.source if block.joined else f"\n{block.source}")

    def view(self, view: View) -> None:
        self._write(f"\n{view.plain()}")

    def tool(self, tool: str, summary: str, *, ok: bool, output: str) -> None:
        del output
        self._write(f"{'●' if ok else '✗'} {tool} {summary}".rstrip())

    def note(self, text: str, *, joined: bool = False) -> None:
        del joined
        self._err.write(harmless(text) + "\n")
        self._err.flush()

    def changed(self) -> None:
        """Nothing is live here."""

    async def key(self, question: str, keys: Sequence[Key]) -> str | None:
        del question, keys
        return None

    async def words(self, question: str) -> str | None:
        del question
        return None

    async def talk(self, chat: Chat, lines: TextIO) -> None:
        """Send every line, each when the one before it is done."""
        async for line in _each(lines):
            if line.strip():
                chat.enter(line.strip())
                await chat.idle()

    def _write(self, text: str) -> None:
        self._out.write(harmless(text) + "\n")
        self._out.flush()


async def _each(lines: TextIO) -> AsyncIterator[str]:
    """The lines as they come, read in a thread that nobody has to wait for in the end."""
    loop = asyncio.get_running_loop()
    come: asyncio.Queue[str] = asyncio.Queue()

    def read() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended before the input
            while line := lines.readline():
                loop.call_soon_threadsafe(come.put_nowait, line)
            loop.call_soon_threadsafe(come.put_nowait, "")

    threading.Thread(target=read, name="standard input", daemon=True).start()
    while line := await come.get():
        yield line
