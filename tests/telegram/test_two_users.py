"""The seven procedures of two users at once, in one Palaver on the real Claude Code."""

import asyncio
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from palaver.testing.telegram import BotApi, Chat, Person
from support.procedures import ask, info_of, session_id, transcript, view
from support.telegrams import Launch, pressed

RECALL = "What number did I tell you?"


@dataclass
class User:
    """One of two who do the same at the same time, each with a number of his own."""

    person: Person
    chat: Chat
    number: int
    home: Path
    first: str = ""

    async def ask(self, text: str) -> str:
        return await ask(self.person, self.chat, text)

    async def view(self, command: str, title: str) -> str:
        return await view(self.person, self.chat, command, title)

    async def info(self) -> str:
        return await info_of(self.person, self.chat)

    async def creates_and_lists(self) -> None:
        """Procedures 1 to 4: creation, listing, isolation, a new session."""
        await self.view("/start", "one agent, every chat")
        await self.ask(f"Remember the number {self.number}")
        info = await self.info()
        self.first = session_id(info)
        assert "Turns: 1" in info
        assert str(transcript(self.home, info)) in info
        assert f"number {self.number}." in await self.ask(RECALL)
        assert self.first in await self.view("/newsession", "New session started!")
        assert "don't recall" in await self.ask(RECALL)
        assert session_id(await self.info()) != self.first
        listed = await self.view("/sessions", "Your Claude Sessions")
        assert "👉" in listed
        assert f"Remember the number {self.number}" in listed
        assert re.search(r"📅 \S+.* \| 💾 [\d.,]+ \w?B \| 🔄 2 turns", listed), listed

    async def cleans_up(self) -> None:
        """Procedure 5, of the session that is not the current one; then it is restored."""
        [path] = (self.home / ".claude" / "projects").glob(f"*/{self.first}.jsonl")
        moment = time.time() - 31 * 24 * 3600
        os.utime(path, (moment, moment))
        await self.view("/cleansessions", "Cleaned up 1 old session(s)")
        assert not path.exists()
        await self.view("/cleansessions", "No old sessions to clean up!")
        await self.view(f"/restore {self.first}", "Restored")
        await pressed(self.person, self.chat, "Switch to it")
        await self.chat.wait_until(lambda: "👉" in self.chat.last.text)

    async def comes_back(self) -> None:
        """Procedure 6, after a restart."""
        assert f"number {self.number}." in await self.ask(RECALL)
        info = await self.info()
        assert session_id(info) == self.first
        assert "Turns: 3" in info

    async def loses_it(self) -> None:
        """Procedure 7."""
        transcript(self.home, await self.info()).unlink()
        assert "don't recall" in await self.ask(RECALL)
        await self.chat.wait_for_text("Session lost")
        assert session_id(await self.info()) != self.first


@pytest.fixture
def users(
    api: BotApi, alice: Person, bob: Person, chat: Chat, claude_home: Path
) -> tuple[User, User]:
    return User(alice, chat, 42, claude_home), User(bob, api.private(bob), 7, claude_home)


async def test_all_seven_at_once(launch: Launch, users: tuple[User, User], tmp_path: Path) -> None:
    palaver = launch(tmp_path / "data", sessions={"agent": "claude"})
    await palaver.start()
    one, two = users
    await asyncio.gather(one.creates_and_lists(), two.creates_and_lists())
    for user, other in ((one, two), (two, one)):
        said = "\n".join(user.chat.texts)
        assert other.first not in said
        assert f"number {other.number}" not in said
        for command in ("switch", "sessioninfo", "delete", "fork"):
            await user.view(f"/{command} {other.first}", "You have no such session.")
            await user.view("/status", "Idle")
    await asyncio.gather(one.cleans_up(), two.cleans_up())
    await palaver.restart()
    await asyncio.gather(one.comes_back(), two.comes_back())
    await asyncio.gather(one.loses_it(), two.loses_it())
    await palaver.stop()
