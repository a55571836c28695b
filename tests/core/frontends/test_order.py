"""Several turns in one place: how each ends is shown in their order, and nothing between."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import ClassVar

import pytest

import palaver.frontends.presenter
from palaver.agents.scripted import ScriptedProcess
from palaver.engine import Engine
from palaver.events import AgentEvent, FileSent, TextDelta
from palaver.frontends.contract import MessageId, Place
from palaver.identity import ConversationId
from palaver.testing.frontends import MemoryFrontend
from palaver.views import View
from support.people import engine_starter


class Slow(MemoryFrontend):
    """A chat that takes files, and what `holds` says, only when `gate` is open, and refuses what
    `refuses` says once.

    Attributes:
        held: something waits at the gate.
    """

    name: ClassVar[str] = "chat"

    def __init__(self) -> None:
        super().__init__()
        self.holds: Callable[[View], bool] = lambda _: False
        self.refuses: Callable[[View], bool] = lambda _: False
        self.gate, self.held = asyncio.Event(), asyncio.Event()
        self._changed = asyncio.Event()

    async def send(self, place: Place, view: View) -> MessageId:
        if self.refuses(view):
            self.refuses = lambda _: False
            raise RuntimeError("The chat does not take it.")
        if self.holds(view):
            self.held.set()
            await self.gate.wait()
        message = await super().send(place, view)
        self._changed.set()
        return message

    async def send_file(self, place: Place, path: Path, caption: str) -> MessageId:
        self.held.set()
        await self.gate.wait()
        return await super().send_file(place, path, caption)

    def said(self, user: str = "owner") -> list[str]:
        """All that is shown to somebody, but turns at work."""
        views = self.messages.get(ConversationId(user), {}).values()
        return [view.plain() for view in views if view.kind != "progress"]

    async def until(self, part: str, user: str = "owner") -> None:
        async with asyncio.timeout(10):
            while not any(part in text for text in self.said(user)):
                self._changed.clear()
                await self._changed.wait()

    def in_order(self, *parts: str) -> list[str]:
        """These, in the order in which they are shown."""
        said = self.said()
        found = [(place, part) for part in parts for place, text in enumerate(said) if part in text]
        return [part for _, part in sorted(found)]


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    async with engine_starter(tmp_path, "scripted")() as engine:
        yield engine


@pytest.fixture
async def chat(engine: Engine) -> AsyncIterator[Slow]:
    chat = Slow()
    await chat.start(engine)
    yield chat
    chat.gate.set()
    await chat.stop()


async def test_an_answer_that_must_be_sent_again_is_not_overtaken(
    chat: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(palaver.frontends.presenter, "_SEND_AGAIN_S", (0.0, 0.5))
    chat.refuses = lambda view: view.text == "first"
    await chat.push("owner", "first", "1")
    await chat.push("owner", "second", "2")
    await chat.until("second")
    assert chat.in_order("first", "second") == ["first", "second"]


async def test_an_answer_waits_for_all_that_the_turn_before_it_still_shows(
    chat: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def send_file(*_: object) -> AsyncIterator[AgentEvent]:
        yield FileSent(path="report.txt")
        yield TextDelta(text="There it is.")

    monkeypatch.setattr(ScriptedProcess, "_run_command", send_file)
    await chat.push("owner", "run ls", "1")
    await chat.held.wait()
    await chat.push("owner", "second", "2")
    await chat.push("owner", "/newsession", "3")
    await chat.push("owner", "elsewhere", "4")
    await chat.until("elsewhere")  # another session waits for nothing
    chat.gate.set()
    await chat.until("second")
    known = ["elsewhere", "report.txt", "There it is.", "second"]
    assert chat.in_order(*known) == known


async def test_nothing_comes_between_the_messages_of_one_answer(chat: Slow) -> None:
    chat.holds = lambda view: "word200 " in view.text
    await chat.push("owner", "stream 400", "1")
    await chat.held.wait()
    await chat.push("owner", "/status", "2")
    await chat.push("member", "hello", "3")
    await chat.until("hello", "member")
    chat.gate.set()
    await chat.until("Idle")
    known = ["word0 ", "word200 ", "word399", "Idle"]
    assert chat.in_order(*known) == known


async def test_an_answer_on_its_way_arrives_before_an_orderly_end_and_comes_once(
    engine: Engine, chat: Slow
) -> None:
    chat.holds = lambda view: view.text == "first"
    await chat.push("owner", "first", "1")
    await chat.held.wait()
    asyncio.get_running_loop().call_later(0.1, chat.gate.set)
    await chat.stop()
    assert chat.said()[-1].startswith("first")
    again = Slow()
    await again.start(engine)
    await again.push("owner", "second", "2")
    await again.until("second")
    await again.stop()
    assert not any("first" in text for text in again.said())


async def test_what_the_agent_asks_is_asked_again_where_the_chat_does_not_take_it(
    chat: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(palaver.frontends.presenter, "_SEND_AGAIN_S", (0.0, 0.1))
    chat.refuses = lambda view: view.kind == "approval"
    await chat.push("owner", "run ls", "1")
    await chat.until("🔐")
