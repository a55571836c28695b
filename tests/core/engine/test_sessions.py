"""Sessions through their commands: what a user sees and what lies on the disk."""

import asyncio
import os
import time
from datetime import timedelta
from pathlib import Path

from palaver.engine import Engine
from palaver.events import Told, TurnFinished
from palaver.hookspecs import hookimpl
from palaver.identity import ConversationId, Namespace
from palaver.models import CleanupReport, Session, now
from support.people import OpenEngine, Person

DAY = 24 * 3600


def transcript(session: Session) -> Path:
    assert session.transcript is not None
    return session.transcript


async def age(engine: Engine, session: Session, days: float) -> None:
    """Make a session look as if it had last been used that long ago, on the disk as well."""
    moment = time.time() - days * DAY
    os.utime(transcript(session), (moment, moment))
    await engine.sessions.refresh(session.namespace)


async def test_sessions_lists_the_most_recent_first_and_marks_the_current(alice: Person) -> None:
    for number in range(3):
        await alice.ask(f"topic {number}")
        await alice.view("/newsession")
    await alice.ask("topic 3")
    await alice.view("/switch topic 1")
    view = await alice.view("/sessions")
    assert view.title == "📚 Your Claude Sessions"
    assert [item.title for item in view.items] == ["topic 3", "topic 2", "topic 1", "topic 0"]
    assert [item.marked for item in view.items] == [False, False, True, False]
    assert "🔄 1 turn" in view.items[0].text
    assert view.private


async def test_sessions_come_in_pages_of_ten(alice: Person) -> None:
    for number in range(12):
        await alice.ask(f"topic {number}")
        await alice.view("/newsession")
    first = await alice.view("/sessions")
    assert len(first.items) == 10
    assert [action.command for action in first.actions] == ["/sessions 2"]
    second = await alice.view("/sessions 2")
    assert [item.title for item in second.items] == ["topic 2", "topic 1", "topic 0"][
        : len(second.items)
    ]
    assert (await alice.view("/sessions 99")).items == second.items


async def test_without_sessions_the_list_says_how_to_begin(alice: Person) -> None:
    assert (await alice.view("/sessions")).title == "📁 No sessions found."


async def test_a_new_session_remembers_nothing_and_names_the_one_before(alice: Person) -> None:
    await alice.ask("remember 42")
    before = await alice.session()
    view = await alice.view("/newsession")
    assert view.title == "🆕 New session started!"
    assert view.fields[0].value == str(before.id)
    assert await alice.ask("what number") == "You have told me no number."
    assert (await alice.session()).turns == 1


async def test_two_first_messages_at_once_begin_one_session(alice: Person) -> None:
    first, second = await asyncio.gather(alice.submit("one"), alice.submit("two"))
    for submission in (first, second):
        assert [event async for event in submission]
    assert len((await alice.view("/sessions")).items) == 1
    assert (await alice.session()).turns == 2


async def test_asking_twice_for_a_new_session_makes_one(alice: Person) -> None:
    await alice.ask("hello")
    await alice.view("/newsession")
    first = await alice.session()
    await alice.view("/new")
    assert await alice.session() == first


async def test_switching_back_brings_the_memory_back(alice: Person) -> None:
    await alice.ask("remember 42")
    old = await alice.session()
    await alice.view("/newsession")
    await alice.ask("hello")
    await alice.view(f"/switch {old.id}")
    assert await alice.ask("what number") == "You told me 42."


async def test_a_session_is_found_by_id_beginning_name_and_number(alice: Person) -> None:
    await alice.ask("the first")
    first = await alice.session()
    await alice.view("/newsession")
    await alice.ask("the second")
    for text in (str(first.id), str(first.id)[:8], "the first", "THE FIRST", "2"):
        assert await alice.engine.sessions.find(alice.namespace, text) == first
    several = await alice.view("/switch the")
    assert several.title.startswith("⚠️ Several sessions fit")
    assert (await alice.view("/switch nothing like it")).title == "⚠️ You have no such session."


async def test_sessioninfo_tells_id_times_size_turns_and_place(alice: Person) -> None:
    assert (await alice.view("/sessioninfo")).title == "❌ No active session"
    await alice.ask("hello")
    session = await alice.session()
    rows = {row.name: row.value for row in (await alice.view("/sessioninfo")).fields}
    assert rows["🆔 ID"] == str(session.id)
    assert rows["🔄 Turns"] == "1"
    assert rows["📁 Location"] == str(session.transcript)
    assert transcript(session).stat().st_size == session.size > 0


async def test_rename_and_fork(alice: Person) -> None:
    await alice.ask("remember 42")
    original = await alice.session()
    await alice.view("/rename Bug   hunt")
    assert (await alice.session()).label == "Bug hunt"
    await alice.view("/fork")
    copy = await alice.session()
    assert copy.id != original.id
    assert copy.label == "Bug hunt (fork)"
    assert await alice.ask("what number") == "You told me 42."
    assert transcript(original).exists()
    assert (await alice.view("/rename")).kind == "error"


async def test_delete_asks_moves_to_the_trash_and_can_be_undone(alice: Person) -> None:
    await alice.ask("remember 42")
    session = await alice.session()
    asked = await alice.view("/delete")
    assert transcript(session).exists()
    deleted = await alice.view(asked.actions[0].command)
    assert not transcript(session).exists()
    assert (await alice.view("/sessions")).title == "📁 No sessions found."
    assert (await alice.view(f"/switch {session.id}")).kind == "error"
    restored = await alice.view(deleted.actions[0].command)
    assert transcript(session).exists()
    await alice.view(restored.actions[0].command)
    assert await alice.ask("what number") == "You told me 42."


async def test_restore_without_an_id_lists_the_trash(alice: Person) -> None:
    assert (await alice.view("/restore")).title == "The trash is empty."
    await alice.ask("hello")
    await alice.view(f"/delete {(await alice.session()).id} yes")
    [item] = (await alice.view("/restore")).items
    assert item.title == "hello"


async def test_a_session_at_work_cannot_be_deleted(alice: Person) -> None:
    submission = await alice.submit("wait 30")
    session = await alice.session()
    assert (await alice.view(f"/delete {session.id} yes")).title == "⚠️ This session is at work."
    await alice.view("/stop")
    assert [event async for event in submission]


async def test_clean_up_takes_the_old_and_leaves_the_current_and_the_recent(alice: Person) -> None:
    sessions = []
    for name in ("old", "recent", "current"):
        await alice.ask(name)
        sessions.append(await alice.session())
        if name != "current":
            await alice.view("/newsession")
    old, recent, current = sessions
    await age(alice.engine, old, 31)
    await age(alice.engine, recent, 29)
    await age(alice.engine, current, 31)
    view = await alice.view("/cleansessions")
    assert view.title == "🗑️ Cleaned up 1 old session(s)"
    assert view.text == "(older than 30 days)"
    assert [transcript(one).exists() for one in sessions] == [False, True, True]
    assert (await alice.view("/cleansessions")).title == "✨ No old sessions to clean up!"


async def test_sessions_of_a_conversation_that_is_gone_grow_old_as_others_do(
    alice: Person, bob: Person
) -> None:
    for person in (alice, bob):
        await person.ask("a matter")
    sessions = [await alice.session(), await bob.session()]
    for session in sessions:
        await age(alice.engine, session, 31)
    await alice.engine.leave("other", alice.conversation)
    for person in (alice, bob):
        assert (await person.view("/cleansessions")).title == "✨ No old sessions to clean up!"
    await alice.engine.leave("chat", alice.conversation)
    for person in (alice, bob):
        assert (await person.view("/cleansessions")).title == "🗑️ Cleaned up 1 old session(s)"
    await alice.view(f"/restore {sessions[0].id}")
    assert await alice.ask("remember 42") == "I will remember 42."


async def test_the_trash_is_purged_after_its_days(alice: Person, tmp_path: Path) -> None:
    await alice.ask("old")
    old = await alice.session()
    await alice.view("/newsession")
    await alice.view(f"/delete {old.id} yes")
    own = alice.engine._store.of(alice.namespace)
    await own.update(old.id, trashed=now() - timedelta(days=6))
    await alice.view("/cleansessions")
    assert (await alice.view("/restore")).items
    await own.update(old.id, trashed=now() - timedelta(days=8))
    await alice.view("/cleansessions")
    assert (await alice.view("/restore")).title == "The trash is empty."
    assert not (tmp_path / "trash" / str(old.id)).exists()


async def test_hook_on_cleanup_is_told_what_was_cleaned(start: OpenEngine) -> None:
    reports: list[CleanupReport] = []

    class Listener:
        @hookimpl
        async def on_cleanup(self, report: CleanupReport) -> None:
            reports.append(report)

    async with start({"listener": Listener()}) as engine:
        alice = Person(engine, Namespace("chat", "alice"))
        await alice.ask("old")
        old = await alice.session()
        await alice.view("/newsession")
        await age(engine, old, 31)
        await engine.trash.clean_up()
    assert [report.trashed for report in reports] == [(old.id,)]


async def test_a_lost_transcript_begins_a_new_session_and_says_so(alice: Person) -> None:
    await alice.ask("remember 42")
    lost = await alice.session()
    transcript(lost).unlink()
    events = await alice.say("what number")
    [told] = [event.view for event in events if isinstance(event, Told)]
    assert told.title == "⚠️ Session lost"
    assert isinstance(events[-1], TurnFinished)
    assert events[-1].text == "You have told me no number."
    assert (await alice.session()).id != lost.id
    assert "⚠️ lost" in (await alice.view("/sessions")).items[1].text


async def test_what_waits_in_a_lost_session_goes_on_in_the_new_one(alice: Person) -> None:
    await alice.ask("remember 42")
    transcript(await alice.session()).unlink()
    submissions = [await alice.submit(text) for text in ("remember 7", "what number")]
    ends = [[event async for event in one][-1] for one in submissions]
    assert [end.text for end in ends if isinstance(end, TurnFinished)] == [
        "I will remember 7.",
        "You told me 7.",
    ]


async def test_broken_lines_in_a_transcript_cost_only_themselves(alice: Person) -> None:
    await alice.ask("remember 42")
    with transcript(await alice.session()).open("ab") as file:
        file.write(b"\xff\x00 this is no JSON\n{\n")
    assert await alice.ask("what number") == "You told me 42."


async def test_what_another_program_adds_shows_in_the_list(alice: Person) -> None:
    await alice.ask("hello")
    before = await alice.session()
    with transcript(before).open("ab") as file:
        file.write(b"x" * 2048)
    await alice.view("/sessions")
    assert (await alice.session()).size == before.size + 2048


async def test_each_conversation_has_its_own_current_session(engine: Engine) -> None:
    namespace = Namespace("chat", "alice")
    here = Person(engine, namespace, ConversationId("here"))
    there = Person(engine, namespace, ConversationId("there"))
    await here.ask("remember 42")
    await there.ask("remember 7")
    assert await here.ask("what number") == "You told me 42."
    assert len((await there.view("/sessions")).items) == 2
