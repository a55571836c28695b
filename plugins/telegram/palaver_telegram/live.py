"""A turn at work: one message with its Stop button, and in private chats a draft below it.

A draft (Bot API, sendMessageDraft) can change often without a flood limit, but has no buttons,
and fades after 30 seconds. In groups, and where drafts are refused, the message itself is edited.
"""

import asyncio
import itertools
import logging
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from telegram import InlineKeyboardMarkup, Message
from telegram.error import BadRequest, TelegramError

from palaver import Marks, MessageId, Place, View
from palaver_telegram.client import HEAD_START_S, Client
from palaver_telegram.keyboards import keyboard
from palaver_telegram.places import Spot
from palaver_telegram.render import live
from palaver_telegram.text import Text

log = logging.getLogger(__name__)

DRAFT_INTERVAL_S = 0.4
PRIVATE_INTERVAL_S = 1.1
"""About one message a second in a chat (the Bot FAQ)."""
GROUP_INTERVAL_S = 3.2
"""20 messages a minute in a group (the Bot FAQ)."""
LAST_REMOVALS_S = 2.0
"""Seconds that an orderly end waits for live messages to go."""
DRAFT_AGE_S = 15.0
"""Seconds after which a draft is shown again, before it fades."""


@dataclass(slots=True)
class _Shown:
    """What stands in a chat for a turn at work.

    Attributes:
        draft_id: None where the message itself is edited.
    """

    spot: Spot
    message_id: int
    draft_id: int | None
    text: Text
    draft: Text | None = None
    drawn: float = 0.0


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
        self._removals: set[asyncio.Task[None]] = set()
        self._draft_ids = itertools.count(random.randrange(1, 1 << 20))  # noqa: S311 - no secret

    def interval(self, spot: Spot) -> float:
        """Seconds to leave between two changes."""
        if not spot.private:
            return GROUP_INTERVAL_S
        return DRAFT_INTERVAL_S if self._draftable(spot) else PRIVATE_INTERVAL_S

    async def begin(self, place: Place, view: View) -> MessageId:
        """Send the message that shows the turn."""
        await asyncio.sleep(HEAD_START_S)
        spot = Spot.parse(place.conversation)
        buttons, _ = keyboard(view, place.namespace)
        text = live(view)
        sent = await self._send(spot, text, buttons)
        message = MessageId(str(sent.message_id))
        draft_id = next(self._draft_ids) if self._draftable(spot) else None
        shown = _Shown(spot, sent.message_id, draft_id, text, drawn=time.monotonic())
        self._shown[message] = shown
        await self._marks.add(str(spot.chat_id), str(sent.message_id))
        if view.text and draft_id is not None:
            await self._draw_draft(shown, text)
        return message

    async def change(self, place: Place, message: MessageId, view: View) -> None:
        """Show how far the turn has come."""
        shown = self._shown.get(message)
        if shown is None:
            return
        text = live(view)
        if shown.draft_id is not None:
            try:
                await self._draw_draft(shown, text)
            except BadRequest as error:
                log.info("no drafts in chat %s: %s", shown.spot.chat_id, error)
                self._undraftable.add(shown.spot.chat_id)
                shown.draft_id = None
            else:
                return
        if text != shown.text:
            buttons, _ = keyboard(view, place.namespace)
            await self._edit(shown, text, buttons)

    async def refresh(self, spot: Spot) -> None:
        """Show drafts again that would soon fade."""
        old = time.monotonic() - DRAFT_AGE_S
        for shown in list(self._shown.values()):
            if shown.spot == spot and shown.draft and shown.drawn < old:
                await self._draw_draft(shown, shown.draft)

    async def end(self, message: MessageId) -> bool:
        """Take the message away; False if it is none of these."""
        shown = self._shown.pop(message, None)
        if shown is None:
            return False
        removal = asyncio.create_task(self._remove(shown.spot.chat_id, shown.message_id))
        self._removals.add(removal)
        removal.add_done_callback(self._removals.discard)
        await asyncio.shield(removal)  # half done, it would be done again at the next start
        return True

    async def close(self) -> None:
        """Finish what is being taken away, but not at any price."""
        removals = list(self._removals)
        if removals:
            await asyncio.wait(removals, timeout=LAST_REMOVALS_S)
        for removal in removals:
            removal.cancel()
        await asyncio.gather(*removals, return_exceptions=True)

    async def left(self) -> list[tuple[int, int]]:
        """Chats and messages that a Palaver has left which could not end in order."""
        return [(int(chat), int(message)) for chat, message in await self._marks.all()]

    async def clear(self, left: Sequence[tuple[int, int]]) -> None:
        """Take these away."""
        for chat_id, message_id in left:
            await self._remove(chat_id, message_id)

    async def _remove(self, chat_id: int, message_id: int) -> None:
        async def delete(chat_id: int, _: bool) -> None:
            await self._client.bot.delete_message(chat_id, message_id)

        try:
            await self._client.deliver(chat_id, delete)
        except TelegramError as error:  # older than 48 hours, or gone already
            log.info("a live message could not be removed: %s", error)
        await self._marks.drop(str(chat_id), str(message_id))

    def _draftable(self, spot: Spot) -> bool:
        return self._drafts and spot.private and spot.chat_id not in self._undraftable

    async def _send(self, spot: Spot, text: Text, buttons: InlineKeyboardMarkup | None) -> Message:
        return await self._client.attempt(
            spot.chat_id,
            lambda chat_id: self._client.bot.send_message(
                chat_id,
                text.text,
                entities=text.entities(),
                message_thread_id=spot.topic_id,
                reply_markup=buttons,
                disable_notification=True,
            ),
        )

    async def _edit(self, shown: _Shown, text: Text, buttons: InlineKeyboardMarkup | None) -> None:
        await self._client.attempt(
            shown.spot.chat_id,
            lambda chat_id: self._client.bot.edit_message_text(
                text.text,
                chat_id,
                shown.message_id,
                entities=text.entities(),
                reply_markup=buttons,
            ),
        )
        shown.text = text

    async def _draw_draft(self, shown: _Shown, text: Text) -> None:
        draft_id = shown.draft_id
        if draft_id is None:
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
        shown.draft, shown.drawn = text, time.monotonic()
