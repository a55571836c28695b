"""The library's client: what it hears, what it never tells, how it bears a Discord that is down."""

import logging

import discord
import pytest

from palaver import ConfigError, PalaverError
from palaver.testing.discord import DiscordServer
from palaver_discord.client import NEEDED, explained, invite_link, lacking, log_in, make_client
from palaver_discord.settings import DiscordSettings
from support.discord_out import sending, settings_of

ME = "GET /users/@me"


async def test_it_hears_messages_and_no_more() -> None:
    client = make_client(DiscordSettings(), discord.Client)
    heard = {name for name, on in client.intents if on}
    assert heard == {"guilds", "guild_messages", "dm_messages", "message_content"}


async def test_nothing_is_said_of_the_voice_calls_that_it_does_not_make(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("warn_nacl", "warn_dave"):
        monkeypatch.setattr(discord.VoiceClient, name, True)
    make_client(DiscordSettings(), discord.Client)
    assert "voice" not in caplog.text


async def test_without_settings_the_librarys_addresses_stay() -> None:
    before = discord.http.Route.BASE, discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY
    make_client(DiscordSettings(), discord.Client)
    after = discord.http.Route.BASE, discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY
    assert after == before
    assert str(after[1]) == "wss://gateway.discord.gg/"


async def test_a_proxy_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    assert make_client(DiscordSettings(), discord.Client).http.proxy == "http://proxy.example:3128"
    monkeypatch.setenv("no_proxy", "discord.com")
    assert make_client(DiscordSettings(), discord.Client).http.proxy is None


async def test_a_discord_that_is_down_is_waited_for(server: DiscordServer) -> None:
    server.faults.add(ME, error=503)
    server.faults.add(ME, drop="before")
    server.faults.add(ME, error=429, via=False)
    async with sending(server) as out:
        assert out.client.application_id == server.application_id
    assert len(server.calls.of(ME)) == 4


async def test_a_discord_that_refuses_is_said(server: DiscordServer) -> None:
    server.faults.add(ME, error=403)
    own = settings_of(server)
    async with make_client(own, discord.Client) as client:
        with pytest.raises(PalaverError, match="403"):
            await log_in(client, own)


async def test_a_silent_discord_is_tried_again(server: DiscordServer) -> None:
    server.faults.add(ME, silence=True)
    own = settings_of(server, answer_timeout_s=0.3)
    async with make_client(own, discord.Client) as client:
        await log_in(client, own)
        assert client.user


async def test_a_token_that_is_missing_or_wrong_is_said(server: DiscordServer) -> None:
    for token, words in ((None, "is missing"), ("wrong", "does not know this token")):
        own = settings_of(server, token=token)
        async with make_client(own, discord.Client) as client:
            with pytest.raises(ConfigError, match=words) as refused:
                await log_in(client, own)
            assert refused.value.location == ("plugins", "discord", "token")
    server.problems.clear()


async def test_the_token_is_in_no_log(
    server: DiscordServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with sending(server):
        pass
    assert server.token not in caplog.text
    assert "discord.http" not in {record.name for record in caplog.records}


async def test_what_the_library_raises_is_explained() -> None:
    client = make_client(DiscordSettings(), discord.Client)
    assert "token" in str(explained(discord.LoginFailure("x"), client))
    unheard = explained(discord.PrivilegedIntentsRequired(None), client)
    assert isinstance(unheard, ConfigError)
    assert "https://discord.com/developers/applications" in unheard.hint
    assert type(explained(OSError("no route"), client)) is PalaverError


def test_all_that_is_needed_is_invited_for() -> None:
    permissions = discord.Permissions(**dict.fromkeys(NEEDED, True))
    assert lacking(permissions) == []
    assert lacking(discord.Permissions.none()) == list(NEEDED.values())
    link = invite_link(7, 500)
    assert f"permissions={permissions.value}" in link
    assert "client_id=7" in link
    assert "guild_id=500" in link
