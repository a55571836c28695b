"""A session is the agent's own: terminals and other Palavers may continue it, in turns."""

import asyncio
import importlib.util
import json
from pathlib import Path

from palaver.events import ApprovalAsked, Compacted, Told, TurnFinished
from palaver.frontends.words import receipt
from palaver.identity import Namespace
from palaver.models import Session
from palaver.testing.model import LoopbackModel
from support.claude import claude_processes
from support.people import OpenEngine, Person

RECALL = "What number did I tell you?"


def bundled_claude() -> str:
    spec = importlib.util.find_spec("claude_agent_sdk")
    assert spec
    assert spec.origin
    return str(Path(spec.origin).parent / "_bundled" / "claude")


async def in_a_terminal(session: Session, prompt: str) -> str:
    """`claude --resume ID -p PROMPT` in the session's workspace."""
    process = await asyncio.create_subprocess_exec(
        bundled_claude(),
        "--resume",
        str(session.id),
        "-p",
        prompt,
        cwd=session.workspace,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode().strip()


async def test_a_terminal_continues_the_same_session_and_palaver_goes_on_from_there(
    start: OpenEngine, claude_home: Path
) -> None:
    async with start() as engine:
        alice = Person(engine, Namespace("chat", "alice"))
        await alice.ask("Remember the number 42")
        before = await alice.session()
    assert await in_a_terminal(before, RECALL) == "You told me the number 42."
    async with start() as engine:
        alice = Person(engine, Namespace("chat", "alice"))
        await alice.ask("hello")
        await in_a_terminal(before, "Remember the number 7")  # while a warm process is open here
        assert "7" in await alice.ask(RECALL)
        assert (await alice.session()).id == before.id


async def test_two_palavers_share_a_session_in_turns(start: OpenEngine) -> None:
    async with start() as one, start() as two:
        here = Person(one, Namespace("chat", "alice"))
        there = Person(two, Namespace("chat", "alice"))
        await here.ask("Remember the number 42")
        assert await there.ask(RECALL) == "You told me the number 42."
        await there.ask("Remember the number 7")
        assert "7" in await here.ask(RECALL)
        assert (await here.session()).id == (await there.session()).id
        assert (await here.session()).turns == 4


async def test_a_corrupt_transcript_is_resumed_with_what_can_be_read(
    start: OpenEngine, claude_home: Path
) -> None:
    async with start() as engine:
        alice = Person(engine, Namespace("chat", "alice"))
        await alice.ask("Remember the number 42")
        session = await alice.session()
    assert session.transcript
    with session.transcript.open("ab") as file:
        file.write(b'{"type": "user", "mess\n\xff\xfe\x00\n')
    async with start() as engine:
        alice = Person(engine, Namespace("chat", "alice"))
        assert await alice.ask(RECALL) == "You told me the number 42."
        assert (await alice.session()).id == session.id


async def test_automatic_compaction_keeps_the_session_and_its_memory(start: OpenEngine) -> None:
    async with start(sessions={"auto_compact_turns": 2}) as engine:
        alice = Person(engine, Namespace("chat", "alice"))
        await alice.ask("Remember the number 42")
        before = await alice.session()
        events = await alice.say("And hello")
        assert any(isinstance(event, Compacted) for event in events)
        titles = [event.view.title for event in events if isinstance(event, Told)]
        assert titles == ["🗜️ Session auto-compacted"]
        assert (await alice.session()).turns_since_compaction == 0
        assert await alice.ask(RECALL) == "You told me the number 42."
        assert (await alice.session()).id == before.id


async def test_the_session_id_is_the_agents_own(alice: Person, claude_home: Path) -> None:
    end = await alice.end_of("hello")
    [transcript] = await asyncio.to_thread(
        lambda: list((claude_home / ".claude" / "projects").glob("*/*.jsonl"))
    )
    lines = [json.loads(line) for line in transcript.read_text().splitlines()]
    assert {line["sessionId"] for line in lines if "sessionId" in line} == {str(end.session_id)}


async def test_an_orderly_shutdown_in_mid_turn_leaves_no_process(
    model: LoopbackModel, start: OpenEngine, claude_home: Path
) -> None:
    async with start() as engine:
        alice = Person(engine, Namespace("chat", "alice"))
        submission = await alice.submit("slowly count to a hundred " + "word " * 200)
        async for event in submission:
            if event.type == "text_delta":
                break
    assert claude_processes(claude_home) == []
    ends = [event async for event in submission if isinstance(event, TurnFinished)]
    assert [end.state.value for end in ends] == ["interrupted"]


async def test_the_receipt_names_the_files_that_were_changed(alice: Person) -> None:
    submission = await alice.submit("Write a file hello.txt with hi")
    async for event in submission:
        if isinstance(event, ApprovalAsked):
            await alice.view(f"/allow {event.request.id}")
        if isinstance(event, TurnFinished):
            assert [Path(file).name for file in event.files] == ["hello.txt"]
            assert "📝 hello.txt" in receipt(event)
            return
    raise AssertionError("the turn never ended")
