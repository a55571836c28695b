"""A server for each test, with a guild, somebody in it, and a bot."""

from collections.abc import AsyncIterator

import pytest
import yarl

from core.testing.discord.bots import Bot, connected, discord
from palaver.testing.discord import DiscordServer, Guild, Member


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as server:
        point_at(server, monkeypatch)
        yield server


def point_at(server: DiscordServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let discord.py talk to the server."""
    monkeypatch.setattr(discord.http.Route, "BASE", server.api_base)
    gateway = yarl.URL(server.gateway_url)
    monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", gateway)


@pytest.fixture
def guild(server: DiscordServer) -> Guild:
    return server.guild(id=500)


@pytest.fixture
def member(guild: Guild) -> Member:
    return guild.member("member", id=2001)


@pytest.fixture
async def bot(server: DiscordServer, member: Member) -> AsyncIterator[Bot]:
    async with connected(server) as bot:
        yield bot
