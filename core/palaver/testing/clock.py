"""Time that a test may move, and a way to wait for a change."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

_TICK = 0.05

T = TypeVar("T")


class Clock:
    """Unix time in seconds; `advance` moves it, so that a test need not wait for an age.

    Only ages use it (callback queries, drafts, chat actions, flood limits, dates): waiting for
    an answer, as a long poll does, takes real time.
    """

    def __init__(self, base: Callable[[], float] = time.time) -> None:
        self._base = base
        self._moved = 0.0

    def now(self) -> float:
        """Unix time in seconds."""
        return self._base() + self._moved

    def date(self) -> int:
        """Unix time in whole seconds, as messages carry it."""
        return int(self.now())

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once."""
        self._moved += seconds


class Signal:
    """Wakes all who wait for a change of the simulated world."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def notify(self) -> None:
        """Something changed."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait(
        self, probe: Callable[[], T | None], timeout: float, picture: Callable[[], str]
    ) -> T:
        """The first result of `probe` that is true.

        Raises TimeoutError after `timeout` seconds, with `picture()` of what there was instead.
        """
        deadline = time.monotonic() + timeout
        while True:
            found = probe()
            if found:
                return found
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"nothing fitting within {timeout:g} s; there was:\n{picture()}")
            await self._until_change(left)

    async def _until_change(self, seconds: float) -> None:
        # Ages change without a signal (a draft fades), hence the tick.
        changed = self._changed
        try:
            async with asyncio.timeout(min(seconds, _TICK)):
                await changed.wait()
        except TimeoutError:
            return
