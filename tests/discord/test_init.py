"""`palaver init` and `palaver doctor` for Discord, over a terminal and sockets."""

import asyncio
import re
import tomllib
from pathlib import Path

import pytest

from core.app.world import World
from palaver.testing.discord import DiscordServer, Guild, Member
from support.discords import GUILD, OWNER
from support.sitting import Terminal, script, sitting

WRONG = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GBBBBB." + "B" * 38


@pytest.fixture
def world(tmp_path: Path, server: DiscordServer) -> World:
    return World(
        tmp_path / "world",
        environment={
            "PALAVER_PLUGINS_DISABLED": '["telegram", "voice"]',
            "PALAVER_PLUGINS__DISCORD__API_BASE": server.api_base,
            "PALAVER_PLUGINS__DISCORD__GATEWAY": server.gateway_url,
            "PALAVER_SESSIONS__AGENT": "scripted",
            "NO_PROXY": "127.0.0.1",
            "COLUMNS": "200",
        },
    )


@pytest.fixture
def token_file(world: World, server: DiscordServer) -> Path:
    file = world.folder / "given.token"
    file.write_text(f"{server.token}\n")
    return file


def written(world: World) -> dict[str, object]:
    """The table that init has written."""
    return dict(tomllib.loads(world.config.read_text())["plugins"]["discord"])


def init(token_file: Path, *arguments: str) -> tuple[str, ...]:
    return ("init", "--frontend", "discord", "--token-file", f"discord={token_file}", *arguments)


async def paired(terminal: Terminal, owner: Member) -> None:
    """Go through the pairing to its end: Discord does not tell of what was sent before."""
    said = await terminal.until("Wait here")
    [code] = re.findall(r"/pair ([A-Z2-9]{8})", said)
    terminal.say("y")
    await terminal.until("The bot listens now")
    await owner.dm(code.lower())
    await terminal.until(f"discord:{OWNER} is an owner now")


async def test_from_nothing_to_a_bot_in_a_server_that_knows_its_owner(
    world: World, server: DiscordServer
) -> None:
    with sitting(world, "init") as terminal:
        await terminal.until("Names, with commas between")
        terminal.say("discord")
        assert "discord.com/developers/applications" in await terminal.until("Token .it is not")
        terminal.say(WRONG)
        await terminal.until("Discord does not know this token")
        server.problems.clear()
        await terminal.until("Token .it is not")
        terminal.say(server.token)
        invitation = await terminal.until("Press Enter when it is in")
        assert f"oauth2/authorize?client_id={server.application_id}" in invitation
        terminal.say("")
        await terminal.until("It is in no servers yet")
        guild = server.guild("Team", id=GUILD)
        owner = guild.member("owner", id=OWNER)
        await terminal.until("Press Enter when it is in")
        terminal.say("")
        assert "1. Team" in await terminal.until("Where shall it answer")
        terminal.say("")
        await paired(terminal, owner)
        assert await terminal.end() == 0
    assert server.token not in terminal.seen
    token_file = world.config.parent / "discord.token"
    assert token_file.read_text().strip() == server.token
    assert tomllib.loads(world.config.read_text()) == {
        "frontends": ["discord"],
        "plugins": {"discord": {"token_file": str(token_file), "guilds": [GUILD]}},
    }
    await owner.direct.wait_for_text("Welcome")


async def test_what_it_wrote_is_what_serve_needs(
    world: World, guild: Guild, owner: Member, token_file: Path
) -> None:
    with sitting(world, *init(token_file)) as terminal:
        await terminal.until("Press Enter when it is in")
        terminal.say("")
        await terminal.until("Where shall it answer")
        terminal.say("1")
        await paired(terminal, owner)
        assert await terminal.end() == 0
    with world.start("serve") as running:
        await asyncio.to_thread(running.until_logged, "ready: discord")
        await owner.command("newsession")
        await owner.say(f"<@{guild.world.bot_user.id}> hello there")
        thread = await guild.general.wait_for_thread()
        await thread.wait_for(lambda message: message.text.startswith("hello there"))
        assert await asyncio.to_thread(running.end) == 0


async def test_only_the_chosen_servers_are_written(
    world: World, server: DiscordServer, guild: Guild, token_file: Path
) -> None:
    other = server.guild("Other")
    third = server.guild("Third")
    with sitting(world, *init(token_file, "--no-pair")) as terminal:
        await terminal.until("Press Enter when it is in")
        terminal.say("")
        await terminal.until("Where shall it answer")
        terminal.say("4")
        await terminal.until("Numbers from 1 to 3, or all")
        terminal.say("3, 2")
        assert await terminal.end() == 0
    assert written(world)["guilds"] == [third.id, other.id]


async def test_a_server_in_which_it_may_not_work_is_not_written(
    world: World, guild: Guild, token_file: Path
) -> None:
    for role in (guild.bot_role, guild.everyone):
        guild.revoke(role, "send_messages_in_threads")
    with sitting(world, *init(token_file, "--no-pair")) as terminal:
        await terminal.until("Press Enter when it is in")
        terminal.say("")
        await terminal.until("Where shall it answer")
        terminal.say("")
        said = await terminal.until("Press Enter when it is in")
        assert "the bot lacks: Send Messages in Threads" in said
        assert f"guild_id={guild.id}" in said
        terminal.say("none")
        assert await terminal.end() == 0
    assert written(world) == {"token_file": str(token_file)}


async def test_servers_that_are_named_already_are_left_as_they_are(
    world: World, server: DiscordServer, guild: Guild, token_file: Path
) -> None:
    server.guild("Other")
    world.configure(f"[plugins.discord]\nguilds = [{guild.id}] # ours\n")
    with sitting(world, *init(token_file, "--yes", "--no-pair")) as terminal:
        assert await terminal.end() == 0
    assert "# ours" in world.config.read_text()
    assert written(world)["guilds"] == [guild.id]


async def test_a_script_is_told_what_to_name_and_nothing_is_chosen_for_it(
    world: World, guild: Guild, token_file: Path
) -> None:
    status, out, err = await script(world, *init(token_file, "--no-pair"))
    assert (status, err) == (0, "")
    assert f"`guilds` below [plugins.discord]: guild is {guild.id}." in out
    assert written(world) == {"token_file": str(token_file)}


async def test_a_missing_intent_is_said_with_its_page(world: World, tmp_path: Path) -> None:
    async with DiscordServer(privileged=set()) as deaf:
        given = tmp_path / "token"
        given.write_text(deaf.token)
        status, _, err = await script(
            world, *init(given), PALAVER_PLUGINS__DISCORD__API_BASE=deaf.api_base
        )
    assert status == 78
    assert f"https://discord.com/developers/applications/{deaf.application_id}/bot" in err
    assert not world.config.exists()


# --- palaver doctor -----------------------------------------------------------------------------


def configure(world: World, token_file: Path, guilds: str) -> None:
    world.configure(
        f'frontends = ["discord"]\n'
        f'[plugins.discord]\ntoken_file = "{token_file}"\nguilds = [{guilds}]\n'
    )


async def test_doctor_says_that_all_is_well_or_what_the_bot_lacks(
    world: World, guild: Guild, token_file: Path
) -> None:
    configure(world, token_file, str(guild.id))
    _, out, _ = await script(world, "doctor")
    [line] = [line for line in out.splitlines() if "frontend discord" in line]
    assert line.startswith("ok      frontend discord: @")
    assert "`guilds`" not in out
    for role in (guild.bot_role, guild.everyone):
        guild.revoke(role, "add_reactions")
    status, out, _ = await script(world, "doctor")
    assert status == 1
    assert "in the server “guild” the bot lacks: Add Reactions" in out
    assert "oauth2/authorize" in out


async def test_doctor_says_that_the_bot_is_not_in_its_server(
    world: World, server: DiscordServer, guild: Guild, token_file: Path
) -> None:
    configure(world, token_file, str(guild.id))
    guild.drop_bot()
    status, out, _ = await script(world, "doctor")
    assert status == 1
    assert f"the bot is not in the server {guild.id}" in out
    assert f"guild_id={guild.id}" in out
    server.problems.clear()


async def test_doctor_says_which_servers_could_be_named(
    world: World, guild: Guild, token_file: Path
) -> None:
    configure(world, token_file, "")
    _, out, _ = await script(world, "doctor")
    assert "ok      frontend discord: @" in out
    assert "It answers in private chats alone. To have it answer in servers, too" in out
    assert f"guild is {guild.id}" in out
