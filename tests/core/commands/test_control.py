"""Stop and Run again: a button is about the turn that it stands below, what is typed about the
newest."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import ClassVar
from uuid import UUID, uuid4

import pytest

from palaver.agents.contract import Agent, AgentProcess, Asker
from palaver.agents.scripted import ScriptedAgent, ScriptedProcess, ScriptedTranscripts
from palaver.engine import Engine
from palaver.events import AgentEvent, TextDelta, Told, TurnFinished
from palaver.feeds import Submission
from palaver.hookspecs import hookimpl
from palaver.identity import Namespace
from palaver.models import Prompt, Session, TurnState
from support.people import Person, engine_starter

OVER = "That one is over already."


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    async with engine_starter(tmp_path, "scripted")() as engine:
        yield engine


@pytest.fixture
def owner(engine: Engine) -> Person:
    return Person(engine, Namespace("chat", "owner"))


@pytest.fixture
def other(engine: Engine) -> Person:
    return Person(engine, Namespace("chat", "other"))


async def at_work(person: Person) -> Submission:
    """A turn of which the first words are there."""
    submission = await person.submit("wait 30")
    async with asyncio.timeout(5):
        async for event in submission:
            if isinstance(event, TextDelta):
                break
    return submission


async def end_of(submission: Submission) -> TurnFinished:
    async with asyncio.timeout(5):
        [end] = [event async for event in submission if isinstance(event, TurnFinished)]
    return end


def is_running(engine: Engine, turn_id: UUID | None) -> bool:
    return [turn.id for turn in engine.turns.at_work()] == [turn_id]


async def test_a_turn_that_is_named_is_stopped(owner: Person) -> None:
    turn = await at_work(owner)
    view = await owner.view(f"/stop {turn.turn_id}")
    assert (view.title, view.kind) == ("⏹️ Stopping …", "notice")
    assert (await end_of(turn)).state is TurnState.STOPPED


async def test_one_that_is_over_is_said_to_be_and_nothing_else_is_stopped(
    engine: Engine, owner: Person
) -> None:
    old = await at_work(owner)
    await owner.view("/stop")
    await end_of(old)
    new = await at_work(owner)
    view = await owner.view(f"/stop {old.turn_id}")
    assert (view.title, view.kind) == (OVER, "error")
    assert is_running(engine, new.turn_id)
    assert not engine.turns.at_work()[0].finished


async def test_it_is_stopped_in_another_session_than_the_current_one(owner: Person) -> None:
    turn = await at_work(owner)
    await owner.view("/newsession")
    assert (await owner.view("/stop")).title == "Nothing is running."
    assert (await owner.view(f"/stop {turn.turn_id}")).title == "⏹️ Stopping …"
    assert (await end_of(turn)).state is TurnState.STOPPED


async def test_a_turn_of_somebody_else_s_is_as_unknown_as_one_that_never_was(
    engine: Engine, owner: Person, other: Person
) -> None:
    turn = await at_work(owner)
    theirs = await other.view(f"/stop {turn.turn_id}")
    assert theirs == await other.view(f"/stop {uuid4()}")
    assert theirs.title == OVER
    assert is_running(engine, turn.turn_id)


async def test_what_waits_behind_it_is_told(owner: Person) -> None:
    turn = await at_work(owner)
    waiting = await owner.submit("next")
    view = await owner.view(f"/stop {turn.turn_id}")
    assert view.text == "1 message still waiting; /stop all drops them, too."
    assert (await end_of(waiting)).text == "next"


async def test_the_button_of_status_is_about_what_it_shows(owner: Person) -> None:
    turn = await at_work(owner)
    [stop] = (await owner.view("/status")).actions
    assert (stop.label, stop.command) == ("Stop", f"/stop {turn.turn_id}")


class Slow:
    """An agent that takes long to compact a session."""

    @hookimpl
    def register_agents(self) -> list[type[Agent]]:
        return [SlowAgent]


class SlowAgent(ScriptedAgent):
    name: ClassVar[str] = "slow"

    async def open(self, session: Session, *, resume: bool) -> AgentProcess:
        del resume
        assert isinstance(self.transcripts, ScriptedTranscripts)
        return SlowProcess(session, self.transcripts)


class SlowProcess(ScriptedProcess):
    def _act(self, word: str, rest: str, prompt: Prompt, asker: Asker) -> AsyncIterator[AgentEvent]:
        if word == "/compact":
            word, rest = "wait", "30"
        return super()._act(word, rest, prompt, asker)


async def test_a_compaction_that_runs_by_itself_is_stopped_by_the_button_of_status(
    tmp_path: Path,
) -> None:
    opened = engine_starter(tmp_path / "other", "slow")
    async with opened({"slow": Slow()}, sessions={"auto_compact_turns": 1}) as engine:
        owner = Person(engine, Namespace("chat", "owner"))
        turn = await owner.submit("hello")
        async with asyncio.timeout(5):
            async for event in turn:
                if isinstance(event, TextDelta) and event.text.startswith("Working"):
                    break
        [stop] = (await owner.view("/status")).actions
        assert (await owner.view(stop.command)).title == "⏹️ Stopping …"
        async with asyncio.timeout(5):
            told = [event.view.title async for event in turn if isinstance(event, Told)]
        assert told == ["🗜️ Not compacted"]
        assert (await owner.view(stop.command)).title == OVER


async def test_a_turn_that_is_named_is_run_again(owner: Person) -> None:
    failed = await owner.end_of("fail")
    again = await owner.end_of(f"/retry {failed.turn_id}")
    assert again.state is TurnState.FAILED
    assert again.turn_id != failed.turn_id


async def test_one_that_is_not_the_last_is_not_run_again_and_no_other_in_its_place(
    engine: Engine, owner: Person
) -> None:
    old = await owner.end_of("fail old")
    await owner.end_of("fail new")
    view = await owner.view(f"/retry {old.turn_id}")
    assert (view.kind, view.title) == ("error", "⚠️ That is not your last message any more.")
    assert view.text == "Send it again to repeat it."
    assert engine.turns.at_work() == []


async def test_nobody_runs_another_s_again(owner: Person, other: Person) -> None:
    failed = await owner.end_of("fail")
    await other.end_of("fail")
    theirs = await other.view(f"/retry {failed.turn_id}")
    assert theirs == await other.view(f"/retry {uuid4()}")
