"""The message that shows a turn at work, as fast as the chat allows."""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine

from palaver.events import TurnStarted
from palaver.frontends import words
from palaver.frontends.contract import Frontend, MessageId, Place

log = logging.getLogger(__name__)

TYPING_INTERVAL_S = 4.0
"""Telegram shows "typing" for 5 seconds (Bot API, sendChatAction), Discord for 10."""

LAST_PAINT_S = 2.0
"""Seconds that an answer waits for a live message that is being sent at that moment: were it to
arrive after the answer, nobody would take it away."""

OVERHEAD = 200
"""Characters left free in a split message, for its title, receipt and markup."""


class Live:
    """The message that shows a turn at work. Its failures are logged and change nothing."""

    def __init__(self, frontend: Frontend, place: Place) -> None:
        self._frontend = frontend
        self._can = frontend.capabilities
        self._place = place
        self._text = ""
        self._settled = ""
        self._tools: dict[str, str] = {}
        self._drawn = False  # some text is shown
        self._started: TurnStarted | None = None
        self._message: MessageId | None = None
        self._over = False
        self._changed = asyncio.Event()
        self._spoken = asyncio.Event()  # or over
        self._ended = asyncio.Event()
        self._painter: asyncio.Task[None] | None = None
        self._typist: asyncio.Task[None] | None = None

    def begin(self, started: TurnStarted) -> None:
        self._started = started
        self._changed.set()
        if self._can.typing:
            self._typist = asyncio.create_task(self._type())
        if self._can.edit:
            self._painter = asyncio.create_task(self._paint())

    def add(self, text: str) -> None:
        self._text += text
        self._spoken.set()
        self._changed.set()

    def settle(self, text: str) -> None:
        """A block is whole, and is the truth: a stream that broke may have said something else."""
        self._settled += f"{text}\n\n" if text else ""
        self._text = self._settled
        self._changed.set()

    def tool(self, tool_id: str, summary: str | None) -> None:
        if summary is None:
            self._tools.pop(tool_id, None)
        else:
            self._tools[tool_id] = summary
        self._changed.set()

    async def pause(self) -> None:
        """Show nothing more; what is being sent is waited for, but not for long."""
        self._ended.set()
        self._spoken.set()
        self._changed.set()
        if self._painter:
            await asyncio.wait([self._painter], timeout=LAST_PAINT_S)
        tasks = [task for task in (self._painter, self._typist) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._painter = self._typist = None
        if self._message and not self._over:
            self._over = True
            await self._harmlessly(self._frontend.progress_over(self._place, self._message))

    def leave(self) -> None:
        """Let the live message stand: nothing has come in its place."""
        self._message = None

    async def end(self) -> None:
        """Take the live message away: the answer stands for itself."""
        await self.pause()
        message, self._message = self._message, None
        if message:
            await self._harmlessly(self._frontend.remove(self._place, message))

    async def _paint(self) -> None:
        """Show the newest state, then leave the chat alone for its interval."""
        while True:
            await self._changed.wait()
            if self._ended.is_set():
                return
            self._changed.clear()
            await self._harmlessly(self._draw())
            await self._rest()

    async def _rest(self) -> None:
        """Until the next paint may come; the turn's first text, and its end, cut it short."""
        sooner = self._ended if self._drawn else self._spoken
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(sooner.wait(), self._frontend.edit_interval(self._place))

    async def _draw(self) -> None:
        if self._started is None:
            return
        limit = self._can.max_text and self._can.max_text - OVERHEAD
        tools = list(self._tools.values())
        self._drawn = bool(self._text)
        view = words.progress(
            self._text,
            tools,
            resumed=self._started.resumed,
            limit=limit,
            turn_id=self._started.turn_id,
        )
        view = view if self._can.actions else view.typed()
        self._message = await self._frontend.progress(self._place, self._message, view)

    async def _type(self) -> None:
        while True:
            await self._harmlessly(self._frontend.typing(self._place))
            await asyncio.sleep(TYPING_INTERVAL_S)

    async def _harmlessly(self, work: Coroutine[object, object, None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - the answer matters, not its progress
            log.info("%s: progress could not be shown: %s", self._frontend.name, error)
