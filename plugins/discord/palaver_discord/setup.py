"""How `palaver init` sets up the bot, and `palaver doctor` looks at it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel

from palaver import Account, ConfigError, FrontendSetup, Membership, PalaverError
from palaver_discord.settings import DiscordSettings

if TYPE_CHECKING:
    import discord


class DiscordSetup(FrontendSetup):
    """Two questions: the token from the Developer Portal, and the servers."""

    name: ClassVar[str] = "discord"
    title: ClassVar[str] = "Discord"
    steps: ClassVar[tuple[str, ...]] = (
        "Open https://discord.com/developers/applications and press New Application.",
        "On its page Bot, switch on “Message Content Intent” and save.",
        "There, press Reset Token and copy the token.",
    )
    libraries: ClassVar[tuple[str, ...]] = ("discord",)
    membership_setting: ClassVar[str] = "guilds"
    membership_word: ClassVar[str] = "servers"

    async def check(self, settings: BaseModel) -> Account:
        """Ask Discord who the bot is and what it may do, without connecting to the gateway."""
        mine = DiscordSettings.model_validate(settings, from_attributes=True)
        async with _logged_in(mine) as client:
            return await _account(client, mine)

    async def memberships(self, settings: BaseModel) -> Sequence[Membership]:
        mine = DiscordSettings.model_validate(settings, from_attributes=True)
        async with _logged_in(mine) as client:
            found = client.fetch_guilds(limit=None, with_counts=False)
            return [Membership(guild.id, guild.name) async for guild in found]


@asynccontextmanager
async def _logged_in(settings: DiscordSettings) -> "AsyncIterator[discord.Client]":
    """A client that can ask, and hears nothing.

    Raises:
        ConfigError, PalaverError: what went wrong, then or within the block.
    """
    import discord

    from palaver_discord import client as made

    token = made.token_of(settings)
    client = made.make_client(settings, discord.Client)
    async with client:
        try:
            async with asyncio.timeout(settings.answer_timeout_s):
                await client.login(token)
                yield client
        except (discord.DiscordException, *made.UNREACHABLE) as error:
            raise made.explained(error, client) from error


async def _account(client: "discord.Client", settings: DiscordSettings) -> Account:
    from palaver_discord.client import invite_link, unheard

    application, user = client.application, client.user
    if application is None or user is None:
        raise PalaverError("Discord does not tell who the bot is.", hint="Try it again later.")
    flags = application.flags
    if not (flags.gateway_message_content or flags.gateway_message_content_limited):
        raise unheard(application.id)
    for guild_id in settings.guilds:
        await _check_guild(client, application.id, user.id, guild_id, settings)
    return Account(f"@{user.name}", invite_link(application.id))


async def _check_guild(
    client: "discord.Client",
    application_id: int,
    user_id: int,
    guild_id: int,
    settings: DiscordSettings,
) -> None:
    """Whether the bot is in this server and may do there what it needs to.

    Raises:
        ConfigError: if not, with the link that mends it.
    """
    import discord

    from palaver_discord.client import invite_link, lacking

    link = invite_link(application_id, guild_id)
    location = ("plugins", "discord", "guilds")
    try:
        guild = await client.fetch_guild(guild_id, with_counts=False)
        me = await guild.fetch_member(user_id)
        channels = await guild.fetch_channels() if settings.channels else []
    except (discord.Forbidden, discord.NotFound) as error:
        problem = f"the bot is not in the server {guild_id}"
        raise ConfigError(problem, location=location, hint=f"Invite it: {link}") from error
    places = {f"the server “{guild.name}”": me.guild_permissions}
    mine = [channel for channel in channels if channel.id in settings.channels]
    if mine:
        places = {f"#{channel.name}": channel.permissions_for(me) for channel in mine}
    for place, permissions in places.items():
        if missing := lacking(permissions):
            problem = f"in {place} the bot lacks: {', '.join(missing)}"
            hint = f"Give them to its role, or invite it again: {link}"
            raise ConfigError(problem, location=location, hint=hint)
