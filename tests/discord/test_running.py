"""Starting, listening, and ending: with a good token and with a bad one."""

import asyncio
import logging
from pathlib import Path

import pytest

from palaver.errors import ConfigError, PalaverError
from palaver.testing.discord import DiscordServer, Guild, Member
from support.discords import Launch, Palaver

WRONG = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GBBBBB." + "B" * 38


@pytest.fixture(autouse=True)
def _people(owner: Member, member: Member) -> None:
    """Who is on the access list exists: the bot asks for the chats with them."""


async def fails_to_start(palaver: Palaver) -> ConfigError:
    try:
        with pytest.raises(ConfigError) as caught:
            await palaver.start()
    finally:
        await palaver.stop()
    return caught.value


async def answers(owner: Member) -> None:
    await owner.dm("hello there")
    await owner.direct.wait_for(lambda message: message.text.startswith("hello there"))


async def test_without_a_token_it_says_which_setting_is_missing(
    launch: Launch, server: DiscordServer, tmp_path: Path
) -> None:
    error = await fails_to_start(launch(tmp_path, discord={"token": None}))
    assert error.location == ("plugins", "discord", "token")
    assert "Developer Portal" in error.hint
    assert list(server.calls) == []


@pytest.mark.parametrize("token", [WRONG, "no token at all"])
async def test_a_wrong_token_is_said_and_never_shown(
    launch: Launch, server: DiscordServer, tmp_path: Path, token: str
) -> None:
    error = await fails_to_start(launch(tmp_path, discord={"token": token}))
    assert "Discord does not know this token" in str(error)
    assert token not in str(error)
    server.problems.clear()


async def test_a_token_may_come_from_a_file(
    launch: Launch, server: DiscordServer, guild: Guild, owner: Member, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(f"{server.token}\n")
    palaver = launch(tmp_path, discord={"token": None, "token_file": str(file)})
    await palaver.start()
    await answers(owner)


async def test_a_bot_that_may_not_read_messages_says_where_that_is_allowed(
    tmp_path: Path,
) -> None:
    async with DiscordServer(privileged=set()) as server:
        server.guild()
        palaver = Palaver(server, tmp_path)
        error = await fails_to_start(palaver)
    page = f"https://discord.com/developers/applications/{server.application_id}/bot"
    assert page in error.hint
    assert "Message Content Intent" in error.hint


async def test_a_revoked_token_ends_the_frontend_with_a_word(
    server: DiscordServer, palaver: Palaver
) -> None:
    server.revoke_token()
    server.gateway.close(4000)
    with pytest.raises(ConfigError, match="Discord does not know this token"):
        async with asyncio.timeout(20):
            await palaver.frontend.run()
    server.problems.clear()


async def test_discord_may_be_down_when_it_starts(
    launch: Launch, server: DiscordServer, guild: Guild, owner: Member, tmp_path: Path
) -> None:
    palaver = launch(tmp_path)
    async with server.refused():
        starting = asyncio.create_task(palaver.start())
        assert not (await asyncio.wait([starting], timeout=0.8))[0]
    async with asyncio.timeout(20):
        await starting
    await answers(owner)


async def test_what_is_said_in_a_server_before_discord_tells_of_it_is_found(
    launch: Launch, server: DiscordServer, guild: Guild, owner: Member, tmp_path: Path
) -> None:
    server.gateway.late_events(2.0, "GUILD_CREATE", 1)
    palaver = launch(tmp_path)
    await palaver.start()
    await answers(owner)
    asked = await owner.say(f"<@{server.bot_id}> and here?")
    thread = await guild.general.wait_for_thread(lambda thread: thread.id == asked.id)
    await thread.wait_for(lambda message: message.text.startswith("and here?"))
    await owner.say("are you there?", to=thread)
    await thread.wait_for(lambda message: message.text.startswith("are you there?"))
    assert sum(text.startswith("and here?") for text in thread.texts) == 1


async def test_an_orderly_stop_leaves_nothing_running(
    launch: Launch, server: DiscordServer, guild: Guild, owner: Member, tmp_path: Path
) -> None:
    before = asyncio.all_tasks()
    palaver = launch(tmp_path)
    await palaver.start()
    await owner.dm("wait 30")
    await owner.direct.wait_for(lambda message: "Stop" in message.buttons)
    await palaver.stop()
    await server.wait_until(lambda: not _tasks_of_palaver(before))


def _tasks_of_palaver(before: "set[asyncio.Task[object]]") -> list[str]:
    tasks = asyncio.all_tasks() - before
    return [str(task) for task in tasks if "palaver/testing" not in str(task.get_coro())]


async def test_it_may_be_stopped_twice_and_before_it_was_started(
    launch: Launch, server: DiscordServer, guild: Guild, tmp_path: Path
) -> None:
    palaver = launch(tmp_path)
    await palaver.start()
    frontend = palaver.frontend
    await frontend.stop()
    await frontend.stop()
    await palaver.stop()


async def test_the_token_is_in_no_log(
    launch: Launch,
    server: DiscordServer,
    guild: Guild,
    owner: Member,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    palaver = launch(tmp_path)
    await palaver.start()
    server.gateway.drop()
    await server.gateway.wait_for_greeting("RESUME")
    await owner.dm("crash")
    await owner.direct.wait_for_text("failed")
    await owner.command("sessions")
    await palaver.stop()
    assert server.token not in caplog.text
    assert "palaver" in caplog.text


async def test_a_discord_that_breaks_while_it_starts_is_said(
    launch: Launch, server: DiscordServer, guild: Guild, tmp_path: Path
) -> None:
    server.faults.add("GET /users/@me", error=403)
    palaver = launch(tmp_path)
    with pytest.raises(PalaverError, match="403"):
        await palaver.start()
