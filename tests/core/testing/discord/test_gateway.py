"""Connections that break: resumed, begun anew, with events lost, late or twice."""

import json
from typing import Any

import aiohttp
import pytest

from core.testing.discord.bots import Bot, connected
from core.testing.discord.conftest import point_at
from palaver.testing.discord import DiscordServer, Member, sockets


def identity(server: DiscordServer) -> dict[str, Any]:
    """Of a bot without a library."""
    properties = {"os": "linux", "browser": "none", "device": "none"}
    return {"token": server.token, "properties": properties}


async def test_a_dropped_socket_is_resumed_and_nothing_is_lost(
    server: DiscordServer, member: Member, bot: Bot
) -> None:
    server.gateway.drop()
    await member.say("while away")
    await server.gateway.wait_for_greeting("RESUME")
    await server.wait_until(lambda: bot.heard)
    assert bot.texts == ["while away"]
    assert server.gateway.greetings == ["IDENTIFY", "RESUME"]
    assert server.problems == []


async def test_a_refused_resume_begins_anew_and_the_gap_is_only_in_history(
    server: DiscordServer, member: Member, bot: Bot
) -> None:
    server.gateway.refuse_resumes()
    server.gateway.drop()
    await member.say("in the gap")
    await server.gateway.wait_for_greeting("IDENTIFY", 2)
    await member.say("after it")
    await server.wait_until(lambda: bot.heard)
    assert bot.texts == ["after it"]
    assert server.gateway.greetings == ["IDENTIFY", "RESUME", "IDENTIFY"]


async def test_a_bot_that_is_asked_to_comes_again(
    server: DiscordServer, member: Member, bot: Bot
) -> None:
    server.gateway.reconnect()
    await server.gateway.wait_for_greeting("RESUME")
    await member.say("hello")
    await server.wait_until(lambda: bot.heard)
    assert bot.texts == ["hello"]


@pytest.mark.parametrize(("resumable", "greeting"), [(True, "RESUME"), (False, "IDENTIFY")])
async def test_an_invalid_session(
    server: DiscordServer, member: Member, bot: Bot, resumable: bool, greeting: str
) -> None:
    server.gateway.invalidate(resumable=resumable)
    await server.wait_until(lambda: len(server.gateway.greetings) == 2)
    assert server.gateway.greetings[1] == greeting
    await server.gateway.wait_connected()
    await member.say("hello")
    await server.wait_until(lambda: bot.heard)


async def test_an_event_comes_twice(server: DiscordServer, member: Member, bot: Bot) -> None:
    server.gateway.duplicate_events("MESSAGE_CREATE")
    said = await member.say("twice")
    await member.say("once")
    await server.wait_until(lambda: len(bot.heard) == 3)
    assert bot.texts == ["twice", "twice", "once"]
    assert bot.heard[0].id == bot.heard[1].id == said.id


async def test_an_event_comes_late(server: DiscordServer, member: Member, bot: Bot) -> None:
    server.gateway.late_events(0.1, "MESSAGE_CREATE")
    await member.say("first")
    await member.say("second")
    await server.wait_until(lambda: len(bot.heard) == 2)
    assert bot.texts == ["second", "first"]


async def test_events_are_held_back(server: DiscordServer, member: Member, bot: Bot) -> None:
    server.gateway.hold()
    await member.say("later")
    asked = await member.command("echo", text="x")
    await server.world.signal.wait(
        lambda: any(one.frames.qsize() for one in server.gateway.connections), 5, str
    )
    assert bot.heard == []
    server.gateway.release()
    assert (await asked.answer()).content == "x"
    assert bot.texts == ["later"]


async def test_a_dead_socket_is_noticed_and_resumed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with DiscordServer(heartbeat_s=0.1) as server:
        point_at(server, monkeypatch)
        member = server.guild().member("member")
        async with connected(server, Bot(heartbeat_timeout=0.3)) as bot:
            await server.wait_until(lambda: server.gateway.connections[0].heartbeats > 2)
            assert server.half_open() > 0
            await member.say("into the void")
            await server.wait_until(lambda: bot.heard)
            assert bot.texts == ["into the void"]
            assert server.gateway.greetings == ["IDENTIFY", "RESUME"]


async def test_a_server_that_is_away_for_a_while(
    server: DiscordServer, member: Member, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its first try fails; it then waits for a time of its own choice.
    monkeypatch.setattr("discord.backoff.ExponentialBackoff.delay", lambda _self: 0.05)
    async with server.refused():
        await member.say("nobody home")
    await server.gateway.wait_for_greeting("RESUME")
    await server.wait_until(lambda: bot.heard)
    assert bot.texts == ["nobody home"]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("no json", 4002),
        ('{"op": 3, "d": {}}', 4003),
        ('{"op": 2, "d": {"token": "wrong", "intents": 1}}', 4004),
        ('{"op": 2, "d": {"token": "TOKEN", "properties": {}, "intents": -1}}', 4013),
        ('{"op": 2, "d": {"token": "TOKEN", "intents": 1}}', 4002),
        ('{"op": 6, "d": {"token": "wrong", "session_id": "x", "seq": 1}}', 4004),
        ('{"op": 1, "d": "%s"}' % ("x" * 4096), 4002),
    ],
)
async def test_what_a_bot_must_not_say_closes_the_socket(
    server: DiscordServer, said: str, code: int
) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(server.gateway_url) as socket,
    ):
        hello = await socket.receive_json()
        assert hello["op"] == 10
        await socket.send_str(said.replace("TOKEN", server.token))
        await socket.receive()
        assert socket.close_code == code
    assert [(one.method, one.code) for one in server.problems] == [("GATEWAY", code)]


@pytest.mark.parametrize(("away", "seq", "answer"), [(179, 9, 4007), (181, 1, 9), (179, 1, 0)])
async def test_a_session_is_kept_for_some_minutes(
    server: DiscordServer, away: float, seq: int, answer: int
) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(server.gateway_url) as socket:
            await socket.receive_json()
            await socket.send_json({"op": 2, "d": {**identity(server), "intents": 1}})
            ready = await socket.receive_json()
            server.gateway.drop()
        await server.wait_until(lambda: not server.gateway.connected)
        server.clock.advance(away)
        async with session.ws_connect(server.gateway_url) as socket:
            await socket.receive_json()
            resume = {"token": server.token, "session_id": ready["d"]["session_id"], "seq": seq}
            await socket.send_json({"op": 6, "d": resume})
            told = await socket.receive()
            assert (socket.close_code or json.loads(told.data)["op"]) == answer


async def test_a_session_that_nobody_knows_can_t_be_resumed(server: DiscordServer) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(server.gateway_url) as socket,
    ):
        await socket.receive_json()
        resume = {"token": server.token, "session_id": "unknown", "seq": 5}
        await socket.send_json({"op": 6, "d": resume})
        assert await socket.receive_json() == {"op": 9, "d": False, "s": None, "t": None}


async def test_events_are_numbered_and_replayed_with_their_numbers(
    server: DiscordServer, member: Member
) -> None:
    identify = {"op": 2, "d": {**identity(server), "intents": 1 | 1 << 9 | 1 << 15}}
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(server.gateway_url) as socket:
            await socket.receive_json()
            await socket.send_json(identify)
            ready, guild = await socket.receive_json(), await socket.receive_json()
            assert [(one["s"], one["t"]) for one in (ready, guild)] == [
                (1, "READY"),
                (2, "GUILD_CREATE"),
            ]
            server.gateway.drop()
        await member.say("one")
        await member.say("two")
        async with session.ws_connect(ready["d"]["resume_gateway_url"]) as socket:
            await socket.receive_json()
            resume = {"token": server.token, "session_id": ready["d"]["session_id"], "seq": 2}
            await socket.send_json({"op": 6, "d": resume})
            told = [await socket.receive_json() for _ in range(3)]
    assert [(one["s"], one["t"]) for one in told] == [
        (3, "MESSAGE_CREATE"),
        (4, "MESSAGE_CREATE"),
        (5, "RESUMED"),
    ]


async def test_a_heartbeat_is_acknowledged(server: DiscordServer) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(server.gateway_url) as socket,
    ):
        hello = await socket.receive_json()
        assert hello["d"]["heartbeat_interval"] == 41_250
        await socket.send_json({"op": 1, "d": None})
        assert (await socket.receive_json())["op"] == 11
        server.gateway.silence()
        await socket.send_json({"op": 1, "d": None})
        with pytest.raises(TimeoutError):
            await socket.receive_json(timeout=0.1)


@pytest.mark.parametrize(("code", "resumed"), [(1000, False), (4000, True)])
async def test_who_closes_in_order_has_no_session_left(
    server: DiscordServer, code: int, resumed: bool
) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(server.gateway_url) as socket:
            await socket.receive_json()
            await socket.send_json({"op": 2, "d": {**identity(server), "intents": 1}})
            ready = await socket.receive_json()
            await socket.close(code=code)
        await server.wait_until(lambda: not server.gateway.connected)
        async with session.ws_connect(server.gateway_url) as socket:
            await socket.receive_json()
            resume = {"token": server.token, "session_id": ready["d"]["session_id"], "seq": 1}
            await socket.send_json({"op": 6, "d": resume})
            assert ((await socket.receive_json())["t"] == "RESUMED") is resumed


async def test_a_bot_without_heartbeats_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "PATIENCE", 0.0)
    async with (
        DiscordServer(heartbeat_s=0.1) as server,
        aiohttp.ClientSession() as session,
        session.ws_connect(server.gateway_url) as socket,
    ):
        await socket.receive_json()
        await socket.send_json({"op": 2, "d": {**identity(server), "intents": 1}})
        assert (await socket.receive_json())["t"] == "READY"
        await socket.receive()
        assert socket.close_code == 4009
        assert not server.gateway.connected
        assert [problem.code for problem in server.problems] == [4009]
