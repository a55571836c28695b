"""The table `[plugins.discord]`."""

from collections.abc import Iterable
from typing import Annotated, Self

from pydantic import Field, model_validator

from palaver import SecretSettings

API = "https://discord.com/api/v10"
GATEWAY = "wss://gateway.discord.gg/"

Id = Annotated[int, Field(ge=1, lt=1 << 64)]
"""A snowflake: Discord's ids have 64 bits (API reference, "Snowflakes")."""


class DiscordSettings(SecretSettings):
    """Which bot this is, how it reaches Discord, and where in its servers it is heard.

    Attributes:
        token, token_file: what the Developer Portal gave; one of them.
        api_base: the REST API's address, with its version.
        gateway: the address that events come from.
        guilds: ids of the servers in which the bot answers; none if empty. Direct messages need
            none of them: there the access list alone decides.
        channels: ids of the channels, forums and categories of these servers in which it answers;
            all if empty. A thread belongs to its channel, a channel to its category.
        roles: ids of the roles whose members are let in, in these servers, besides those on the
            access list.
        hear_all: channels, forums, categories or threads (their ids, or `true` for all) in which
            every message is a prompt; elsewhere only mentions and replies to the bot are, and
            what is written in its own threads.
        reactions: show with 👀 that a message has been taken.
        answer_timeout_s: seconds without an answer after which a request's connection counts as
            dead. That of the gateway does after a minute without a word.
    """

    api_base: str = Field(default=API, pattern=r"^https?://.*[^/]$")
    gateway: str = Field(default=GATEWAY, pattern=r"^wss?://")
    guilds: tuple[Id, ...] = ()
    channels: tuple[Id, ...] = ()
    roles: tuple[Id, ...] = ()
    hear_all: bool | tuple[Id, ...] = False
    reactions: bool = True
    answer_timeout_s: float = Field(default=30, gt=0)

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if not self.guilds and (self.channels or self.roles):
            raise ValueError("channels and roles need guilds: name the servers that they are in")
        return self

    def answers_in(self, guild_id: int | None, places: Iterable[int]) -> bool:
        """Whether the bot answers there at all; who may speak is another question.

        Args:
            guild_id: None for a direct message.
            places: the channel's id, and those of what it is in: a thread's channel, its category.
        """
        if guild_id is None:
            return True
        if guild_id not in self.guilds:
            return False
        return not self.channels or not set(self.channels).isdisjoint(places)

    def lets_in(self, guild_id: int | None, roles: Iterable[int]) -> bool:
        """Whether a member with these roles may speak without being on the access list."""
        return guild_id in self.guilds and not set(self.roles).isdisjoint(roles)

    def hears_all(self, places: Iterable[int]) -> bool:
        """Whether every message there is meant for the bot; `places` as in `answers_in`."""
        if isinstance(self.hear_all, bool):
            return self.hear_all
        return not set(self.hear_all).isdisjoint(places)
