"""Claude Code's transcripts: where they are and what is in them.

One file a session, `<configuration>/projects/<workspace>/<session id>.jsonl`; one JSON object a
line, of which those with a `uuid` form a tree by `parentUuid`.
"""

import asyncio
import json
import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from palaver.agents.claude.spending import usage_of_models
from palaver.agents.contract import Transcripts
from palaver.agents.disk import move_transcript, scan_transcripts
from palaver.errors import AgentError, SessionLostError
from palaver.identity import SessionId
from palaver.models import Session, Stamp, Usage

_Entry = Mapping[str, Any]

_COMPLETE = frozenset({"end_turn", "stop_sequence", "max_tokens", "refusal"})
"""Why a model stops when it has nothing more to do in a turn."""
_SYNTHETIC = "<synthetic>"
"""The model of what the program itself says in the model's place, errors for example."""
_INTERRUPTED = "[Request interrupted by user"
_LONG_NAME = 200
"""Names of project folders are cut here and get a hash that the program computes its own way."""
_NOBODY_THERE = "Tool permission stream closed"
"""What Claude Code (2.1.330) writes as a tool's result when its host is gone while it asks."""


def configuration_folder() -> Path:
    """Where Claude Code keeps its settings, logins and transcripts."""
    folder = os.environ.get("CLAUDE_CONFIG_DIR") or str(Path.home() / ".claude")
    return Path(unicodedata.normalize("NFC", folder))


class ClaudeTranscripts(Transcripts):
    """See `Transcripts`. `projects` is the folder that none of its paths ever leaves."""

    @property
    def projects(self) -> Path:
        """The folder of all transcripts."""
        return configuration_folder() / "projects"

    async def locate(self, session: Session) -> Path | None:
        """See `Transcripts.locate`: where it was last, else where its workspace says."""
        return await asyncio.to_thread(self._locate, session)

    async def home(self, session: Session) -> Path:
        """See `Transcripts.home`: the project folder of its workspace."""
        return await asyncio.to_thread(self._home, session)

    async def answer(self, session: Session, turn_id: UUID) -> str | None:
        """See `Transcripts.answer`."""
        return await asyncio.to_thread(self._answer, session, turn_id)

    async def fork(self, session: Session) -> tuple[SessionId, Path]:
        """See `Transcripts.fork`."""
        return await asyncio.to_thread(self._fork, session)

    async def messages(self, session: Session) -> list[tuple[str, str]]:
        """See `Transcripts.messages`."""
        return await asyncio.to_thread(self._messages, session)

    async def move(self, transcript: Path, folder: Path) -> Path:
        """See `Transcripts.move`."""
        return await asyncio.to_thread(move_transcript, transcript, folder)

    def scan(self, known: Iterable[tuple[str, int, int]]) -> Iterable[tuple[str, Stamp | None]]:
        """See `Transcripts.scan`."""
        return scan_transcripts(known)

    def spent(self, session: Session) -> Usage:
        """What the session has cost before; the program counts on from there. Blocking.

        Raises:
            SessionLostError: if there is no transcript.
            AgentError: if it cannot be read.
        """
        spent = Usage()
        for line in _lines(self._required(session)):
            if line.startswith(b'{"type":"cost-state"'):
                spent = _spent(_parsed(line)) or spent
        return spent

    # --- how --------------------------------------------------------------------------------

    def _locate(self, session: Session) -> Path | None:
        name = f"{session.id}.jsonl"
        recorded = session.transcript
        if recorded is not None and recorded.name == name and self._holds(recorded):
            return recorded
        folders = self._folders(session.workspace)
        return next((f / name for f in folders if self._holds(f / name)), None)

    def _home(self, session: Session) -> Path:
        located = self._locate(session)
        if located is not None:
            return located.parent
        folders = list(self._folders(session.workspace))
        return next((folder for folder in folders if folder.is_dir()), folders[0])

    def _holds(self, path: Path) -> bool:
        """Whether this is a file below the projects folder, all links resolved.

        Raises:
            AgentError: if that cannot be told: such a session is not lost.
        """
        try:
            place = path.resolve(strict=True)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except (OSError, RuntimeError) as error:
            raise _unreadable(path, error) from error
        return place.is_relative_to(self.projects.resolve()) and place.is_file()

    def _folders(self, workspace: Path) -> Iterator[Path]:
        from claude_agent_sdk import project_key_for_directory

        key = project_key_for_directory(workspace)
        yield self.projects / key
        if len(key) > _LONG_NAME:
            try:
                names = os.listdir(self.projects)  # noqa: PTH208 - names are all that is needed
            except OSError:
                return
            yield from (self.projects / n for n in names if n.startswith(key[:_LONG_NAME] + "-"))

    def _required(self, session: Session) -> Path:
        path = self._locate(session)
        if path is None:
            raise SessionLostError(session.id)
        return path

    def _answer(self, session: Session, turn_id: UUID) -> str | None:
        path = self._locate(session)
        if path is None:
            return None
        prompt: _Entry | None = None
        turn: list[_Entry] = []
        for entry in _entries(path):
            if entry.get("uuid") == str(turn_id):
                prompt = entry
            elif prompt is not None and _is_prompt(entry, after=prompt):
                break
            elif prompt is not None:
                turn.append(entry)
        return None if any(map(_asked_in_vain, turn)) else _final_text(turn)

    def _messages(self, session: Session) -> list[tuple[str, str]]:
        spoken = []
        for entry in _entries(self._required(session)):
            role, text = entry.get("type"), _text(entry)
            if role in ("user", "assistant") and text and not _is_aside(entry):
                spoken.append((str(role), text))
        return spoken

    def _fork(self, session: Session) -> tuple[SessionId, Path]:
        from claude_agent_sdk import fork_session

        path = self._required(session)
        try:
            forked = fork_session(str(session.id), str(session.workspace))
        except (FileNotFoundError, ValueError) as error:
            raise SessionLostError(session.id) from error
        except OSError as error:
            raise _unreadable(path, error) from error
        return UUID(forked.session_id), path.with_name(f"{forked.session_id}.jsonl")


def _asked_in_vain(entry: _Entry) -> bool:
    """Whether a tool was refused because Palaver had died, and not because somebody said no.

    What the agent says after that is about a decision that nobody has made.
    """
    message = entry.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    return any(
        isinstance(block, dict)
        and block.get("type") == "tool_result"
        and block.get("is_error") is True
        and _NOBODY_THERE in json.dumps(block.get("content"))
        for block in (content if isinstance(content, list) else ())
    )


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from file
    except OSError as error:
        raise _unreadable(path, error) from error


def _parsed(line: bytes) -> _Entry:
    """The entry on this line; an empty one if it is broken."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return entry if isinstance(entry, dict) else {}


def _entries(path: Path) -> Iterator[_Entry]:
    """The file's entries; lines that are broken are passed over.

    Raises:
        AgentError: if the file cannot be read.
    """
    return filter(None, map(_parsed, _lines(path)))


def _unreadable(path: Path, error: OSError | RuntimeError) -> AgentError:
    why = error.strerror if isinstance(error, OSError) else "its links go round in a circle"
    return AgentError(
        f"The transcript {path} cannot be read: {why}.",
        hint="Give yourself the right to read it; it is left as it is.",
    )


def _is_prompt(entry: _Entry, *, after: _Entry) -> bool:
    """Whether this begins another turn, as a tool's result or a remark of the program does not."""
    return (
        entry.get("type") == "user"
        and bool(entry.get("promptId"))
        and entry.get("promptId") != after.get("promptId")
        and not entry.get("isMeta")
        and not entry.get("isCompactSummary")
        and not entry.get("toolUseResult")
    )


def _final_text(turn: Iterable[_Entry]) -> str | None:
    """The text of a turn since its last tool, if the turn is complete.

    A message has one entry for each of its blocks. The order in the file is that of the turn;
    the chain of parents is not followed, because a compaction in the middle breaks it.
    """
    texts: list[str] = []
    complete = False
    for entry in turn:
        if entry.get("isSidechain") or entry.get("type") not in ("user", "assistant"):
            continue
        message = _message(entry)
        if entry["type"] == "user" or message.get("model") == _SYNTHETIC:
            complete = False
            continue
        if _uses_tool(message):
            texts.clear()
        else:
            texts.append(_text(entry))
        complete = message.get("stop_reason") in _COMPLETE
    return "\n\n".join(filter(None, texts)) if complete else None


def _message(entry: _Entry) -> _Entry:
    message = entry.get("message")
    return message if isinstance(message, dict) else {}


def _blocks(message: _Entry) -> list[_Entry]:
    content = message.get("content")
    blocks = content if isinstance(content, list) else []
    return [block for block in blocks if isinstance(block, dict)]


def _uses_tool(message: _Entry) -> bool:
    return any(block.get("type") == "tool_use" for block in _blocks(message))


def _text(entry: _Entry) -> str:
    message = _message(entry)
    content = message.get("content")
    if isinstance(content, str):
        return content
    texts = [block.get("text") for block in _blocks(message) if block.get("type") == "text"]
    return "\n\n".join(text for text in texts if isinstance(text, str))


def _is_aside(entry: _Entry) -> bool:
    """Whether nobody said this in the conversation itself."""
    return bool(
        _message(entry).get("model") == _SYNTHETIC
        or entry.get("isSidechain")
        or entry.get("isMeta")
        or entry.get("isCompactSummary")
        or _text(entry).startswith(("<command-name>", "<local-command-", _INTERRUPTED))
    )


def _spent(state: _Entry) -> Usage | None:
    models, cost = state.get("modelUsage"), state.get("totalCostUSD")
    if not isinstance(models, dict) or not isinstance(cost, int | float):
        return None
    return usage_of_models(models, cost)
