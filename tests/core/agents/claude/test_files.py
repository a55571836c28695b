"""The tool with which the agent hands over a file: from the real program's call to the event."""

import asyncio
from pathlib import Path

from core.agents.claude.conftest import Claude, Person, only, say, use
from palaver.events import FileSent, ToolFinished
from palaver.models import Decision

TOOL = "mcp__palaver__send_file"


def copies(claude: Claude) -> list[Path]:
    return [path for path in (claude.home / "data" / "outbox").rglob("*") if path.is_file()]


async def test_the_agent_hands_over_a_file_of_the_workspace_and_no_other(
    claude: Claude, tmp_path: Path
) -> None:
    (claude.workspace / "report.txt").write_text("all is well")
    (tmp_path / "secret.txt").write_text("secret")
    (claude.workspace / "link.txt").symlink_to(tmp_path / "secret.txt")
    process = await claude.open()
    person = Person(decision=Decision.DENY)
    events = await say(process, use(TOOL, path="report.txt", caption="here"), person=person)
    report = claude.workspace / "report.txt"
    [copy] = await asyncio.to_thread(copies, claude)
    assert only(events, FileSent) == [
        FileSent(path=str(report), caption="here", copied_to=str(copy))
    ]
    assert not person.approvals
    for path in ("link.txt", "../secret.txt", str(tmp_path / "secret.txt"), "none.txt", "."):
        events = await say(process, use(TOOL, path=path), person=person)
        assert only(events, FileSent) == []
        assert [event.ok for event in only(events, ToolFinished)] == [False]
    assert await asyncio.to_thread(copies, claude) == [copy]


async def test_what_is_sent_is_what_was_there_at_the_call(claude: Claude, tmp_path: Path) -> None:
    report = claude.workspace / "report.txt"
    report.write_text("all is well")
    (tmp_path / "secret.txt").write_text("secret")
    process = await claude.open()
    [sent] = only(await say(process, use(TOOL, path="report.txt")), FileSent)
    report.unlink()
    report.symlink_to(tmp_path / "secret.txt")
    assert await asyncio.to_thread(Path(sent.copied_to).read_text) == "all is well"
    assert Path(sent.copied_to).name == "report.txt"


async def test_what_nobody_may_read_is_not_handed_over(claude: Claude) -> None:
    keys, data = claude.workspace / "keys", claude.home / "data"
    for file in (keys / "a.pem", data / "palaver.db", claude.home / ".claude" / "login.json"):
        file.parent.mkdir(exist_ok=True)
        file.write_text("secret")
    process = await claude.open(claude.session(workspace=claude.home), deny_read=[str(keys)])
    for path in ("workspace/keys/a.pem", "data/palaver.db", ".claude/login.json"):
        events = await say(process, use(TOOL, path=path))
        assert only(events, FileSent) == []
        [used] = only(events, ToolFinished)
        assert "nothing is sent from there" in used.output


async def test_the_model_knows_the_file_tool_without_searching_for_it(claude: Claude) -> None:
    await say(await claude.open(), "hello")
    tools = {tool["name"] for tool in claude.model.requests[-1].body["tools"]}
    assert TOOL in tools
