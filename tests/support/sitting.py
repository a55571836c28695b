"""`palaver` in a terminal, and somebody who answers."""

import asyncio
import contextlib
from collections.abc import Iterator

import pexpect

from core.app.world import PALAVER, World

LIMIT_S = 30


class Terminal:
    """A command in a terminal.

    Attributes:
        seen: what it has shown up to where somebody looked.
    """

    def __init__(self, child: "pexpect.spawn[str]") -> None:
        self._child = child
        self.seen = ""

    async def until(self, pattern: str) -> str:
        """Wait for it; all that came before it and with it."""
        await asyncio.to_thread(self._child.expect, pattern)
        before = self._child.before or ""
        self.seen += before + str(self._child.after)
        return before + str(self._child.after)

    def say(self, text: str) -> None:
        self._child.sendline(text)

    def interrupt(self) -> None:
        self._child.sendintr()

    async def end(self) -> int | None:
        """Wait until it ends; its exit code."""
        await asyncio.to_thread(self._child.expect, pexpect.EOF)
        self.seen += self._child.before or ""
        await asyncio.to_thread(self._child.wait)
        return self._child.exitstatus


@contextlib.contextmanager
def sitting(world: World, *arguments: str) -> Iterator[Terminal]:
    """Somebody before that terminal."""
    child = pexpect.spawn(
        PALAVER[0],
        [*PALAVER[1:], *arguments],
        env=world.environment,
        cwd=str(world.workspace),
        encoding="utf-8",
        timeout=LIMIT_S,
        dimensions=(50, 200),
    )
    try:
        yield Terminal(child)
    finally:
        child.close(force=True)


async def script(world: World, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """Run it without a terminal: its exit code, and what it says on both streams."""
    done = await asyncio.to_thread(world.run, *arguments, **environment)
    return done.returncode, done.stdout, done.stderr
