"""Recovery while others go on: new prompts, another Palaver, a compaction."""

import asyncio
import os
from collections.abc import AsyncIterator, Collection
from datetime import timedelta
from uuid import uuid4

import pytest

import palaver.processes as processes
from palaver.agents.contract import Asker
from palaver.agents.scripted import ScriptedAgent, ScriptedProcess
from palaver.engine import Engine
from palaver.events import AgentEvent, Compacted, TextDelta, Told, TurnFinished
from palaver.feeds import Submission
from palaver.hookspecs import hookimpl
from palaver.identity import Namespace
from palaver.models import Prompt, Turn, TurnState, now
from palaver.store.ledger import Ledger
from support.people import OpenEngine, Person

ALICE = Namespace("chat", "alice")
DEAD = "1:0.00"  # a process that has ended


async def left(
    person: Person,
    text: str,
    *,
    process: str | None = None,
    ago_s: int = 10,
    upkeep: bool = False,
) -> Turn:
    """A turn that a dead Palaver has left: queued, or running if there is a `process`."""
    turn = Turn(
        id=uuid4(),
        session_id=(await person.session()).id,
        prompt=person.prompt(text).model_copy(update={"upkeep": upkeep}),
        state=TurnState.QUEUED if process is None else TurnState.RUNNING,
        created=now() - timedelta(seconds=ago_s),
        started=None if process is None else now(),
        runner=DEAD,
        agent_process=process or "",
    )
    assert await person.engine._store.ledger.add(turn)
    return turn


async def recover(engine: Engine) -> list[Submission]:
    async with asyncio.timeout(10):
        return [submission async for _, submission in engine.recover(["chat"])]


async def ends(*submissions: Submission) -> list[TurnFinished]:
    async with asyncio.timeout(10):
        return [
            event
            for submission in submissions
            async for event in submission
            if isinstance(event, TurnFinished)
        ]


class SlowlyAdmits:
    """Deciding who is let in takes a while, so what is new comes in between."""

    delay_s = 0.0

    @hookimpl
    async def on_authorize(self) -> None:
        await asyncio.sleep(self.delay_s)


# --- a new prompt comes before or during recovery -----------------------------------------------


async def test_a_prompt_that_comes_just_before_recovery_runs_after_what_was_left(
    engine: Engine, alice: Person
) -> None:
    await alice.ask("hello")
    await left(alice, "remember 42")
    new = await alice.submit("what number")
    texts = [end.text for end in await ends(*await recover(engine), new)]
    assert texts == ["I will remember 42.", "You told me 42."]


async def test_a_prompt_that_comes_during_recovery_runs_after_what_was_left(
    start: OpenEngine,
) -> None:
    slowly = SlowlyAdmits()
    async with start({"slowly": slowly}) as engine:
        alice = Person(engine, ALICE)
        await alice.ask("hello")
        for number in range(3):
            await left(alice, f"remember {number}", ago_s=10 - number)
        slowly.delay_s = 0.05
        recovering = asyncio.create_task(recover(engine))
        await asyncio.sleep(0.02)
        new = await alice.submit("what number")
        texts = [end.text for end in await ends(*await recovering, new)]
        assert texts == [*(f"I will remember {n}." for n in range(3)), "You told me 2."]


@pytest.mark.parametrize("process", [None, "", DEAD], ids=["queued", "unsent", "running"])
async def test_what_was_left_and_never_recovered_blocks_nobody_and_is_told_when_it_is(
    engine: Engine, alice: Person, process: str | None
) -> None:
    await alice.ask("hello")
    turn = await left(alice, "old", process=process)
    [end] = await ends(await alice.submit("new"))
    assert end.text == "new"
    [old] = await ends(*await recover(engine))
    assert (old.turn_id, old.state) == (turn.id, TurnState.INTERRUPTED)
    assert "/retry" in old.error


@pytest.mark.parametrize(("process", "turns"), [("", 2), (DEAD, 3)], ids=["unsent", "running"])
async def test_a_turn_that_never_reached_the_agent_is_not_counted_when_it_is_ended(
    alice: Person, process: str, turns: int
) -> None:
    await alice.ask("hello")
    await left(alice, "old", process=process)
    assert await alice.ask("new") == "new"
    assert (await alice.session()).turns == turns


async def test_a_prompt_that_waits_for_what_a_dead_palaver_left_says_so(
    engine: Engine, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = asyncio.Event()

    async def settle(agent: ScriptedAgent, process: str, *, limit_s: float) -> None:
        await over.wait()

    monkeypatch.setattr(ScriptedAgent, "settle", settle)
    await alice.ask("hello")
    await left(alice, "old", process=DEAD)
    submission = await alice.submit("new")
    async with asyncio.timeout(5):
        async for event in submission:  # not silent until the old one has settled
            if isinstance(event, Told):
                assert event.view.title == "⏳ Waiting"
                over.set()
                break
    assert [end.text for end in await ends(submission)] == ["new"]


async def test_a_prompt_that_waits_for_what_a_dead_palaver_left_can_be_stopped(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def settle(agent: ScriptedAgent, process: str, *, limit_s: float) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(ScriptedAgent, "settle", settle)
    await alice.ask("hello")
    await left(alice, "old", process=DEAD)
    submission = await alice.submit("new")
    await alice.view("/stop")
    assert [end.state for end in await ends(submission)] == [TurnState.STOPPED]


async def test_closing_before_a_recovered_turn_has_begun_leaves_it_to_the_next_start(
    start: OpenEngine,
) -> None:
    async with start() as engine:
        alice = Person(engine, ALICE)
        await alice.ask("hello")
        await left(alice, "remember 42")
        submissions = await recover(engine)
        await engine.close()
        assert await ends(*submissions) == []
    async with start() as engine:
        await _disown(engine)
        texts = [end.text for end in await ends(*await recover(engine))]
        assert texts == ["hello", "I will remember 42."]


# --- two Palavers -------------------------------------------------------------------------------


def another(engine: Engine) -> Engine:
    """Let it pass for a Palaver in a process of its own, which lives."""
    engine.turns._runner = engine._recovery._runner = processes.identity(os.getppid())
    return engine


@pytest.mark.parametrize("process", [None, "", DEAD], ids=["queued", "unsent", "running"])
async def test_of_two_palavers_that_find_a_turn_at_once_one_takes_it(
    start: OpenEngine, monkeypatch: pytest.MonkeyPatch, process: str | None
) -> None:
    both = asyncio.Barrier(2)
    real = Ledger.unfinished

    async def unfinished(ledger: Ledger, frontends: Collection[str]) -> list[Turn]:
        found = await real(ledger, frontends)
        await both.wait()
        return found

    async with start() as one, start() as two:
        alice = Person(one, ALICE)
        await alice.ask("hello")
        await left(alice, "remember 42", process=process)
        monkeypatch.setattr(Ledger, "unfinished", unfinished)
        found = await asyncio.gather(recover(one), recover(another(two)))
        told = [end.state for submissions in found for end in await ends(*submissions)]
        assert told == [TurnState.INTERRUPTED if process else TurnState.DONE]
        transcripts = one.agent("scripted").transcripts
        messages = await transcripts.messages(await alice.session())
        assert messages.count(("user", "remember 42")) == (0 if process else 1)


async def test_a_turn_that_another_palaver_is_running_is_left_to_it(
    start: OpenEngine,
) -> None:
    async with start() as one, start() as two:
        submission = await Person(another(one), ALICE).submit("wait 0.3")
        async for event in submission:
            if isinstance(event, TextDelta):
                break
        assert await recover(two) == []
        assert await Person(two, ALICE).ask("hello") == "hello"
        [end] = await ends(submission)
        assert (end.state, end.text) == (TurnState.DONE, "Working. Done.")


async def test_a_prompt_that_waits_for_another_palaver_can_be_stopped(start: OpenEngine) -> None:
    async with start() as one, start() as two:
        running = await Person(another(one), ALICE).submit("wait 30")
        async for event in running:
            if isinstance(event, TextDelta):
                break
        waiting = await Person(two, ALICE).submit("never")
        assert waiting.turn_id
        assert await two.stop(ALICE, waiting.turn_id)
        assert [end.state for end in await ends(waiting)] == [TurnState.STOPPED]
        await Person(one, ALICE).view("/stop")
        assert [end.text for end in await ends(running)] == ["Working. "]


# --- an automatic compaction --------------------------------------------------------------------


@pytest.fixture
def slow_compaction(monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent sums up until it is stopped."""
    real = ScriptedProcess._act

    async def act(
        process: ScriptedProcess, word: str, rest: str, prompt: Prompt, asker: Asker
    ) -> AsyncIterator[AgentEvent]:
        word, rest = ("wait", "30") if word == "/compact" else (word, rest)
        async for event in real(process, word, rest, prompt, asker):
            yield event

    monkeypatch.setattr(ScriptedProcess, "_act", act)


async def test_retry_after_an_automatic_compaction_repeats_the_prompt_before_it(
    start: OpenEngine,
) -> None:
    async with start(sessions={"auto_compact_turns": 1}) as engine:
        alice = Person(engine, ALICE)
        events = await alice.say("fail")
        assert any(isinstance(event, Compacted) for event in events)
        end = await alice.end_of("/retry")
        assert end.error == "The script says so. Try another prompt."


async def test_a_compaction_that_is_stopped_is_told_as_not_done_and_comes_again(
    start: OpenEngine, slow_compaction: None
) -> None:
    async with start(sessions={"auto_compact_turns": 2}) as engine:
        alice = Person(engine, ALICE)
        await alice.ask("one")
        for text in ("two", "three"):
            titles = []
            async for event in await alice.submit(text):
                if isinstance(event, TextDelta) and event.text == "Working. ":
                    await alice.view("/stop")
                if isinstance(event, Told):
                    titles.append(event.view.title)
            assert titles == ["🗜️ Not compacted"]
        assert (await alice.session()).turns == 3


async def test_stop_all_after_an_answer_drops_no_compaction_and_its_submission_ends(
    start: OpenEngine, slow_compaction: None
) -> None:
    class Slow:
        @hookimpl
        async def on_turn_finished(self) -> None:
            await asyncio.sleep(0.2)  # meanwhile the compaction waits

    async with start({"slow": Slow()}, sessions={"auto_compact_turns": 1}) as engine:
        alice = Person(engine, ALICE)
        begun = False
        async with asyncio.timeout(10):
            async for event in await alice.submit("hello"):
                if isinstance(event, TurnFinished):
                    await alice.view("/stop all")
                if isinstance(event, TextDelta) and event.text == "Working. ":
                    begun = True
                    await alice.view("/stop")
        assert begun


@pytest.mark.parametrize("process", [None, "", DEAD], ids=["queued", "unsent", "running"])
async def test_a_compaction_that_a_crash_cut_off_is_neither_told_nor_run_again(
    engine: Engine, alice: Person, process: str | None
) -> None:
    await alice.ask("remember 42")
    turn = await left(alice, "/compact", process=process, upkeep=True)
    assert await recover(engine) == []
    assert not engine.turns.at_work()
    kept = await engine._store.ledger.get(ALICE, turn.id)
    assert kept
    assert kept.state is TurnState.INTERRUPTED
    assert await alice.ask("what number") == "You told me 42."


async def _disown(engine: Engine) -> None:
    """Make every turn look as if its Palaver had died: in a test both lives are one process."""
    from palaver.store.schema import turns

    async with engine._store._database.write() as connection:
        await connection.execute(turns.update().values(runner=DEAD))
