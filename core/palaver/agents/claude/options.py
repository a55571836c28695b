"""With which arguments and which environment the `claude` program is started."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from palaver.agents.claude.settings import ClaudeSettings
from palaver.models import Session

FILE_SERVER = "palaver"
"""Name of the in-process MCP server with tools of ours."""
FILE_TOOL = "send_file"

_INHERITED = frozenset(
    {
        "ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY", "CLAUDE_CONFIG_DIR", "HOME", "PATH",
        "LANG", "LANGUAGE",
        "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
        "http_proxy", "https_proxy", "all_proxy", "no_proxy",
    }
)  # fmt: skip
_INHERITED_PREFIXES = ("LC_", "CLAUDE_CODE_")
_OF_AN_OUTER_SESSION = frozenset(
    {
        "CLAUDE_CODE_CHILD_NOTES_DIR", "CLAUDE_CODE_CHILD_SESSION", "CLAUDE_CODE_ENTRYPOINT",
        "CLAUDE_CODE_EXECPATH", "CLAUDE_CODE_MESSAGING_SOCKET", "CLAUDE_CODE_MESSAGING_TOKEN",
        "CLAUDE_CODE_SESSION_ATTENDED", "CLAUDE_CODE_SESSION_ID", "CLAUDE_CODE_SSE_PORT",
    }
)  # fmt: skip
"""What the program tells its own children; Palaver may have been started by one of those."""
_PEER_TOOLS = ("ListAgents", "SendMessage")
"""They reach every other session of this user on this machine: another namespace's, too."""
_LATER_TOOLS = ("CronCreate", "Monitor", "ScheduleWakeup")
"""They begin turns that no prompt has asked for."""


def build_environment(
    settings: ClaudeSettings, inherited: Mapping[str, str], workspace: Path, *, sdk_version: str
) -> dict[str, str]:
    """The program's whole environment: what is on the allow-list, and nothing of Palaver's."""
    environment = {
        name: value
        for name, value in inherited.items()
        if (name in _INHERITED or name.startswith(_INHERITED_PREFIXES))
        and name not in _OF_AN_OUTER_SESSION
    }
    for name in settings.environment:
        if name in inherited:
            environment[name] = inherited[name]
    environment |= {
        "CLAUDE_CODE_ENTRYPOINT": "sdk-py",
        "CLAUDE_AGENT_SDK_VERSION": sdk_version,
        "DISABLE_AUTOUPDATER": "1",
        # `@/any/path` in a prompt would be read without asking, outside the workspace, too.
        "CLAUDE_CODE_DISABLE_FILE_MENTIONS": "1",
        "PWD": str(workspace),
    }
    if not settings.background_tasks:
        # Without these a sub-agent works on after the turn's result, and what it finds out comes
        # in a turn that no prompt has asked for.
        environment.setdefault("CLAUDE_CODE_DISABLE_BACKGROUND_TASKS", "1")
        environment.setdefault("CLAUDE_CODE_DISABLE_CRON", "1")
    if not settings.shared_memory:
        environment.setdefault("CLAUDE_CODE_DISABLE_AUTO_MEMORY", "1")
    return environment


def build_arguments(
    settings: ClaudeSettings,
    session: Session,
    program: Path,
    configuration: Path,
    private: Sequence[Path],
    *,
    resume: bool,
) -> list[str]:
    """The program's command line; it holds no secrets, for anybody on the machine can read it.

    Blocking. Values go as `--flag=value`, so that none of them can be taken for another flag.

    Args:
        configuration: the folder of Claude Code's own settings, logins and transcripts.
        private: files and folders that sandboxed commands may not see; a workspace may lie in one.
    """
    identity = "--resume" if resume else "--session-id"
    arguments = [
        str(program),
        "--output-format=stream-json",
        "--input-format=stream-json",
        "--verbose",
        "--include-partial-messages",
        "--permission-prompt-tool=stdio",
        f"{identity}={session.id}",
        f"--permission-mode={session.mode or settings.permission_mode}",
        f"--setting-sources={','.join(settings.sources(session.workspace))}",
        f"--mcp-config={_servers()}",
        f"--allowedTools={','.join((*settings.allowed_tools, _file_tool()))}",
        f"--disallowedTools={','.join(_disallowed(settings))}",
    ]
    if os.geteuid() != 0:  # it refuses to start with this flag as root
        arguments.append("--allow-dangerously-skip-permissions")  # so that /mode can be changed
    model = session.model or settings.model
    if resume and not model:
        # A session remembers the model that was last set in it, and "the default" means another.
        model = _default_model(settings, session.workspace, configuration)
    if model:
        arguments.append(f"--model={model}")
    if settings.append_system_prompt:
        arguments.append(f"--append-system-prompt={settings.append_system_prompt}")
    if own := _own_settings(settings, session.workspace, private):
        arguments.append(f"--settings={json.dumps(own)}")
    arguments += [f"--add-dir={folder}" for folder in settings.add_dirs]
    return arguments


def _default_model(settings: ClaudeSettings, workspace: Path, configuration: Path) -> str:
    """The model of a new session here; Claude Code's files of settings win over one another."""
    files = {
        "local": workspace / ".claude" / "settings.local.json",
        "project": workspace / ".claude" / "settings.json",
        "user": configuration / "settings.json",
    }
    sources = settings.sources(workspace)
    models = (read_settings(file).get("model") for name, file in files.items() if name in sources)
    return next((model for model in models if isinstance(model, str) and model), "default")


def read_settings(file: Path) -> dict[str, object]:
    """A JSON file of Claude Code's; empty if it is not there or broken. Blocking."""
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _servers() -> str:
    # Without `alwaysLoad` the model would first have to search for the tool.
    server = {"type": "sdk", "name": FILE_SERVER, "alwaysLoad": True}
    return json.dumps({"mcpServers": {FILE_SERVER: server}})


def _disallowed(settings: ClaudeSettings) -> tuple[str, ...]:
    later = () if settings.background_tasks else _LATER_TOOLS
    return (*settings.disallowed_tools, *_PEER_TOOLS, *later)


def _file_tool() -> str:
    return f"mcp__{FILE_SERVER}__{FILE_TOOL}"


def _own_settings(
    settings: ClaudeSettings, workspace: Path, private: Sequence[Path]
) -> dict[str, Any]:
    """The layer of Claude Code's settings that stands above the user's and the project's."""
    own: dict[str, Any] = {}
    if settings.deny_read:
        own["permissions"] = {"deny": _deny_rules(settings.deny_read)}
    if settings.sandbox:
        # Other namespaces' workspaces and transcripts are in the private folders; its own
        # workspace may be in there, too.
        own["sandbox"] = {
            "enabled": True,
            "failIfUnavailable": True,
            "autoAllowBashIfSandboxed": True,
            "allowUnsandboxedCommands": False,
            "enableWeakerNestedSandbox": settings.sandbox_in_container,
            "filesystem": {
                "denyRead": [str(folder) for folder in (*private, *settings.deny_read)],
                "allowRead": [str(folder) for folder in (workspace, *settings.add_dirs)],
                # elsewhere nothing can be written anyway; around the workspace it would deny that
                "denyWrite": [str(place) for place in private if _contains(workspace, place)],
            },
        }
    return own


def _contains(workspace: Path, place: Path) -> bool:
    return place.resolve().is_relative_to(workspace.resolve())


def _deny_rules(folders: Iterable[Path]) -> list[str]:
    return [f"Read(/{folder}/**)" for folder in folders]
