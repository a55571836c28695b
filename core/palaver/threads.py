"""Calling what may block, so that it holds up neither the event loop nor the program's end.

`asyncio.to_thread` has a few threads for everybody, disk work among it, and the program waits for
them when it ends: one plugin that hangs would hold up all of it. So each plugin has threads of its
own here, and nobody waits for them at the end.
"""

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

IDLE_S = 5.0
"""Seconds after which a thread without work ends."""


class Threads:
    """Threads for each owner, at most `limit`; further calls of that owner wait for one."""

    def __init__(self, limit: int = 16) -> None:
        self._limit = limit
        self._crews: dict[str, _Crew] = {}

    async def call(self, owner: str, function: Callable[[], object]) -> object:
        """What the function returns or raises. A call that is cancelled runs on, unheard."""
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[object] = loop.create_future()
        context = contextvars.copy_context()

        def settle(result: object, error: BaseException | None) -> None:
            if outcome.done():
                return
            if isinstance(error, StopIteration):  # no future takes one
                error = RuntimeError("it raised StopIteration")
            if error is None:
                outcome.set_result(result)
            else:
                outcome.set_exception(error)

        def work() -> None:
            result: object = None
            raised: BaseException | None = None
            if outcome.cancelled():  # while it waited for a thread
                return
            try:
                result = context.run(function)
            except BaseException as error:  # noqa: BLE001 - it is raised again where it is awaited
                raised = error
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(settle, result, raised)

        crew = self._crews.get(owner)
        if crew is None:
            crew = self._crews[owner] = _Crew(f"palaver-{owner}", self._limit)
        crew.take(work)
        return await outcome


class _Crew:
    """One owner's threads, and the work that waits for them."""

    def __init__(self, name: str, limit: int) -> None:
        self._name = name
        self._limit = limit
        self._changed = threading.Condition()
        self._work: deque[Callable[[], None]] = deque()
        self._size = 0
        self._idle = 0

    def take(self, work: Callable[[], None]) -> None:
        with self._changed:
            self._work.append(work)
            if self._idle >= len(self._work):
                self._changed.notify()
            elif self._size < self._limit:
                self._size += 1
                threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def _run(self) -> None:
        while work := self._next():
            work()

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            self._idle += 1
            there = self._changed.wait_for(lambda: bool(self._work), IDLE_S)
            self._idle -= 1
            if there:
                return self._work.popleft()
            self._size -= 1
            return None
