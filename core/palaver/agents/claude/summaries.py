"""What a use of a tool is about, in one line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from palaver.agents.claude.transcripts import configuration_folder

_LENGTH = 160
_TELLING = {
    "Bash": ("command",),
    "Read": ("file_path",),
    "Write": ("file_path",),
    "Edit": ("file_path",),
    "MultiEdit": ("file_path",),
    "NotebookEdit": ("notebook_path",),
    "Glob": ("pattern", "path"),
    "Grep": ("pattern", "path"),
    "WebFetch": ("url",),
    "WebSearch": ("query",),
    "web_search": ("query",),
    "Task": ("description",),
    "Agent": ("description",),
    "Skill": ("skill", "args"),
    "ToolSearch": ("query",),
    "TaskOutput": ("task_id",),
}
_EDITING = frozenset({"Write", "Edit", "MultiEdit", "NotebookEdit"})
_OWN_FOLDERS = ("plans", "projects")  # the latter has its memory
_PATHS = frozenset({"file_path", "notebook_path", "path"})
_USUAL = ("command", "file_path", "path", "url", "query", "pattern", "description", "name")


def summary_of(tool: str, tool_input: Mapping[str, Any], workspace: Path) -> str:
    """One line, such as the command or the path; empty if there is nothing telling."""
    if tool == "TodoWrite":
        return one_line(_doing(tool_input))
    keys = _TELLING.get(tool)
    if keys is None:
        keys = next(((key,) for key in _USUAL if isinstance(tool_input.get(key), str)), ())
    texts = [(key, str(tool_input[key])) for key in keys if tool_input.get(key)]
    return one_line(
        " ".join(short_path(text, workspace) if key in _PATHS else text for key, text in texts)
    )


def edited_file(tool: str, tool_input: Mapping[str, Any]) -> str:
    """The file that a tool for editing will change; empty for all other tools.

    It is empty, too, for what Claude Code writes for itself, such as a plan before it is shown.
    """
    file = str(tool_input.get(_TELLING[tool][0], "")) if tool in _EDITING else ""
    own = (configuration_folder() / name for name in _OWN_FOLDERS)
    return "" if any(Path(file).is_relative_to(folder) for folder in own) else visible(file)


def short_path(path: str, workspace: Path) -> str:
    """The path as seen from the workspace, if it is in there."""
    try:
        return str(Path(path).relative_to(workspace))
    except ValueError:
        return path


def one_line(text: str, limit: int = _LENGTH) -> str:
    """The text on one line, visible as it is, at most `limit` characters."""
    text = visible(" ".join(text.split()))
    return text if len(text) <= limit else text[: limit - 1] + "…"


def visible(text: str) -> str:
    """The text with invisible characters spelt out, so that none can make it read otherwise.

    A right-to-left override or a zero-width space could show a harmless command where another
    one runs.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in "\n\t" else _spelt(character)
        for character in text
    )


def _spelt(character: str) -> str:
    return f"\\u{{{ord(character):x}}}"


def _doing(tool_input: Mapping[str, Any]) -> str:
    todos = tool_input.get("todos")
    for todo in todos if isinstance(todos, list) else []:
        if isinstance(todo, dict) and todo.get("status") == "in_progress":
            return str(todo.get("activeForm") or todo.get("content") or "")
    return ""
