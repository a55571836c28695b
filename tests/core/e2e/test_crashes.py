"""`kill -9` of Palaver while the real Claude Code is at work."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from palaver.engine import Engine
from palaver.events import ApprovalAsked, TurnFinished
from palaver.identity import Namespace
from palaver.models import TurnState
from palaver.testing.model import LoopbackModel, ModelRequest, Reply, Say, Use, Wait
from support import living
from support.claude import claude_processes
from support.people import OpenEngine, Person


@asynccontextmanager
async def palaver(data: Path, text: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        living.__file__,
        str(data),
        "claude",
        text,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def killed_after(process: asyncio.subprocess.Process, event: str) -> None:
    assert process.stdout
    async with asyncio.timeout(30):
        while (await process.stdout.readline()).decode().strip() != event:
            assert not process.stdout.at_eof()
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()


async def recovered(engine: Engine) -> list[TurnFinished]:
    async with asyncio.timeout(60):
        submissions = [submission async for _, submission in engine.recover(["chat"])]
        events = [event for one in submissions async for event in one]
    return [event for event in events if isinstance(event, TurnFinished)]


async def test_the_answer_that_the_orphan_still_wrote_is_delivered_and_nothing_ran_twice(
    model: LoopbackModel, start: OpenEngine, claude_home: Path, tmp_path: Path
) -> None:
    model.script = lambda _: [Say("One two three "), Wait(2.0), Say("four.")]
    async with palaver(tmp_path / "data", "Count to four") as process:
        await killed_after(process, "text_delta")
    assert claude_processes(claude_home)  # it goes on alone
    async with start() as engine:
        [end] = await recovered(engine)
        assert (end.state, end.recovered) == (TurnState.DONE, True)
        assert "four." in end.text
        assert claude_processes(claude_home) == []
        assert [request.prompt for request in model.requests] == ["Count to four"]
        alice = Person(engine, Namespace("chat", "alice"))
        assert (await alice.session()).turns == 1


async def test_a_tool_that_waited_for_an_approval_never_runs_and_is_asked_for_again(
    model: LoopbackModel, start: OpenEngine, claude_home: Path, tmp_path: Path
) -> None:
    def script(request: ModelRequest) -> Reply:
        if request.tool_results:
            return Say("I was not allowed to.")
        return Use("Bash", {"command": "touch ran.txt", "description": "make a file"})

    model.script = script
    async with palaver(tmp_path / "data", "Make the file") as process:
        await killed_after(process, "approval_asked")
    async with start() as engine:
        alice = Person(engine, Namespace("chat", "alice"))
        (_, told), (_, following) = [pair async for pair in engine.recover(["chat"])]
        async with asyncio.timeout(60):
            [end] = [event async for event in told if isinstance(event, TurnFinished)]
            assert (end.state, end.text, end.goes_on) == (TurnState.INTERRUPTED, "", True)
            assert "Bash: touch ran.txt" in end.error
            async for event in following:
                if isinstance(event, ApprovalAsked):
                    await alice.view(f"/deny {event.request.id}")
                if isinstance(event, TurnFinished):
                    assert (event.state, event.text) == (TurnState.DONE, "I was not allowed to.")
    assert await asyncio.to_thread(lambda: list(tmp_path.rglob("ran.txt"))) == []
    assert claude_processes(claude_home) == []


async def test_without_an_answer_the_turn_is_told_as_interrupted_and_retry_runs_it(
    model: LoopbackModel, start: OpenEngine, claude_home: Path, tmp_path: Path
) -> None:
    model.script = lambda _: [Say("One two three "), Wait(30.0)]
    async with palaver(tmp_path / "data", "Count to four") as process:
        await killed_after(process, "text_delta")
    for pid in claude_processes(claude_home):
        os.kill(pid, signal.SIGKILL)
    async with start() as engine:
        [end] = await recovered(engine)
        assert (end.state, end.text) == (TurnState.INTERRUPTED, "")
        assert "/retry" in end.error
        alice = Person(engine, Namespace("chat", "alice"))
        model.script = lambda _: Say("One two three four.")
        assert await alice.ask("/retry") == "One two three four."
    assert claude_processes(claude_home) == []


async def test_a_session_is_not_resumed_while_its_orphan_still_works(
    model: LoopbackModel, start: OpenEngine, tmp_path: Path, claude_home: Path
) -> None:
    model.script = lambda _: [Say("Slowly "), Wait(2.0), Say("done.")]
    async with palaver(tmp_path / "data", "Work slowly") as process:
        await killed_after(process, "text_delta")
    [orphan] = claude_processes(claude_home)
    async with start() as engine:
        alice = Person(engine, Namespace("chat", "alice"))
        recovery = asyncio.create_task(recovered(engine))
        answer = await alice.ask("And now?")
        assert not psutil.pid_exists(orphan)
        assert "done." in answer
        assert ["done." in end.text for end in await recovery] == [True]
    prompts = [request.prompt for request in model.requests]
    assert prompts == ["Work slowly", "And now?"]
