"""Messages in the order in which they were sent, each conversation for itself.

A message that takes long (a file that is fetched, a voice that is listened to, an album that is
not complete) holds up those behind it in its own conversation, so that they are not answered
before it, and no others. Commands do not come here.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from palaver.frontends.incoming import Incoming
from palaver.identity import ConversationId, Namespace

Key = tuple[Namespace, ConversationId]
Handle = Callable[[Sequence[Incoming]], Awaitable[None]]


@dataclass(slots=True)
class _Place:
    """A message in its lane; `whole` if it must not be joined with others."""

    messages: list[Incoming]
    handle: Handle
    done: "asyncio.Future[None]"
    whole: bool = False


@dataclass(slots=True)
class _Lane:
    """One conversation: what waits, and what is being handled."""

    waiting: deque[_Place] = field(default_factory=deque)
    group: list[_Place] = field(default_factory=list)
    more: asyncio.Event = field(default_factory=asyncio.Event)
    task: "asyncio.Task[None] | None" = None


class Arrivals:
    """All conversations in which something waits.

    Args:
        handle: takes what is one prompt: a message, or several that belong together.
        coalesce_s: seconds to wait for what may still belong to it.
    """

    def __init__(self, handle: Handle, coalesce_s: float) -> None:
        self._handle = handle
        self._coalesce_s = coalesce_s
        self._lanes: dict[Key, _Lane] = {}

    def put(self, message: Incoming) -> "asyncio.Future[None]":
        """Queue a message; done when it has been handled, with what `handle` raised."""
        return self._put([message], self._handle, whole=False)

    def put_all(self, messages: Sequence[Incoming], handle: Handle) -> "asyncio.Future[None]":
        """Queue several of one conversation that are handled together, in a way of their own."""
        return self._put(list(messages), handle, whole=True)

    def amend(self, message: Incoming) -> bool:
        """Its sender has changed a message: whether it still waits here, and so is changed."""
        lane = self._lanes.get(_key(message))
        for place in lane.waiting if lane else ():
            for number, old in enumerate(place.messages):
                if old.key == message.key:
                    place.messages[number] = message
                    return True
        return False

    async def handled(self, message: Incoming) -> None:
        """Return when it is not being handled, or not any more."""
        lane = self._lanes.get(_key(message))
        for place in lane.group if lane else ():
            if any(one.key == message.key for one in place.messages):
                await asyncio.wait([place.done])

    async def more(self, message: Incoming) -> list[Incoming]:
        """What has come while a message is handled, and goes on with it: it is handled, too.

        At once if there is nothing.
        """
        lane = self._lanes.get(_key(message))
        if lane is None or not lane.waiting:
            return []
        places = await self._group(lane, message)
        lane.group += places
        return [one for place in places for one in place.messages]

    async def settled(self, message: Incoming, *, limit_s: float) -> None:
        """Wait until nothing is left in the message's lane, but not for long."""
        lane = self._lanes.get(_key(message))
        if lane and lane.task:
            await asyncio.wait([lane.task], timeout=limit_s)

    async def close(self) -> None:
        """Give up on all of it."""
        tasks = [lane.task for lane in self._lanes.values() if lane.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _put(
        self, messages: list[Incoming], handle: Handle, *, whole: bool
    ) -> "asyncio.Future[None]":
        key = _key(messages[0])
        lane = self._lanes.setdefault(key, _Lane())
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        lane.waiting.append(_Place(messages, handle, done, whole))
        lane.more.set()
        if lane.task is None:
            lane.task = asyncio.create_task(self._work(key, lane))
        return done

    async def _work(self, key: Key, lane: _Lane) -> None:
        try:
            while lane.waiting:
                lane.group = group = await self._group(lane)
                try:
                    await group[0].handle([one for place in group for one in place.messages])
                except Exception as error:  # noqa: BLE001 - whoever put it in is told
                    _settle(group, error)
                else:
                    _settle(group, None)
        finally:
            self._lanes.pop(key, None)
            for place in (*lane.group, *lane.waiting):
                place.done.cancel()  # nothing happens to one that is done

    async def _group(self, lane: _Lane, before: Incoming | None = None) -> list[_Place]:
        """The first message with what belongs to it; it stays in the lane meanwhile.

        Args:
            before: only what goes on with this one, which is not in the lane any more.
        """
        group = 0 if before else 1
        while before or not lane.waiting[0].whole:
            last = lane.waiting[group - 1].messages[-1] if group else before
            assert last is not None  # noqa: S101 - without one there is a first message
            if group < len(lane.waiting):
                following = lane.waiting[group]
                if following.whole or not last.takes(following.messages[0]):
                    break
                group += 1
            elif not last.unfinished or not await self._more(lane):
                break
        return [lane.waiting.popleft() for _ in range(group)]

    async def _more(self, lane: _Lane) -> bool:
        lane.more.clear()
        try:
            await asyncio.wait_for(lane.more.wait(), self._coalesce_s)
        except TimeoutError:
            return False
        return True


def _key(message: Incoming) -> Key:
    return message.namespace, message.conversation


def _settle(group: Sequence[_Place], error: Exception | None) -> None:
    for place in group:
        if place.done.done():
            continue
        if error is None:
            place.done.set_result(None)
        else:
            place.done.set_exception(error)
