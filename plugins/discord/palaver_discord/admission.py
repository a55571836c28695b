"""Who may speak where: Discord's own answer, before Palaver's access list is asked."""

import time
from dataclasses import dataclass

import discord

from palaver import ConversationId, Namespace, hookimpl
from palaver_discord.places import FRONTEND, around, channel_of, guild_of
from palaver_discord.settings import DiscordSettings

ROLES_AGE_S = 60.0
"""Seconds for which a member's roles are believed."""
_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class _Roles:
    ids: frozenset[int]
    seen: float


class Admission:
    """As a plugin: no to all in servers and channels that the settings do not name, yes to the
    members of roles that they name. All else is for the access list."""

    def __init__(self, client: discord.Client, settings: DiscordSettings) -> None:
        self._client = client
        self._settings = settings
        self._roles: dict[tuple[int, int], _Roles] = {}

    def heard_in(self, room: object) -> bool:
        """Whether the bot answers here at all."""
        return self._settings.answers_in(guild_of(room), around(room))

    def saw(self, member: discord.abc.User) -> None:
        """Every message and press tells its sender's roles."""
        if self._settings.roles and isinstance(member, discord.Member):
            self._note(member)

    @hookimpl
    async def on_authorize(self, namespace: Namespace, conversation: ConversationId) -> bool | None:
        if namespace.frontend != FRONTEND:
            return None
        room = self._client.get_channel(channel_of(conversation))
        guild = getattr(room, "guild", None)
        if not isinstance(guild, discord.Guild):
            return None
        if not self.heard_in(room):
            return False
        if not self._settings.roles or not namespace.user.isdecimal():
            return None
        roles = await self._roles_of(guild, int(namespace.user))
        return True if self._settings.lets_in(guild.id, roles) else None

    async def _roles_of(self, guild: discord.Guild, user_id: int) -> frozenset[int]:
        known = self._roles.get((guild.id, user_id))
        if known and time.monotonic() - known.seen < ROLES_AGE_S:
            return known.ids
        try:
            return self._note(await guild.fetch_member(user_id))
        except discord.NotFound:  # has left
            return frozenset()

    def _note(self, member: discord.Member) -> frozenset[int]:
        ids = frozenset(role.id for role in member.roles)
        self._roles.pop((member.guild.id, member.id), None)
        self._roles[member.guild.id, member.id] = _Roles(ids, time.monotonic())
        if len(self._roles) > _REMEMBERED:
            del self._roles[next(iter(self._roles))]
        return ids
