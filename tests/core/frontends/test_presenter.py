"""The presenter when the chat, or the store, fails: the answer comes all the same."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import ClassVar

import pytest

import palaver.frontends.presenter
from palaver.agents.contract import Asker
from palaver.agents.scripted import ScriptedProcess
from palaver.engine import Engine
from palaver.errors import PromptRejectedError, StoreFullError
from palaver.frontends.contract import MessageId, Place
from palaver.hookspecs import hookimpl
from palaver.identity import ConversationId, Namespace
from palaver.models import Choice, DeliveryState, Prompt, Question
from palaver.store.ledger import Ledger
from palaver.testing.frontends import MemoryFrontend, pretend_killed
from palaver.views import View
from support.people import OpenEngine, engine_starter

ALICE = Namespace("chat", "alice")
PLACE = ConversationId("alice")


class Shaky(MemoryFrontend):
    """A chat that fails as often as `broken` says: at sending a kind of view, `edit`, `remove`."""

    name: ClassVar[str] = "chat"

    def __init__(self) -> None:
        super().__init__()
        self.broken: Counter[str] = Counter()
        self.tried: Counter[str] = Counter()
        self._tried = asyncio.Event()

    async def send(self, place: Place, view: View) -> MessageId:
        self._try(view.kind)
        return await super().send(place, view)

    async def edit(self, place: Place, message: MessageId, view: View) -> None:
        self._try("edit")
        await super().edit(place, message, view)

    async def remove(self, place: Place, message: MessageId) -> None:
        self._try("remove")
        await super().remove(place, message)

    def shown(self, kind: str) -> list[View]:
        return [view for view in self.messages.get(PLACE, {}).values() if view.kind == kind]

    async def settled(self, engine: Engine) -> None:
        """Wait until all that was submitted has been shown."""
        assert self._presenter
        async with asyncio.timeout(10):
            await engine.idle()
            await asyncio.gather(*self._presenter._tasks)

    async def until_tried(self, kind: str, count: int = 1) -> None:
        async with asyncio.timeout(10):
            while self.tried[kind] < count:
                self._tried.clear()
                await self._tried.wait()

    def _try(self, what: str) -> None:
        self.tried[what] += 1
        self._tried.set()
        if self.broken[what] > 0:
            self.broken[what] -= 1
            raise RuntimeError("The chat does not take it.")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(palaver.frontends.presenter, "_SEND_AGAIN_S", (0.0, 0.05, 0.05))


@pytest.fixture
def start(tmp_path: Path) -> OpenEngine:
    return engine_starter(tmp_path, "scripted")


@pytest.fixture
async def engine(start: OpenEngine) -> AsyncIterator[Engine]:
    async with start() as engine:
        yield engine


@pytest.fixture
async def chat(engine: Engine) -> AsyncIterator[Shaky]:
    chat = Shaky()
    await chat.start(engine)
    yield chat
    await chat.stop()


async def delivery(engine: Engine) -> DeliveryState:
    turn = await engine.last_turn(ALICE, PLACE)
    assert turn
    return turn.delivery


async def test_an_answer_is_shown_though_its_delivery_cannot_be_written_down(
    engine: Engine, chat: Shaky, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        raise StoreFullError("The disk is full.")

    monkeypatch.setattr(Ledger, "deliver", full)
    await chat.push("alice", "hello", "message-1")
    await chat.settled(engine)
    assert [view.text for view in chat.shown("answer")] == ["hello"]
    assert chat.shown("progress") == []


async def test_an_answer_is_shown_though_what_said_that_it_waits_cannot_be_removed(
    start: OpenEngine,
) -> None:
    class Rejects:
        @hookimpl
        def on_prompt(self, prompt: Prompt) -> None:
            if prompt.text == "bad":
                raise PromptRejectedError("Not allowed.")

    chat = Shaky()
    async with start({"rejects": Rejects()}) as engine:
        await chat.start(engine)
        chat.broken["remove"] = 9
        for text in ("wait 0.2", "bad", "hello"):
            await chat.push("alice", text, text)
        await chat.settled(engine)
        await chat.stop()
    assert [view.text for view in chat.shown("answer")] == ["Working. Done.", "hello"]
    assert [view.text for view in chat.shown("error")] == ["Not allowed."]
    assert chat.tried["remove"] > 2


async def test_an_answer_that_the_chat_does_not_take_is_sent_again_and_marked_as_repeated(
    engine: Engine, chat: Shaky
) -> None:
    chat.broken["answer"] = 1
    await chat.push("alice", "wait 0.1", "message-1")
    await chat.settled(engine)
    assert [(view.text, view.repeated) for view in chat.shown("answer")] == [
        ("Working. Done.", True)
    ]
    assert chat.shown("progress") == []
    assert await delivery(engine) is DeliveryState.DELIVERED


async def test_an_answer_that_is_taken_at_once_is_sent_once_and_not_marked(
    engine: Engine, chat: Shaky
) -> None:
    await chat.push("alice", "hello", "message-1")
    await chat.settled(engine)
    assert chat.tried["answer"] == 1
    assert [view.repeated for view in chat.shown("answer")] == [False]


async def test_an_answer_that_is_never_taken_comes_at_the_next_start(
    start: OpenEngine, tmp_path: Path
) -> None:
    chat = Shaky()
    async with start() as engine:
        await chat.start(engine)
        chat.broken["answer"] = 3
        await chat.push("alice", "wait 0.1", "message-1")
        await chat.settled(engine)
        assert chat.tried["answer"] == 3
        assert await delivery(engine) is DeliveryState.ATTEMPTED
        await chat.stop()
    pretend_killed(tmp_path)
    async with start() as engine:
        await chat.start(engine)
        await chat.settled(engine)
        assert [view.repeated for view in chat.shown("answer")] == [True]
        assert await delivery(engine) is DeliveryState.DELIVERED
        await chat.stop()


async def test_a_live_message_that_cannot_be_shown_costs_only_itself(
    engine: Engine, chat: Shaky
) -> None:
    chat.broken["progress"] = chat.broken["edit"] = chat.broken["remove"] = 99
    await chat.push("alice", "wait 0.1", "message-1")
    await chat.settled(engine)
    assert [view.text for view in chat.shown("answer")] == ["Working. Done."]
    assert await delivery(engine) is DeliveryState.DELIVERED


async def test_a_live_message_that_the_chat_does_not_take_is_tried_again(
    engine: Engine, chat: Shaky
) -> None:
    chat.broken["progress"] = 1
    await chat.push("alice", "wait 30", "message-1")
    await chat.until_tried("progress", 2)
    assert [view.text for view in chat.shown("progress")] == ["Working. "]
    await chat.push("alice", "/stop", "message-2")
    await chat.settled(engine)


async def test_an_approval_that_cannot_be_shown_is_denied_by_stop(
    engine: Engine, chat: Shaky
) -> None:
    chat.broken["approval"] = 1
    await chat.push("alice", "run ls", "message-1")
    await chat.until_tried("approval")
    await chat.push("alice", "/stop", "message-2")
    await chat.settled(engine)
    assert [view.text for view in chat.shown("answer")] == ["I did not run ls."]


async def test_an_edit_that_fails_leaves_the_other_buttons_settled(
    engine: Engine, chat: Shaky, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask_three(
        process: ScriptedProcess, word: str, rest: str, prompt: Prompt, asker: Asker
    ) -> str:
        choice = Choice(label="Yes")
        questions = [Question(text=f"Number {n}?", choices=(choice,)) for n in range(3)]
        return f"You said: {await asker.ask(tuple(questions))}"

    async def no_progress(*_: object) -> None:
        return None  # so that the only edits are those of the questions

    monkeypatch.setattr(ScriptedProcess, "_answer", ask_three)
    monkeypatch.setattr(chat, "progress", no_progress)
    await chat.push("alice", "hello", "message-1")
    await chat.until_tried("question", 3)
    asked = chat.shown("question")
    chat.broken["edit"] = 1
    for view in asked:
        command = view.actions[0].command
        await chat.push("alice", command, command)
    await chat.settled(engine)
    assert [len(view.actions) for view in chat.shown("question")] == [len(asked[0].actions), 0, 0]
    assert len(chat.shown("answer")) == 1
