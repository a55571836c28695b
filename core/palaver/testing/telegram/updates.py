"""The queue of updates and its long poll.

As in tdlib/telegram-bot-api (Client::do_get_updates, TQueue): asking with an offset acknowledges
everything before it; an offset far in the future is ignored; a new poll that has to wait ends an
older one with 409, at most once in three seconds at once and otherwise after a pause.

Left out: the real server lets a poll that repeats its offset within three seconds wait for three
seconds, against busy loops; that would only make tests slow.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from palaver.testing.telegram.wire import ApiError, Json, JsonObject

#: Seconds that a poll may wait. Source: Client::LONG_POLL_MAX_TIMEOUT.
MAX_TIMEOUT = 50
#: Updates of one answer. Source: getUpdates.
MAX_LIMIT = 100
#: What a bot must ask for by name. Source: getUpdates, allowed_updates.
NOT_BY_DEFAULT = frozenset({"chat_member", "message_reaction", "message_reaction_count"})

OTHER_POLL = (
    "Conflict: terminated by other getUpdates request;"
    " make sure that only one bot instance is running"
)
BY_WEBHOOK = "Conflict: terminated by setWebhook request"
WEBHOOK_ACTIVE = (
    "Conflict: can't use getUpdates method while webhook is active;"
    " use deleteWebhook to delete the webhook first"
)
_FAR_AHEAD = 10


@dataclass
class Update:
    """One update; `again` makes it come back once after it has been acknowledged."""

    id: int
    kind: str
    body: Json
    again: bool = False

    def to_json(self) -> JsonObject:
        """As getUpdates gives it."""
        return {"update_id": self.id, self.kind: self.body}


def _fired(timer: asyncio.TimerHandle) -> bool:
    return timer.when() <= asyncio.get_running_loop().time()


class _Poll:
    def __init__(self) -> None:
        self.wake = asyncio.Event()
        self.conflict = ""


class UpdateQueue:
    """Updates for one bot, until it has acknowledged them."""

    def __init__(self, check: Callable[[JsonObject], None], first_id: int = 900_000_001) -> None:
        self.conflict_pause = 3.0
        self.duplicates = 0
        self.late: list[float] = []
        self.asked: list[str] = []
        self._check = check
        self._next_id = first_id
        self._waiting: list[Update] = []
        self._repeats: list[Update] = []
        self._poll: _Poll | None = None
        self._next_conflict = 0.0
        self._timers: list[asyncio.TimerHandle] = []
        self._arrived = asyncio.Event()

    @property
    def pending(self) -> list[JsonObject]:
        """What the bot has not acknowledged."""
        return [update.to_json() for update in self._waiting]

    @property
    def empty(self) -> bool:
        """Whether the bot has acknowledged all, those that come again or late too."""
        late = any(not timer.cancelled() and not _fired(timer) for timer in self._timers)
        return not (self._waiting or self._repeats or late)

    @property
    def polling(self) -> bool:
        """Whether somebody waits for updates now."""
        return self._poll is not None

    def allow(self, kinds: Iterable[str]) -> None:
        """What the bot wants to hear; nothing means the usual kinds."""
        self.asked = list(kinds)

    def allowed(self, kind: str) -> bool:
        """Whether an update of this kind is kept for the bot."""
        return kind in self.asked if self.asked else kind not in NOT_BY_DEFAULT

    def push(self, kind: str, body: Json) -> None:
        """A new update, unless the bot does not want its kind."""
        if not self.allowed(kind):
            return
        self._check({"update_id": 1, kind: body})
        if self.late:
            delay = self.late.pop(0)
            loop = asyncio.get_running_loop()
            self._timers.append(loop.call_later(delay, self._append, kind, body))
        else:
            self._append(kind, body)

    def repeat(self, update_id: int | None = None) -> None:
        """Deliver a waiting update (the last, by default) once more after its acknowledgement."""
        found = [u for u in self._waiting if update_id in (None, u.id)]
        if not found:
            raise LookupError("no such update is waiting; repeat it before the bot took it")
        found[-1].again = True

    async def get(self, offset: int, limit: int, timeout: float) -> list[JsonObject]:
        """What getUpdates answers, after at most `timeout` seconds.

        Raises ApiError 409 when another poll or a webhook takes over meanwhile.
        """
        self._acknowledge(offset)
        batch = self._batch(limit)
        if batch or timeout <= 0:
            return batch
        await self._wait(timeout)
        return self._batch(limit)

    def interrupt(self, reason: str) -> None:
        """End a waiting poll with 409."""
        if self._poll is not None:
            self._poll.conflict = reason
            self._poll.wake.set()
            self._poll = None

    async def next_for_webhook(self) -> Update:
        """The oldest update, when there is one; `done` takes it off."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting[0]

    def done(self, update: Update) -> None:
        """A webhook took this update."""
        if update in self._waiting:
            self._waiting.remove(update)
        if update.again:
            update.again = False
            self._waiting.insert(0, update)

    def clear(self) -> None:
        """Forget all that is waiting (drop_pending_updates)."""
        self._waiting.clear()
        self._repeats.clear()

    def close(self) -> None:
        """Forget the late updates and let polls go."""
        for timer in self._timers:
            timer.cancel()
        if self._poll is not None:
            self._poll.wake.set()

    def _append(self, kind: str, body: Json) -> None:
        again = self.duplicates > 0
        self.duplicates -= again
        self._waiting.append(Update(self._next_id, kind, body, again))
        self._next_id += 1
        self._arrived.set()
        if self._poll is not None:
            self._poll.wake.set()

    def _acknowledge(self, offset: int) -> None:
        if offset < 0:
            self._drop(self._waiting[: max(0, len(self._waiting) + offset)])
        elif 0 < offset <= self._next_id + _FAR_AHEAD:
            self._drop([update for update in self._waiting if update.id < offset])

    def _drop(self, updates: list[Update]) -> None:
        for update in updates:
            self._waiting.remove(update)
            if update.again:
                update.again = False
                self._repeats.append(update)

    def _batch(self, limit: int) -> list[JsonObject]:
        repeated, self._repeats = self._repeats[:limit], self._repeats[limit:]
        given = [*repeated, *self._waiting][:limit]
        return [update.to_json() for update in given]

    async def _wait(self, timeout: float) -> None:
        self.interrupt(OTHER_POLL)
        poll = self._poll = _Poll()
        try:
            async with asyncio.timeout(timeout):
                await poll.wake.wait()
        except TimeoutError:
            return
        finally:
            if self._poll is poll:
                self._poll = None
        if poll.conflict:
            await self._pause()
            raise ApiError(409, poll.conflict)

    async def _pause(self) -> None:
        # Two pollers would otherwise end each other as fast as the network allows.
        now = asyncio.get_running_loop().time()
        if now < self._next_conflict:
            await asyncio.sleep(self.conflict_pause)
        else:
            self._next_conflict = now + self.conflict_pause
