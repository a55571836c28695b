"""Answers that come as a file, too: what is said of it, and when they count as delivered."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path
from typing import ClassVar

import pytest

from palaver.engine import Engine
from palaver.frontends.contract import Capabilities, MessageId, Place
from palaver.identity import ConversationId, Namespace
from palaver.models import DeliveryState
from palaver.testing.frontends import MemoryFrontend
from palaver.views import View
from support.people import engine_starter

OWNER, PLACE = Namespace("chat", "owner"), ConversationId("owner")


class Filing(MemoryFrontend):
    """A chat for which ten characters are long; the file waits until it is let through."""

    name: ClassVar[str] = "chat"
    capabilities: ClassVar[Capabilities] = dataclasses.replace(
        MemoryFrontend.capabilities, max_text=None, files=True, file_above=10
    )

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[View] = []
        self.over: list[MessageId] = []
        self.begun = asyncio.Event()
        self.allowed = asyncio.Event()
        self.broken = False
        self.whole = ""

    async def send(self, place: Place, view: View) -> MessageId:
        self.sent.append(view)
        return await super().send(place, view)

    async def progress_over(self, place: Place, message: MessageId) -> None:
        assert not [view for view in self.sent if view.kind == "answer"]
        self.over.append(message)

    async def send_whole(self, place: Place, path: Path, caption: str) -> MessageId:
        self.whole = await asyncio.to_thread(path.read_text)
        self.begun.set()
        await self.allowed.wait()
        if self.broken:
            raise RuntimeError("The chat does not take it.")
        return await super().send_whole(place, path, caption)

    def shown(self, kind: str) -> list[View]:
        return [view for view in self.sent if view.kind == kind]


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    async with engine_starter(tmp_path, "scripted")() as engine:
        yield engine


@pytest.fixture
async def chat(engine: Engine) -> AsyncIterator[Filing]:
    chat = Filing()
    await chat.start(engine)
    yield chat
    await chat.stop()


async def shown(engine: Engine, chat: Filing) -> None:
    """Wait until all that was submitted has been shown; then it is delivered."""
    assert chat._presenter
    async with asyncio.timeout(5):
        await engine.idle()
        await asyncio.gather(*chat._presenter._tasks)
    assert await delivery(engine) is DeliveryState.DELIVERED


async def delivery(engine: Engine) -> DeliveryState:
    turn = await engine.last_turn(OWNER, PLACE)
    assert turn
    return turn.delivery


@pytest.mark.parametrize("broken", [False, True])
async def test_one_is_delivered_when_its_file_is_or_cannot_be(
    engine: Engine, chat: Filing, broken: bool
) -> None:
    chat.broken = broken
    await chat.push("owner", "a long answer", "message-1")
    async with asyncio.timeout(5):
        await chat.begun.wait()
    assert [view.filed for view in chat.shown("answer")] == [True]
    assert chat.whole == "a long answer"
    assert await delivery(engine) is DeliveryState.ATTEMPTED
    chat.allowed.set()
    await shown(engine, chat)
    assert len(chat.files) == (0 if broken else 1)


async def test_a_short_one_is_in_no_file(engine: Engine, chat: Filing) -> None:
    await chat.push("owner", "short", "message-1")
    await shown(engine, chat)
    assert [view.filed for view in chat.shown("answer")] == [False]
    assert not chat.begun.is_set()


async def test_a_live_message_is_said_to_be_over_before_the_answer_comes(
    engine: Engine, chat: Filing
) -> None:
    chat.allowed.set()
    await chat.push("owner", "wait 0.2", "message-1")
    await shown(engine, chat)
    assert len(chat.over) == 1
    assert len(chat.shown("answer")) == 1
