"""What waited for its user's word when Palaver ended: asked again, once, and of nobody else."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from palaver.engine import Engine
from palaver.errors import StoreFullError
from palaver.events import ApprovalAsked, Event, TurnFinished
from palaver.feeds import Submission
from palaver.identity import Namespace
from palaver.models import Session, Turn, TurnState
from palaver.testing.frontends import pretend_killed
from support.people import OpenEngine, Person

ALICE = Namespace("chat", "alice")


async def until(submission: Submission, kind: type[Event]) -> Event:
    async with asyncio.timeout(10):
        async for event in submission:
            if isinstance(event, kind):
                return event
    raise AssertionError(f"there was no {kind}")


async def left_asking(start: OpenEngine, data: Path) -> Session:
    """A life that ends in order while `run ls` waits for a yes, and `hello` behind it."""
    async with start() as engine:
        alice = Person(engine, ALICE)
        await until(await alice.submit("run ls"), ApprovalAsked)
        await alice.submit("hello")
        session = await alice.session()
    pretend_killed(data)
    return session


async def recovered(engine: Engine) -> list[tuple[Turn, Submission]]:
    return [pair async for pair in engine.recover(["chat"])]


async def end_of(submission: Submission) -> TurnFinished:
    end = await until(submission, TurnFinished)
    assert isinstance(end, TurnFinished)
    return end


async def test_it_is_asked_again_before_what_waited_behind_it_and_only_once(
    start: OpenEngine, tmp_path: Path
) -> None:
    await left_asking(start, tmp_path)
    async with start() as engine:
        alice = Person(engine, ALICE)
        (_, told), (again, following), (_, waiting) = await recovered(engine)
        end = await end_of(told)
        assert (end.state, end.goes_on, end.recovered) == (TurnState.INTERRUPTED, True, True)
        assert "Bash: ls" in end.error
        assert "/retry" not in end.error
        asked = await until(following, ApprovalAsked)
        assert isinstance(asked, ApprovalAsked)
        assert asked.request.turn_id == again.id
        assert [event.type for event in waiting.waiting()] == ["turn_queued"]
        await alice.view(f"/allow {asked.request.id}")
        assert (await end_of(following)).text == "I ran ls."
        assert (await end_of(waiting)).text == "hello"
    # nobody has noted that any of it was delivered, so all of it is told again, and none is run
    pretend_killed(tmp_path)
    async with start() as engine:
        ends = [await end_of(submission) for _, submission in await recovered(engine)]
        assert [end.text for end in ends] == ["", "I ran ls.", "hello"]
        assert (await Person(engine, ALICE).session()).turns == 2


async def test_it_is_not_asked_in_a_session_that_was_deleted(
    start: OpenEngine, tmp_path: Path
) -> None:
    session = await left_asking(start, tmp_path)
    with sqlite3.connect(tmp_path / "palaver.db") as connection:
        connection.execute("DELETE FROM turns WHERE state = 'queued'")
    connection.close()
    async with start() as engine:
        await Person(engine, ALICE).view(f"/delete {session.id} yes")
        [(_, told)] = await recovered(engine)
        end = await end_of(told)
        assert (end.state, end.goes_on) == (TurnState.INTERRUPTED, False)
        assert "/retry" in end.error


async def test_who_is_shut_out_is_not_asked(start: OpenEngine, tmp_path: Path) -> None:
    await left_asking(start, tmp_path)
    async with start(access={"owners": ["other:*"]}) as engine:
        assert await recovered(engine) == []
        await engine.idle()
        assert [turn.prompt.text for turn in engine.turns.at_work()] == []
        assert engine.requests.waiting(ALICE) == []


async def test_a_disk_that_is_full_is_no_reason_not_to_ask(
    start: OpenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with start() as engine:

        async def full(*_: object) -> None:
            raise StoreFullError("The disk is full.")

        monkeypatch.setattr(engine._store.ledger, "note_pending", full)
        alice = Person(engine, ALICE)
        running = await alice.submit("run ls")
        asked = await until(running, ApprovalAsked)
        assert isinstance(asked, ApprovalAsked)
        await alice.view(f"/allow {asked.request.id}")
        assert (await end_of(running)).text == "I ran ls."
