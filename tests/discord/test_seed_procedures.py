"""The seven procedures that Palaver began with, on Discord and the real Claude Code: two members
at once, each in an own thread, and both try to get at what is the other's."""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from palaver.testing.discord import Channel, DiscordServer, Guild, Member, Message
from palaver_discord.places import namespace
from support.discord_people import choose, newest_with, told
from support.discords import Launch, Palaver

SLOW = 30.0
"""Seconds that an answer of the real agent may take; the machine may be busy."""
RECALL = "What number did I tell you?"
_ID = re.compile(r"ID: `?([0-9a-f-]{36})")


@dataclass
class User:
    """One of two who do the same at the same time, each with a number of his own."""

    person: Member
    call: str
    number: int
    home: Path
    thread: Channel = field(init=False)
    first: str = ""

    async def begins(self, channel: Channel) -> None:
        """A mention opens a thread."""
        text = f"{self.call} Remember the number {self.number}"
        message = await self.person.say(text, to=channel)
        self.thread = await channel.wait_for_thread(lambda thread: thread.id == message.id, SLOW)
        await self.thread.wait_for_text("⏱", SLOW)

    async def ask(self, text: str) -> str:
        """The final answer to a prompt: the next message with a receipt."""
        before = self._receipts()
        await self.person.say(text, to=self.thread)
        await self.thread.wait_until(lambda: len(self._receipts()) > len(before), SLOW)
        return self._receipts()[-1]

    async def view(self, command: str, session: str = "") -> str:
        """What a command answers, to its maker alone."""
        if session:
            asked = await self.person.command(command, in_=self.thread, session=session)
        else:
            asked = await self.person.command(command, in_=self.thread)
        answer = await asked.wait_for(lambda message: message.text, SLOW)
        assert answer.ephemeral
        return answer.text

    async def info(self) -> str:
        return await self.view("sessioninfo")

    async def session(self) -> str:
        found = _ID.search(await self.info())
        assert found
        return found[1]

    async def transcript(self) -> Path:
        session = await self.session()
        [path] = (self.home / ".claude" / "projects").glob(f"*/{session}.jsonl")
        return path

    def _receipts(self) -> list[str]:
        return [text for text in self.thread.texts if "⏱" in text]


@dataclass
class Two:
    """Both of them, and the Palaver that they use."""

    palaver: Palaver
    one: User
    two: User

    def each(self) -> list[tuple[User, User]]:
        """A user, and the other."""
        return [(self.one, self.two), (self.two, self.one)]


@pytest.fixture
async def users(
    launch: Launch,
    server: DiscordServer,
    guild: Guild,
    owner: Member,
    member: Member,
    claude_home: Path,
    tmp_path: Path,
) -> AsyncIterator[Two]:
    palaver = launch(tmp_path / "data", sessions={"agent": "claude"})
    await palaver.start()
    call = f"<@{server.bot_id}>"
    one, two = User(owner, call, 42, claude_home), User(member, call, 7, claude_home)
    await asyncio.gather(one.begins(guild.general), two.begins(guild.general))
    one.first, two.first = await asyncio.gather(one.session(), two.session())
    yield Two(palaver, one, two)
    await palaver.stop()


async def test_1_session_creation_and_storage(users: Two) -> None:
    async def created(user: User) -> None:
        assert "one agent, every chat" in await user.view("start")
        info = await user.info()
        assert "Turns: 1" in info
        assert (await user.transcript()).name in info
        assert user.thread.name == f"Remember the number {user.number}"

    await asyncio.gather(created(users.one), created(users.two))


async def test_2_session_listing(users: Two) -> None:
    async def lists(user: User) -> None:
        assert user.first in await user.view("newsession")
        await user.ask("The second matter")
        await user.ask("More of it")
        asked = await user.person.command("sessions", in_=user.thread)
        page = await asked.wait_for_text("Your Claude Sessions", SLOW)
        assert page.ephemeral
        assert re.search(r"👉 \W*1\.\W* The second matter", page.text)
        assert re.search(r"2\.\W* Remember the number", page.text)
        assert re.search(r"📅 \S+.* 💾 [\d.,]+ \w?B .* 🔄 2 turns", page.text), page.text
        label = f"2. Remember the number {user.number}"
        chosen = await choose(user.person, page, "Switch", label)
        assert "👉 Remember the number" in await told(chosen)
        assert "Turns: 1" in await user.info()
        assert await user.session() == user.first

    await asyncio.gather(lists(users.one), lists(users.two))


async def test_3_session_isolation(users: Two) -> None:
    async def answers(user: User) -> None:
        assert f"number {user.number}." in await user.ask(RECALL)

    await asyncio.gather(answers(users.one), answers(users.two))
    for user, other in users.each():
        for command in ("switch", "sessioninfo", "delete", "fork"):
            for guess in (other.first, other.first[:8], f"Remember the number {other.number}"):
                assert "You have no such session." in await user.view(command, session=guess)
        completed = await user.person.autocomplete("switch", in_=user.thread, session="Remember")
        assert [value for _, value in completed] == [user.first]
        assert str(other.number) not in re.sub(r"[0-9a-f]{8}", "", await titles(user))
        await user.person.say(f"{user.call} {RECALL}", to=other.thread)
        await other.thread.wait_for(
            lambda one: "don't recall" in one.text and "⏱" in one.text, SLOW
        )
    for user, _ in users.each():
        assert f"number {user.number}." in await user.ask(RECALL)


async def titles(user: User) -> str:
    """The names of a user's sessions, as the list has them."""
    page = await user.view("sessions")
    return " ".join(re.findall(r"Remember the number \d+", page))


async def test_4_new_session_creation(users: Two) -> None:
    async def begins_anew(user: User) -> None:
        assert user.first in await user.view("newsession")
        assert "don't recall" in await user.ask(RECALL)
        assert await user.session() != user.first

    await asyncio.gather(begins_anew(users.one), begins_anew(users.two))


async def test_5_session_cleanup(users: Two) -> None:
    one, two = users.one, users.two
    old, kept = await one.transcript(), await two.transcript()
    for user in (one, two):
        await user.view("newsession")
        await user.ask("A new matter")
    moment = time.time() - 31 * 24 * 3600
    for path in (old, kept):
        os.utime(path, (moment, moment))
    assert "Cleaned up 1 old session(s)" in await one.view("cleansessions")
    assert not await asyncio.to_thread(old.exists)
    assert await asyncio.to_thread(kept.exists)  # the other's goes when the other says so
    assert "No old sessions to clean up!" in await one.view("cleansessions")
    assert "You have no such session." in await two.view("restore", session=one.first)
    assert "Restored" in await one.view("restore", session=one.first)
    assert await asyncio.to_thread(old.exists)


async def test_6_session_persistence_across_restarts(users: Two) -> None:
    await users.palaver.restart()

    async def goes_on(user: User) -> None:
        assert f"number {user.number}." in await user.ask(RECALL)
        info = await user.info()
        assert user.first in info
        assert "Turns: 2" in info

    await asyncio.gather(goes_on(users.one), goes_on(users.two))


async def test_7_missing_session_handling(users: Two) -> None:
    (await users.one.transcript()).unlink()
    assert "don't recall" in await users.one.ask(RECALL)
    await users.one.thread.wait_for_text("Session lost", SLOW)
    assert await users.one.session() != users.one.first
    assert "number 7." in await users.two.ask(RECALL)


async def test_a_hostile_member_decides_nothing_of_anothers_and_a_stranger_gets_nowhere(
    users: Two, hostile: Member
) -> None:
    one, two = users.one, users.two
    await one.person.say("run touch made.txt", to=one.thread)
    asked: Message = await one.thread.wait_for(
        lambda message: "Allow once" in message.buttons, SLOW
    )
    assert "touch made.txt" in asked.text
    for person in (two.person, hostile):
        for label in ("Allow once", "Deny"):
            assert "belongs to somebody else" in await told(await person.press(asked, label))
    await two.person.say("Allow once", to=one.thread)
    await two.person.say(f"{two.call} yes, allow it", to=one.thread)
    await hostile.say("run touch stolen.txt", to=one.thread)
    await hostile.say(f"{two.call} run touch stolen.txt", to=one.thread)
    assert "private" in await told(await hostile.command("ask", in_=one.thread, prompt=RECALL))
    assert "private" in await told(await hostile.command("sessions", in_=one.thread))
    assert await hostile.autocomplete("switch", in_=one.thread, session=one.first) == []
    assert asked.buttons
    workspaces = users.palaver.engine.sessions.workspace
    made = workspaces(namespace(one.person.id)) / "made.txt"
    assert not await asyncio.to_thread(made.exists)
    await one.person.press(await newest_with(one.thread, "Allow once"), "Allow once")
    await one.thread.wait_for_text("1 tool use", SLOW)
    assert await asyncio.to_thread(made.exists)
    assert list(made.parent.parent.rglob("stolen.txt")) == []
