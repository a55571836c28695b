"""Turns: order, stopping, failing, compaction, and what is told of them."""

import asyncio

import pytest

from palaver.events import (
    Compacted,
    TextDelta,
    Told,
    TurnFinished,
    TurnQueued,
    TurnStarted,
)
from palaver.identity import Namespace
from palaver.models import TurnState
from support.people import OpenEngine, Person


async def test_a_turn_tells_its_start_its_text_and_its_end(alice: Person) -> None:
    events = await alice.say("hello there")
    assert [event.type for event in events] == [
        "turn_queued",
        "turn_started",
        "agent_reported",
        "text_delta",
        "turn_finished",
    ]
    finished = events[-1]
    assert isinstance(finished, TurnFinished)
    assert (finished.state, finished.text) == (TurnState.DONE, "hello there")
    assert finished.usage.cost_usd == pytest.approx(0.001)


async def test_only_the_first_turn_of_a_session_starts_it(alice: Person) -> None:
    resumed = []
    for text in ("one", "two"):
        events = await alice.say(text)
        resumed += [event.resumed for event in events if isinstance(event, TurnStarted)]
    assert resumed == [False, True]


async def test_prompts_of_one_session_run_in_their_order(alice: Person) -> None:
    texts = ["wait 0.3", *(f"stream {number}" for number in range(1, 5))]
    submissions = [await alice.submit(text) for text in texts]
    events = [event for one in submissions for event in one.waiting()]
    assert [event.ahead for event in events if isinstance(event, TurnQueued)] == [0, 1, 2, 3, 4]
    ended = []
    for submission in reversed(submissions):  # in whatever order they are listened to
        ended += [event async for event in submission if isinstance(event, TurnFinished)]
    assert [len(event.text.split()) for event in reversed(ended)] == [2, 1, 2, 3, 4]
    turns = [await alice.engine.last_turn(alice.namespace, alice.conversation)]
    assert turns[0] is not None
    assert turns[0].prompt.text == "stream 4"


async def test_a_message_that_arrives_twice_runs_once(alice: Person) -> None:
    first = await alice.submit("hello", key="message-1")
    second = await alice.submit("hello", key="message-1")
    assert second.duplicate
    assert [event async for event in second] == []
    assert [event.type async for event in first][-1] == "turn_finished"
    assert (await alice.session()).turns == 1


async def test_a_command_that_arrives_twice_is_carried_out_once(alice: Person) -> None:
    await alice.say("hello")
    first = await alice.submit("/newsession", key="message-1")
    second = await alice.submit("/newsession", key="message-1")
    assert (first.duplicate, second.duplicate) == (False, True)


async def test_a_long_turn_holds_up_nobody_else(alice: Person, bob: Person) -> None:
    long = await alice.submit("wait 30")
    async with asyncio.timeout(5):
        assert await bob.ask("hello") == "hello"
    await alice.say("/stop")
    assert [event async for event in long]


async def test_stop_ends_the_running_turn_and_keeps_its_words(alice: Person) -> None:
    submission = await alice.submit("wait 30")
    async for event in submission:
        if isinstance(event, TextDelta):
            break
    async with asyncio.timeout(5):
        await alice.view("/stop")
        [*_, end] = [event async for event in submission]
    assert isinstance(end, TurnFinished)
    assert (end.state, end.text) == (TurnState.STOPPED, "Working. ")


async def test_stop_pressed_before_the_agent_is_open_still_stops(start: OpenEngine) -> None:
    async with start(agents={"scripted": {"start_s": 0.3}}) as engine:
        alice = Person(engine, Namespace("chat", "alice"))
        submission = await alice.submit("wait 30")
        async with asyncio.timeout(5):
            await alice.view("/stop")
            [*_, end] = [event async for event in submission]
        assert isinstance(end, TurnFinished)
        assert end.state is TurnState.STOPPED


async def test_stop_all_drops_what_waits(alice: Person) -> None:
    running = await alice.submit("wait 30")
    waiting = await alice.submit("never")
    view = await alice.view("/stop all")
    assert "1 waiting message dropped" in view.text
    [*_, end] = [event async for event in waiting]
    assert isinstance(end, TurnFinished)
    assert end.state is TurnState.STOPPED
    assert [event async for event in running]
    assert (await alice.session()).turns == 1


async def test_what_waits_runs_after_a_stop(alice: Person) -> None:
    await alice.submit("wait 30")
    waiting = await alice.submit("next")
    await alice.view("/stop")
    [*_, end] = [event async for event in waiting]
    assert isinstance(end, TurnFinished)
    assert (end.state, end.text) == (TurnState.DONE, "next")


async def test_a_failed_turn_says_why_and_can_be_run_again(alice: Person) -> None:
    end = await alice.end_of("fail")
    assert end.state is TurnState.FAILED
    assert end.error == "The script says so. Try another prompt."
    again = await alice.end_of("/retry")
    assert again.state is TurnState.FAILED
    assert again.turn_id != end.turn_id


async def test_a_crash_of_the_agent_fails_the_turn_and_not_the_session(alice: Person) -> None:
    await alice.ask("remember 42")
    end = await alice.end_of("crash")
    assert end.state is TurnState.FAILED
    assert "ended in the middle" in end.error
    assert await alice.ask("what number") == "You told me 42."


async def test_retry_does_not_repeat_what_was_answered(alice: Person) -> None:
    await alice.ask("hello")
    view = await alice.view("/retry")
    assert "was answered" in view.title


async def test_the_session_is_compacted_after_its_turns_and_the_count_begins_anew(
    start: OpenEngine,
) -> None:
    async with start(sessions={"auto_compact_turns": 3}) as engine:
        alice = Person(engine, Namespace("chat", "alice"))
        told = []
        for number in range(7):
            events = await alice.say(f"prompt {number}")
            compacted = any(isinstance(event, Compacted) for event in events)
            titles = [event.view.title for event in events if isinstance(event, Told)]
            assert compacted == ("🗜️ Session auto-compacted" in titles)
            told.append(compacted)
        assert told == [False, False, True, False, False, True, False]
        session = await alice.session()
        assert (session.turns, session.turns_since_compaction) == (7, 1)


async def test_a_compaction_comes_after_the_answer_and_before_what_waits(start: OpenEngine) -> None:
    async with start(sessions={"auto_compact_turns": 1}) as engine:
        alice = Person(engine, Namespace("chat", "alice"))
        first, second = await alice.submit("one"), await alice.submit("two")
        types = [event.type async for event in first]
        assert types.index("turn_finished") < types.index("compacted") < types.index("told")
        assert [event.type async for event in second].count("turn_finished") == 1


async def test_compact_by_hand_counts_no_turn_and_resets_the_count(alice: Person) -> None:
    await alice.ask("one")
    events = await alice.say("/compact")
    assert any(isinstance(event, Compacted) for event in events)
    session = await alice.session()
    assert (session.turns, session.turns_since_compaction) == (1, 0)


async def test_a_path_is_a_prompt_and_no_command(alice: Person) -> None:
    assert await alice.ask("/usr/bin is empty") == "/usr/bin is empty"


async def test_two_slashes_send_the_agent_its_own_command(alice: Person) -> None:
    assert await alice.ask("//review this") == "/review this"
