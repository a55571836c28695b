"""Views and files on their way out."""

import asyncio
import io
import logging
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import discord

from palaver import ConversationId, MessageId, Namespace, Place, View
from palaver_discord.components import components
from palaver_discord.delivery import UNKNOWN_MESSAGE, Delivery
from palaver_discord.files import TRANSFER_S, FileError, read_for_sending, too_large
from palaver_discord.markdown import escape, pieces
from palaver_discord.render import MAX_CONTENT, Message, messages

log = logging.getLogger(__name__)

_QUIET = frozenset({"notice", "progress"})
_REMEMBERED = 2000
_LONG = 5000
"""Characters that are laid out in some milliseconds."""


class Sender:
    """Sends what the presenter and the commands say. A conversation is a channel's id.

    Attributes:
        delivery: how requests are made that bear a bad connection.
    """

    def __init__(self, client: discord.Client, delivery: Delivery) -> None:
        self._client = client
        self.delivery = delivery
        self._asked: OrderedDict[tuple[Place, str], int] = OrderedDict()

    def remember(self, place: Place, message_id: int) -> None:
        """What comes of what this place answers replies to this message of its owner's; so does
        what comes of nothing that is known, until the next one."""
        for key in ((place, place.answers), (place, "")):
            self._asked[key] = message_id
            self._asked.move_to_end(key)
        while len(self._asked) > _REMEMBERED:
            self._asked.popitem(last=False)

    async def send(self, place: Place, view: View) -> MessageId:
        """A view as one message or more, its buttons under the last one.

        Raises:
            discord.HTTPException: if Discord refuses it for good.
        """
        channel_id = int(place.conversation)
        asked = self._asked.get((place, place.answers)) or self._asked.get((place, ""))
        parts = await laid_out(view, place.namespace)
        posts = self._posts(channel_id, parts, quiet=view.kind in _QUIET, asked=asked)
        return await self.delivery.deliver(channel_id, *posts)

    async def send_privately(self, place: Place, view: View) -> None:
        """What only its reader may see: as a direct message, not to this channel.

        Raises:
            discord.HTTPException: if Discord refuses it for good.
            ValueError: if the place's owner is no user.
        """
        reader = discord.Object(int(place.namespace.user))
        words = "📬 That is only for your eyes: see our direct messages."
        try:
            direct = await self.delivery.deliver(reader.id, lambda: self._client.create_dm(reader))
            await self.send(Place(place.namespace, ConversationId(str(direct.id))), view)
        except discord.Forbidden:  # he takes none from bots, or none from this server
            words = (
                "📬 That is only for your eyes, and you take no direct messages from me. Allow "
                "them in this server's Privacy Settings, then ask again."
            )
        await self.send(place, View(title=words, kind="notice"))

    async def edit(self, place: Place, message: MessageId, view: View) -> None:
        """A message's new state; what is too long for one message goes on in new ones.

        Raises:
            discord.HTTPException: if Discord refuses it for good.
        """
        channel_id = int(place.conversation)
        first, *more = await laid_out(view, place.namespace)
        old = self._channel(channel_id).get_partial_message(int(message))

        async def change() -> MessageId:
            await old.edit(**first.as_edit())
            return message

        following = self._posts(channel_id, more, quiet=True)
        await self.delivery.deliver(channel_id, change, *following)

    async def remove(self, place: Place, message: MessageId) -> None:
        """Take a message away, if it is still there.

        Raises:
            discord.HTTPException: if Discord refuses it for good.
        """
        channel_id = int(place.conversation)
        old = self._channel(channel_id).get_partial_message(int(message))
        try:
            await self.delivery.deliver(channel_id, old.delete)
        except discord.NotFound as error:
            if error.code != UNKNOWN_MESSAGE:
                raise

    async def send_file(self, place: Place, path: Path, caption: str) -> MessageId:
        """A file.

        Raises:
            discord.HTTPException: if Discord refuses it for good.
        """
        channel_id = int(place.conversation)
        try:
            data = await read_for_sending(path)
            said, *more = pieces(escape(caption), MAX_CONTENT) or [""]
            first = self.post(channel_id, Message(said or None), file=(path.name, data))
            following = self._posts(channel_id, [Message(part) for part in more], quiet=True)
            return await self.delivery.deliver(channel_id, first, *following, timeout_s=TRANSFER_S)
        except FileError as error:
            return await self.send(place, View(title=f"📎 {error.message}", kind="notice"))
        except discord.HTTPException as error:
            if error.status != 413:
                raise
            words = too_large(path).message
            return await self.send(place, View(title=f"📎 {words}", kind="notice"))

    def _posts(
        self,
        channel_id: int,
        parts: Sequence[Message],
        *,
        quiet: bool,
        asked: int | None = None,
    ) -> list[Callable[[], Awaitable[MessageId]]]:
        """Only the last one makes a phone ring."""
        posts = []
        for number, part in enumerate(parts, 1):
            last = number == len(parts)
            first = asked if number == 1 else None
            posts.append(self.post(channel_id, part, quiet=quiet or not last, asked=first))
        return posts

    def post(
        self,
        channel_id: int,
        part: Message,
        *,
        quiet: bool = False,
        asked: int | None = None,
        file: tuple[str, bytes] | None = None,
    ) -> Callable[[], Awaitable[MessageId]]:
        """A request that posts one message, however often it is made.

        The library sends a nonce with `enforce_nonce`: to a second request with the same one,
        within some minutes, Discord answers with the message of the first.
        """
        channel = self._channel(channel_id)
        more: dict[str, Any] = {"nonce": str(secrets.randbits(63)), "silent": quiet}
        if asked:
            more["reference"] = discord.MessageReference(
                message_id=asked, channel_id=channel_id, fail_if_not_exists=False
            )

        async def send() -> MessageId:
            if file:
                name, data = file  # read to its end by each request
                more["file"] = discord.File(io.BytesIO(data), name, spoiler=False)
            sent = await channel.send(**part.as_message(), **more)
            return MessageId(str(sent.id))

        return send

    def _channel(self, channel_id: int) -> discord.PartialMessageable:
        return self._client.get_partial_messageable(channel_id)


async def laid_out(view: View, owner: Namespace) -> list[Message]:
    """A view as messages, at least one, its owner's buttons under the last one.

    A long text takes a while, and nobody else shall wait for it.
    """
    buttons, typed = components(view, owner)
    if typed:
        view = view.model_copy(update={"footer": (*view.footer, *typed)})
    if len(view.text) < _LONG:
        parts, shortened = messages(view)
    else:
        parts, shortened = await asyncio.to_thread(messages, view)
    if shortened:
        log.info("an answer of %d characters was shortened", len(view.text))
    return [*parts[:-1], replace(parts[-1], buttons=buttons)]
