"""Claude Code as an agent of Palaver's."""

import asyncio
import importlib
import logging
import os
import re
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from palaver.agents.claude.bundle import bundled, bundled_version, login_hint
from palaver.agents.claude.failures import SANDBOX_HINT
from palaver.agents.claude.options import build_arguments, build_environment, read_settings
from palaver.agents.claude.processes import (
    descendants,
    end_processes,
    find_process,
    signal_group,
)
from palaver.agents.claude.registry import terminal_with
from palaver.agents.claude.settings import ClaudeSettings
from palaver.agents.claude.transcripts import (
    ClaudeTranscripts,
    configuration_folder,
)
from palaver.agents.contract import Agent, AgentProcess, Health
from palaver.config import PoolSettings
from palaver.errors import (
    AgentError,
    AgentHungError,
    AgentMissingError,
    AgentOutdatedError,
)
from palaver.models import Session, Usage

if TYPE_CHECKING:
    import types

logger = logging.getLogger(__name__)

MINIMUM_VERSION = (2, 1, 280)
"""The first Claude Code that names in `user_message_uuids` which prompts a turn answers. Without
it an answer could be taken for that to another prompt."""
_VERSION_WITHIN_S = 20.0
_POLL_S = 0.2
_LETS_GO_S = 5.0


class ClaudeAgent(Agent):
    """Runs Claude Code, the program, through `claude-agent-sdk`.

    Importing this module is quick; the SDK, which is not, is imported by `prepare` or by the
    first session.
    """

    name: ClassVar[str] = "claude"
    settings_model: ClassVar[type[PoolSettings]] = ClaudeSettings
    settings: ClaudeSettings
    transcripts: ClaudeTranscripts

    def __init__(self, settings: PoolSettings, data_dir: Path) -> None:
        super().__init__(settings, data_dir)
        self.settings = (
            settings
            if isinstance(settings, ClaudeSettings)
            else ClaudeSettings(**settings.model_dump())
        )
        self.outbox.denied = self.settings.deny_read
        self.outbox.private += (configuration_folder(),)
        self.transcripts = ClaudeTranscripts()
        self._versions: dict[tuple[Path, int, int], str] = {}

    async def prepare(self) -> None:
        """Import the SDK, in a thread."""
        await asyncio.to_thread(_client_module)

    async def open(self, session: Session, *, resume: bool) -> AgentProcess:
        """See `Agent.open`."""
        client = await asyncio.to_thread(_client_module)
        program = await asyncio.to_thread(self._program)
        await self._check_version(program)
        spent = Usage()
        if resume:
            spent = await asyncio.to_thread(self.transcripts.spent, session)
            await self._check_alone(session)
        arguments = await asyncio.to_thread(
            build_arguments,
            self.settings,
            session,
            program,
            configuration_folder(),
            self.outbox.private,
            resume=resume,
        )
        environment = build_environment(
            self.settings, os.environ, session.workspace, sdk_version=client.SDK_VERSION
        )
        process: AgentProcess = await client.start_process(
            session, self.settings, arguments, environment, spent, self.outbox
        )
        return process

    async def _check_alone(self, session: Session) -> None:
        pid = await asyncio.to_thread(terminal_with, session.id, configuration_folder())
        if pid is not None:
            raise AgentError(
                f"This session is open in a terminal (process {pid}).",
                hint="Close it there, then /retry; or go on in a copy of it with /fork.",
            )

    async def settle(self, process: str, *, limit_s: float) -> None:
        """See `Agent.settle`."""
        loop = asyncio.get_running_loop()
        for wanted, patience in (
            (None, limit_s),
            (signal.SIGTERM, _LETS_GO_S),
            (signal.SIGKILL, _LETS_GO_S),
        ):
            found = await asyncio.to_thread(find_process, process)
            if found is None:
                return
            if wanted is not None:
                started = await asyncio.to_thread(descendants, found.pid)
                signal_group(found.pid, wanted)
                if wanted is signal.SIGKILL:
                    end_processes(started)
            until = loop.time() + patience
            while loop.time() < until:
                if await asyncio.to_thread(find_process, process) is None:
                    return
                await asyncio.sleep(min(_POLL_S, max(0.0, until - loop.time())))
        logger.error("the agent's process %s does not end", process)

    # --- the program ------------------------------------------------------------------------

    def _program(self) -> Path:
        """Which `claude` to run: as configured, else the SDK's own, else the one in the PATH.

        Raises:
            AgentMissingError: if there is none.
        """
        if (configured := self.settings.cli_path) is not None:
            if not os.access(configured, os.X_OK) or not configured.is_file():
                raise AgentMissingError(
                    f"There is no Claude Code at {configured}.",
                    hint="Correct cli_path in [agents.claude], or leave it out.",
                )
            return configured
        if (program := bundled()) is not None:
            return program
        if found := shutil.which("claude"):
            return Path(found)
        raise AgentMissingError(
            "Claude Code is not installed.",
            hint="Install claude-agent-sdk again (its wheel brings the program along), or set "
            "cli_path in [agents.claude].",
        )

    async def _check_version(self, program: Path) -> str:
        """The program's version.

        Raises:
            AgentError: if it is too old, or does not tell.
        """
        if program == bundled():
            return await asyncio.to_thread(bundled_version, program)
        stat = await asyncio.to_thread(program.stat)
        key = (program, stat.st_mtime_ns, stat.st_size)
        if key not in self._versions:
            self._versions[key] = await self._ask_version(program)
        version = self._versions[key]
        if _parsed(version) < MINIMUM_VERSION:
            raise AgentOutdatedError(
                f"Claude Code {version} at {program} is too old: at least "
                f"{'.'.join(map(str, MINIMUM_VERSION))} is needed.",
                hint="Run `claude update`, or leave out cli_path in [agents.claude] to use the "
                "one that comes with claude-agent-sdk.",
            )
        return version

    async def _ask_version(self, program: Path) -> str:
        environment = build_environment(self.settings, os.environ, self.data_dir, sdk_version="")
        try:
            process = await asyncio.create_subprocess_exec(
                program,
                "--version",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise AgentMissingError(
                f"Claude Code cannot be started from {program}: {error.strerror}.",
                hint="Correct cli_path in [agents.claude], or leave it out.",
            ) from error
        try:
            async with asyncio.timeout(_VERSION_WITHIN_S):
                output, _ = await process.communicate()
        except TimeoutError as error:
            raise AgentHungError(
                f"{program} does not tell its version within {_VERSION_WITHIN_S:g} seconds.",
                hint="Check that cli_path in [agents.claude] is Claude Code.",
            ) from error
        finally:
            if process.returncode is None:
                signal_group(process.pid, signal.SIGKILL)
                await process.wait()
        found = re.match(rb"\d+\.\d+\.\d+", output.strip())
        if found is None:
            raise AgentError(
                f"{program} does not tell a version: it says {output[:80]!r}.",
                hint="Check that cli_path in [agents.claude] is Claude Code.",
            )
        return found[0].decode()

    # --- doctor -----------------------------------------------------------------------------

    async def examine(self) -> list[Health]:
        """See `Agent.examine`."""
        return [
            *await self._examine_program(),
            *(await asyncio.to_thread(_examine_sandbox) if self.settings.sandbox else []),
            await asyncio.to_thread(_examine_login),
            await asyncio.to_thread(_examine_configuration),
        ]

    async def _examine_program(self) -> list[Health]:
        try:
            program = await asyncio.to_thread(self._program)
        except AgentError as error:
            return [Health("claude program", False, error.message, error.hint)]
        found = Health("claude program", True, str(program))
        try:
            version = await self._ask_version(program)
            await self._check_version(program)
        except AgentError as error:
            return [found, Health("claude version", False, error.message, error.hint)]
        return [found, Health("claude version", True, version)]


def _client_module() -> "types.ModuleType":
    return importlib.import_module("palaver.agents.claude.client")


def _parsed(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _examine_sandbox() -> list[Health]:
    needed = ("bwrap", "socat") if sys.platform == "linux" else ()
    missing = [program for program in needed if shutil.which(program) is None]
    if missing:
        return [Health("claude sandbox", False, f"missing: {', '.join(missing)}", SANDBOX_HINT)]
    return [Health("claude sandbox", True, "what it needs is installed")]


def _examine_login() -> Health:
    for variable in ("ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN"):
        if os.environ.get(variable):
            return Health("claude login", True, f"{variable} is set")
    if read_settings(configuration_folder() / ".credentials.json").get("claudeAiOauth"):
        return Health("claude login", True, "logged in")
    if read_settings(configuration_folder() / "settings.json").get("apiKeyHelper"):
        return Health("claude login", True, "an apiKeyHelper is set")
    if sys.platform == "darwin":  # there a login is in the keychain, which is not ours to open
        return Health("claude login", None, "no API key is set", login_hint())
    return Health("claude login", False, "no API key and no login found", login_hint())


def _examine_configuration() -> Health:
    folder = configuration_folder()
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            return Health("claude folder", True, str(folder))
    except OSError as error:
        hint = "Give yourself the right to write there, or set CLAUDE_CONFIG_DIR."
        return Health("claude folder", False, f"{folder} cannot be written: {error.strerror}", hint)
