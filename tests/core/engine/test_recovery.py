"""After a crash: every prompt is answered or said to be cut off, and none runs twice."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

from palaver.engine import Engine
from palaver.events import TextDelta, TurnFinished
from palaver.identity import ConversationId, Namespace
from palaver.models import Turn, TurnState, now
from support import living
from support.people import OpenEngine, Person

ALICE = Namespace("chat", "alice")
DEAD = "1:0.00"  # a process that has ended
LIVING = Path(living.__file__)


@asynccontextmanager
async def another_palaver(
    data_dir: Path, *messages: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, asyncio.StreamReader]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(LIVING),
        str(data_dir),
        "scripted",
        *messages,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    try:
        yield process, process.stdout
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def until(lines: asyncio.StreamReader, event: str) -> None:
    async with asyncio.timeout(20):
        while (await lines.readline()).decode().strip() != event:
            assert not lines.at_eof(), f"it ended before {event}"


async def recovered(engine: Engine) -> list[TurnFinished]:
    """How the turns that were left have ended."""
    ends: list[TurnFinished] = []
    async with asyncio.timeout(20):
        submissions = [submission async for _, submission in engine.recover(["chat"])]
        for submission in submissions:
            ends += [event async for event in submission if isinstance(event, TurnFinished)]
    return ends


async def test_a_turn_that_was_killed_is_told_as_interrupted_and_runs_again_on_retry(
    start: OpenEngine, tmp_path: Path
) -> None:
    async with another_palaver(tmp_path, "wait 60") as (process, lines):
        await until(lines, "text_delta")
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
    async with start() as engine:
        [end] = await recovered(engine)
        assert (end.state, end.recovered, end.repeated) == (TurnState.INTERRUPTED, True, False)
        assert "/retry" in end.error
        alice = Person(engine, ALICE)
        submission = await alice.submit("/retry")
        async for event in submission:
            if isinstance(event, TextDelta):
                break
        await alice.view("/stop")


async def test_what_waited_when_it_was_killed_runs_at_the_next_start_and_once(
    start: OpenEngine, tmp_path: Path
) -> None:
    async with another_palaver(tmp_path, "wait 60", "remember 42", "what number") as (
        process,
        lines,
    ):
        await until(lines, "text_delta")
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
    async with start() as engine:
        ends = await recovered(engine)
        assert sorted(end.text for end in ends) == ["", "I will remember 42.", "You told me 42."]
        for end in ends:
            await engine.attempting(end.turn_id)
            await engine.delivered(end.turn_id)
        session = await Person(engine, ALICE).session()
        messages = await engine.agent("scripted").transcripts.messages(session)
        assert [text for role, text in messages if role == "user"].count("remember 42") == 1
    async with start() as engine:
        assert await recovered(engine) == []


async def test_a_message_that_comes_again_after_the_crash_does_not_run_again(
    start: OpenEngine, tmp_path: Path
) -> None:
    async with another_palaver(tmp_path, "hello") as (process, lines):
        await until(lines, "durable")
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
    async with start() as engine:
        alice = Person(engine, ALICE)
        assert (await alice.submit("hello", key="message-0")).duplicate
        assert len(await recovered(engine)) == 1
        session = await alice.session()
        if session.transcript:
            messages = await engine.agent("scripted").transcripts.messages(session)
            assert messages.count(("user", "hello")) == 1


async def test_an_answer_that_was_never_sent_is_sent_and_one_that_may_have_been_is_marked(
    start: OpenEngine,
) -> None:
    async with start() as engine:
        alice = Person(engine, ALICE)
        never = await alice.end_of("never sent")
        perhaps = await alice.end_of("perhaps sent")
        surely = await alice.end_of("surely sent")
        for end in (perhaps, surely):
            await engine.attempting(end.turn_id)
        await engine.delivered(surely.turn_id)
        # the Palaver that holds these turns has not died yet, so nobody else delivers them
        assert await recovered(engine) == []
        await _disown(engine)
    async with start() as engine:
        ends = await recovered(engine)
        assert [(end.turn_id, end.repeated) for end in ends] == [
            (never.turn_id, False),
            (perhaps.turn_id, True),
        ]


async def test_the_answer_that_the_agent_wrote_alone_is_delivered(
    start: OpenEngine, tmp_path: Path
) -> None:
    async with another_palaver(tmp_path, "wait 60") as (process, lines):
        await until(lines, "text_delta")
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
    async with start() as engine:
        [turn] = await engine._store.ledger.unfinished(["chat"])
        agent = engine.agent("scripted")
        agent.transcripts.append(turn.session_id, turn.id, "assistant", "I went on alone.")  # type: ignore[attr-defined]  # the scripted agent's own
        [end] = await recovered(engine)
        assert (end.state, end.text) == (TurnState.DONE, "I went on alone.")
        assert (await Person(engine, ALICE).session()).turns == 1


async def test_a_turn_that_was_claimed_but_never_sent_runs_at_the_next_start(
    start: OpenEngine, tmp_path: Path
) -> None:
    async with start() as engine:
        alice = Person(engine, ALICE)
        await alice.ask("remember 42")
        session = await alice.session()
        turn = Turn(
            id=uuid4(),
            session_id=session.id,
            prompt=alice.prompt("what number"),
            state=TurnState.QUEUED,
            created=now(),
        )
        await engine._store.ledger.add(turn)
        await engine._store.ledger.claim(turn.id, DEAD)
        [end] = await recovered(engine)
        assert (end.state, end.text) == (TurnState.DONE, "You told me 42.")


async def test_what_a_dead_palaver_left_in_a_session_blocks_nobody(
    start: OpenEngine, tmp_path: Path
) -> None:
    async with another_palaver(tmp_path, "wait 60", "never begun") as (process, lines):
        await until(lines, "text_delta")
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
    async with start() as engine:
        elsewhere = Person(engine, ALICE, ConversationId("elsewhere"))
        [item] = (await elsewhere.view("/sessions")).items
        await elsewhere.view(f"/switch {item.title}")
        async with asyncio.timeout(10):
            assert await elsewhere.ask("hello") == "hello"
        ends = await recovered(engine)  # its own conversation is told all the same
        assert [end.state for end in ends] == [TurnState.INTERRUPTED, TurnState.INTERRUPTED]


async def test_an_orderly_shutdown_interrupts_what_runs_and_keeps_what_waits(
    start: OpenEngine,
) -> None:
    async with start() as engine:
        alice = Person(engine, ALICE)
        running = await alice.submit("wait 60")
        async for event in running:
            if isinstance(event, TextDelta):
                break
        await alice.submit("still here")
    assert [event.state async for event in running if isinstance(event, TurnFinished)] == [
        TurnState.INTERRUPTED
    ]
    async with start() as engine:
        await _disown(engine)
        states = {end.state: end.text for end in await recovered(engine)}
        assert states == {TurnState.INTERRUPTED: "", TurnState.DONE: "still here"}


async def test_two_palavers_on_one_session_take_turns(start: OpenEngine, tmp_path: Path) -> None:
    async with start() as engine:
        alice = Person(engine, ALICE)
        await alice.ask("remember 42")
        async with another_palaver(tmp_path, "wait 2") as (_, lines):
            await until(lines, "text_delta")
            events = await alice.say("what number")
            await until(lines, "turn_finished")
        assert "told" in [event.type for event in events]  # that it waits for the other
        assert isinstance(events[-1], TurnFinished)
        assert events[-1].text == "You told me 42."


async def _disown(engine: Engine) -> None:
    """Make every turn look as if its Palaver had died: in a test both lives are one process."""
    from palaver.store.schema import turns

    async with engine._store._database.write() as connection:
        await connection.execute(turns.update().values(runner=DEAD))
