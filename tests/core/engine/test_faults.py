"""What goes wrong around a turn: the store, a shutdown, a deletion, the clock, a disk."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import example, given

import palaver.lanes
import palaver.processes as processes
import palaver.trash
from palaver.agents.pool import Pool
from palaver.agents.scripted import ScriptedProcess, ScriptedTranscripts
from palaver.commands.contract import Command, CommandCall
from palaver.engine import Engine
from palaver.errors import AgentCrashedError, SessionError, StoreFullError, StoreLockedError
from palaver.events import Event, ToolStarted, TurnFinished
from palaver.feeds import Submission
from palaver.hookspecs import hookimpl
from palaver.identity import MAX_USER_LENGTH, Namespace
from palaver.models import ApprovalRequest, Decision, Session, Turn, TurnState, now
from palaver.sessions import SessionService, _folder
from palaver.store.ledger import Ledger
from palaver.store.schema import turns
from palaver.store.sessions import Sessions
from palaver.views import View
from support.people import OpenEngine, Person
from support.strategies import USERS

ALICE = Namespace("chat", "alice")

Call = Callable[[], Awaitable[object]]


def at_first(
    monkeypatch: pytest.MonkeyPatch,
    owner: object,
    name: str,
    instead: Callable[[Call], Awaitable[object]],
    *,
    times: int = 1,
) -> None:
    """The first calls are handed to `instead`, which may carry them out; the rest are as ever."""
    real: Callable[..., Awaitable[object]] = getattr(owner, name)
    calls = iter(range(times))

    async def patched(*args: object, **kwargs: object) -> object:
        if next(calls, None) is None:
            return await real(*args, **kwargs)
        return await instead(lambda: real(*args, **kwargs))

    monkeypatch.setattr(owner, name, patched)


async def ends(submission: Submission) -> list[TurnFinished]:
    async with asyncio.timeout(10):
        return [event async for event in submission if isinstance(event, TurnFinished)]


def failing(error: Exception) -> Callable[[Call], Awaitable[object]]:
    async def fail(_: Call) -> object:
        raise error

    return fail


# --- the store fails ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("owner", "name", "state"),
    [
        (Ledger, "claim", TurnState.DONE),  # it waits until the store is back
        (Sessions, "get", TurnState.FAILED),
        (Ledger, "note_process", TurnState.FAILED),
        (Sessions, "update", TurnState.DONE),  # only its title is missing
        (Ledger, "finish", TurnState.DONE),  # the answer is there, so it is told
    ],
)
async def test_a_store_that_fails_within_a_turn_fails_that_turn_at_most(
    alice: Person, monkeypatch: pytest.MonkeyPatch, owner: type, name: str, state: TurnState
) -> None:
    at_first(monkeypatch, owner, name, failing(StoreLockedError("It is in use.")))
    [end] = await ends(await alice.submit("one"))
    assert (end.state, end.text) == (state, "one" if state is TurnState.DONE else "")
    assert ("It is in use." in end.error) == (state is TurnState.FAILED or name == "finish")
    [end] = await ends(await alice.submit("two"))
    assert (end.state, end.text) == (TurnState.DONE, "two")


async def test_a_prompt_that_could_not_be_kept_can_be_sent_again(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_first(monkeypatch, Ledger, "add", failing(StoreFullError("The disk is full.")))
    with pytest.raises(StoreFullError):
        await alice.submit("hello", key="message-1")
    [end] = await ends(await alice.submit("hello", key="message-1"))
    assert end.text == "hello"


async def test_an_end_that_could_not_be_written_is_written_before_the_next_turn(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = failing(StoreFullError("The disk is full."))
    at_first(monkeypatch, Ledger, "finish", full, times=3)
    [end] = await ends(await alice.submit("one"))
    assert (await _turn(alice, end)).state is TurnState.RUNNING
    assert await alice.ask("two") == "two"
    assert (await _turn(alice, end)).state is TurnState.DONE
    assert (await alice.session()).turns == 2


async def test_an_answer_is_told_though_the_compaction_after_it_cannot_be_queued(
    start: OpenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with start(sessions={"auto_compact_turns": 1}) as engine:
        alice = Person(engine, ALICE)
        submission = await alice.submit("hello")
        at_first(monkeypatch, Ledger, "add", failing(StoreFullError("The disk is full.")))
        [end] = await ends(submission)
        assert (end.state, end.text) == (TurnState.DONE, "hello")


async def _turn(person: Person, end: TurnFinished) -> Turn:
    turn = await person.engine._store.ledger.get(person.namespace, end.turn_id)
    assert turn
    return turn


# --- stopped at every moment --------------------------------------------------------------------

BEFORE_THE_AGENT = [
    (Ledger, "claim"),
    (Sessions, "get"),
    (Pool, "acquire"),
    (Ledger, "note_process"),
]
AFTER_ITS_WORD = [(SessionService, "entitle")]
AFTER_THE_AGENT = [(SessionService, "used"), (Ledger, "finish"), (Pool, "release")]
MOMENTS = [*BEFORE_THE_AGENT, *AFTER_ITS_WORD, *AFTER_THE_AGENT]


@pytest.mark.parametrize(("owner", "name"), MOMENTS)
async def test_a_turn_stopped_at_any_moment_ends_once_and_leaves_its_session_free(
    alice: Person, monkeypatch: pytest.MonkeyPatch, owner: type, name: str
) -> None:
    async def stopping(call: Call) -> object:
        [turn] = alice.engine.turns.at_work()
        assert await alice.engine.stop(alice.namespace, turn.id)
        return await call()

    over = (owner, name) in AFTER_THE_AGENT
    at_first(monkeypatch, owner, name, stopping)
    [end] = await ends(await alice.submit("hello" if over else "wait 30"))
    assert end.state is (TurnState.DONE if over else TurnState.STOPPED)
    [end] = await ends(await alice.submit("next"))
    assert end.text == "next"


@pytest.mark.parametrize("carried_out", [False, True])
@pytest.mark.parametrize(("owner", "name"), MOMENTS)
async def test_a_prompt_that_a_shutdown_meets_at_any_moment_runs_once_and_is_told_as_it_ended(
    start: OpenEngine,
    monkeypatch: pytest.MonkeyPatch,
    owner: type,
    name: str,
    carried_out: bool,
) -> None:
    closing: list[asyncio.Task[None]] = []

    async def shutting_down(call: Call) -> object:
        result = await call() if carried_out else None
        closing.append(asyncio.create_task(engine.close()))
        await asyncio.sleep(0.05)  # here it is cancelled, unless it is shielded
        return result if carried_out else await call()

    async with start() as engine:
        at_first(monkeypatch, owner, name, shutting_down)
        told = await ends(await Person(engine, ALICE).submit("remember 42"))
        assert closing
        await asyncio.gather(*closing)
    async with start() as engine:
        told += await _recovered(engine)
        assert len({end.state for end in told}) == 1
        assert told[0].state in (TurnState.DONE, TurnState.INTERRUPTED)
        assert all(end.text == "I will remember 42." for end in told if not end.error)
        alice = Person(engine, ALICE)
        assert await alice.ask("hello") == "hello"
        session = await alice.session()
        assert {end.session_id for end in told} == {session.id}
        messages = await engine.agent("scripted").transcripts.messages(session)
        assert messages.count(("user", "remember 42")) <= 1


async def test_a_shutdown_while_an_end_is_being_told_does_not_tell_it_twice(
    start: OpenEngine,
) -> None:
    class Slow:
        @hookimpl
        async def on_turn_finished(self) -> None:
            await asyncio.sleep(30)

    async with start({"slow": Slow()}) as engine:
        submission = await Person(engine, ALICE).submit("hello")
        async for event in submission:
            if isinstance(event, TurnFinished):
                break
        await engine.close()
        assert await ends(submission) == []


async def test_a_process_that_cannot_be_given_back_does_not_end_its_turn_twice(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def release(call: Call) -> object:
        await call()
        raise AgentCrashedError("It does not end.")

    at_first(monkeypatch, Pool, "release", release)
    assert [end.text for end in await ends(await alice.submit("one"))] == ["one"]
    assert [end.text for end in await ends(await alice.submit("two"))] == ["two"]


async def test_stop_reaches_a_turn_while_a_plugin_decides_for_it(start: OpenEngine) -> None:
    class Slow:
        @hookimpl
        async def on_approval(self, request: ApprovalRequest) -> Decision | None:
            await asyncio.sleep(0.2)
            return None

    async with start({"slow": Slow()}) as engine:
        alice = Person(engine, ALICE)
        submission = await alice.submit("run ls")
        async for event in submission:
            if isinstance(event, ToolStarted):
                await alice.view("/stop")
                break
        [end] = await ends(submission)
        assert end.text == "I did not run ls."


async def test_a_turn_stopped_before_it_began_leaves_nobody_listening(start: OpenEngine) -> None:
    class Listens:
        @hookimpl
        def on_event(self, event: Event) -> None: ...

    async with start({"listens": Listens()}, agents={"scripted": {"start_s": 0.2}}) as engine:
        alice = Person(engine, ALICE)
        submission = await alice.submit("hello")
        await alice.view("/stop")
        assert await ends(submission)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def _recovered(engine: Engine) -> list[TurnFinished]:
    """As after a crash: both lives are one process here, so the first one's turns are disowned."""
    async with engine._store._database.write() as connection:
        await connection.execute(turns.update().values(runner="1:0.00"))
    async with asyncio.timeout(10):
        submissions = [submission async for _, submission in engine.recover(["chat"])]
    return [end for submission in submissions for end in await ends(submission)]


# --- deleted at the same time -------------------------------------------------------------------


@pytest.fixture
def slow_close(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Closing a process takes a while; set when it begins."""
    begun = asyncio.Event()
    real = ScriptedProcess.close

    async def close(process: ScriptedProcess) -> None:
        begun.set()
        await asyncio.sleep(0.2)
        await real(process)

    monkeypatch.setattr(ScriptedProcess, "close", close)
    return begun


async def test_a_session_that_is_deleted_twice_at_once_can_be_restored(
    alice: Person, slow_close: asyncio.Event
) -> None:
    await alice.ask("remember 42")
    session = await alice.session()
    views = await asyncio.gather(*[alice.view(f"/delete {session.id} yes") for _ in range(2)])
    assert sorted(view.kind == "error" for view in views) == [False, True]
    await _restore(alice, session)
    assert await alice.ask("what number") == "You told me 42."


async def test_a_prompt_that_comes_while_its_session_is_being_deleted_runs_in_a_new_one(
    alice: Person, slow_close: asyncio.Event
) -> None:
    await alice.ask("remember 42")
    session = await alice.session()
    deleting = asyncio.create_task(alice.view(f"/delete {session.id} yes"))
    await slow_close.wait()
    assert await alice.ask("what number") == "You have told me no number."
    assert (await deleting).kind != "error"
    assert (await alice.session()).id != session.id


async def test_a_session_deleted_between_a_prompt_and_the_ledger_costs_the_prompt_nothing(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await alice.ask("remember 42")
    session = await alice.session()

    async def deleting(call: Call) -> object:
        await alice.view(f"/delete {session.id} yes")
        return await call()

    at_first(monkeypatch, Ledger, "add", deleting)
    assert await alice.ask("what number") == "You have told me no number."


async def test_a_session_whose_transcript_cannot_be_moved_is_not_deleted(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await alice.ask("remember 42")
    session = await alice.session()
    at_first(monkeypatch, ScriptedTranscripts, "move", failing(OSError(28, "No space left")))
    assert (await alice.view(f"/delete {session.id} yes")).kind == "error"
    assert (await alice.session()).id == session.id
    assert await alice.ask("what number") == "You told me 42."


@pytest.mark.parametrize("moved", [False, True])
async def test_a_session_whose_deletion_was_cut_off_can_be_restored(
    alice: Person, tmp_path: Path, moved: bool
) -> None:
    await alice.ask("remember 42")
    session = await alice.session()
    await alice.engine._store.of(ALICE).throw_away(session.id, now())
    if moved:
        assert session.transcript
        transcripts = alice.engine.agent("scripted").transcripts
        await transcripts.move(session.transcript, tmp_path / "trash" / str(session.id))
    await _restore(alice, session)
    assert await alice.ask("what number") == "You told me 42."


async def test_a_clean_up_goes_on_past_a_session_of_an_agent_that_is_gone(
    engine: Engine, alice: Person, bob: Person
) -> None:
    for person in (alice, bob):
        await person.ask("hello")
        session = await person.session()
        old = {"id": uuid4(), "modified": now() - timedelta(days=90), "transcript": None}
        if person is alice:
            gone = session.model_copy(update={**old, "id": uuid4(), "agent": "gone"})
            await engine._store.of(person.namespace).add(gone)
        await engine._store.of(person.namespace).add(session.model_copy(update=old))
    reports = await engine.trash.clean_up()
    assert [(len(report.trashed), len(report.failed)) for report in reports] == [(1, 1), (1, 0)]


async def test_a_purge_goes_on_past_what_cannot_be_removed(
    engine: Engine, alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    for person in (alice, bob):
        await person.ask("hello")
        session = await person.session()
        await person.view(f"/delete {session.id} yes")
        long_ago = now() - timedelta(days=90)
        await engine._store.of(person.namespace).update(session.id, trashed=long_ago)
    real = palaver.trash._remove_tree
    calls = iter([PermissionError(13, "Not yours")])

    def remove(folder: Path) -> None:
        if error := next(calls, None):
            raise error
        real(folder)

    monkeypatch.setattr(palaver.trash, "_remove_tree", remove)
    reports = await engine.trash.clean_up()
    assert [(len(report.purged), len(report.failed)) for report in reports] == [(0, 1), (1, 0)]


async def _restore(person: Person, session: Session) -> None:
    assert (await person.view(f"/restore {session.id}")).kind != "error"
    assert (await person.view(f"/switch {session.id}")).kind != "error"


# --- the clock, a command, a disk ---------------------------------------------------------------


async def test_prompts_keep_their_order_when_the_clock_is_set_back(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    submissions = [await alice.submit("wait 0.3"), await alice.submit("remember 42")]

    def an_hour_ago() -> datetime:
        return now() - timedelta(hours=1)

    monkeypatch.setattr(palaver.lanes, "now", an_hour_ago)
    submissions += [await alice.submit("what number"), await alice.submit("what number now")]
    texts = [end.text for one in submissions for end in await ends(one)]
    assert texts == ["Working. Done.", "I will remember 42.", *["You told me 42."] * 2]


def test_a_process_is_known_again_after_the_clock_was_adjusted_and_no_other_is_taken_for_it() -> (
    None
):
    pid, _, started = processes.identity().partition(":")
    assert processes.find(f"{pid}:{float(started) - 1:.2f}") is not None
    assert processes.find(f"{pid}:{float(started) - 10:.2f}") is None


async def test_a_command_that_raises_is_answered_with_the_kind_of_error_alone(
    start: OpenEngine,
) -> None:
    async def boom(call: CommandCall) -> View:
        raise KeyError("secret")

    class Plugin:
        @hookimpl
        def register_commands(self) -> list[Command]:
            return [Command("boom", "Breaks", boom)]

    async with start({"plugin": Plugin()}) as engine:
        alice = Person(engine, ALICE)
        view = await alice.view("/boom")
        assert (view.kind, "KeyError" in view.title) == ("error", True)
        assert "secret" not in view.plain()
        assert await alice.ask("hello") == "hello"


async def test_a_workspace_that_cannot_be_made_is_said_and_the_prompt_can_be_sent_again(
    alice: Person, tmp_path: Path
) -> None:
    (tmp_path / "workspaces").write_text("in the way")
    with pytest.raises(SessionError, match="cannot be made"):
        await alice.submit("hello", key="message-1")
    (tmp_path / "workspaces").unlink()
    [end] = await ends(await alice.submit("hello", key="message-1"))
    assert end.text == "hello"


@given(USERS, USERS)
@example("%f0", "\u25f0")
@example("%0025f0", "\u25f0")
@example("@" * MAX_USER_LENGTH, "@" * (MAX_USER_LENGTH - 1) + "#")
@example("..", ".")
def test_every_user_has_a_folder_that_no_other_has_and_every_file_system_takes(
    one: str, other: str
) -> None:
    assert (_folder(one) == _folder(other)) == (one == other)
    assert 0 < len(_folder(one).encode()) <= 255
    assert not set(_folder(one)) & set("/\\.:\0 ")
