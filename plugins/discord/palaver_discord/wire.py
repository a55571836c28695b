"""Requests that can be given up without harm.

The library waits for rate limits within its requests. One that is cancelled meanwhile leaves a
lock behind that nobody opens again: that of all requests after a global limit (discord.py 2.7,
`HTTPClient.request`), or that of a webhook (`AsyncDeferredLock`). So a request is only cancelled
while it is on the wire, and one that is not wanted any more ends when it would next go out.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TypeVar

import aiohttp

T = TypeVar("T")


class GivenUpError(Exception):
    """Raised in place of sending what nobody wants any more."""


class Request:
    """One try.

    Args:
        timeout_s: seconds without an answer after which the connection counts as dead.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._limit = asyncio.timeout(None)
        self._wanted = True
        self._over = False

    async def make(self, send: Callable[[], Awaitable[T]]) -> T:
        """Make it, in a task of its own, which is not to be cancelled.

        Raises:
            GivenUpError: if it was not wanted any more, and has not been sent.
            TimeoutError: if it was sent, and there was no answer.
            Exception: whatever the library raises.
        """
        _made.set(self)
        try:
            async with self._limit:
                return await send()
        finally:
            self._over = True

    def give_up(self) -> None:
        """It is not wanted any more; what is on the wire comes to its end."""
        self._wanted = False

    def goes_out(self) -> None:
        if self._over:  # it is a task's that was begun by it
            return
        if not self._wanted:
            raise GivenUpError
        self._limit.reschedule(asyncio.get_running_loop().time() + self._timeout_s)

    def is_back(self) -> None:
        if not self._over and not self._limit.expired():
            self._limit.reschedule(None)


_made: ContextVar[Request | None] = ContextVar("_made", default=None)


def trace() -> aiohttp.TraceConfig:
    """What tells requests that they go out and are back; for the library's `http_trace`."""

    async def goes_out(*_: object) -> None:
        if request := _made.get():
            request.goes_out()

    async def is_back(*_: object) -> None:
        if request := _made.get():
            request.is_back()

    config = aiohttp.TraceConfig()
    config.on_request_start.append(goes_out)
    config.on_response_chunk_received.append(is_back)  # once, when the whole body was read
    config.on_request_exception.append(is_back)
    return config
