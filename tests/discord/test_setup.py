"""What `palaver init` and `palaver doctor` see of a bot, against a strict server."""

import discord
import pytest

from palaver import ConfigError, PalaverError
from palaver.testing.discord import DiscordServer, Guild
from palaver_discord.client import NEEDED
from palaver_discord.setup import DiscordSetup
from support.discord_out import settings_of


def invite(guild: Guild) -> discord.Permissions:
    """Let the bot in with what it is invited with."""
    guild.grant(guild.bot_role, *NEEDED)
    return discord.Permissions(**dict.fromkeys(NEEDED, True))


async def test_it_tells_who_the_bot_is_and_how_to_invite_it(server: DiscordServer) -> None:
    account = await DiscordSetup().check(settings_of(server))
    assert account.name.startswith("@")
    assert f"client_id={server.application_id}" in account.link


async def test_nobody_notices(server: DiscordServer, guild: Guild) -> None:
    invite(guild)
    await DiscordSetup().check(settings_of(server, guilds=[guild.id]))
    assert {call.method for call in server.calls} == {"GET"}
    assert server.gateway.greetings == []


async def test_a_wrong_token_is_said(server: DiscordServer) -> None:
    with pytest.raises(ConfigError, match="does not know this token"):
        await DiscordSetup().check(settings_of(server, token="wrong"))
    server.problems.clear()


async def test_a_missing_token_is_said(server: DiscordServer) -> None:
    with pytest.raises(ConfigError, match="is missing"):
        await DiscordSetup().check(settings_of(server, token=None))


async def test_a_missing_intent_is_said_with_its_page() -> None:
    async with DiscordServer(privileged=set()) as server:
        with pytest.raises(ConfigError) as refused:
            await DiscordSetup().check(settings_of(server))
        page = f"https://discord.com/developers/applications/{server.application_id}/bot"
        assert page in refused.value.hint
        assert "Message Content Intent" in refused.value.hint


async def test_a_server_without_the_bot_is_said_with_its_invitation(
    server: DiscordServer, guild: Guild
) -> None:
    guild.drop_bot()
    with pytest.raises(ConfigError, match=f"not in the server {guild.id}") as refused:
        await DiscordSetup().check(settings_of(server, guilds=[guild.id]))
    assert f"guild_id={guild.id}" in refused.value.hint
    server.problems.clear()


@pytest.mark.parametrize(("flag", "name"), NEEDED.items())
async def test_a_missing_permission_is_said_by_its_name(
    server: DiscordServer, guild: Guild, flag: str, name: str
) -> None:
    invite(guild)
    for role in (guild.bot_role, guild.everyone):
        guild.revoke(role, flag)
    with pytest.raises(ConfigError, match=rf"the bot lacks: .*{name}") as refused:
        await DiscordSetup().check(settings_of(server, guilds=[guild.id]))
    assert "oauth2/authorize" in refused.value.hint


async def test_where_channels_are_named_their_permissions_count(
    server: DiscordServer, guild: Guild
) -> None:
    invite(guild)
    closed, other = guild.channel("closed"), guild.channel("other")
    closed.deny(guild.bot_role, "send_messages")
    own = settings_of(server, guilds=[guild.id], channels=[closed.id])
    with pytest.raises(ConfigError, match="in #closed the bot lacks: Send Messages"):
        await DiscordSetup().check(own)
    await DiscordSetup().check(settings_of(server, guilds=[guild.id], channels=[other.id]))


async def test_a_discord_that_is_not_there_is_said(server: DiscordServer) -> None:
    own = settings_of(server, answer_timeout_s=0.5)
    async with server.refused():
        with pytest.raises(PalaverError, match="cannot be reached") as failed:
            await DiscordSetup().check(own)
    assert "HTTPS_PROXY" in failed.value.hint
    server.faults.add("GET /users/@me", silence=True)
    with pytest.raises(PalaverError, match="cannot be reached"):
        await DiscordSetup().check(own)
