"""Views and files on their way out."""

import asyncio
import logging
from collections import OrderedDict
from pathlib import Path

from telegram import (
    ForceReply,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    Message,
    ReplyParameters,
)
from telegram.error import BadRequest, TelegramError

from palaver import Action, MessageId, Namespace, Place, View
from palaver_telegram.asking import question
from palaver_telegram.client import Client
from palaver_telegram.files import FileError, read_for_sending
from palaver_telegram.keyboards import keyboard
from palaver_telegram.places import Spot, private_place
from palaver_telegram.render import messages
from palaver_telegram.rich_sending import RichSender
from palaver_telegram.settings import RichUse
from palaver_telegram.text import MAX_CAPTION, Builder, Text, plain, split

log = logging.getLogger(__name__)

_QUIET = frozenset({"notice", "progress"})
_REMEMBERED = 2000
_LONG = 5000
"""Characters that are laid out in about 5 ms."""
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_UNCHANGED = "message is not modified"


class Sender:
    """Sends what the presenter and the commands say.

    Args:
        rich: which answers are sent as rich messages, where Telegram takes them.
    """

    def __init__(self, client: Client, *, rich: RichUse = "tables") -> None:
        self._client = client
        self._rich = RichSender(client, rich)
        self._asked: OrderedDict[tuple[Namespace, Spot], int] = OrderedDict()

    def remember(self, owner: Namespace, spot: Spot, message_id: int) -> None:
        """In a group, what comes next for this member answers this message of his."""
        if spot.private:
            return
        self._asked[owner, spot] = message_id
        self._asked.move_to_end((owner, spot))
        if len(self._asked) > _REMEMBERED:
            self._asked.popitem(last=False)

    async def send(self, place: Place, view: View) -> MessageId:
        """A view as one message or more, its buttons under the last one.

        Raises:
            TelegramError: if Telegram refuses it for good.
        """
        spot = Spot.parse(place.conversation)
        asked = self._asked.get((place.namespace, spot))
        buttons, view = _with_buttons(view, place.namespace)
        quiet = view.kind in _QUIET
        whole, view = await self._rich.send(
            spot, view, markup=buttons, quiet=quiet, reply=_reply(asked)
        )
        if whole:
            return MessageId(str(whole.message_id))
        parts, shortened = await _laid_out(view)
        message_id = 0
        for number, part in enumerate(parts, 1):
            last = number == len(parts)
            sent = await self._send_part(
                spot,
                part,
                markup=buttons if last else None,
                quiet=quiet or not last,
                reply_to=asked if number == 1 else None,
            )
            message_id = sent.message_id
        if shortened:
            log.info("an answer of %d messages was shortened", len(parts))
        return MessageId(str(message_id))

    async def send_privately(self, place: Place, view: View) -> None:
        """What only its reader may see: to the reader's chat with the bot, not to this group."""
        words = "📬 That is only for your eyes: see our private chat."
        try:
            await self.send(private_place(place.namespace), view)
        except TelegramError:  # a bot cannot begin a chat
            words = "📬 That is only for your eyes. Open a private chat with me first."
        await self.send(place, View(title=words, kind="notice"))

    async def edit(self, place: Place, message: MessageId, view: View) -> None:
        """A message's new state; what is too long for one message is left as it was.

        Raises:
            TelegramError: if Telegram refuses it for good.
        """
        spot = Spot.parse(place.conversation)
        buttons, view = _with_buttons(view, place.namespace)
        [part, *_], _ = await _laid_out(view)

        async def change(chat_id: int, _: bool) -> None:
            await self._client.bot.edit_message_text(
                part.text,
                chat_id,
                int(message),
                entities=part.entities(),
                reply_markup=buttons,
                link_preview_options=_NO_PREVIEW,
            )

        try:
            await self._client.deliver(spot.chat_id, change)
        except BadRequest as error:
            if _UNCHANGED not in error.message.lower():
                raise

    async def remove(self, place: Place, message: MessageId) -> None:
        """Take a message away."""
        spot = Spot.parse(place.conversation)

        async def delete(chat_id: int, _: bool) -> None:
            await self._client.bot.delete_message(chat_id, int(message))

        await self._client.deliver(spot.chat_id, delete)

    async def ask(self, place: Place, action: Action) -> None:
        """Ask for the word that an action wants."""
        spot = Spot.parse(place.conversation)
        text, markup = question(action)
        reply_to = self._asked.get((place.namespace, spot))
        await self._send_part(spot, text, markup=markup, quiet=False, reply_to=reply_to)

    async def send_file(self, place: Place, path: Path, caption: str) -> MessageId:
        """A file; a picture as a photo, if Telegram takes it as one.

        Raises:
            TelegramError: if Telegram refuses it for good.
        """
        try:
            file, is_photo = await read_for_sending(path)
        except FileError as error:
            return await self.send(place, View(title=f"📎 {error.message}", kind="notice"))
        spot = Spot.parse(place.conversation)
        said, *more = split(plain(caption), MAX_CAPTION) or [Text()]
        bot = self._client.bot

        async def photo(chat_id: int, _: bool) -> Message:
            return await bot.send_photo(chat_id, file, said.text, message_thread_id=spot.topic_id)

        async def document(chat_id: int, _: bool) -> Message:
            return await bot.send_document(
                chat_id, file, said.text, message_thread_id=spot.topic_id
            )

        try:
            sent = await self._client.deliver(spot.chat_id, photo if is_photo else document)
        except BadRequest as error:
            if not is_photo:
                raise
            log.info("not a photo for Telegram, so a document: %s", error)
            sent = await self._client.deliver(spot.chat_id, document)
        for part in more:
            await self._send_part(spot, part, markup=None, quiet=True, reply_to=None)
        return MessageId(str(sent.message_id))

    async def _send_part(
        self,
        spot: Spot,
        part: Text,
        *,
        markup: InlineKeyboardMarkup | ForceReply | None,
        quiet: bool,
        reply_to: int | None,
    ) -> Message:
        async def send(chat_id: int, uncertain: bool) -> Message:
            text = _marked_as_repeated(part) if uncertain else part
            return await self._client.bot.send_message(
                chat_id,
                text.text,
                entities=text.entities(),
                message_thread_id=spot.topic_id,
                reply_markup=markup,
                reply_parameters=_reply(reply_to),
                disable_notification=quiet,
                link_preview_options=_NO_PREVIEW,
            )

        return await self._client.deliver(spot.chat_id, send)


async def _laid_out(view: View) -> tuple[list[Text], bool]:
    """A long text takes a while to be laid out, and nobody else shall wait for it."""
    if len(view.text) < _LONG:
        return messages(view)
    return await asyncio.to_thread(messages, view)


def _reply(message_id: int | None) -> ReplyParameters | None:
    if message_id is None:
        return None
    return ReplyParameters(message_id, allow_sending_without_reply=True)


def _with_buttons(view: View, owner: Namespace) -> tuple[InlineKeyboardMarkup | None, View]:
    buttons, typed = keyboard(view, owner)
    if typed:
        view = view.model_copy(update={"footer": (*view.footer, *typed)})
    return buttons, view


def _marked_as_repeated(part: Text) -> Text:
    """Nobody knows whether it has arrived already; the reader shall."""
    out = Builder()
    with out.marked("italic"):
        out.write("(you may have seen this before)")
    out.write("\n")
    out.add(part)
    whole = out.done()
    return whole if len(split(whole)) == 1 else part
