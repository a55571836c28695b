"""A real process in a real pseudo-terminal, and what its user sees there."""

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pexpect
import pyte

LIMIT_S = 15.0
"""Seconds that a test waits for something to show before it fails."""

_EMOJI_STYLE = "\ufe0f".encode()
"""pyte 0.8 forgets the rest of a line behind it (`Screen.draw` breaks off its loop)."""

CTRL_C, CTRL_D, ESCAPE, ENTER, TAB = "\x03", "\x04", "\x1b", "\r", "\t"


class LiveTerminal:
    """A program with a keyboard and a screen; lines that have scrolled off are kept."""

    def __init__(self, child: Any, columns: int, rows: int) -> None:
        self.child = child
        self.raw = b""
        self._screen = pyte.HistoryScreen(columns, rows, history=5000)
        self._stream = pyte.ByteStream(self._screen)

    def send(self, keys: str) -> None:
        """Press keys."""
        self.child.send(keys.encode())

    def say(self, text: str) -> None:
        """Type a line and send it."""
        self.send(text + ENTER)

    def resize(self, columns: int, rows: int) -> None:
        """Drag the window's corner."""
        self._screen.resize(rows, columns)
        self.child.setwinsize(rows, columns)

    def wipe(self) -> None:
        """Forget what was shown, and have the program draw anew."""
        self.send("\x0c")
        self.quiet(0.05)
        self._screen.reset()
        self.raw = b""
        self.send("\x0c")
        self.until("❯")

    @property
    def screen(self) -> str:
        """What is on the screen now."""
        return "\n".join(line.rstrip() for line in self._screen.display)

    def cells(self, line: int) -> list[str]:
        """The line's cells; the second one of a wide character is empty."""
        row = self._screen.buffer[line]
        return [row[column].data for column in range(self._screen.columns)]

    @property
    def everything(self) -> str:
        """What has scrolled off, and the screen."""
        gone = [
            "".join(row[column].data for column in range(self._screen.columns)).rstrip()
            for row in self._screen.history.top
        ]
        return "\n".join([*gone, self.screen])

    def until(self, wanted: str | Callable[[str], bool], *, limit_s: float = LIMIT_S) -> str:
        """Wait until a text shows, or the screen is as wanted; everything there is then."""
        end = time.monotonic() + limit_s
        while not (wanted in self.everything if isinstance(wanted, str) else wanted(self.screen)):
            if not self.pump() or time.monotonic() > end:
                raise AssertionError(f"it never showed: {wanted}\n---\n{self.everything}\n---")
        return self.everything

    def quiet(self, seconds: float) -> None:
        """Look on for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.pump():
            pass

    def pump(self) -> bool:
        """Take what the program has written; False if it has ended."""
        try:
            data = self.child.read_nonblocking(65536, timeout=0.02)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.raw += data
        self._stream.feed(data.replace(_EMOJI_STYLE, b""))
        return True

    def ended(self, *, limit_s: float = LIMIT_S) -> int:
        """Wait for the end of the program; its exit code, negative for a signal."""
        end = time.monotonic() + limit_s
        while self.pump():
            assert time.monotonic() < end, f"it has not ended\n---\n{self.everything}\n---"
        self.child.wait()
        self.child.close()
        code: int | None = self.child.exitstatus
        return -self.child.signalstatus if code is None else code


@contextmanager
def sitting_at(
    *command: str,
    environment: Mapping[str, str],
    folder: Path,
    columns: int = 80,
    rows: int = 30,
) -> Iterator[LiveTerminal]:
    """A terminal in which that command of `palaver` runs; it is ended in the end."""
    child: Any = pexpect.spawn(
        sys.executable,
        ["-m", "palaver.app", *command],
        env={**environment},
        cwd=str(folder),
        dimensions=(rows, columns),
        timeout=LIMIT_S,
    )
    child.delaybeforesend = None
    child.ptyproc.delayafterclose = child.ptyproc.delayafterterminate = 0.02
    try:
        yield LiveTerminal(child, columns, rows)
    finally:
        if child.isalive():
            child.kill(signal.SIGKILL)
            child.wait()
        child.close()


class Desk:
    """One REPL for several people after each other; who leaves it in disorder gets it replaced."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._environment = environment
        self._folder = folder
        self._terminal: LiveTerminal | None = None
        self._opened: AbstractContextManager[LiveTerminal] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()

    def sit(self) -> LiveTerminal:
        """The REPL, in a new session, with an empty screen."""
        if self._terminal is None:
            self._opened = sitting_at(
                "chat", environment=self._environment, folder=self._folder, columns=80, rows=30
            )
            self._terminal = self._opened.__enter__()
            self._terminal.until("❯")
            self._terminal.wipe()
        return self._terminal

    def rest(self) -> None:
        """Leave it as it was found."""
        if self._terminal is None:
            return
        try:
            self._tidy(self._terminal)
        except (AssertionError, OSError):
            self._close()

    def _tidy(self, terminal: LiveTerminal) -> None:
        terminal.resize(80, 30)
        while any(sign in terminal.screen for sign in ("Ctrl-C stops", "Enter no", "Your answer")):
            terminal.send(CTRL_C)
            terminal.quiet(0.1)
        terminal.send(CTRL_C)
        terminal.say("/newsession")
        terminal.until(lambda screen: "\n  new session" in screen, limit_s=2)
        terminal.wipe()

    def _close(self) -> None:
        opened, self._opened, self._terminal = self._opened, None, None
        if opened is not None:
            opened.__exit__(None, None, None)


def environment(home: Path, **more: str) -> dict[str, str]:
    """Variables for a process that touches nothing outside `home`."""
    return {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "PALAVER_DATA_DIR": str(home / "data"),
        "PALAVER_SESSIONS__AGENT": "scripted",
        "PALAVER_CONFIG": str(home / "palaver.toml"),
        "PALAVER_PLUGINS_DISABLED": '["discord", "telegram"]',
        **more,
    }


def without_colours(data: bytes) -> str:
    """What was written, without its escape sequences."""
    return re.sub(r"\x1b\[[0-9;?]*[ -/]*[@-~]", "", data.decode(errors="replace"))


def takes_keys(question: str) -> Callable[[str], bool]:
    """A question has the keyboard when there is no line to type in below it."""

    def shows(screen: str) -> bool:
        _, asked, below = screen.rpartition(question)
        return bool(asked) and "❯" not in below

    return shows
