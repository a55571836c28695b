"""Transcripts: where they are, what is in them, and what never happens to them."""

import asyncio
import json
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from core.agents.claude.conftest import ALICE, Claude, finished, say, use
from palaver.agents.claude.agent import ClaudeAgent
from palaver.agents.claude.settings import ClaudeSettings
from palaver.agents.claude.transcripts import ClaudeTranscripts, configuration_folder
from palaver.errors import AgentCrashedError, AgentError, SessionLostError
from palaver.models import Session, now


@pytest.fixture
def transcripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClaudeTranscripts:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    (tmp_path / "claude" / "projects").mkdir(parents=True)
    return ClaudeTranscripts()


def a_session(workspace: Path, **changes: Any) -> Session:
    values = {
        "id": uuid4(),
        "namespace": ALICE,
        "agent": "claude",
        "workspace": workspace,
        "created": now(),
        "modified": now(),
    }
    return Session(**{**values, **changes})


def user(text: str, uuid: object, turn: str = "t1", **more: object) -> dict[str, object]:
    message = {"role": "user", "content": text}
    return {"type": "user", "uuid": str(uuid), "promptId": turn, "message": message, **more}


def assistant(
    text: str,
    stop: str | None = "end_turn",
    number: int = 1,
    model: str = "claude",
    **more: object,
) -> dict[str, object]:
    content = [{"type": "text", "text": text}]
    message = {
        "role": "assistant",
        "id": f"m{number}",
        "model": model,
        "content": content,
        "stop_reason": stop,
    }
    return {"type": "assistant", "uuid": str(uuid4()), "message": message, **more}


def tool_use(number: int = 1, **given: object) -> dict[str, object]:
    content = [{"type": "tool_use", "id": "x", "name": "Bash", "input": given}]
    message = {
        "role": "assistant",
        "id": f"m{number}",
        "content": content,
        "stop_reason": "tool_use",
    }
    return {"type": "assistant", "uuid": str(uuid4()), "message": message}


def tool_result(turn: str = "t1") -> dict[str, object]:
    content = [{"type": "tool_result", "tool_use_id": "x", "content": "ok"}]
    message = {"role": "user", "content": content}
    return {"type": "user", "uuid": str(uuid4()), "promptId": turn, "message": message}


async def written(
    transcripts: ClaudeTranscripts, session: Session, *entries: dict[str, object] | bytes
) -> Path:
    home = await transcripts.home(session)
    home.mkdir(parents=True, exist_ok=True)
    path = home / f"{session.id}.jsonl"
    lines = [
        entry if isinstance(entry, bytes) else json.dumps(entry, separators=(",", ":")).encode()
        for entry in entries
    ]
    path.write_bytes(b"\n".join([*lines, b""]))
    return path


async def test_a_session_is_found_by_its_workspace(
    transcripts: ClaudeTranscripts, tmp_path: Path
) -> None:
    session = a_session(tmp_path / "my.work space")
    assert await transcripts.locate(session) is None
    path = await written(transcripts, session, user("hi", uuid4()))
    assert await transcripts.locate(session) == path
    assert path.parent.parent == tmp_path / "claude" / "projects"
    assert await transcripts.home(session) == path.parent
    assert await transcripts.locate(a_session(session.workspace)) is None


async def test_a_session_is_found_where_it_was_last(
    transcripts: ClaudeTranscripts, tmp_path: Path
) -> None:
    session = a_session(tmp_path / "one")
    path = await written(transcripts, session)
    moved = session.model_copy(update={"workspace": tmp_path / "two", "transcript": path})
    assert await transcripts.locate(moved) == path
    gone = session.model_copy(update={"transcript": tmp_path / "none" / path.name})
    assert await transcripts.locate(gone) == path


async def test_nothing_outside_the_projects_folder_is_a_transcript(
    transcripts: ClaudeTranscripts, tmp_path: Path
) -> None:
    session = a_session(tmp_path / "work")
    outside = tmp_path / f"{session.id}.jsonl"
    outside.write_text("secret")
    recorded = session.model_copy(update={"transcript": outside})
    assert await transcripts.locate(recorded) is None
    home = await transcripts.home(session)
    home.mkdir()
    (home / outside.name).symlink_to(outside)
    assert await transcripts.locate(session) is None


async def test_a_recorded_transcript_of_another_session_is_not_taken(
    transcripts: ClaudeTranscripts, tmp_path: Path
) -> None:
    other = await written(transcripts, a_session(tmp_path / "work"))
    session = a_session(tmp_path / "elsewhere", transcript=other)
    assert await transcripts.locate(session) is None


async def test_a_very_long_workspace_is_found_in_spite_of_its_hash(
    transcripts: ClaudeTranscripts, tmp_path: Path
) -> None:
    session = a_session(tmp_path / ("x" * 120) / ("y" * 120))
    home = await transcripts.home(session)
    theirs = home.with_name(home.name[:200] + "-another")
    theirs.mkdir()
    path = theirs / f"{session.id}.jsonl"
    path.write_text("{}")
    assert await transcripts.locate(session) == path
    assert await transcripts.home(session) == theirs


async def test_the_answer_is_the_text_after_the_last_tool(
    transcripts: ClaudeTranscripts, tmp_path: Path
) -> None:
    session, turn_id = a_session(tmp_path / "work"), uuid4()
    await written(
        transcripts,
        session,
        user("before", uuid4(), "t0"),
        assistant("before"),
        user("now", turn_id),
        assistant("Let me see.", "tool_use", 2),
        tool_use(2, command="ls"),
        tool_result(),
        b'{"type":"attachment"',
        assistant("It is", number=3),
        {"type": "last-prompt"},
        assistant("done.", number=3),
        user("after", uuid4(), "t2"),
        assistant("after", number=4),
    )
    assert await transcripts.answer(session, turn_id) == "It is\n\ndone."


@pytest.mark.parametrize(
    "rest",
    [
        [],
        [assistant("half", None)],
        [assistant("Let me see.", "tool_use"), tool_use(command="ls")],
        [tool_use(command="ls"), tool_result()],
        [assistant("all"), user("[Request interrupted by user]", uuid4())],
        [assistant("API Error: 500", "stop_sequence", model="<synthetic>")],
        [user("next", uuid4(), "t2"), assistant("another answer")],
        [assistant("a sub-agent's", isSidechain=True)],
    ],
)
async def test_an_answer_that_is_not_complete_is_none(
    transcripts: ClaudeTranscripts, tmp_path: Path, rest: list[dict[str, object]]
) -> None:
    session, turn_id = a_session(tmp_path / "work"), uuid4()
    await written(transcripts, session, user("now", turn_id), *rest)
    assert await transcripts.answer(session, turn_id) is None


async def test_an_answer_after_a_compaction_in_the_turn_is_found(
    transcripts: ClaudeTranscripts, tmp_path: Path
) -> None:
    session, turn_id = a_session(tmp_path / "work"), uuid4()
    summary = user("This session is being continued", uuid4(), "t9", isCompactSummary=True)
    await written(
        transcripts,
        session,
        user("now", turn_id),
        tool_use(command="ls"),
        tool_result(),
        {"type": "system", "subtype": "compact_boundary", "parentUuid": None},
        summary,
        assistant("All done.", number=5),
    )
    assert await transcripts.answer(session, turn_id) == "All done."


async def test_a_turn_that_was_never_begun_has_no_answer(
    transcripts: ClaudeTranscripts, tmp_path: Path
) -> None:
    session = a_session(tmp_path / "work")
    assert await transcripts.answer(session, uuid4()) is None
    await written(transcripts, session, user("now", uuid4()), assistant("yes"))
    assert await transcripts.answer(session, uuid4()) is None


async def test_the_answer_of_a_real_turn_is_what_was_said(claude: Claude) -> None:
    (claude.workspace / "notes.txt").write_text("milk")
    session, turn_id = claude.session(), uuid4()
    process = await claude.open(session)
    text = use("Read", file_path=str(claude.workspace / "notes.txt"))
    events = await say(process, text, turn_id=turn_id)
    await say(process, "hello")
    transcripts = claude.agent().transcripts
    assert await transcripts.answer(session, turn_id) == finished(events).text
    spoken = await transcripts.messages(session)
    assert spoken[0] == ("user", text)
    assert spoken[-2:] == [("user", "hello"), ("assistant", "You said: hello")]


async def test_the_conversation_is_without_what_nobody_said(claude: Claude) -> None:
    session = claude.session()
    process = await claude.open(session)
    await say(process, "hello")
    await say(process, "/compact")
    await say(process, "again")
    assert await claude.agent().transcripts.messages(session) == [
        ("user", "hello"),
        ("assistant", "You said: hello"),
        ("user", "again"),
        ("assistant", "You said: again"),
    ]


async def test_broken_lines_are_passed_over(transcripts: ClaudeTranscripts, tmp_path: Path) -> None:
    session, turn_id = a_session(tmp_path / "work"), uuid4()
    await written(
        transcripts,
        session,
        b"\xff\xfe\x00",
        b"[1, 2]",
        b"7",
        b'"text"',
        user("hi", turn_id),
        b'{"type": "assistant", "message": 5}',
        b'{"type": "assistant", "message": {"content": [1, null, {"type": "text"}]}}',
        b"[" * 100_000,
        assistant("hello"),
        b'{"cut',
    )
    assert await transcripts.messages(session) == [("user", "hi"), ("assistant", "hello")]
    assert await transcripts.answer(session, turn_id) == "hello"
    assert transcripts.spent(session).cost_usd == 0


async def test_a_session_without_a_transcript_is_lost(
    transcripts: ClaudeTranscripts, tmp_path: Path
) -> None:
    session = a_session(tmp_path / "work")
    with pytest.raises(SessionLostError):
        await transcripts.messages(session)
    with pytest.raises(SessionLostError):
        await transcripts.fork(session)
    await written(transcripts, session)
    with pytest.raises(SessionLostError):
        await transcripts.fork(session)


async def test_a_killed_turn_has_no_answer_also_after_the_session_went_on(
    claude: Claude,
) -> None:
    session, turn_id = claude.session(), uuid4()
    process = await claude.open(session)
    await say(process, "hello")
    running = asyncio.create_task(say(process, "slow 500", turn_id=turn_id))
    await claude.model.wait_for_request(lambda request: "slow" in request.prompt)
    await asyncio.sleep(0.3)
    os.kill(int(process.process.partition(":")[0]), signal.SIGKILL)
    with pytest.raises(AgentCrashedError):
        await running
    resumed = await claude.open(session, resume=True)
    await say(resumed, "again")
    transcripts = claude.agent().transcripts
    assert await transcripts.answer(session, turn_id) is None
    spoken = await transcripts.messages(session)
    assert spoken[-3:] == [
        ("user", "slow 500"),
        ("user", "again"),
        ("assistant", "You said: again"),
    ]


async def test_a_fork_knows_all_and_leaves_the_original_alone(claude: Claude) -> None:
    session = claude.session()
    process = await claude.open(session)
    await say(process, "my number is 42")
    await process.close()
    transcripts = claude.agent().transcripts
    original = await transcripts.locate(session)
    assert original is not None
    before = original.read_bytes()
    fork_id, path = await transcripts.fork(session)
    assert fork_id != session.id
    fork = claude.session(id=fork_id)
    assert await transcripts.locate(fork) == path
    resumed = await claude.open(fork, resume=True)
    assert "42" in finished(await say(resumed, "recall")).text
    await say(resumed, "only in the fork")
    assert original.read_bytes() == before


async def test_a_trashed_session_is_gone_and_restored_it_resumes(claude: Claude) -> None:
    session = claude.session()
    process = await claude.open(session)
    await say(process, "my number is 42")
    await process.close()
    transcripts = claude.agent().transcripts
    path = await transcripts.locate(session)
    assert path is not None
    trashed = await transcripts.move(path, claude.home / "trash")
    assert await transcripts.locate(session) is None
    with pytest.raises(SessionLostError):
        await claude.open(session, resume=True)
    assert await transcripts.move(trashed, await transcripts.home(session)) == path
    resumed = await claude.open(session, resume=True)
    assert "42" in finished(await say(resumed, "recall")).text


async def test_a_scan_tells_what_a_turn_has_changed(claude: Claude) -> None:
    session = claude.session()
    process = await claude.open(session)
    await say(process, "hello")
    transcripts = claude.agent().transcripts
    path = await transcripts.locate(session)
    assert path is not None
    found = path.stat()
    known = [(str(path), found.st_size, found.st_mtime_ns)]
    assert list(transcripts.scan(known)) == []
    await say(process, "hello")
    ((changed, stamp),) = transcripts.scan(known)
    assert changed == str(path)
    assert stamp is not None
    assert stamp.size > found.st_size


def test_the_configuration_is_where_claude_code_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    assert configuration_folder() == tmp_path / ".claude"
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "cafe\u0301"))
    assert configuration_folder() == tmp_path / "caf\u00e9"


@contextmanager
def as_an_ordinary_user() -> Iterator[None]:
    """Root can read everything: be somebody else for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can look into; pytest's own are private."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


async def test_a_transcript_that_cannot_be_read_is_said_and_not_called_lost(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(open_folder))
    agent = ClaudeAgent(ClaudeSettings(), open_folder)
    await agent.prepare()
    session = a_session(open_folder / "work")
    path = await written(agent.transcripts, session, user("hi", UUID(int=1)))
    path.chmod(0)
    with as_an_ordinary_user():
        with pytest.raises(AgentError, match="cannot be read: Permission denied"):
            await agent.transcripts.messages(session)
        with pytest.raises(AgentError, match="cannot be read"):
            await agent.open(session, resume=True)
    path.parent.chmod(0)
    with as_an_ordinary_user(), pytest.raises(AgentError, match="cannot be read"):
        await agent.transcripts.locate(session)
    path.parent.chmod(0o755)
