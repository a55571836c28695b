"""Connections that break: nothing is lost, nothing runs twice, and nobody else waits."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import discord
import pytest
from yarl import URL

from palaver import ConfigError
from palaver.testing.discord import Channel, DiscordServer, Guild, Member
from palaver.testing.model import LoopbackModel
from palaver_discord.frontend import DiscordFrontend
from support.discord_turns import PATIENT, answered, answers, ledger, refused
from support.discords import Launch, Palaver

POST = "POST /channels/*/messages"
Trouble = Callable[[DiscordServer], None]

# --- the gateway ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trouble", "greeting"),
    [
        (lambda server: server.gateway.drop(), "RESUME"),
        (lambda server: server.gateway.reconnect(), "RESUME"),
        (lambda server: server.gateway.close(4000), "RESUME"),
        (lambda server: server.gateway.invalidate(resumable=True), "RESUME"),
        (lambda server: server.gateway.invalidate(), "IDENTIFY"),
        (lambda server: server.gateway.close(4009), "IDENTIFY"),
    ],
    ids=["dropped", "op 7", "4000", "op 9, resumable", "op 9", "session timed out"],
)
async def test_what_is_said_around_a_lost_connection_runs_once_and_in_its_order(
    palaver: Palaver,
    server: DiscordServer,
    owner: Member,
    tmp_path: Path,
    trouble: Trouble,
    greeting: str,
) -> None:
    await owner.dm("one")
    await owner.direct.wait_for_text("⏱")
    trouble(server)
    await owner.dm("two")
    count = 2 if greeting == "IDENTIFY" else 1
    await server.gateway.wait_for_greeting(greeting, count, timeout=PATIENT)
    await owner.direct.wait_until(lambda: len(answers(owner.direct)) == 2, PATIENT)
    await owner.dm("three")
    await owner.direct.wait_until(lambda: len(answers(owner.direct)) == 3)
    assert answers(owner.direct) == ["one", "two", "three"]
    assert ledger(tmp_path / "data") == ["one", "two", "three"]


async def test_a_resume_that_is_refused_loses_nothing_and_the_agent_hears_all_once(
    launch: Launch,
    server: DiscordServer,
    guild: Guild,
    owner: Member,
    member: Member,
    claude_home: Path,
    model: LoopbackModel,
    tmp_path: Path,
) -> None:
    del claude_home, member
    palaver = launch(tmp_path / "data", sessions={"agent": "claude"})
    await palaver.start()
    await owner.say(f"<@{server.bot_id}> Remember the number 42")
    thread = await guild.general.wait_for_thread()
    await thread.wait_for_text("I'll remember the number 42.", PATIENT)
    server.gateway.refuse_resumes(1)
    async with server.refused():
        server.gateway.drop()
        await owner.say("What number did I tell you?", to=thread)
    await server.gateway.wait_for_greeting("IDENTIFY", 2, timeout=PATIENT)
    await thread.wait_until(lambda: len(answers(thread)) == 2, PATIENT)
    prompts = ["Remember the number 42", "What number did I tell you?"]
    assert [request.prompt for request in model.requests] == prompts
    assert ledger(tmp_path / "data") == prompts
    await palaver.stop()


async def test_several_that_were_said_in_a_gap_are_offered(
    palaver: Palaver, server: DiscordServer, owner: Member, tmp_path: Path
) -> None:
    async with server.refused():
        server.gateway.invalidate()
        server.gateway.drop()
        await owner.dm("one")
        await owner.dm("two")
    offer = await owner.direct.wait_for(lambda one: "Run all" in one.buttons, PATIENT)
    await owner.press(offer, "Run all")
    await answered(owner.direct, "one", "two")
    assert ledger(tmp_path / "data") == ["one", "two"]


async def test_events_that_come_twice_are_taken_once(
    palaver: Palaver, server: DiscordServer, owner: Member, tmp_path: Path
) -> None:
    server.gateway.duplicate_events("MESSAGE_CREATE", 10)
    for text in ("one", "/newsession", "two"):
        await owner.dm(text)
    await owner.direct.wait_until(lambda: len(answers(owner.direct)) == 2)
    await owner.dm("/status")
    await owner.direct.wait_for_text("Idle")
    assert answers(owner.direct) == ["one", "two"]
    assert sum("New session started!" in text for text in owner.direct.texts) == 1
    assert ledger(tmp_path / "data") == ["one", "two"]


async def test_an_event_that_comes_late_is_taken_behind_later_ones(
    palaver: Palaver, server: DiscordServer, owner: Member, member: Member
) -> None:
    server.gateway.late_events(0.5, "MESSAGE_CREATE")
    await owner.dm("late")
    await member.dm("later")
    await member.direct.wait_for_text("⏱")
    assert answers(owner.direct) == []
    await owner.direct.wait_for_text("⏱")


async def test_an_event_that_comes_after_a_restart_again_is_taken_once(
    palaver: Palaver, server: DiscordServer, owner: Member, tmp_path: Path
) -> None:
    server.gateway.hold()
    await owner.dm("while it was leaving")
    await palaver.stop()
    server.gateway.release()
    palaver.bury()
    await palaver.start()
    await owner.direct.wait_for_text("⏱")
    assert ledger(tmp_path / "data") == ["while it was leaving"]


async def test_a_half_open_connection_is_noticed_and_nothing_lost(
    launch: Launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with DiscordServer(heartbeat_s=0.3) as server:
        guild = server.guild(id=500)
        owner, _ = guild.member("owner", id=1001), guild.member("member", id=1002)
        palaver = Palaver(server, tmp_path / "data")
        await palaver.start()
        client = _client(palaver)
        # the library's 60 seconds of silence, in a hurry
        monkeypatch.setattr(client.ws, "_max_heartbeat_timeout", 1.0)
        [connection] = server.gateway.connections
        beats = connection.heartbeats
        await server.wait_until(lambda: connection.heartbeats > beats + 1)
        server.gateway.silence()
        await owner.dm("hello")
        await server.gateway.wait_for_greeting("RESUME", timeout=PATIENT)
        await answered(owner.direct, "hello")
        await palaver.stop()
        assert server.problems == []


def _client(palaver: Palaver) -> discord.Client:
    assert isinstance(palaver.frontend, DiscordFrontend)
    return palaver.frontend._client


# --- the start -----------------------------------------------------------------------------------


@asynccontextmanager
async def late_gateway(server: DiscordServer, times: int) -> AsyncIterator[str]:
    """The address of a gateway that breaks the first connections."""
    there = URL(server.gateway_url)
    broken = 0

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal broken
        if broken < times:
            broken += 1
            writer.transport.abort()
            return
        back, forth = await asyncio.open_connection(there.host, there.port)
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(pass_on(reader, forth), pass_on(back, writer))

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listener:
        yield str(there.with_port(listener.sockets[0].getsockname()[1]))
        assert broken == times


async def test_a_gateway_that_is_not_there_yet_is_waited_for(
    launch: Launch, server: DiscordServer, owner: Member, member: Member, tmp_path: Path
) -> None:
    async with late_gateway(server, 2) as gateway:
        palaver = launch(tmp_path / "data", discord={"gateway": gateway})
        await palaver.start()
        await owner.dm("hello")
        await owner.direct.wait_for_text("⏱")
        await palaver.stop()


async def test_without_the_intent_for_messages_it_ends_with_the_page_to_open(
    tmp_path: Path,
) -> None:
    async with DiscordServer(privileged=()) as server:
        server.guild(id=500)
        palaver = Palaver(server, tmp_path / "data")
        with pytest.raises(ConfigError, match="may not read messages") as raised:
            await palaver.start()
        page = f"https://discord.com/developers/applications/{server.application_id}/bot"
        assert page in raised.value.hint
        await palaver.stop()
        assert refused(server) == [4014]


async def test_a_wrong_token_ends_it_with_the_setting_to_mend(
    launch: Launch, server: DiscordServer, tmp_path: Path
) -> None:
    palaver = launch(tmp_path / "data", discord={"token": "wrong"})
    with pytest.raises(ConfigError, match="does not know this token") as raised:
        await palaver.start()
    assert raised.value.location == ("plugins", "discord", "token")
    assert len(refused(server)) == 1


async def test_a_token_that_is_revoked_while_it_runs_ends_it_with_the_setting_to_mend(
    palaver: Palaver, server: DiscordServer
) -> None:
    running = asyncio.create_task(palaver.frontend.run())
    server.revoke_token()
    server.gateway.drop()
    with pytest.raises(ConfigError, match="does not know this token") as raised:
        await asyncio.wait_for(running, PATIENT)
    assert raised.value.location == ("plugins", "discord", "token")
    assert 4004 in refused(server)


# --- requests ------------------------------------------------------------------------------------


async def test_an_answer_is_kept_through_an_outage_and_arrives_once(
    palaver: Palaver, server: DiscordServer, owner: Member, tmp_path: Path
) -> None:
    await owner.dm("wait 0.7")
    await owner.direct.wait_for(lambda one: "Stop" in one.buttons)
    async with server.refused():
        await _finished(palaver, tmp_path)
    await owner.direct.wait_until(lambda: len(answers(owner.direct)) == 1, PATIENT)
    await owner.dm("hello")
    await owner.direct.wait_until(lambda: len(answers(owner.direct)) == 2, PATIENT)
    assert answers(owner.direct) == ["Working. Done.", "hello"]
    assert "may have seen" not in "".join(owner.direct.texts)
    await owner.direct.wait_until(lambda: len(owner.direct.messages) == 2)  # no live message


async def test_an_answer_does_not_wait_for_a_dead_connection(
    palaver: Palaver, server: DiscordServer, owner: Member
) -> None:
    await owner.dm("wait 0.5")
    await owner.direct.wait_for(lambda one: "Stop" in one.buttons)
    assert server.half_open() > 1
    await owner.direct.wait_until(lambda: answers(owner.direct), PATIENT)
    assert answers(owner.direct) == ["Working. Done."]


async def test_one_chats_rate_limit_holds_nobody_else_up(
    palaver: Palaver, server: DiscordServer, owner: Member, member: Member
) -> None:
    limited = server.faults.add(
        POST,
        error=429,
        retry_after=20,
        times=None,
        when=lambda call: str(owner.direct.id) in call.path,
    )
    await owner.dm("hello")
    await server.wait_until(lambda: limited.hits)
    await member.dm("hello")
    await member.direct.wait_for_text("⏱")
    assert answers(owner.direct) == []


async def test_under_discords_usual_limits_a_long_answer_arrives_whole_and_in_order(
    palaver: Palaver, server: DiscordServer, owner: Member
) -> None:
    server.limits.enable()
    await owner.dm("stream 2000")
    await owner.direct.wait_until(lambda: len(answers(owner.direct)) == 1, 60)
    said = " ".join(one.content for one in owner.direct.messages if not one.attachments).split()
    wanted = [f"word{number}" for number in range(2000)]
    assert [word for word in said if word.startswith("word")] == wanted


@pytest.mark.usefixtures("owner", "member")
async def test_ten_users_at_once_all_see_progress_and_an_answer(
    launch: Launch, server: DiscordServer, guild: Guild, tmp_path: Path
) -> None:
    people = [guild.member(f"user{number}", id=3000 + number) for number in range(10)]
    palaver = launch(tmp_path / "data", access={"members": ["discord:*"]})
    await palaver.start()
    for person in people:
        await person.say(f"<@{server.bot_id}> wait 2")
    await guild.general.wait_until(lambda: len(guild.general.threads) == 10, PATIENT)
    for thread in guild.general.threads:
        await answered(thread, "Working. Done.")
        await _alone(thread)
        [live] = [one for one in thread.log if one.from_bot and one.deleted]
        assert live.versions[-1].content.startswith("Working.")
    await palaver.stop()


async def _alone(place: Channel) -> None:
    """Wait until the live message is gone."""
    await place.wait_until(lambda: len(place.messages) == 1)


async def _finished(palaver: Palaver, tmp_path: Path) -> None:
    """Wait until no turn is at work."""
    async with asyncio.timeout(PATIENT):
        while not await asyncio.to_thread(_all_finished, tmp_path / "data"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def _all_finished(data_dir: Path) -> bool:
    with sqlite3.connect(data_dir / "palaver.db") as connection:
        rows = connection.execute("SELECT finished FROM turns").fetchall()
    connection.close()
    return all(finished is not None for (finished,) in rows)
