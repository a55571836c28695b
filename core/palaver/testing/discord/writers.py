"""What people do in channels: write, edit, react, open threads."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from simcord.backend import models
from simcord.backend.permissions import flag
from simcord.enums import ChannelType

from palaver.testing.discord import options
from palaver.testing.discord.files import MAX_FILE, VOICE_MESSAGE, VOICE_NAME, Data
from palaver.testing.discord.messages import Message
from palaver.testing.discord.places import Channel, Role
from palaver.testing.discord.wire import JsonObject
from palaver.testing.discord.world import World

if TYPE_CHECKING:
    from palaver.testing.discord.guilds import Guild

#: Characters that a client sends at once. Source: discord-api-docs (without Nitro).
MAX_CONTENT = 2000
#: The picture of a voice message's sound: base64, one byte for each sample.
_WAVEFORM = "AAAA"

File = options.File


class Writer:
    """Somebody who writes in one guild, and to the bot alone; see `Member`."""

    def __init__(self, guild: "Guild", stored: models.User) -> None:
        self.guild = guild
        self.stored = stored
        self._world: World = guild.world

    @property
    def id(self) -> int:
        """The user id."""
        return self.stored.id

    @property
    def name(self) -> str:
        """The user name."""
        return self.stored.name

    @property
    def direct(self) -> Channel:
        """The direct conversation with the bot."""
        return Channel(self._world, self._world.get_dm_channel(self.id))

    def sees(self, channel: Channel) -> list[Message]:
        """The messages of a channel that the member sees: no others' ephemeral ones."""
        return self._world.visible(channel.id, self.id)

    async def say(
        self,
        text: str = "",
        *,
        to: Channel | None = None,
        attachments: Sequence[File] = (),
        reply_to: Message | None = None,
    ) -> Message:
        """A message of at most 2000 characters, with files of a name and bytes each."""
        if len(text) > MAX_CONTENT or not (text or attachments):
            raise ValueError(f"a client does not send a text of {len(text)} characters")
        files = [(name, Data(data)) for name, data in attachments]
        return self._send(text, to, files, reply_to=reply_to)

    async def say_voice(
        self, data: bytes, *, seconds: float = 1.0, to: Channel | None = None
    ) -> Message:
        """A voice message: OGG with Opus."""
        details: JsonObject = {
            "content_type": "audio/ogg",
            "duration_secs": seconds,
            "waveform": _WAVEFORM,
        }
        return self._send("", to, [(VOICE_NAME, Data(data, **details))], flags=VOICE_MESSAGE)

    async def dm(self, text: str, *, attachments: Sequence[File] = ()) -> Message:
        """A direct message."""
        return await self.say(text, to=self.direct, attachments=attachments)

    def _send(
        self,
        text: str,
        to: Channel | None,
        files: Sequence[tuple[str, Data]],
        *,
        reply_to: Message | None = None,
        flags: int = 0,
    ) -> Message:
        channel = to or self.guild.general
        self._may(channel, "send_messages_in_threads" if channel.is_thread else "send_messages")
        if any(len(data) > MAX_FILE for _, data in files):
            raise ValueError("a client does not send a file of more than 10 MiB")
        self._wake(channel)
        reference = None
        if reply_to is not None:
            reference = {"channel_id": str(channel.id), "message_id": str(reply_to.id)}
        stored = self._world.create_message(
            channel.id,
            self.id,
            text,
            attachments=self._world.store_attachments(channel.id, files),
            reference=reference,
            flags=flags,
        )
        self._world.show_previews(stored)
        return self._world.views[stored.id]

    def _wake(self, channel: Channel) -> None:
        if channel.locked:
            self._may(channel, "manage_threads")
        if channel.archived:
            self._world.wake(channel.stored)

    def _must_be_awake(self, channel_id: int) -> None:
        """Nobody edits, reacts or uses commands in an archived thread. Source: "Threads"."""
        channel = Channel(self._world, self._world.channels[channel_id])
        if channel.archived:
            raise PermissionError(f"#{channel.name} is archived")

    async def type(self, channel: Channel | None = None) -> None:
        """Begin to type."""
        place = channel or self.guild.general
        body: JsonObject = {
            "channel_id": str(place.id),
            "timestamp": int(self._world.clock.moment()),
            **self._world.speaker(self.id, place.guild_id),
        }
        if place.guild_id is not None:
            body["guild_id"] = str(place.guild_id)
        self._world.emit("TYPING_START", body)

    async def edit(self, message: Message, text: str) -> None:
        """Change an own message; of a link in it the bot hears twice, then with its preview."""
        self._own(message)
        self._must_be_awake(message.channel_id)
        changes = {"content": text, "embeds": []}
        self._world.show_previews(self._world.edit_message(message.channel_id, message.id, changes))

    async def delete(self, message: Message) -> None:
        """Take an own message back."""
        self._own(message)
        self._world.delete_message(message.channel_id, message.id)

    async def react(self, message: Message, emoji: str) -> None:
        """React with an emoji, or take it back."""
        self._sees(message)
        self._must_be_awake(message.channel_id)
        there = self.id in message.reactions.get(emoji, [])
        self._world.set_reaction(message.channel_id, message.id, emoji, self.id, not there)

    async def open_thread(
        self,
        name: str,
        *,
        to: Channel | None = None,
        message: Message | None = None,
        private: bool = False,
    ) -> Channel:
        """A new thread in a channel, or from a message of it."""
        parent = to or self.guild.general
        self._may(parent, "create_private_threads" if private else "create_public_threads")
        return Channel(
            self._world,
            self._world.create_thread(
                parent.id,
                name,
                self.id,
                type=ChannelType.PRIVATE_THREAD if private else ChannelType.PUBLIC_THREAD,
                message_id=message.id if message else None,
            ),
        )

    async def post(
        self, forum: Channel, name: str, text: str, *, attachments: Sequence[File] = ()
    ) -> Channel:
        """A new post in a forum: a thread that begins with the member's message."""
        self._may(forum, "send_messages")
        files = [(title, Data(data)) for title, data in attachments]
        kept = self._world.store_attachments(forum.id, files)
        starter = self._world.prepare_message(forum.id, self.id, text, attachments=kept)
        thread = self._world.create_thread(
            forum.id, name, self.id, message_id=starter.id, broadcast=False
        )
        starter.channel_id = thread.id
        self._world.commit_message(starter, broadcast=False)
        self._world.announce_thread_create(thread)
        self._world.announce_message_create(starter)
        return Channel(self._world, thread)

    async def invite(self, thread: Channel, user_id: int) -> None:
        """Add somebody, or the bot, to a thread."""
        self._may(thread, "send_messages_in_threads")
        self._world.add_thread_member(thread.id, user_id)

    async def archive(self, thread: Channel) -> None:
        """Close an own thread, or as a moderator any."""
        if thread.stored.owner_id != self.id:
            self._may(thread, "manage_threads")
        thread.archive()

    def give(self, role: Role) -> None:
        """Get a role."""
        self._world.add_member_role(self.guild.id, self.id, role.id)

    def take(self, role: Role) -> None:
        """Lose a role."""
        self._world.remove_member_role(self.guild.id, self.id, role.id)

    def _may(self, channel: Channel, *permissions: str) -> None:
        if not self._world.accessible(channel.id, self.id):
            raise PermissionError(f"{self.name} does not see #{channel.name}")
        if channel.guild_id is None:
            return
        have = self._world.compute_permissions(channel.guild_id, self.id, channel.id)
        lacking = [one for one in permissions if not have & flag(one)]
        if lacking:
            raise PermissionError(f"{self.name} lacks {lacking} in #{channel.name}")

    def _sees(self, message: Message) -> None:
        if message not in self._world.visible(message.channel_id, self.id):
            raise PermissionError(f"{self.name} does not see that message")

    def _own(self, message: Message) -> None:
        self._sees(message)
        if message.author_id != self.id:
            raise PermissionError(f"it is not {self.name}'s message")
