"""The Claude Code that `claude-agent-sdk` brings along."""

import importlib.util
import shlex
import shutil
from pathlib import Path


def bundled() -> Path | None:
    """The program in the SDK's wheel; None if it is not there."""
    spec = importlib.util.find_spec("claude_agent_sdk")
    if spec is None or spec.origin is None:
        return None
    program = Path(spec.origin).parent / "_bundled" / "claude"
    return program if program.is_file() else None


def bundled_version(program: Path) -> str:
    """Its version, as the SDK has noted it; empty if it has not."""
    try:
        return program.with_name("claude.version").read_text("utf-8").strip()
    except OSError:
        return ""


def login_hint() -> str:
    """How to log in; who installed Palaver alone has no command `claude`."""
    program = None if shutil.which("claude") else bundled()
    command = shlex.quote(str(program)) if program else "claude"
    return f"Run `{command}` once and log in, or set ANTHROPIC_API_KEY."
