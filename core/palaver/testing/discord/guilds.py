"""Guilds: their channels, roles and members."""

from simcord.backend import models
from simcord.backend.permissions import flag
from simcord.enums import ChannelType

from palaver.testing.discord.people import Member
from palaver.testing.discord.places import Channel, Role
from palaver.testing.discord.world import World


class Guild:
    """A server ("guild") with the bot in it."""

    def __init__(self, world: World, stored: models.Guild) -> None:
        self.world = world
        self.stored = stored

    @property
    def id(self) -> int:
        """Its id."""
        return self.stored.id

    @property
    def members(self) -> dict[int, Member]:
        """Who is in it, by user id; the bot and the guild's owner too."""
        return {one: Member(self, self.world.users[one]) for one in self.stored.members}

    @property
    def everyone(self) -> Role:
        """The role that all have."""
        return Role(self.stored.everyone_role)

    @property
    def channels(self) -> list[Channel]:
        """Its channels, without threads."""
        return [Channel(self.world, self.world.channels[one]) for one in self.stored.channel_ids]

    @property
    def general(self) -> Channel:
        """The channel that it began with."""
        return self.channels[0]

    def channel(self, name: str, *, topic: str | None = None, forum: bool = False) -> Channel:
        """A new text channel, or a forum."""
        kind = ChannelType.FORUM if forum else ChannelType.TEXT
        return Channel(self.world, self.world.create_channel(self.id, name, type=kind, topic=topic))

    def role(self, name: str, *permissions: str) -> Role:
        """A new role with these permissions, under discord.py's names."""
        value = sum(map(flag, permissions))
        return Role(self.world.create_role(self.id, name, permissions=value))

    def grant(self, role: Role, *permissions: str) -> None:
        """Give a role permissions in all of the guild."""
        value = role.stored.permissions | sum(map(flag, permissions))
        self.world.edit_role(self.id, role.id, {"permissions": value})

    def revoke(self, role: Role, *permissions: str) -> None:
        """Take permissions from a role in all of the guild."""
        value = role.stored.permissions & ~sum(map(flag, permissions))
        self.world.edit_role(self.id, role.id, {"permissions": value})

    @property
    def bot_role(self) -> Role:
        """The role that the bot came with: all permissions but administrator."""
        mine = self.stored.members[self.world.bot_user.id].role_ids[0]
        return Role(self.stored.roles[mine])

    def member(
        self,
        name: str,
        *,
        id: int | None = None,  # noqa: A002 - discord.py's own name
        roles: tuple[Role, ...] = (),
    ) -> Member:
        """Somebody new, who joins; `id` is the user's id."""
        user = self.world.user(name, id)
        return self.join(Member(self, user), roles=roles)

    def join(self, member: Member, roles: tuple[Role, ...] = ()) -> Member:
        """Somebody of this or another guild comes (again)."""
        ids = [role.id for role in roles]
        self.world.add_member(self.id, member.id, roles=ids, announce=True)
        return Member(self, self.world.users[member.id])

    def leave(self, member: Member) -> None:
        """Somebody goes, or is thrown out."""
        self.world.remove_member(self.id, member.id)

    def drop_bot(self) -> None:
        """The bot is thrown out of the guild."""
        self.world.remove_guild(self.id)
