"""The processes of Claude Code that a test has begun."""

from pathlib import Path

import psutil


def claude_processes(home: Path) -> list[int]:
    """Those that run in this home."""
    found = []
    for process in psutil.process_iter():
        try:
            here = process.environ().get("CLAUDE_CONFIG_DIR") == str(home / ".claude")
            if here and "claude" in process.name():
                found.append(process.pid)
        except psutil.Error:
            continue
    return found
