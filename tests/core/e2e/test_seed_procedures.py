"""The seven procedures that Palaver began with, on the real Claude Code."""

import os
import time
from pathlib import Path

from palaver.events import Told, TurnFinished
from palaver.identity import Namespace
from palaver.models import Session
from support.people import OpenEngine, Person

FORTY_TWO = "You told me the number 42."


def transcript(session: Session, home: Path) -> Path:
    """Where Claude Code itself keeps it: found by its id, not taken from Palaver."""
    [path] = (home / ".claude" / "projects").glob(f"*/{session.id}.jsonl")
    return path


async def test_1_session_creation_and_storage(alice: Person, claude_home: Path) -> None:
    await alice.view("/start")
    end = await alice.end_of("Hello Claude")
    session = await alice.session()
    assert end.session_id == session.id
    path = transcript(session, claude_home)
    rows = {row.name: row.value for row in (await alice.view("/sessioninfo")).fields}
    assert rows["🆔 ID"] == str(session.id)
    assert rows["🔄 Turns"] == "1"
    assert rows["📁 Location"] == str(path)
    assert session.size == path.stat().st_size


async def test_2_session_listing(alice: Person) -> None:
    for turns in (2, 1, 3):
        for number in range(turns):
            await alice.ask(f"Message {number} of {turns}")
        if turns != 3:
            await alice.view("/newsession")
    view = await alice.view("/sessions")
    assert [item.title for item in view.items] == [f"Message 0 of {n}" for n in (3, 1, 2)]
    assert [item.marked for item in view.items] == [True, False, False]
    turns_said = [item.text.split("🔄 ")[1].split(" |")[0] for item in view.items]
    assert turns_said == ["3 turns", "1 turn", "2 turns"]
    assert "💡 Use /newsession to start fresh" in view.footer


async def test_3_session_isolation(alice: Person, bob: Person) -> None:
    await alice.ask("Remember the number 42")
    await bob.ask("Remember the number 7")
    seen = {}
    for person in (alice, bob):
        [item] = (await person.view("/sessions")).items
        seen[person.namespace.user] = item.title
    assert seen == {"alice": "Remember the number 42", "bob": "Remember the number 7"}
    foreign = await bob.view(f"/switch {(await alice.session()).id}")
    assert foreign.title == "⚠️ You have no such session."
    assert await bob.ask("What number did I tell you?") == "You told me the number 7."


async def test_4_new_session_creation(alice: Person) -> None:
    await alice.ask("Remember the number 42")
    before = await alice.session()
    view = await alice.view("/newsession")
    assert view.title == "🆕 New session started!"
    assert view.fields[0].value == str(before.id)
    assert "don't recall" in await alice.ask("What number did I tell you?")
    after = await alice.session()
    assert after.id != before.id
    assert after.turns == 1


async def test_5_session_cleanup(alice: Person, claude_home: Path) -> None:
    await alice.ask("An old matter")
    old = await alice.session()
    path = transcript(old, claude_home)
    await alice.view("/newsession")
    await alice.ask("A new matter")
    moment = time.time() - 31 * 24 * 3600
    os.utime(path, (moment, moment))
    view = await alice.view("/cleansessions")
    assert (view.title, view.text) == ("🗑️ Cleaned up 1 old session(s)", "(older than 30 days)")
    assert not path.exists()
    assert [item.title for item in (await alice.view("/sessions")).items] == ["A new matter"]
    again = await alice.view("/cleansessions")
    assert again.title == "✨ No old sessions to clean up!"
    await alice.view(f"/restore {old.id}")
    assert path.exists()


async def test_6_session_persistence_across_restarts(start: OpenEngine) -> None:
    async with start() as engine:
        alice = Person(engine, Namespace("chat", "alice"))
        await alice.ask("Remember the number 42")
        before = await alice.session()
    async with start() as engine:
        alice = Person(engine, Namespace("chat", "alice"))
        assert await alice.ask("What number did I tell you?") == FORTY_TWO
        after = await alice.session()
    assert after.id == before.id
    assert after.turns == 2


async def test_7_missing_session_handling(start: OpenEngine, claude_home: Path) -> None:
    async with start() as engine:
        alice = Person(engine, Namespace("chat", "alice"))
        await alice.ask("Remember the number 42")
        lost = await alice.session()
        transcript(lost, claude_home).unlink()
        events = await alice.say("What number did I tell you?")
        [told] = [event.view for event in events if isinstance(event, Told)]
        assert told.title == "⚠️ Session lost"
        assert isinstance(events[-1], TurnFinished)
        assert "don't recall" in events[-1].text
        assert (await alice.session()).id != lost.id
