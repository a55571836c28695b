"""Messages on their way in, from the gateway or from a channel's history."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

import discord

from palaver import Marks, Reception
from palaver_discord.admission import Admission
from palaver_discord.catching_up import CatchingUp
from palaver_discord.delivery import Delivery
from palaver_discord.incoming import DiscordMessage, addressed, meant_for_others, read, written
from palaver_discord.places import around, conversation
from palaver_discord.settings import DiscordSettings
from palaver_discord.threads import Threads
from palaver_discord.watermark import Watermark

log = logging.getLogger(__name__)

_REMEMBERED = 5000


class Intake:
    """Takes messages that are for the bot, each once."""

    def __init__(
        self,
        client: discord.Client,
        delivery: Delivery,
        reception: Reception,
        settings: DiscordSettings,
        threads: Threads,
        admission: Admission,
        watermark: Watermark,
        direct: Marks,
    ) -> None:
        self._client = client
        self._delivery = delivery
        self._reception = reception
        self._settings = settings
        self._threads = threads
        self._admission = admission
        self._watermark = watermark
        self._direct = direct
        self._known_chats: set[int] = set()
        self._noting = asyncio.Lock()
        self._passed: OrderedDict[int, None] = OrderedDict()
        self._caught_up = asyncio.Event()

    def hold(self) -> None:
        """A connection is new: what was missed comes first."""
        self._watermark.hold()
        self._caught_up.clear()

    async def catch_up(self, users: Sequence[int]) -> None:
        """Take what was missed, then let in what has come meanwhile."""
        try:
            missed = await CatchingUp(
                self._client,
                self._delivery,
                self._watermark,
                self._admission,
                self._direct,
                users,
            ).missed()
            fresh = [one for one in missed if self._watermark.claim(one.id)]
            if not any(guild.unavailable for guild in self._client.guilds):
                self._watermark.release()
            await self._take_missed(fresh)
        finally:
            self._caught_up.set()

    async def take(self, message: discord.Message) -> None:
        """Take a message from the gateway."""
        if not written(message):
            return
        await self._caught_up.wait()
        if not self._watermark.claim(message.id):
            return
        await self._take(message)
        await self._watermark.done(message.id)

    async def edited(self, message: discord.Message) -> None:
        """A message was changed; that a link in it has got its preview is no change."""
        if message.edited_at is None or not written(message) or not self._for_us(message):
            return
        if message.id in self._passed:  # it speaks to the bot only now
            del self._passed[message.id]
            await self._take(message)
        elif incoming := self._as_it_is(message):
            await self._reception.edited(incoming)

    # --- how ------------------------------------------------------------------------------------

    async def _take(self, message: discord.Message) -> None:
        self._admission.saw(message.author)
        try:
            if incoming := await self._read(message):
                await self._received(incoming)
        except Exception:  # one message that nobody foresaw must not come again for ever
            log.exception("the message %s could not be taken", message.id)

    async def _received(self, incoming: DiscordMessage) -> None:
        await self._reception.take(incoming)
        if incoming.command:
            place, command = incoming.conversation, incoming.command_name
            await self._threads.commanded(incoming.sender, place, command)

    async def _take_missed(self, messages: Sequence[discord.Message]) -> None:
        together: dict[object, list[DiscordMessage]] = {}
        for message in messages:
            self._admission.saw(message.author)
            incoming = await self._read(message)
            if incoming is None:
                await self._watermark.done(message.id)
            elif incoming.command or incoming.unreadable:
                await self._received(incoming)
                await self._watermark.done(message.id)
            else:
                key = incoming.sender, incoming.conversation
                together.setdefault(key, []).append(incoming)
        await asyncio.gather(*(self._offer(group) for group in together.values()))

    async def _offer(self, group: Sequence[DiscordMessage]) -> None:
        await self._reception.take_missed(group)
        for one in group:
            await self._watermark.done(one.message_id)

    def _for_us(self, message: discord.Message) -> bool:
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
        owned = self._threads.owner(room.id) == message.author.id
        return owned or self._reception.shared(conversation(room.id))

    async def _read(self, message: discord.Message) -> DiscordMessage | None:
        """The message as the reception takes it, in the thread that is its place."""
        if not self._for_us(message):
            self._passed[message.id] = None
            if len(self._passed) > _REMEMBERED:
                self._passed.popitem(last=False)
            return None
        if isinstance(message.channel, discord.DMChannel):
            self._admission.direct(message.channel.id)
            await self._note_chat(message.channel.id)
        incoming = self._as_it_is(message)
        return await self._placed(message, incoming) if incoming else None

    async def _placed(
        self, message: discord.Message, incoming: DiscordMessage
    ) -> DiscordMessage | None:
        """A prompt in a channel opens a thread; strangers open nothing."""
        room, author = message.channel, message.author
        if isinstance(room, discord.Thread):
            await self._threads.opened(room.id)
            if room.owner_id == author.id:
                await self._threads.take(room.id, author.id)
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

    def _as_it_is(self, message: discord.Message) -> DiscordMessage | None:
        me = self._client.user
        thread = message.id if self._threads.owner(message.id) else None
        return read(message, me, in_channel=thread) if me else None

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
