"""How a turn's events reach those who want them, without ever holding up the turn."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Iterable
from uuid import UUID

from palaver.dispatch import Hooks
from palaver.events import Event, FileSent, Told
from palaver.models import Session, Turn
from palaver.outbox import discard
from palaver.views import View

log = logging.getLogger(__name__)


class Submission:
    """What comes of a prompt or a command: its events, once and in order.

    When you hold one, the prompt is durable, so its message can be acknowledged. A turn goes on
    whether or not its events are read.

    An event is yours until you ask for the next one: then the copy of a `FileSent` is removed.

    Attributes:
        turn_id: None for a command that started no turn.
        duplicate: the same message was submitted before; there are no events.
        others: more that came of the same message, each with events of its own.
    """

    def __init__(self, turn_id: UUID | None = None, *, duplicate: bool = False) -> None:
        self.turn_id = turn_id
        self.duplicate = duplicate
        self.others: tuple[Submission, ...] = ()
        self._events: deque[Event] = deque()
        self._sent: list[FileSent] = []  # drawn, and not yet dealt with
        self._more = asyncio.Event()
        self._ended = duplicate

    @classmethod
    def of(cls, view: View) -> "Submission":
        """A command's answer."""
        submission = cls()
        submission.put(Told(view=view))
        submission.end()
        return submission

    def put(self, event: Event) -> None:
        """Add an event; for the engine."""
        self._events.append(event)
        self._more.set()

    def end(self) -> None:
        """There is no more to come; for the engine."""
        self._ended = True
        self._more.set()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        while self._sent:
            await discard(self._sent.pop())
        while not self._events:
            if self._ended:
                raise StopAsyncIteration
            self._more.clear()
            await self._more.wait()
        return self._draw()

    def waiting(self) -> Iterable[Event]:
        """Take what is there already, without waiting; for those who draw several at once."""
        while self._events:
            yield self._draw()

    def _draw(self) -> Event:
        event = self._events.popleft()
        if isinstance(event, FileSent):
            self._sent.append(event)
        return event


class Tap:
    """Brings a turn's events to the plugins that listen, in order and beside the turn."""

    LIMIT = 1000

    def __init__(self, hooks: Hooks, session: Session, turn: Turn) -> None:
        self._hooks = hooks
        self._session = session
        self._turn = turn
        self._heard = hooks.hears_events(session.namespace)
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._dropped = 0
        self._task = asyncio.create_task(self._run()) if self._heard else None

    def put(self, event: Event) -> None:
        if not self._heard:
            return
        if self._events.qsize() >= self.LIMIT:
            self._events.get_nowait()
            self._dropped += 1
        self._events.put_nowait(event)

    def end(self) -> "asyncio.Task[None] | None":
        """No more events; the task that still brings the last ones, if there is one."""
        self._events.put_nowait(None)
        return self._task

    async def _run(self) -> None:
        while (event := await self._events.get()) is not None:
            await self._hooks.event(self._session, self._turn, event)
        if self._dropped:
            log.warning(
                "turn %s: %d events dropped, on_event is slow", self._turn.id, self._dropped
            )
