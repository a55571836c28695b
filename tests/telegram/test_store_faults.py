"""A database that refuses for a while: nobody becomes a stranger, and nothing is done twice."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from palaver.errors import StoreLockedError
from palaver.identity import ConversationId
from palaver.models import Grant
from palaver.testing.telegram import BotApi, Chat, Person
from palaver_telegram.places import namespace
from support.telegrams import ALICE, Launch, Palaver

CAROL = 1003
LOCKED = StoreLockedError("The database /home/of/the/bot/palaver.db is locked.")


class Refusal:
    """A method of an object that refuses until it is mended."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, own: object, name: str) -> None:
        self.broken = True
        self.refused = 0
        self._again = asyncio.Event()
        self._method: Callable[..., Awaitable[Any]] = getattr(own, name)
        monkeypatch.setattr(own, name, self._called)

    async def _called(self, *arguments: Any) -> Any:
        if self.broken:
            self.refused += 1
            self._again.set()
            raise LOCKED
        return await self._method(*arguments)

    async def times(self, count: int) -> None:
        async with asyncio.timeout(10):
            while self.refused < count:
                self._again.clear()
                await self._again.wait()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("palaver.frontends.reception.RETRY_S", 0.05)


@pytest.fixture
async def carol(palaver: Palaver) -> Person:
    """Somebody who was let in by a pairing code."""
    await palaver.engine._store.grants.allow(Grant(namespace=namespace(CAROL)))
    return palaver.api.user("Carol", id=CAROL)


async def test_who_was_let_in_is_no_stranger_while_the_grants_cannot_be_read(
    palaver: Palaver, carol: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = palaver.api.private(carol)
    grants = Refusal(monkeypatch, palaver.engine._store.grants, "get")
    for text in ("remember 42", "what number"):
        await carol.send(text)
    await grants.times(3)
    grants.broken = False
    await place.wait_for_text("You told me 42.")
    assert not any("private" in text or "palaver.db" in text for text in place.texts)
    assert sum("cannot look up just now" in text for text in place.texts) == 1


async def test_what_waits_for_the_grants_outlives_a_restart(
    launch: Launch, api: BotApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    palaver = launch(tmp_path)
    await palaver.start()
    await palaver.engine._store.grants.allow(Grant(namespace=namespace(CAROL)))
    carol = api.user("Carol", id=CAROL)
    place = api.private(carol)
    grants = Refusal(monkeypatch, palaver.engine._store.grants, "get")
    await carol.send("remember 42")
    await grants.times(2)
    await api.all_taken()
    await palaver.restart()
    await place.wait_for_text("I will remember 42.")
    assert sum("I will remember" in text for text in place.texts) == 1


async def test_a_press_that_cannot_be_looked_up_says_so_and_nothing_of_the_database(
    palaver: Palaver, carol: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = palaver.api.private(carol)
    await carol.send("run ls")
    asked = await place.wait_for(lambda message: "Deny" in message.buttons)
    grants = Refusal(monkeypatch, palaver.engine._store.grants, "get")
    said = (await (await carol.press(asked, "Deny")).answer()).text
    assert "cannot look up just now" in said
    assert "palaver.db" not in said
    grants.broken = False
    await carol.press(asked, "Deny")
    await place.wait_until(lambda: not asked.buttons)


async def test_a_file_is_fetched_once_however_often_the_store_refuses(
    palaver: Palaver,
    alice: Person,
    chat: Chat,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = Refusal(monkeypatch, palaver.engine._store.ledger, "add")
    await alice.send_document(b"x" * 1000, "report.txt", "look")
    await ledger.times(4)
    ledger.broken = False
    await chat.wait_for_text("look (with report.txt)")
    session = await palaver.engine.current(namespace(ALICE), ConversationId(str(ALICE)))
    assert session
    inbox = session.workspace / "inbox"
    assert [file.name for file in await asyncio.to_thread(inbox.iterdir)] == ["report.txt"]
    assert sum("is locked" in text for text in chat.texts) == 1
