"""Which sessions are open in a Claude Code just now, by the list that it keeps itself.

Two processes may continue one session at the same time; each then writes a branch of its own, and
the next one to resume it silently forgets one of the two.
"""

import json
from pathlib import Path

import psutil

from palaver.identity import SessionId

_REGISTERS_WITHIN_S = 60.0


def terminal_with(session_id: SessionId, configuration: Path) -> int | None:
    """The pid of a Claude Code in a terminal that has this session open. Blocking.

    Programs that were started through an SDK do not count: they are Palaver's, and its ledger
    lets only one of them run a turn of a session.
    """
    for file in (configuration / "sessions").glob("*.json"):
        try:
            entry = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError):
            continue  # it comes and goes with its process
        match entry:
            case {
                "sessionId": str(known),
                "entrypoint": "cli",
                "pid": int(pid),
                "startedAt": int(started_ms),
            } if known == str(session_id) and _runs(pid, started_ms / 1000):
                return pid
    return None


def _runs(pid: int, registered: float) -> bool:
    """Whether it still does; after a kill its entry stays, and its pid may be another's by now."""
    try:
        process = psutil.Process(pid)
        began = process.create_time()
        return (
            abs(registered - began) < _REGISTERS_WITHIN_S
            and process.status() != psutil.STATUS_ZOMBIE
        )
    except psutil.Error:
        return False
