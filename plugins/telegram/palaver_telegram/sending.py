"""Views and files on their way out."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from pathlib import Path
from weakref import WeakValueDictionary

from telegram import (
    ForceReply,
    InlineKeyboardMarkup,
    InputFile,
    LinkPreviewOptions,
    Message,
    ReplyParameters,
)
from telegram.error import BadRequest, Forbidden, NetworkError, TelegramError

from palaver import Action, MessageId, Namespace, Place, View
from palaver_telegram.asking import question
from palaver_telegram.client import UPLOAD_S, Client
from palaver_telegram.files import FileError, read_for_sending
from palaver_telegram.keyboards import keyboard
from palaver_telegram.places import Spot, answered, find, name_of, private_place
from palaver_telegram.render import messages
from palaver_telegram.rich_sending import RichSender
from palaver_telegram.settings import RichUse
from palaver_telegram.text import MAX_CAPTION, ROOM, Text, plain, repeated, split
from palaver_telegram.wire import TooLargeError, may_have_arrived

log = logging.getLogger(__name__)

Sending = Callable[[int, bool], Awaitable[Message]]

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
        said: is told of every message that was sent.
    """

    def __init__(
        self,
        client: Client,
        *,
        rich: RichUse = "tables",
        said: Callable[[Spot], None] = lambda _: None,
    ) -> None:
        self._client = client
        self._said = said
        self._rich = RichSender(client, rich)
        self._asked: OrderedDict[tuple[Namespace, Spot], int] = OrderedDict()
        self._lines: WeakValueDictionary[Spot, asyncio.Lock] = WeakValueDictionary()

    def remember(self, owner: Namespace, spot: Spot, message_id: int) -> None:
        """In a group, what comes next for this member, and of no other message, answers this
        message of his."""
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
        async with self._line(spot):
            return await self._send(place, spot, view)

    async def _send(self, place: Place, spot: Spot, view: View) -> MessageId:
        asked = self._answered(place, spot)
        buttons, view = _with_buttons(view, place.namespace)
        quiet = view.kind in _QUIET or (view.kind == "approval" and not buttons)
        whole, view = await self._rich.send(
            spot, view, markup=buttons, quiet=quiet, reply=_reply(asked)
        )
        if whole:
            self._said(spot)
            return name_of(whole)
        parts, shortened = await _laid_out(view)
        sent: Message | None = None
        for number, part in enumerate(parts, 1):
            last = number == len(parts)
            sent = await self._send_part(
                spot,
                part,
                markup=buttons if last else None,
                quiet=quiet or not last,
                reply_to=asked if number == 1 else None,
            )
        if shortened:
            log.info("an answer of %d messages was shortened", len(parts))
        return name_of(sent) if sent else MessageId("")

    async def send_privately(self, place: Place, view: View) -> None:
        """What only its reader may see: to the reader's chat with the bot, not to this group."""
        words = "📬 That is only for your eyes: see our private chat."
        try:
            await self.send(private_place(place.namespace), view)
        except (BadRequest, Forbidden):  # a bot cannot begin a chat
            words = "📬 That is only for your eyes. Open a private chat with me first."
        await self.send(place, View(title=words, kind="notice"))

    async def edit(self, place: Place, message: MessageId, view: View) -> None:
        """The new state of a view: of several messages the last one changes, which `send` named.

        Raises:
            TelegramError: if Telegram refuses it for good.
        """
        buttons, view = _with_buttons(view, place.namespace)
        [*_, part], _ = await _laid_out(view)
        await self._edit(message, part, buttons)

    async def replace(self, place: Place, message: MessageId, view: View) -> None:
        """Another view in the place of a message; what is too long for one goes on in new ones.

        Raises:
            TelegramError: if Telegram refuses it for good.
        """
        buttons, view = _with_buttons(view, place.namespace)
        (part, *more), _ = await _laid_out(view)
        await self._edit(message, part, None if more else buttons)
        spot = Spot.parse(place.conversation)
        async with self._line(spot):
            for number, following in enumerate(more, 1):
                markup = buttons if number == len(more) else None
                await self._send_part(spot, following, markup=markup, quiet=True, reply_to=None)

    async def _edit(
        self, message: MessageId, part: Text, buttons: InlineKeyboardMarkup | None
    ) -> None:
        home, message_id = find(message)

        async def change(chat_id: int, _: bool) -> None:
            if chat_id != home:
                return  # out of reach
            await self._client.bot.edit_message_text(
                part.text,
                chat_id,
                message_id,
                entities=part.entities(),
                reply_markup=buttons,
                link_preview_options=_NO_PREVIEW,
            )

        try:
            await self._client.deliver(home, change)
        except BadRequest as error:
            if _UNCHANGED not in error.message.lower():
                raise

    async def remove(self, message: MessageId) -> None:
        """Take a message away."""
        home, message_id = find(message)

        async def delete(chat_id: int, _: bool) -> None:
            if chat_id == home:  # else it is out of reach
                await self._client.bot.delete_message(chat_id, message_id)

        await self._client.deliver(home, delete)

    async def take_away(self, message: MessageId) -> None:
        """Take a message away if that can be: one that is older than 48 hours stays."""
        try:
            await self.remove(message)
        except TelegramError as error:
            log.info("a message could not be taken away: %s", error)

    async def ask(self, place: Place, action: Action) -> None:
        """Ask for the word that an action wants."""
        spot = Spot.parse(place.conversation)
        text, markup = question(action)
        reply_to = self._answered(place, spot)
        async with self._line(spot):
            await self._send_part(spot, text, markup=markup, quiet=False, reply_to=reply_to)

    async def send_file(
        self, place: Place, path: Path, caption: str, *, quiet: bool = False
    ) -> MessageId:
        """A file; a picture as a photo, if Telegram takes it as one.

        Args:
            quiet: without a sound.

        Raises:
            TelegramError: if Telegram refuses it for good.
        """
        try:
            file, is_photo = await read_for_sending(path)
            return await self._send_file(place, file, caption, is_photo=is_photo, quiet=quiet)
        except FileError as error:
            words = error.message
        except TooLargeError:
            words = f"{path.name} is too large for a server between Telegram and me."
        except NetworkError as error:
            log.warning("a file was not sent: %s", error)
            words = f"{path.name} could not be sent: {error.message}."
            if may_have_arrived(error):
                words += " It may have come all the same."
        return await self.send(place, View(title=f"📎 {words}", kind="notice"))

    async def _send_file(
        self, place: Place, file: InputFile, caption: str, *, is_photo: bool, quiet: bool
    ) -> MessageId:
        spot = Spot.parse(place.conversation)
        said, *more = split(plain(caption), MAX_CAPTION - ROOM) or [Text()]
        again = False

        def posted(post: Callable[..., Awaitable[Message]]) -> Sending:
            async def send(chat_id: int, uncertain: bool) -> Message:
                nonlocal again
                again = again or uncertain
                text = repeated(said) if again else said
                return await post(
                    chat_id,
                    file,
                    text.text,
                    caption_entities=text.entities(),
                    message_thread_id=spot.topic_id,
                    disable_notification=quiet,
                    read_timeout=UPLOAD_S,
                    write_timeout=UPLOAD_S,
                )

            return send

        photo, document = (
            posted(self._client.bot.send_photo),
            posted(self._client.bot.send_document),
        )
        try:
            sent = await self._client.upload(spot.chat_id, photo if is_photo else document)
        except BadRequest as error:
            if not is_photo or isinstance(error, TooLargeError):
                raise
            log.info("not a photo for Telegram, so a document: %s", error)
            sent = await self._client.upload(spot.chat_id, document)
        self._said(spot)
        async with self._line(spot):
            for part in more:
                await self._send_part(spot, part, markup=None, quiet=True, reply_to=None)
        return name_of(sent)

    def _line(self, spot: Spot) -> asyncio.Lock:
        """Who sends there: what is sent as several messages stays together."""
        lock = self._lines.get(spot)
        if lock is None:
            lock = self._lines[spot] = asyncio.Lock()
        return lock

    def _answered(self, place: Place, spot: Spot) -> int | None:
        """In a group, the message that is answered."""
        if spot.private:
            return None
        return answered(place) or self._asked.get((place.namespace, spot))

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
            text = repeated(part) if uncertain else part
            return await self._client.bot.send_message(
                chat_id,
                text.text,
                entities=text.entities(),
                message_thread_id=spot.topic_id,
                reply_markup=markup,
                reply_parameters=_reply(reply_to) if chat_id == spot.chat_id else None,
                disable_notification=quiet,
                link_preview_options=_NO_PREVIEW,
            )

        sent = await self._client.deliver(spot.chat_id, send)
        self._said(spot)
        return sent


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
