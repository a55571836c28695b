"""The seven procedures that Palaver began with, through Telegram, on the real Claude Code."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from palaver.testing.telegram import BotApi, Chat, Person
from support.procedures import SLOW, ask, info_of, session_id, transcript, view
from support.telegrams import Launch, Palaver, button, pressed


@pytest.fixture
async def palaver(launch: Launch, claude_home: Path, tmp_path: Path) -> AsyncIterator[Palaver]:
    palaver = launch(tmp_path / "data", sessions={"agent": "claude"})
    await palaver.start()
    yield palaver
    await palaver.stop()


async def test_1_session_creation_and_storage(
    palaver: Palaver, alice: Person, chat: Chat, claude_home: Path
) -> None:
    await view(alice, chat, "/start", "one agent, every chat")
    await ask(alice, chat, "Hello Claude")
    info = await info_of(alice, chat)
    assert "Turns: 1" in info
    assert str(transcript(claude_home, info)) in info


async def test_2_session_listing(palaver: Palaver, alice: Person, chat: Chat) -> None:
    await ask(alice, chat, "The first matter")
    await view(alice, chat, "/newsession", "New session started!")
    await ask(alice, chat, "The second matter")
    await ask(alice, chat, "More of it")
    listed = await view(alice, chat, "/sessions", "Your Claude Sessions")
    assert listed.index("👉 1. The second matter") < listed.index("2. The first matter")
    assert "🔄 2 turns" in listed
    assert chat.last.rows[1] == ["2 Switch", "2 Info", "2 Rename", "2 Delete"]
    await pressed(alice, chat, "2 Switch")
    await chat.wait_for_text("👉 The first matter")
    assert "Turns: 1" in await info_of(alice, chat)


async def test_3_session_isolation_of_two_users_at_once(
    palaver: Palaver, alice: Person, bob: Person, chat: Chat, api: BotApi
) -> None:
    other = api.private(bob)
    await asyncio.gather(
        ask(alice, chat, "Remember the number 42"), ask(bob, other, "Remember the number 7")
    )
    answers = await asyncio.gather(
        ask(alice, chat, "What number did I tell you?"),
        ask(bob, other, "What number did I tell you?"),
    )
    assert "42" in answers[0]
    assert "number 7" in answers[1]
    foreign = session_id(await info_of(alice, chat))
    await bob.send(f"/switch {foreign}")
    await other.wait_for_text("You have no such session.")
    listed = await view(bob, other, "/sessions", "Your Claude Sessions")
    assert "42" not in listed


async def test_4_new_session_creation(palaver: Palaver, alice: Person, chat: Chat) -> None:
    await ask(alice, chat, "Remember the number 42")
    before = session_id(await info_of(alice, chat))
    said = await view(alice, chat, "/newsession", "New session started!")
    assert before in said
    assert "42" not in await ask(alice, chat, "What number did I tell you?")
    assert session_id(await info_of(alice, chat)) != before


async def test_5_session_cleanup(
    palaver: Palaver, alice: Person, chat: Chat, claude_home: Path
) -> None:
    await ask(alice, chat, "An old matter")
    path = transcript(claude_home, await info_of(alice, chat))
    await view(alice, chat, "/newsession", "New session started!")
    await ask(alice, chat, "A new matter")
    moment = time.time() - 31 * 24 * 3600
    os.utime(path, (moment, moment))
    await view(alice, chat, "/cleansessions", "Cleaned up 1 old session(s)")
    assert not await asyncio.to_thread(path.exists)
    await view(alice, chat, "/cleansessions", "No old sessions to clean up!")


async def test_6_session_persistence_across_restarts(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await ask(alice, chat, "Remember the number 42")
    before = session_id(await info_of(alice, chat))
    await palaver.restart()
    assert "42" in await ask(alice, chat, "What number did I tell you?")
    info = await info_of(alice, chat)
    assert session_id(info) == before
    assert "Turns: 2" in info


async def test_7_missing_session_handling(
    palaver: Palaver, alice: Person, chat: Chat, claude_home: Path
) -> None:
    await ask(alice, chat, "Remember the number 42")
    transcript(claude_home, await info_of(alice, chat)).unlink()
    assert "number 42" not in await ask(alice, chat, "What number did I tell you?")
    await chat.wait_for_text("Session lost")


async def test_a_command_of_the_agents_runs_after_a_press(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send("run touch made.txt")
    asked = await chat.wait_for(lambda message: "Allow once" in message.buttons, SLOW)
    assert "touch made.txt" in asked.text
    await button(chat, "Allow once")
    await pressed(alice, chat, "Allow once")
    await chat.wait_until(lambda: any("⏱" in said for said in chat.texts), SLOW)
    assert any("1 tool use" in said for said in chat.texts)
