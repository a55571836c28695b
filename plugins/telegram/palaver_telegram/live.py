"""A turn at work: one message with its Stop button, and in private chats a draft below it.

A draft (Bot API, sendMessageDraft) can change often without a flood limit, but has no buttons,
and fades after 30 seconds, or as soon as any message of the bot's comes to its chat or topic: apps
take that for the message that it was a preview of. Then it is drawn again. In groups, and where
drafts are refused, the message itself is edited.
"""

import asyncio
import contextlib
import itertools
import logging
import random
import time
from collections.abc import Awaitable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from telegram import InlineKeyboardMarkup
from telegram.error import BadRequest, InvalidToken, TelegramError

from palaver import Marks, MessageId, PalaverError, Place, View
from palaver_telegram.client import HEAD_START_S, Client
from palaver_telegram.keyboards import keyboard
from palaver_telegram.places import Spot, find, name_of
from palaver_telegram.render import live
from palaver_telegram.text import Text

log = logging.getLogger(__name__)

T = TypeVar("T")

DRAFT_INTERVAL_S = 0.4
PRIVATE_INTERVAL_S = 1.1
"""About one message a second in a chat (the Bot FAQ)."""
GROUP_INTERVAL_S = 3.2
"""20 messages a minute in a group (the Bot FAQ)."""
LAST_REMOVALS_S = 2.0
"""Seconds that an orderly end waits for live messages to go."""
LAST_DRAFT_S = 1.0
"""Seconds that what comes of a turn waits for its draft that is being drawn at that moment: were
it to arrive later, it would stay."""
DRAFT_AGE_S = 15.0
"""Seconds after which a draft is shown again, before it fades."""


@dataclass(slots=True)
class _Shown:
    """What stands in a chat for a turn at work.

    Attributes:
        name: the message's, which is another one in a supergroup that its group has become.
        draft_id: None where the message itself is edited.
        draft: what it shows; None if there is none yet.
        drawn: when (monotonic seconds) it was drawn last, and `covered` when a message came after.
    """

    spot: Spot
    name: MessageId
    draft_id: int | None
    text: Text
    draft: Text | None = None
    drawn: float = 0.0
    covered: float = 0.0
    drawing: asyncio.Lock = field(default_factory=asyncio.Lock)
    over: bool = False


class LiveMessages:
    """The live messages of all chats.

    Args:
        marks: which there are, so that those of a Palaver that was killed can be removed.
        drafts: whether to use drafts where the chat has them.
    """

    def __init__(self, client: Client, marks: Marks, *, drafts: bool) -> None:
        self._client = client
        self._marks = marks
        self._drafts = drafts
        self._undraftable: set[int] = set()
        self._shown: dict[MessageId, _Shown] = {}
        self._beginnings: set[asyncio.Task[MessageId]] = set()
        self._removals: set[asyncio.Task[None]] = set()
        self._redraws: set[asyncio.Task[None]] = set()
        self._draft_ids = itertools.count(random.randrange(1, 1 << 20))  # noqa: S311 - no secret

    def interval(self, spot: Spot) -> float:
        """Seconds to leave between two changes."""
        if not spot.private:
            return GROUP_INTERVAL_S
        return DRAFT_INTERVAL_S if self._draftable(spot) else PRIVATE_INTERVAL_S

    async def begin(self, place: Place, view: View) -> MessageId:
        """Send the message that shows the turn; should nobody wait for it any more, it goes again
        as soon as it has come."""
        await asyncio.sleep(HEAD_START_S)
        beginning = _spawn(self._begin(place, view), self._beginnings)
        try:
            return await asyncio.shield(beginning)
        except asyncio.CancelledError:
            _spawn(self._contained(self._end_late(beginning)), self._removals)
            raise

    async def _begin(self, place: Place, view: View) -> MessageId:
        spot = Spot.parse(place.conversation)
        buttons, _ = keyboard(view, place.namespace)
        text = live(view)
        message = await self._client.attempt(
            spot.chat_id, lambda chat_id: self._send(chat_id, spot, text, buttons)
        )
        self.covered(spot)
        draft_id = next(self._draft_ids) if self._draftable(spot) else None
        shown = _Shown(spot, message, draft_id, text, drawn=time.monotonic())
        self._shown[message] = shown
        await self._mark(message)
        if view.text:
            await self._contained(self._draw(shown, text))
        return message

    async def change(self, place: Place, message: MessageId, view: View) -> None:
        """Show how far the turn has come."""
        shown = self._shown.get(message)
        if shown is None:
            return
        text = live(view)
        if not await self._draw(shown, text) and text != shown.text:
            buttons, _ = keyboard(view, place.namespace)
            await self._edit(shown, text, buttons)

    async def refresh(self, spot: Spot) -> None:
        """Show drafts again that would soon fade."""
        old = time.monotonic() - DRAFT_AGE_S
        for shown in list(self._shown.values()):
            if shown.spot == spot and shown.draft and shown.drawn < old and not shown.over:
                await self._draw_draft(shown, shown.draft)

    def covered(self, spot: Spot) -> None:
        """A message has come there: drafts are drawn again."""
        for shown in self._shown.values():
            if shown.spot == spot and shown.draft_id is not None and not shown.over:
                shown.covered = time.monotonic()
                _spawn(self._contained(self._draw_draft(shown)), self._redraws)

    async def conclude(self, message: MessageId) -> None:
        """Draw its draft no more: what comes next takes its place."""
        shown = self._shown.get(message)
        if shown is None:
            return
        shown.over = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_DRAFT_S), shown.drawing:
                pass

    async def end(self, message: MessageId) -> bool:
        """Take the message away; False if it is none of these."""
        shown = self._shown.pop(message, None)
        if shown is None:
            return False
        removal = _spawn(self._remove(*find(shown.name)), self._removals)
        await asyncio.shield(removal)  # half done, it would be done again at the next start
        return True

    async def _end_late(self, beginning: "asyncio.Task[MessageId]") -> None:
        await self.end(await beginning)

    async def close(self) -> None:
        """Finish what is being taken away, but not at any price."""
        removals = list(self._removals)
        if removals:
            await asyncio.wait(removals, timeout=LAST_REMOVALS_S)
        tasks = [*removals, *self._beginnings, *self._redraws]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def left(self) -> list[tuple[int, int]]:
        """Chats and messages that a Palaver has left which could not end in order."""
        return [(int(chat), int(message)) for chat, message in await self._marks.all()]

    async def clear(self, left: Sequence[tuple[int, int]]) -> None:
        """Take these away."""
        for chat_id, message_id in left:
            await self._remove(chat_id, message_id)

    async def _remove(self, chat_id: int, message_id: int) -> None:
        async def delete(now: int, _: bool) -> None:
            if now == chat_id:  # else it is out of reach
                await self._client.bot.delete_message(chat_id, message_id)

        try:
            await self._client.deliver(chat_id, delete)
        except TelegramError as error:  # older than 48 hours, or gone already
            log.info("a live message could not be removed: %s", error)
        await self._marks.drop(str(chat_id), str(message_id))

    def _draftable(self, spot: Spot) -> bool:
        return self._drafts and spot.private and spot.chat_id not in self._undraftable

    async def _mark(self, message: MessageId) -> None:
        chat_id, message_id = find(message)
        try:
            await self._marks.add(str(chat_id), str(message_id))
        except OSError as error:  # it stands all the same
            log.warning("a live message cannot be noted, so a crash may leave it: %s", error)

    async def _send(
        self, chat_id: int, spot: Spot, text: Text, buttons: InlineKeyboardMarkup | None
    ) -> MessageId:
        sent = await self._client.bot.send_message(
            chat_id,
            text.text,
            entities=text.entities(),
            message_thread_id=spot.topic_id,
            reply_markup=buttons,
            disable_notification=True,
        )
        return name_of(sent)

    async def _edit(self, shown: _Shown, text: Text, buttons: InlineKeyboardMarkup | None) -> None:
        home, message_id = find(shown.name)

        async def edit(chat_id: int) -> MessageId:
            if chat_id != home:  # the old one is out of reach
                return await self._send(chat_id, shown.spot, text, buttons)
            await self._client.bot.edit_message_text(
                text.text, chat_id, message_id, entities=text.entities(), reply_markup=buttons
            )
            return shown.name

        name = await self._client.attempt(home, edit)
        shown.text = text
        if name != shown.name:
            shown.name = name
            await self._marks.drop(str(home), str(message_id))
            await self._mark(name)

    async def _draw(self, shown: _Shown, text: Text) -> bool:
        """Whether its draft shows it; False if there is none, or none any more."""
        if shown.draft_id is None:
            return False
        try:
            await self._draw_draft(shown, text)
        except BadRequest as error:
            log.info("no drafts in chat %s: %s", shown.spot.chat_id, error)
            self._undraftable.add(shown.spot.chat_id)
        except InvalidToken:  # what a method that is not known is answered with
            log.info("this Bot API server knows no drafts")
            self._drafts = False
        else:
            return True
        shown.draft_id = None
        return False

    async def _draw_draft(self, shown: _Shown, text: Text | None = None) -> None:
        """Show it; without `text` as it is, unless that has been done since a message came."""
        async with shown.drawing:
            draft_id, began = shown.draft_id, time.monotonic()
            if text is None and shown.drawn <= shown.covered:
                text = shown.draft
            if draft_id is None or text is None or shown.over:
                return
            await self._client.attempt(
                shown.spot.chat_id,
                lambda chat_id: self._client.bot.send_message_draft(
                    chat_id,
                    draft_id,
                    text.text,
                    message_thread_id=shown.spot.topic_id,
                    entities=text.entities(),
                ),
            )
            shown.draft, shown.drawn = text, began

    async def _contained(self, work: Awaitable[object]) -> None:
        try:
            await work
        except (TelegramError, PalaverError) as error:
            log.info("progress could not be shown: %s", error)


def _spawn(work: Coroutine[object, object, T], tasks: "set[asyncio.Task[T]]") -> "asyncio.Task[T]":
    task = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return task
