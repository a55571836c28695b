"""`[agents.claude]`: how Claude Code is started."""

import fnmatch
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from palaver.config import ENVIRONMENT_PREFIX, FolderPath, PoolSettings
from palaver.models import PermissionMode

SettingSource = Literal["user", "project", "local"]


class ClaudeSettings(PoolSettings):
    """How Claude Code is started; how many of its processes are kept is `PoolSettings`.

    Attributes:
        cli_path: the program; by default the one that comes with `claude-agent-sdk`.
        model: for sessions that name none; by default Claude Code's own default.
        permission_mode: for sessions that name none.
        setting_sources: which of Claude Code's settings files a trusted workspace may bring.
        trusted_workspaces: paths or globs of workspaces whose own settings (`.claude/`,
            `CLAUDE.md`, `.mcp.json`) are loaded. They can run hooks, so in every other workspace
            only the user's own settings count.
        allowed_tools: rules such as `Read` or `Bash(git status:*)` that never ask.
        disallowed_tools: rules that are always refused.
        environment: names of further variables that the agent's process inherits.
        add_dirs: further folders that it may work in.
        append_system_prompt: instructions after Claude Code's own.
        sandbox: run shell commands in Claude Code's sandbox, where they ask nothing, write only in
            the workspace, and cannot see other workspaces and sessions. Without what it needs
            (bubblewrap and socat on Linux) no session starts.
        sandbox_in_container: make do with the weaker sandbox that works inside a container.
        deny_read: folders that neither tools nor sandboxed commands may read, and of which no
            file is sent.
        background_tasks: let the agent leave work running after its answer. What such work says
            later reaches nobody, because no prompt waits for it.
        shared_memory: let Claude Code keep what it learns in a workspace for all sessions there,
            whoever owns them.
        start_timeout_s: seconds within which the program must be ready.
        silence_timeout_s: seconds without any sign of life after which a turn counts as hung;
            waiting for the user does not count, and a tool at work gives one every 30 seconds.
        max_line_mb: megabytes that one message of the program may have.
    """

    cli_path: FolderPath | None = None
    model: str | None = None
    permission_mode: PermissionMode = "default"
    setting_sources: tuple[SettingSource, ...] = ("user", "project", "local")
    trusted_workspaces: tuple[str, ...] = ()
    allowed_tools: tuple[str, ...] = ()
    disallowed_tools: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    add_dirs: tuple[FolderPath, ...] = ()
    append_system_prompt: str = ""
    sandbox: bool = False
    sandbox_in_container: bool = False
    deny_read: tuple[FolderPath, ...] = ()
    background_tasks: bool = False
    shared_memory: bool = False
    start_timeout_s: float = Field(default=60, gt=0)
    silence_timeout_s: float = Field(default=600, gt=0)
    max_line_mb: int = Field(default=64, ge=1)

    @field_validator("environment")
    @classmethod
    def _not_ours(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if ours := [name for name in names if name.startswith(ENVIRONMENT_PREFIX)]:
            raise ValueError(f"{ours[0]} is Palaver's own and never passed on")
        return names

    def sources(self, workspace: Path) -> tuple[SettingSource, ...]:
        """Which settings files count in this workspace."""
        if self.trusts(workspace):
            return self.setting_sources
        return tuple(source for source in self.setting_sources if source == "user")

    def trusts(self, workspace: Path) -> bool:
        """Whether the workspace, with all links resolved, is one of the trusted ones."""
        place = str(workspace.resolve())
        patterns = (Path(pattern).expanduser() for pattern in self.trusted_workspaces)
        return any(
            place == str(pattern.resolve()) or fnmatch.fnmatchcase(place, str(pattern))
            for pattern in patterns
        )
