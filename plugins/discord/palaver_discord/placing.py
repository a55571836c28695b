"""Which messages are for the bot, and the conversations that they belong to."""

import asyncio
import logging
from dataclasses import replace
from functools import partial

import discord

from palaver import Marks, Reception
from palaver_discord.admission import Admission
from palaver_discord.incoming import DiscordMessage, addressed, meant_for_others, read
from palaver_discord.places import around, conversation
from palaver_discord.settings import DiscordSettings
from palaver_discord.threads import Threads

log = logging.getLogger(__name__)


class Placing:
    """Finds the place of a message: a direct chat, a thread, or one that is opened for it."""

    def __init__(
        self,
        client: discord.Client,
        reception: Reception,
        settings: DiscordSettings,
        threads: Threads,
        admission: Admission,
        direct: Marks,
    ) -> None:
        self._client = client
        self._reception = reception
        self._settings = settings
        self._threads = threads
        self._admission = admission
        self._direct = direct
        self._known_chats: set[int] = set()
        self._noting = asyncio.Lock()

    def for_us(self, message: discord.Message) -> bool:
        """Whether it speaks to the bot."""
        me, room = self._client.user, message.channel
        if me is None or not self._admission.heard_in(room):
            return False
        if isinstance(room, discord.DMChannel) or addressed(message, me):
            return True
        if meant_for_others(message, me):
            return False
        if self._settings.hears_all(around(room)):
            return True
        heeded = self._threads.heeds(room.id, message.author.id)
        return heeded or self._reception.shared(conversation(room.id))

    def as_it_is(self, message: discord.Message) -> DiscordMessage | None:
        me = self._client.user
        thread = message.id if self._threads.owner(message.id) else None
        return read(message, me, in_channel=thread) if me else None

    async def placed(self, message: discord.Message) -> DiscordMessage | None:
        """The message as the reception takes it, in the thread that is its place; None if there is
        nothing to take, or its sender was turned away."""
        if isinstance(message.channel, discord.DMChannel):
            self._admission.direct(message.channel.id)
            await self._note_chat(message.channel.id)
        incoming = self.as_it_is(message)
        return await self._placed(message, incoming) if incoming else None

    async def _placed(
        self, message: discord.Message, incoming: DiscordMessage
    ) -> DiscordMessage | None:
        """A prompt in a channel opens a thread; strangers open nothing."""
        room, author = message.channel, message.author
        if isinstance(room, discord.Thread):
            if room.owner_id == author.id:
                let_in = partial(self._reception.lets_in, incoming.sender, incoming.conversation)
                await self._threads.take(room.id, author.id, let_in)
            else:
                await self._threads.opened(room.id)
        if not isinstance(room, discord.TextChannel) or incoming.command or incoming.unreadable:
            return incoming
        if not await self._reception.admitted(incoming):
            return None
        if not (title := incoming.text or ", ".join(one.name for one in incoming.files)):
            return incoming
        try:
            thread = await self._threads.begin(message, title, author.id)
        except discord.HTTPException as error:
            log.warning("no thread can be opened in %s, so it goes on there: %s", room.id, error)
            return incoming
        return replace(incoming, conversation=conversation(thread))

    async def _note_chat(self, channel_id: int) -> None:
        """Where to look for what is missed."""
        async with self._noting:  # so that no later message overtakes this one meanwhile
            if channel_id in self._known_chats:
                return
            try:
                await self._direct.add(str(channel_id))
            except OSError as error:  # the message matters more
                log.error("the chat %s cannot be noted: %s", channel_id, error)  # noqa: TRY400
            else:
                self._known_chats.add(channel_id)
