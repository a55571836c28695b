"""A Discord, a Palaver on it, and people, for each test.

Nothing that the bot sends may be refused: a test that asks for a refusal says which, and clears
`server.problems`.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import discord
import pytest

from palaver.testing.discord import DiscordServer, Guild, Member
from support.discords import GUILD, HOSTILE, MEMBER, OWNER, Launch, Palaver


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    # the plugin points the library at the test's server; the next test begins with the library's
    monkeypatch.setattr(discord.http.Route, "BASE", discord.http.Route.BASE)
    gateway = discord.gateway.DiscordWebSocket
    monkeypatch.setattr(gateway, "DEFAULT_GATEWAY", gateway.DEFAULT_GATEWAY)


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as server:
        yield server
        assert [str(problem) for problem in server.problems] == []


@pytest.fixture
async def launch(server: DiscordServer) -> AsyncIterator[Launch]:
    launched: list[Palaver] = []

    def launch(data_dir: Path, **tables: Any) -> Palaver:
        launched.append(Palaver(server, data_dir, **tables))
        return launched[-1]

    yield launch
    for palaver in launched:
        await palaver.stop()


@pytest.fixture
def guild(server: DiscordServer) -> Guild:
    return server.guild(id=GUILD)


@pytest.fixture
def owner(guild: Guild) -> Member:
    return guild.member("owner", id=OWNER)


@pytest.fixture
def member(guild: Guild) -> Member:
    return guild.member("member", id=MEMBER)


@pytest.fixture
def hostile(guild: Guild) -> Member:
    return guild.member("hostile", id=HOSTILE)


@pytest.fixture
async def palaver(launch: Launch, owner: Member, member: Member, tmp_path: Path) -> Palaver:
    del owner, member  # they are there before the bot asks for them
    palaver = launch(tmp_path / "data")
    await palaver.start()
    return palaver
