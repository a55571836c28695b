"""In which order several turns say in one place what they have to say."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar
from weakref import WeakValueDictionary

from palaver.frontends.contract import Place
from palaver.identity import ConversationId, SessionId

Key = TypeVar("Key")


@dataclass(eq=False, slots=True, weakref_slot=True)
class Part:
    """What one turn shows in a place.

    Attributes:
        over: how the turn has ended is shown, or will never be.
        before: that of the turn before it in its session.
    """

    place: Place
    over: asyncio.Event = field(default_factory=asyncio.Event)
    before: "Part | None" = None


class Order:
    """Of all that one frontend shows."""

    def __init__(self) -> None:
        self._newest: WeakValueDictionary[tuple[Place, SessionId], Part] = WeakValueDictionary()
        self._ending: WeakValueDictionary[Place, asyncio.Lock] = WeakValueDictionary()
        self._sending: WeakValueDictionary[ConversationId, asyncio.Lock] = WeakValueDictionary()
        self._telling = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    def begin(self, part: Part, session_id: SessionId) -> None:
        """Its turn is at work: the one before it in its session is over, if not shown yet."""
        key = part.place, session_id
        part.before = self._newest.get(key)
        self._newest[key] = part

    @asynccontextmanager
    async def ending(self, part: Part) -> AsyncIterator[None]:
        """To show how its turn has ended, with all tries that takes: behind the turn before it, and
        behind those of its owner's other sessions there that ended earlier."""
        if part.before:
            await part.before.over.wait()
            part.before = None
        try:
            async with _of(self._ending, part.place):
                self._telling += 1
                self._quiet.clear()
                try:
                    yield
                finally:
                    self._telling -= 1
                    if not self._telling:
                        self._quiet.set()
        finally:
            part.over.set()

    async def quiet(self) -> None:
        """Wait until it is not being told of any turn how it has ended."""
        await self._quiet.wait()

    @asynccontextmanager
    async def sending(self, place: Place) -> AsyncIterator[None]:
        """To send what may be several messages, with nothing between them."""
        async with _of(self._sending, place.conversation):
            yield


def _of(locks: WeakValueDictionary[Key, asyncio.Lock], key: Key) -> asyncio.Lock:
    lock = locks.get(key)
    if lock is None:
        lock = locks[key] = asyncio.Lock()
    return lock
