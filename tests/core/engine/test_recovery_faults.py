"""A store that refuses while what was left is taken up: it is tried again, and blocks nobody."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from palaver.engine import Engine
from palaver.errors import AccessUnknownError, StoreLockedError
from palaver.events import TurnFinished
from palaver.feeds import Submission
from palaver.identity import Namespace
from palaver.models import Turn, TurnState, now
from palaver.store.ledger import Ledger
from support.people import Person

ALICE = Namespace("chat", "alice")
DEAD = "1:0.00"  # a process that has ended


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("palaver.recovery.ASK_AGAIN_S", 0.02)


def refuse_once(monkeypatch: pytest.MonkeyPatch, name: str) -> list[str]:
    """That method of the ledger refuses once; what it has refused."""
    method: Callable[..., Awaitable[Any]] = getattr(Ledger, name)
    refused: list[str] = []

    async def refuse(ledger: Ledger, *arguments: Any) -> Any:
        if not refused:
            refused.append(name)
            raise StoreLockedError("The database is locked.")
        return await method(ledger, *arguments)

    monkeypatch.setattr(Ledger, name, refuse)
    return refused


async def left(person: Person, process: str = "") -> Turn:
    """A turn that was running when its Palaver died; the agent had it if there is a `process`."""
    turn = Turn(
        id=uuid4(),
        session_id=(await person.session()).id,
        prompt=person.prompt("left behind"),
        state=TurnState.RUNNING,
        created=now(),
        started=now(),
        runner=DEAD,
        agent_process=process,
    )
    assert await person.engine._store.ledger.add(turn)
    return turn


async def recover(engine: Engine) -> list[Submission]:
    async with asyncio.timeout(10):
        return [submission async for _, submission in engine.recover(["chat"])]


async def end(submission: Submission) -> TurnFinished:
    async with asyncio.timeout(10):
        [finished] = [event async for event in submission if isinstance(event, TurnFinished)]
    return finished


def unknown_at_first(monkeypatch: pytest.MonkeyPatch, engine: Engine, *, admitted: bool) -> None:
    """Whether somebody is let in is not known when recovery asks for the first time."""
    asked: list[object] = []

    async def admits(prompt: object) -> bool:
        asked.append(prompt)
        if len(asked) == 1:
            raise AccessUnknownError
        return admitted

    monkeypatch.setattr(engine._recovery, "_admits", admits)


async def test_what_waited_to_be_let_in_runs_once_the_store_takes_it(
    engine: Engine, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await alice.ask("hello")
    await left(alice)
    unknown_at_first(monkeypatch, engine, admitted=True)
    refused = refuse_once(monkeypatch, "requeue")
    [submission] = await recover(engine)
    new = await alice.submit("new")
    assert [(await end(one)).text for one in (submission, new)] == ["left behind", "new"]
    assert refused == ["requeue"]


@pytest.mark.parametrize("method", ["finish", "deliver"])
async def test_what_one_has_left_who_is_shut_out_blocks_nobody(
    engine: Engine, alice: Person, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    await alice.ask("hello")
    turn = await left(alice)
    with monkeypatch.context() as patched:
        unknown_at_first(patched, engine, admitted=False)
        refused = refuse_once(patched, method)
        [submission] = await recover(engine)
        async with asyncio.timeout(10):
            assert [event async for event in submission] == []
        assert refused == [method]
    kept = await engine._store.ledger.get(ALICE, turn.id)
    assert kept
    assert (kept.state, kept.delivery.value, kept.error) == ("interrupted", "delivered", "")
    assert await alice.ask("new") == "new"


async def test_a_turn_that_was_cut_off_is_told_once_the_store_takes_its_end(
    engine: Engine, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await alice.ask("hello")
    await left(alice, DEAD)
    refused = refuse_once(monkeypatch, "finish")
    [submission] = await recover(engine)
    assert (await end(submission)).state is TurnState.INTERRUPTED
    assert (await end(await alice.submit("new"))).text == "new"
    assert refused == ["finish"]
