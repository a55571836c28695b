"""All that a tool would do, as Markdown for the person who decides."""

import difflib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from palaver.agents.claude.summaries import short_path, visible

_READ_AT_MOST = 1 << 20
_EDITS = frozenset({"Edit", "MultiEdit"})


def preview_of(tool: str, tool_input: Mapping[str, Any], workspace: Path) -> str:
    """The whole command, the change as a diff, or the tool's input. Blocking: it reads the file."""
    if tool == "Bash":
        return _of_command(tool_input)
    try:
        if tool == "Write":
            return _of_write(tool_input, workspace)
        if tool in _EDITS:
            return _of_edit(tool_input, workspace)
        if tool == "NotebookEdit":
            return _of_notebook(tool_input, workspace)
    except (KeyError, TypeError, ValueError):
        pass  # an input of another shape than today's is shown as it is
    return fenced(json.dumps(tool_input, indent=2, ensure_ascii=False, default=str), "json")


def fenced(text: str, language: str = "") -> str:
    """A code block that its own text cannot end."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{visible(text)}\n{fence}"


def _of_command(tool_input: Mapping[str, Any]) -> str:
    block = fenced(str(tool_input.get("command", "")), "bash")
    described = str(tool_input.get("description") or "")
    return f"{block}\n{visible(' '.join(described.split()))}" if described else block


def _of_write(tool_input: Mapping[str, Any], workspace: Path) -> str:
    path = Path(tool_input["file_path"])
    return _diff(short_path(str(path), workspace), _content(path), str(tool_input["content"]))


def _of_edit(tool_input: Mapping[str, Any], workspace: Path) -> str:
    path = Path(tool_input["file_path"])
    before = _content(path)
    after = before
    for edit in tool_input.get("edits") or [tool_input]:
        old, new = str(edit["old_string"]), str(edit["new_string"])
        if old not in after:  # it is not in the file as we read it: show what was asked for
            return _diff(short_path(str(path), workspace), old, new)
        after = after.replace(old, new, -1 if edit.get("replace_all") else 1)
    return _diff(short_path(str(path), workspace), before, after)


def _of_notebook(tool_input: Mapping[str, Any], workspace: Path) -> str:
    path = Path(tool_input["notebook_path"])
    cell = tool_input.get("cell_id")
    before = _cell(path, cell) if cell else ""
    mode = tool_input.get("edit_mode") or "replace"
    after = "" if mode == "delete" else str(tool_input["new_source"])
    return _diff(short_path(str(path), workspace), "" if mode == "insert" else before, after)


def _cell(path: Path, cell_id: object) -> str:
    for cell in json.loads(_content(path))["cells"]:
        if cell.get("id") == cell_id:
            source = cell["source"]
            return source if isinstance(source, str) else "".join(source)
    return ""


def _content(path: Path) -> str:
    try:
        if not path.is_file():  # a pipe or a device could keep its reader waiting for ever
            return ""
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_READ_AT_MOST)
    except OSError:
        return ""


def _diff(name: str, before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, name, lineterm="")
    return fenced("\n".join(lines) or f"(no change to {name})", "diff")
