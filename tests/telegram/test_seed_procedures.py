"""The seven procedures that Palaver began with, through Telegram, on the real Claude Code."""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from palaver.testing.model import LoopbackModel
from palaver.testing.telegram import BotApi, Chat, Person
from support.telegrams import Launch, Palaver, button, pressed

SLOW = 30.0


@pytest.fixture
async def model() -> AsyncIterator[LoopbackModel]:
    async with LoopbackModel() as model:
        yield model
        assert model.problems == []


@pytest.fixture
def claude_home(model: LoopbackModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    for name, value in model.environment(home).items():
        monkeypatch.setenv(name, value)
    return home


@pytest.fixture
async def palaver(
    api: BotApi, launch: Launch, claude_home: Path, tmp_path: Path
) -> AsyncIterator[Palaver]:
    palaver = launch(tmp_path / "data", sessions={"agent": "claude"})
    await palaver.start()
    yield palaver
    await palaver.stop()
    assert api.problems == []


async def ask(person: Person, chat: Chat, text: str) -> str:
    """The final answer to a prompt: the next message with a receipt."""
    before = sum("⏱" in said for said in chat.texts)
    await person.send(text)
    await chat.wait_until(lambda: sum("⏱" in said for said in chat.texts) > before, SLOW)
    return [said for said in chat.texts if "⏱" in said][-1]


async def view(person: Person, chat: Chat, command: str, title: str) -> str:
    """The answer to a command: the next message with that title."""
    before = len([said for said in chat.texts if title in said])
    await person.send(command)
    await chat.wait_until(lambda: len([s for s in chat.texts if title in s]) > before, SLOW)
    return [said for said in chat.texts if title in said][-1]


def session_id(info: str) -> str:
    found = re.search(r"ID: ([0-9a-f-]{36})", info)
    assert found
    return found[1]


async def info_of(person: Person, chat: Chat) -> str:
    return await view(person, chat, "/sessioninfo", "Session Information")


def transcript(home: Path, info: str) -> Path:
    [path] = (home / ".claude" / "projects").glob(f"*/{session_id(info)}.jsonl")
    return path


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
    assert listed.index("👉 The second matter") < listed.index("2. The first matter")
    assert "🔄 2 turns" in listed
    assert chat.last.rows[1] == ["2 Switch", "2 Info", "2 Delete"]
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
