"""What is said of requests and of turns at work."""

from pathlib import Path
from uuid import UUID

import pytest

from palaver.agents.claude.previews import preview_of
from palaver.agents.claude.summaries import summary_of
from palaver.frontends import words
from palaver.identity import ConversationId, Namespace, SessionId
from palaver.models import ApprovalRequest
from palaver.views import View

ID = UUID(int=1)


def request(tool: str, **given: str) -> ApprovalRequest:
    """As Claude Code's agent makes it."""
    workspace = Path("/nowhere")
    return ApprovalRequest(
        id="r1",
        session_id=SessionId(int=1),
        turn_id=ID,
        namespace=Namespace("memory", "owner"),
        conversation=ConversationId("owner"),
        tool=tool,
        summary=summary_of(tool, given, workspace),
        detail=preview_of(tool, given, workspace),
    )


def asked(tool: str, **given: str) -> View:
    return words.approval(request(tool, **given))


@pytest.mark.parametrize("described", [{}, {"description": "List the files"}])
def test_a_short_command_is_shown_once(described: dict[str, str]) -> None:
    view = asked("Bash", command="ls -la", **described)
    assert view.title == "🔐 Bash"
    assert view.text.startswith("```bash\nls -la\n```")
    assert view.plain().count("ls -la") == 1


@pytest.mark.parametrize("command", ["ls\nrm -r *", "ls " + "x" * 200, "`ls`\n```\nrm -r *\n```"])
def test_of_a_long_command_the_title_says_the_beginning(command: str) -> None:
    assert asked("Bash", command=command).title.startswith(f"🔐 Bash: {command[:2]}")


def test_a_request_without_a_detail_says_in_its_title_what_it_is_about() -> None:
    bare = request("Bash", command="ls").model_copy(update={"detail": ""})
    assert words.approval(bare).title == "🔐 Bash: ls"


def test_what_changes_a_file_names_it() -> None:
    assert asked("Write", file_path="/nowhere/a.txt", content="a").title == "🔐 Write: a.txt"


def test_what_is_settled_still_says_what_it_was_about() -> None:
    short = words.settled(asked("Bash", command="ls -la"), "Allowed once")
    assert (short.actions, short.footer) == ((), ("Allowed once",))
    assert "ls -la" in short.plain()
    long = words.settled(asked("Write", file_path="/nowhere/a.txt", content="a\n" * 500), "Denied")
    assert long.plain() == "🔐 Write: a.txt\nDenied"


def test_a_command_with_a_long_description_is_in_the_title_that_stays() -> None:
    view = asked("Bash", command="ls -la", description="words " * 100)
    assert "ls -la" in words.settled(view, "Denied").plain()


def test_the_progress_of_a_long_text_is_its_end_within_the_limit() -> None:
    text = "```python\n" + "x = 1\n" * 100
    view = words.progress(text, [], resumed=True, limit=100, turn_id=ID)
    assert [action.command for action in view.actions] == [f"/stop {ID}"]
    assert view.text.startswith("…\n```python\nx = 1\n")
    assert len(view.text) <= 100
