"""The way to the `claude` program: its process, its pipes, and its orderly end."""

import asyncio
import contextlib
import json
import logging
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
from claude_agent_sdk import Transport

from palaver.agents.claude.failures import crashed, redact
from palaver.agents.claude.processes import (
    descendants,
    end_processes,
    process_name,
    signal_group,
)
from palaver.errors import (
    AgentCrashedError,
    AgentError,
    AgentMissingError,
    AgentProtocolError,
)

logger = logging.getLogger(__name__)

_CHUNK = 1 << 16
_STDERR_KEPT = 20_000
_GRACE_S = 5.0
"""How long each step of ending it may take: the program writes its transcript after its input
ended, so it is asked first, then told, then killed."""


class ClaudeTransport(Transport):
    """Starts the program in a session of its own, with exactly the environment it is given.

    A Ctrl-C in the terminal so never reaches it, and whatever it started can be ended with it.

    Attributes:
        name: `pid:start time`, empty until it runs.
        heard: the event loop's time of the last sign of life.
        taken: id of the last prompt that the program said it has taken.
        failed_result: the last message of type `result` if that was an error.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        workspace: Path,
        *,
        max_line: int,
    ) -> None:
        self._arguments = list(arguments)
        self._environment = dict(environment)
        self._workspace = workspace
        self._max_line = max_line
        self._process: asyncio.subprocess.Process | None = None
        self._stderr = bytearray()
        self._stderr_task: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()
        self._ending: asyncio.Task[None] | None = None
        self.name = ""
        self.heard = 0.0
        self.taken = ""
        self.failed_result: dict[str, Any] | None = None

    # --- the SDK's contract -----------------------------------------------------------------

    async def connect(self) -> None:
        """Start the program.

        Raises:
            AgentMissingError: if there is no such program, or it cannot be run.
            AgentError: if the workspace is gone.
        """
        program = self._arguments[0]
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=self._workspace,
                env=self._environment,
                start_new_session=True,
            )
        except OSError as error:
            if not await asyncio.to_thread(self._workspace.is_dir):
                raise AgentError(
                    f"The workspace {self._workspace} is not there.",
                    hint="Create the folder, or begin a session in another one with /newsession.",
                ) from error
            raise AgentMissingError(
                f"Claude Code cannot be started from {program}: {error.strerror}.",
                hint="Set cli_path in [agents.claude], or install claude-agent-sdk again.",
            ) from error
        self._stderr_task = asyncio.create_task(self._keep_stderr(self._process))
        self.touch()
        self.name = await asyncio.to_thread(process_name, self._process.pid)

    async def write(self, data: str) -> None:
        """Send one line.

        Raises:
            AgentCrashedError: if the program no longer listens.
        """
        async with self._writing:
            process = self._process
            try:
                if process is None or process.stdin is None or process.stdin.is_closing():
                    raise BrokenPipeError
                process.stdin.write(data.encode())
                await process.stdin.drain()
            except (ConnectionError, RuntimeError) as error:
                # The SDK answers the program's requests from tasks that nobody awaits: an answer
                # that comes too late is no error, and the reading side reports the crash.
                if data.startswith('{"type": "control_response"'):
                    return
                raise await self._crash() from error

    def read_messages(self) -> AsyncIterator[dict[str, Any]]:
        """What the program says, one message a line.

        Raises:
            AgentProtocolError: for a line that is too long or is broken JSON.
            AgentCrashedError: when the program ends on its own.
        """
        return self._read()

    async def end_input(self) -> None:
        """Tell the program that nothing more will come."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    def is_ready(self) -> bool:
        """Whether the program runs and listens."""
        return self._process is not None and self._process.returncode is None

    async def close(self) -> None:
        """End the program and all it started. Safe to call twice; raises nothing of its own.

        Cancelled while it waits, it kills them at once, then lets the cancellation go on.
        """
        if self._process is None:
            return
        if self._ending is None:
            self._ending = asyncio.create_task(self._end(self._process))
        try:
            await asyncio.shield(self._ending)
        except asyncio.CancelledError:
            self.kill()
            raise

    # --- beyond it --------------------------------------------------------------------------

    @property
    def pid(self) -> int | None:
        """The program's process id; None before it was started."""
        return self._process.pid if self._process else None

    @property
    def stderr(self) -> str:
        """The end of what it complained about, without secrets."""
        return redact(self._stderr.decode(errors="replace"), self._environment)

    def touch(self) -> None:
        """Count this moment as a sign of life."""
        self.heard = asyncio.get_running_loop().time()

    def kill(self) -> None:
        """End the program at once, without asking it; what it started ends with `close`."""
        if self._process is not None and self._process.returncode is None:
            signal_group(self._process.pid, signal.SIGKILL)

    async def _read(self) -> AsyncIterator[dict[str, Any]]:
        if self._process is None or self._process.stdout is None:
            raise AgentCrashedError("Claude Code was not started.")
        async for line in self._lines(self._process.stdout):
            if (message := self._parse(line)) is not None:
                yield message
        if self._ending is None:
            raise await self._crash()

    async def _lines(self, stdout: asyncio.StreamReader) -> AsyncIterator[bytes]:
        # Pieces are joined once a line is complete: its cost stays linear however long it is.
        loop = asyncio.get_running_loop()
        pieces: list[bytes] = []
        length = 0
        while chunk := await stdout.read(_CHUNK):
            self.heard = loop.time()
            first, *others = chunk.split(b"\n")
            pieces.append(first)
            length += len(first)
            if length > self._max_line:
                raise self._too_long()
            if others:
                yield b"".join(pieces)
                for line in others[:-1]:
                    yield line
                pieces, length = [others[-1]], len(others[-1])
        if length:
            yield b"".join(pieces)

    def _too_long(self) -> AgentProtocolError:
        return AgentProtocolError(
            f"Claude Code sent a message of more than {self._max_line >> 20} MB.",
            hint="Raise max_line_mb in [agents.claude] if that is expected, then /retry.",
        )

    def _parse(self, line: bytes) -> dict[str, Any] | None:
        text = line.strip()
        if not text.startswith(b"{"):
            if text:
                logger.debug("claude said something that is no message: %r", text[:200])
            return None
        try:
            message: dict[str, Any] = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise AgentProtocolError(
                f"Claude Code sent a line that is not valid JSON: {text[:80]!r}.",
                hint="Run `palaver doctor` to check its version, then /retry.",
            ) from error
        if message.get("type") == "result":
            self.failed_result = message if message.get("is_error") else None
        elif message.get("type") == "command_lifecycle" and message.get("state") != "completed":
            self.taken = str(message.get("command_uuid"))  # the SDK drops these messages
        return message

    async def _crash(self) -> AgentError:
        """Why it ended, as far as it said."""
        process = self._process
        code = None
        if process is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GRACE_S):
                    code = await process.wait()
                    if self._stderr_task is not None:
                        await asyncio.wait([self._stderr_task])
        return crashed(code, self.stderr, self.failed_result)

    async def _keep_stderr(self, process: asyncio.subprocess.Process) -> None:
        if process.stderr is None:
            return
        while chunk := await process.stderr.read(_CHUNK):
            self._stderr += chunk
            del self._stderr[:-_STDERR_KEPT]

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        started: list[psutil.Process] = []
        try:
            started = await asyncio.to_thread(descendants, process.pid)
            await self._end_politely(process)
        except asyncio.CancelledError:
            self.kill()
            raise
        except OSError:
            logger.warning("ending claude (pid %d) failed", process.pid, exc_info=True)
        finally:
            end_processes(started)
            # `Process` itself never lets go of a pipe that has not been read to its end.
            process._transport.close()  # type: ignore[attr-defined] # noqa: SLF001
        if self._stderr_task is not None:
            self._stderr_task.cancel()
            await asyncio.wait([self._stderr_task])

    async def _end_politely(self, process: asyncio.subprocess.Process) -> None:
        await self.end_input()
        for wanted in (None, signal.SIGTERM, signal.SIGKILL):
            if process.returncode is not None:
                return
            if wanted is not None:
                signal_group(process.pid, wanted)
            drained = asyncio.create_task(self._drain(process))
            await asyncio.wait([drained], timeout=_GRACE_S)
            drained.cancel()

    async def _drain(self, process: asyncio.subprocess.Process) -> None:
        # A program that still has something to say would never end if nobody took it.
        if process.stdout is not None:
            with contextlib.suppress(RuntimeError):  # somebody else still reads
                while await process.stdout.read(_CHUNK):
                    pass
        await process.wait()
