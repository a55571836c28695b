"""Who may speak where: Discord's own answer, before Palaver's access list is asked."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import discord

from palaver import ConversationId, Namespace, PalaverError, hookimpl
from palaver_discord.client import words_of
from palaver_discord.delivery import Delivery
from palaver_discord.places import FRONTEND, around, channel_of, guild_of
from palaver_discord.settings import DiscordSettings

ROLES_AGE_S = 60.0
"""Seconds for which a member's roles are believed."""
BRIDGE_S = 900.0
"""Seconds for which they are believed where Discord does not tell them."""
ASK_S = 3.0
"""Seconds that Discord has to tell something; somebody may wait for it."""
_REMEMBERED = 10_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Roles:
    ids: frozenset[int]
    seen: float


class Admission:
    """As a plugin: no to all in servers and channels that the settings do not name, yes to the
    members of roles that they name. All else is for the access list. Where Discord does not tell,
    what it told last holds for a while."""

    def __init__(
        self, client: discord.Client, settings: DiscordSettings, delivery: Delivery
    ) -> None:
        self._client = client
        self._settings = settings
        self._delivery = delivery
        self._roles: OrderedDict[tuple[int, int], _Roles] = OrderedDict()
        self._rooms: OrderedDict[int, object] = OrderedDict()

    def heard_in(self, room: object, guild_id: int | None = None) -> bool:
        """Whether the bot answers here at all.

        Args:
            guild_id: of the server that the room is said to be in; it need not be the bot's.
        """
        return self._settings.answers_in(guild_of(room) or guild_id, around(room))

    def saw(self, member: discord.abc.User) -> None:
        """Every message and press tells its sender's roles."""
        if self._settings.roles and isinstance(member, discord.Member):
            self._note(member)

    def direct(self, channel_id: int) -> None:
        """It is somebody's chat with the bot, which need not be asked for."""
        self._keep(channel_id, None)

    @hookimpl
    async def on_authorize(self, namespace: Namespace, conversation: ConversationId) -> bool | None:
        if namespace.frontend != FRONTEND:
            return None
        room = await self._room(channel_of(conversation))
        guild = getattr(room, "guild", None)
        if not isinstance(guild, discord.Guild):
            return None
        if not self.heard_in(room):
            return False
        if not self._settings.roles or not namespace.user.isdecimal():
            return None
        roles = await self._roles_of(guild, int(namespace.user))
        return True if self._settings.lets_in(guild.id, roles) else None

    async def _room(self, channel_id: int) -> object:
        """A channel; the library does not keep threads that are archived, nor direct messages.

        Raises:
            PalaverError: if Discord does not tell.
        """
        if room := self._client.get_channel(channel_id):
            self._keep(channel_id, room)
        elif channel_id not in self._rooms:
            try:
                found = await self._ask(lambda: self._client.fetch_channel(channel_id))
            except (discord.NotFound, discord.Forbidden):
                found = None
            self._keep(channel_id, found)
        return self._rooms.get(channel_id)

    def _keep(self, channel_id: int, room: object) -> None:
        self._rooms[channel_id] = room
        self._rooms.move_to_end(channel_id)
        if len(self._rooms) > _REMEMBERED:
            self._rooms.popitem(last=False)

    async def _roles_of(self, guild: discord.Guild, user_id: int) -> frozenset[int]:
        """Those a member has now.

        Raises:
            PalaverError: if Discord does not tell.
        """
        known = self._roles.get((guild.id, user_id))
        age = time.monotonic() - known.seen if known else 0.0
        if known and age < ROLES_AGE_S:
            return known.ids
        try:
            return self._note(await self._ask(lambda: guild.fetch_member(user_id)))
        except (discord.NotFound, discord.Forbidden):  # he has left, or the bot has
            self._roles.pop((guild.id, user_id), None)
            return frozenset()
        except PalaverError:
            if known and age < BRIDGE_S:
                return known.ids
            raise

    def _note(self, member: discord.Member) -> frozenset[int]:
        key = member.guild.id, member.id
        ids = frozenset(role.id for role in member.roles)
        self._roles[key] = _Roles(ids, time.monotonic())
        self._roles.move_to_end(key)
        if len(self._roles) > _REMEMBERED:
            self._roles.popitem(last=False)
        return ids

    async def _ask(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What Discord tells.

        Raises:
            discord.NotFound, discord.Forbidden: if that is its answer.
            PalaverError: if it does not tell.
        """
        try:
            async with asyncio.timeout(ASK_S):
                return await self._delivery.insist(ask)
        except (discord.NotFound, discord.Forbidden):
            raise
        except (discord.HTTPException, TimeoutError) as error:
            raise PalaverError(f"Discord does not tell who is who: {words_of(error)}.") from error
