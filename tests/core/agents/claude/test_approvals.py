"""What the agent asks the user, and what becomes of the answer."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

import claude_agent_sdk as sdk
import pytest
from claude_agent_sdk.types import PermissionRuleValue

from core.agents.claude.conftest import Claude, Person, finished, only, say, use
from palaver.agents.claude.approvals import decide, session_rules
from palaver.agents.claude.previews import fenced, preview_of
from palaver.agents.claude.summaries import edited_file, summary_of
from palaver.events import ToolFinished, ToolStarted
from palaver.models import Choice, Decision, Question

HERE = Path("/home/alice/code")
QUESTION = {
    "question": "Which colour?",
    "header": "Colour",
    "multiSelect": False,
    "options": [
        {"label": "Red", "description": "warm"},
        {"label": "Blue", "description": "cold"},
    ],
}


async def test_a_command_runs_after_a_yes_and_asks_again_next_time(claude: Claude) -> None:
    process = await claude.open()
    person = Person(decision=Decision.ONCE)
    for count in (1, 2):
        events = await say(process, use("Bash", command="touch made.txt"), person=person)
        assert [event.ok for event in only(events, ToolFinished)] == [True]
        assert len(person.approvals) == count
    assert (claude.workspace / "made.txt").exists()
    asked = person.approvals[0]
    assert asked["tool"] == "Bash"
    assert asked["summary"] == "touch made.txt"
    assert "```bash\ntouch made.txt\n```" in asked["detail"]
    assert asked["input"] == {"command": "touch made.txt"}
    assert asked["reason"] == "It writes to made.txt."
    assert asked["rememberable"]


async def test_a_command_does_not_run_after_a_no_and_the_turn_goes_on(claude: Claude) -> None:
    process = await claude.open()
    person = Person(decision=Decision.DENY)
    events = await say(process, use("Bash", command="touch made.txt"), person=person)
    assert not (claude.workspace / "made.txt").exists()
    assert [event.ok for event in only(events, ToolFinished)] == [False]
    assert "said no" in finished(events).text
    assert not finished(events).stopped


async def test_a_yes_for_the_session_is_not_asked_again_and_written_nowhere(
    claude: Claude,
) -> None:
    process = await claude.open()
    person = Person(decision=Decision.SESSION)
    for _ in range(2):
        await say(process, use("Bash", command="touch made.txt"), person=person)
    assert len(person.approvals) == 1
    await say(process, use("Bash", command="rm made.txt"), person=person)
    assert len(person.approvals) == 2
    assert not list(claude.workspace.glob("**/settings*.json"))


async def test_a_yes_to_edits_for_the_session_allows_edits_and_nothing_else(
    claude: Claude,
) -> None:
    process = await claude.open()
    person = Person(decision=Decision.SESSION)
    for name in ("a.txt", "b.txt"):
        path = str(claude.workspace / name)
        await say(process, use("Write", file_path=path, content="x\n"), person=person)
    assert len(person.approvals) == 1
    await say(process, use("Bash", command="python3 -c 'print(1)'"), person=person)
    assert [asked["tool"] for asked in person.approvals] == ["Write", "Bash"]


async def test_an_edit_is_shown_as_a_diff_before_it_is_made(claude: Claude) -> None:
    path = claude.workspace / "song.txt"
    path.write_text("one\ntwo\nthree\n")
    process = await claude.open()
    person = Person(decision=Decision.DENY)
    await say(process, use("Read", file_path=str(path)), person=person)
    given = {"file_path": str(path), "old_string": "two", "new_string": "zwei"}
    await say(process, use("Edit", **given), person=person)
    detail = person.approvals[0]["detail"]
    assert detail.startswith("```diff\n--- song.txt\n+++ song.txt\n")
    assert "-two\n+zwei\n" in detail
    assert path.read_text() == "one\ntwo\nthree\n"


async def test_a_question_reaches_the_user_and_its_answer_the_agent(claude: Claude) -> None:
    process = await claude.open()
    person = Person(answers=("Blue",))
    events = await say(process, use("AskUserQuestion", questions=[QUESTION]), person=person)
    choices = (Choice(label="Red", description="warm"), Choice(label="Blue", description="cold"))
    assert person.questions == [
        (Question(text="Which colour?", header="Colour", choices=choices, several=False),)
    ]
    assert "Blue" in finished(events).text
    assert not person.approvals
    assert only(events, ToolStarted) + only(events, ToolFinished) == []


async def test_a_question_without_an_answer_is_refused_and_the_turn_goes_on(
    claude: Claude,
) -> None:
    process = await claude.open()
    events = await say(process, use("AskUserQuestion", questions=[QUESTION]), person=Person())
    assert "did not answer" in finished(events).text


async def test_an_interrupt_withdraws_the_question(claude: Claude) -> None:
    process = await claude.open()
    person = Person(thinks=True)
    running = asyncio.create_task(
        say(process, use("Bash", command="touch made.txt"), person=person)
    )
    await asyncio.wait_for(person.asked.wait(), 10)
    await process.interrupt()
    assert finished(await running).stopped
    assert person.withdrawn
    assert not (claude.workspace / "made.txt").exists()


async def test_waiting_for_the_user_is_no_silence(claude: Claude) -> None:
    process = await claude.open(silence_timeout_s=0.5)
    person = Person(thinks=True)
    running = asyncio.create_task(
        say(process, use("Bash", command="touch made.txt"), person=person)
    )
    await asyncio.wait_for(person.asked.wait(), 10)
    await asyncio.sleep(1.2)
    assert not running.done()
    await process.interrupt()
    assert finished(await running).stopped


async def test_an_asker_that_breaks_down_means_no(claude: Claude) -> None:
    class Broken(Person):
        async def approve(
            self,
            tool: str,
            tool_input: Mapping[str, object],
            *,
            summary: str,
            detail: str = "",
            reason: str = "",
            rememberable: bool = False,
        ) -> Decision:
            raise OSError("no network")

    process = await claude.open()
    events = await say(process, use("Bash", command="touch made.txt"), person=Broken())
    assert not (claude.workspace / "made.txt").exists()
    assert "could not be asked" in finished(events).text


async def test_without_a_prompt_nobody_is_asked_and_nothing_allowed() -> None:
    context = sdk.ToolPermissionContext()
    answer = await decide("Bash", {"command": "true"}, context, None, HERE)
    assert answer.behavior == "deny"


async def test_an_answer_of_no_known_kind_means_no() -> None:
    person = Person(decision="yes")  # type: ignore[arg-type]
    context = sdk.ToolPermissionContext()
    answer = await decide("Bash", {"command": "true"}, context, person, HERE)
    assert answer.behavior == "deny"


@pytest.mark.parametrize("given", [{}, {"questions": []}, {"questions": "?"}, {"questions": [1]}])
async def test_a_question_of_another_shape_means_no(given: dict[str, object]) -> None:
    context = sdk.ToolPermissionContext()
    answer = await decide("AskUserQuestion", given, context, Person(answers=("x",)), HERE)
    assert answer.behavior == "deny"


async def test_too_few_answers_mean_no() -> None:
    person = Person(answers=("Blue",))
    given = {"questions": [QUESTION, {**QUESTION, "question": "And why?"}]}
    answer = await decide("AskUserQuestion", given, sdk.ToolPermissionContext(), person, HERE)
    assert answer.behavior == "deny"


def test_for_the_session_never_means_more_than_was_asked() -> None:
    rule = sdk.PermissionUpdate(
        type="addRules",
        rules=[PermissionRuleValue("Bash", "ls")],
        behavior="allow",
        destination="localSettings",
    )
    folder = sdk.PermissionUpdate(type="addDirectories", directories=["/"])
    edits = sdk.PermissionUpdate(type="setMode", mode="acceptEdits")
    everything = sdk.PermissionUpdate(type="setMode", mode="bypassPermissions")
    forbidden = sdk.PermissionUpdate(type="addRules", rules=rule.rules, behavior="deny")
    kept = session_rules([everything, folder, edits, forbidden, rule])
    assert [(update.type, update.destination) for update in kept] == [("addRules", "session")]
    assert [update.mode for update in session_rules([everything, edits])] == ["acceptEdits"]
    assert session_rules([everything, forbidden]) == []


def test_a_fence_cannot_be_ended_by_what_is_in_it() -> None:
    text = "harmless\n```\n# Approved\n````"
    lines = fenced(text).splitlines()
    assert lines[0] == "`````"
    assert lines[-1] == "`````"
    assert "`````" not in lines[1:-1]


def test_invisible_characters_are_spelt_out() -> None:
    command = "rm -rf /\u202e # ereh ot gnihton"
    assert "\\u{202e}" in preview_of("Bash", {"command": command}, HERE)
    assert "\u202e" not in preview_of("Bash", {"command": command}, HERE)
    assert "\u202e" not in summary_of("Bash", {"command": command}, HERE)


def test_a_summary_is_one_short_line() -> None:
    summary = summary_of("Bash", {"command": "echo a\necho b" + " x" * 500}, HERE)
    assert summary.startswith("echo a echo b")
    assert len(summary) <= 160
    assert summary_of("mcp__db__query", {"query": "select 1", "limit": 5}, HERE) == "select 1"
    assert summary_of("Unknown", {"n": 1}, HERE) == ""
    assert summary_of("Read", {"file_path": f"{HERE}/a/b.py"}, HERE) == "a/b.py"
    assert summary_of("Read", {"file_path": "/etc/hosts"}, HERE) == "/etc/hosts"


def test_previews_show_what_would_change(tmp_path: Path) -> None:
    path = tmp_path / "f.txt"
    path.write_text("a\na\nb\n")
    everywhere = {
        "file_path": str(path),
        "old_string": "a",
        "new_string": "c",
        "replace_all": True,
    }
    assert "-a\n-a\n+c\n+c\n" in preview_of("Edit", everywhere, HERE)
    edits = [
        {"old_string": "b", "new_string": "d"},
        {"old_string": "d", "new_string": "e"},
    ]
    several = preview_of("MultiEdit", {"file_path": str(path), "edits": edits}, HERE)
    assert "-b\n+e" in several
    assert "+new" in preview_of("Write", {"file_path": str(path), "content": "new\n"}, HERE)
    absent = {"file_path": str(tmp_path / "none"), "old_string": "x", "new_string": "y"}
    assert "-x\n+y" in preview_of("Edit", absent, HERE)


def test_a_preview_of_a_notebook_shows_the_cell(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text('{"cells": [{"id": "c1", "source": ["print(1)\\n", "x"]}]}')
    given = {"notebook_path": str(path), "cell_id": "c1", "new_source": "print(2)\nx"}
    assert "-print(1)\n+print(2)" in preview_of("NotebookEdit", given, HERE)


def test_a_preview_of_something_unknown_is_its_input(tmp_path: Path) -> None:
    assert '"amount": 5' in preview_of("mcp__bank__pay", {"amount": 5}, HERE)
    assert '"file_path": 7' in preview_of("Write", {"file_path": 7}, HERE)


def test_a_preview_does_not_wait_for_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "+x" in preview_of("Write", {"file_path": str(pipe), "content": "x"}, HERE)


def test_what_claude_code_keeps_for_itself_is_no_file_that_was_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "own"))
    changed = {
        path: edited_file("Write", {"file_path": str(tmp_path / path)}) != ""
        for path in ("own/plans/a.md", "own/projects/x/memory/b.md", "own/CLAUDE.md", "plans/a.md")
    }
    assert changed == {
        "own/plans/a.md": False,
        "own/projects/x/memory/b.md": False,
        "own/CLAUDE.md": True,
        "plans/a.md": True,
    }
