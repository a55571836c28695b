"""A Discord in one process with a Palaver in it, and people: see `support.simcord_bot`.

Whatever a person does returns when all that comes of it is done, save what waits for somebody's
word or for time: `House.env.advance_time` lets time pass.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import discord  # noqa: TID251 - for tests of the plugin that may import it
from simcord.actors import MemberActor
from simcord.backend import models, serializers
from simcord.backend.permissions import flag
from simcord.builders import ChannelHandle, GuildHandle
from simcord.enums import ChannelType, InteractionType, OverwriteType
from simcord.results import InteractionResult, ResponseMessage, to_discord_message

from palaver.config import Settings
from palaver.engine import Engine
from support.discord_people import Listener
from support.palavers import Lives
from support.simcord_bot import Time, in_process

Place = ChannelHandle
Message = discord.Message | ResponseMessage


class House:
    """A server with one channel, an owner and a member of the bot's, and a hostile one.

    Attributes:
        listener: has heard every prompt that was run.
    """

    def __init__(self, env: Time, folder: Path) -> None:
        self.env = env
        self.guild: GuildHandle = env.create_guild("house")
        self.general: Place = self.guild.create_text_channel("general")
        self.owner, self.member, self.hostile = map(self.newcomer, ("owner", "member", "hostile"))
        self.listener = Listener("owner", "member", "hostile")
        self._tables: dict[str, Any] = {}
        self._folder = folder
        self._lives = Lives("discord", self._settings)

    async def start(self, plugins: dict[str, object] | None = None, **tables: Any) -> None:
        """Start Palaver, with these tables of its settings."""
        self._tables = tables
        with self.env.time_context():
            await self._lives.start({"listener": self.listener, **(plugins or {})})
        await self.env.settle()

    async def stop(self) -> None:
        """An orderly end; what is still at work may need time for it."""
        stopping = asyncio.create_task(self._lives.stop())
        while not (await asyncio.wait([stopping], timeout=1))[0]:
            await self.env.advance_time(1)
        await stopping

    @property
    def engine(self) -> Engine:
        return self._lives.engine

    @property
    def bot_id(self) -> int:
        return self.env.backend.bot_user.id

    @property
    def call(self) -> str:
        """A mention of the bot."""
        return f"<@{self.bot_id}>"

    def newcomer(self, name: str) -> MemberActor:
        """Somebody new in the server."""
        return self.guild.add_member(self.env.create_user(name))

    def heard(self) -> list[str]:
        """What the agent has heard since the last time."""
        heard = list(self.listener.heard)
        self.listener.heard.clear()
        return heard

    # --- what people do -------------------------------------------------------------------------

    async def says(
        self, person: MemberActor, place: Place, text: str, *, reply_to: Message | None = None
    ) -> Message:
        """Somebody writes, in the server or to the bot alone."""
        if place.guild is None:
            return await person.send_dm(text)
        return await person.send(place, text, reply_to=reply_to)

    async def uses(
        self, person: MemberActor, place: Place, name: str, argument: str | None = None
    ) -> InteractionResult:
        """Somebody uses a command, with its argument if there is one."""
        options = {} if argument is None else {self._option(name): argument}
        if place.guild is None:
            found: InteractionResult = await person.user.slash(name, **options)
            return found
        return await person.slash(place, name, **options)

    async def completed(self, person: MemberActor, place: Place, name: str, text: str) -> list[str]:
        """What somebody is offered while typing a command's argument."""
        option = self._option(name)
        if place.guild is None:
            offered = await person.user.autocomplete(name, option, text)
        else:
            offered = await person.autocomplete(place, name, option, text)
        return [str(one["name"]) for one in offered]

    async def forges(
        self,
        person: MemberActor,
        kind: InteractionType,
        data: dict[str, Any],
        *,
        message: Message | None = None,
    ) -> InteractionResult:
        """Somebody's client sends what Discord's own would not; at a message, or at none."""
        if message is None:
            return await person._dispatch_interaction(kind, self.general, data)
        stored = self._stored(message.id)
        return await person._dispatch_interaction(
            kind,
            self.place(stored.channel_id),
            data,
            extra={"message": dict(serializers.message_payload(self.env.backend, stored))},
            source_message_id=stored.id,
        )

    async def opens(self, person: MemberActor, name: str, *, private: bool = False) -> Place:
        """Somebody opens a thread in the first channel."""
        kind = ChannelType.PRIVATE_THREAD if private else ChannelType.PUBLIC_THREAD
        with self.env._bot_scope():
            opened = self.env.backend.create_thread(self.general.id, name, person.id, type=kind)
        await self.env.settle()
        return self.place(opened.id)

    async def posts(self, person: MemberActor, forum: Place, name: str, text: str) -> Place:
        """Somebody begins a post in a forum."""
        backend = self.env.backend
        first = backend.prepare_message(forum.id, person.id, text)
        post = backend.create_thread(
            forum.id, name, person.id, message_id=first.id, broadcast=False
        )
        first.channel_id = post.id
        backend.announce_thread_create(post)
        backend.commit_message(first)
        await self.env.settle()
        return self.place(post.id)

    async def asks(self, person: MemberActor, text: str) -> Place:
        """The thread that somebody's prompt in the first channel opens."""
        asked = await person.send(self.general, f"{self.call} {text}")
        return self.place(asked.id)

    # --- what the server does -------------------------------------------------------------------

    async def deny(self, place: Place, *permissions: str) -> None:
        """From now on the bot may do only what is not named here, in this place."""
        denied = sum(map(flag, permissions))
        one = models.Overwrite(
            target_id=self.bot_id, type=OverwriteType.MEMBER, allow=0, deny=denied
        )
        self.env.backend.set_overwrite(place.id, one)
        await self.env.settle()

    async def own_role(self) -> int:
        """The role that Discord has given the bot; simcord does not say whose it is."""
        guild = self.env.backend.get_guild(self.guild.id)
        role = guild.roles[guild.members[self.bot_id].role_ids[0]]
        role.mentionable = True
        payload = {**serializers.role_payload(role), "tags": {"bot_id": str(self.bot_id)}}
        self.env.backend.emit("GUILD_ROLE_UPDATE", {"guild_id": str(guild.id), "role": payload})
        await self.env.settle()
        return role.id

    # --- what is to be seen ---------------------------------------------------------------------

    def place(self, channel_id: int) -> Place:
        stored = self.env.backend.get_channel(channel_id)
        return ChannelHandle(self.env, self.guild if stored.guild_id else None, stored)

    def direct(self, person: MemberActor) -> Place:
        return person.user.dm_channel

    def said(self, place: Place) -> list[str]:
        """What they say: see `messages`."""
        return [text_of(one) for one in self.messages(place)]

    def newest(self, place: Place, label: str) -> discord.Message:
        """The bot's newest message there with such a button."""
        found = [one for one in self.messages(place) if label in labels(one)]
        assert found, self.said(place)
        return found[-1]

    def newest_saying(self, place: Place, words: str = "") -> discord.Message:
        """The bot's newest message there, or the newest with these words."""
        found = [one for one in self.messages(place) if words in text_of(one)]
        assert found, self.said(place)
        return found[-1]

    def messages(self, place: Place) -> list[discord.Message]:
        """The bot's messages in a place that all see, the first one first."""
        stored = self.env.backend.messages[place.id].values()
        mine = (one for one in stored if one.author_id == self.bot_id and one.type in {0, 19, 20})
        public = sorted((one for one in mine if not one.is_ephemeral), key=lambda one: one.id)
        return [to_discord_message(self.env, one) for one in public]

    def _stored(self, message_id: int) -> models.Message:
        kept = self.env.backend.messages.values()
        return next(place[message_id] for place in kept if message_id in place)

    def _option(self, command: str) -> str:
        known = self.env.backend.find_command(command, None)
        assert known, command
        [option] = known["options"]
        return str(option["name"])

    def _settings(self) -> Settings:
        tables = dict(self._tables)
        table = {"token": "simulated", "guilds": [self.guild.id], **tables.pop("discord", {})}
        access = {
            "owners": [f"discord:{self.owner.id}"],
            "members": [f"discord:{self.member.id}"],
            **tables.pop("access", {}),
        }
        return Settings.model_validate(
            {
                "data_dir": self._folder,
                "sessions": {"agent": "scripted", **tables.pop("sessions", {})},
                "access": access,
                "plugins": {"discord": table},
                **tables,
            }
        )


def text_of(message: Message) -> str:
    """All that is to be read in a message."""
    texts: list[str | None] = [message.content]
    for embed in message.embeds:
        texts += [embed.title, embed.description]
        texts += [text for one in embed.fields for text in (one.name, one.value)]
        texts.append(embed.footer.text)
    return "\n".join(filter(None, texts))


def labels(message: Message) -> list[str]:
    """What stands on the buttons of a message."""
    rows: list[Any] = [
        one if isinstance(one, dict) else one.to_dict() for one in message.components
    ]
    return [str(one["label"]) for row in rows for one in row["components"] if one["type"] == 2]


def answers(asked: InteractionResult) -> list[ResponseMessage]:
    """What an interaction was answered, the first one first; not the message that was pressed."""
    pressed = asked._interaction.source_message_id
    found = [*filter(None, [asked.response]), *asked.followups]
    return [one for one in found if one.id != pressed]


def told(asked: InteractionResult) -> str:
    """What an interaction was answered, to its maker alone."""
    found = answers(asked)
    assert found, asked
    assert all(one.ephemeral for one in found), found
    return "\n".join(map(text_of, found))


@asynccontextmanager
async def house_in(folder: Path) -> AsyncIterator[House]:
    """A house whose Palaver is to be started, and is stopped in the end.

    Nothing that the bot does may fail unnoticed.
    """
    env = Time()
    with in_process(env):
        house = House(env, folder)
        try:
            yield house
        finally:
            await house.stop()
            await env.shutdown()
    env.raise_errors()
