"""One Claude Code process held open for one session."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import claude_agent_sdk as sdk
from claude_agent_sdk._errors import MessageParseError  # the SDK raises it but does not export it

from palaver.agents.claude import approvals, files
from palaver.agents.claude.content import content_of, is_command, is_compaction
from palaver.agents.claude.failures import is_lost
from palaver.agents.claude.messages import Translation
from palaver.agents.claude.options import FILE_SERVER
from palaver.agents.claude.processes import own_memory
from palaver.agents.claude.settings import ClaudeSettings
from palaver.agents.claude.spending import Spending
from palaver.agents.claude.transport import ClaudeTransport
from palaver.agents.claude.turn import RunningTurn, hung
from palaver.agents.contract import AgentProcess, Asker
from palaver.errors import (
    AgentCrashedError,
    AgentError,
    AgentHungError,
    AgentProtocolError,
    SessionLostError,
)
from palaver.events import AgentEvent, FileSent
from palaver.models import Prompt, Session, Usage
from palaver.outbox import NotSentError, Outbox, discard

logger = logging.getLogger(__name__)

SDK_VERSION = sdk.__version__
_STOPS_WITHIN_S = 2.0
"""How long closing waits until a running turn has been stopped."""
_CONTROL_S = 30.0
"""How long the program may take to change its model or its mode."""


class ClaudeProcess(AgentProcess):
    """A `ClaudeSDKClient` held open.

    All that the program says goes through one task, which gives it to the turn that is being run
    and drops it between turns. So nothing piles up in the pipe, and a turn never sees what was
    said before it.
    """

    def __init__(
        self,
        session: Session,
        settings: ClaudeSettings,
        transport: ClaudeTransport,
        spent: Usage,
        outbox: Outbox,
    ) -> None:
        self.session_id = session.id
        self._workspace = session.workspace
        self._settings = settings
        self._transport = transport
        self._spending = Spending(spent)
        self._outbox = outbox
        self._model = session.model
        self._turn: RunningTurn | None = None
        self._usable = False
        self._busy = False
        self._memory = 0
        self._listening: asyncio.Task[None] | None = None
        self._measuring: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        # Flags and environment are the transport's; here is only what the control channel serves.
        options = sdk.ClaudeAgentOptions(
            can_use_tool=self._may_use,
            mcp_servers={FILE_SERVER: files.server(self._send_file)},
        )
        self._client = sdk.ClaudeSDKClient(options, transport)

    async def start(self) -> None:
        """Start the program and wait until it is ready for a prompt.

        Raises:
            SessionLostError: if it is to resume a session that it does not find.
            AgentError: if it does not become ready.
        """
        # Killed, it lets the connecting fail at once; cancelling that would still wait for it.
        late = asyncio.get_running_loop().call_later(
            self._settings.start_timeout_s, self._transport.kill
        )
        try:
            await self._client.connect()
        except BaseException as error:
            await self._transport.close()
            if not isinstance(error, Exception):
                raise
            raise self._not_started(error, late=late.when()) from error
        finally:
            late.cancel()
        self.process = self._transport.name
        self._usable = True
        self._listening = asyncio.create_task(self._listen())
        self._measure()

    def _not_started(self, error: Exception, *, late: float) -> Exception:
        if asyncio.get_running_loop().time() >= late:
            return AgentHungError(
                f"Claude Code was not ready after {self._settings.start_timeout_s:g} seconds.",
                hint="Run `palaver doctor`; if the machine is slow, raise start_timeout_s in "
                "[agents.claude].",
            )
        if is_lost(self._transport.failed_result, self._transport.stderr):
            return SessionLostError(self.session_id)
        if isinstance(error, AgentError):
            return error
        return AgentProtocolError(
            f"Claude Code did not get ready: {error}.",
            hint="Run `palaver doctor` to see what is wrong with it.",
        )

    # --- a turn -----------------------------------------------------------------------------

    async def run(self, turn_id: UUID, prompt: Prompt, asker: Asker) -> AsyncIterator[AgentEvent]:
        """See `AgentProcess.run`."""
        if not self.alive or self._turn is not None:
            raise AgentCrashedError("This Claude Code process cannot take a prompt any more.")
        compacting = is_compaction(prompt)
        translation = Translation(
            self.session_id, turn_id, self._spending, self._workspace, compacting=compacting
        )
        silence = self._settings.silence_timeout_s
        turn = RunningTurn(turn_id, prompt, asker, translation, self._transport, silence)
        self._turn = turn
        self._busy = True
        try:
            content: str | list[dict[str, Any]] = prompt.text
            if prompt.attachments:  # only then are there files to read
                content = await asyncio.to_thread(content_of, prompt)
            if turn.stop_by is not None:  # told to stop before the program has heard of it
                for event in translation.stopped():
                    yield event
                return
            turn.sending()
            await self._send(turn_id, content, verbatim=is_command(prompt))
            while not translation.finished:
                heard = await turn.next()
                if isinstance(heard, FileSent):
                    yield heard
                    continue
                if heard is None:  # told to stop, it does not
                    self._give_up()
                for event in translation.feed(heard) if heard else translation.stopped():
                    yield event
        except AgentHungError:
            self._give_up()
            raise
        finally:
            self._busy = not translation.finished
            if self._busy:
                self._usable = False  # its state is unknown: it must not get another prompt
            self._turn = None
            self._measure()

    async def _send(
        self, turn_id: UUID, content: str | list[dict[str, Any]], *, verbatim: bool
    ) -> None:
        message: dict[str, Any] = {
            "type": "user",
            "uuid": str(turn_id),
            "session_id": str(self.session_id),
            "parent_tool_use_id": None,
            "message": {"role": "user", "content": content},
        }
        if verbatim:
            message["client_composed"] = True

        async def messages() -> AsyncIterator[dict[str, Any]]:
            yield message

        self._transport.touch()
        try:
            async with asyncio.timeout(self._settings.silence_timeout_s):
                await self._client.query(messages())
        except TimeoutError as error:
            raise hung(self._settings.silence_timeout_s) from error
        except sdk.ClaudeSDKError as error:
            raise AgentCrashedError(f"Claude Code takes no prompt: {error}.") from error

    def _give_up(self) -> None:
        """Asking a program that no longer answers to end would only take time."""
        self._usable = False
        self._transport.kill()

    async def _listen(self) -> None:
        """Give what the program says to the turn that is being run."""
        failure: Exception | None = None
        try:
            while True:
                try:
                    async for message in self._client.receive_messages():
                        if self._turn is not None:
                            self._turn.put(message)
                    break
                except MessageParseError as error:
                    if (error.data or {}).get("type") == "result":
                        raise
                    logger.warning("passed over a message of claude: %s", error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the turn must hear of it
            failure = _as_agent_error(error)
        self._usable = False
        if self._turn is not None and failure is not None:
            self._turn.put(failure)
        elif self._turn is not None:
            self._turn.end()

    # --- what the program asks for ------------------------------------------------------------

    async def _may_use(
        self, tool: str, tool_input: dict[str, Any], context: sdk.ToolPermissionContext
    ) -> sdk.PermissionResultAllow | sdk.PermissionResultDeny:
        turn = self._turn
        if turn is None:
            return await approvals.decide(tool, tool_input, context, None, self._workspace)
        if tool == "Read" and tool_input.get("file_path") in turn.attached:
            return sdk.PermissionResultAllow()  # the user has just sent this very file
        turn.asking += 1
        try:
            return await approvals.decide(tool, tool_input, context, turn.asker, self._workspace)
        finally:
            turn.asking -= 1
            self._transport.touch()

    async def _send_file(self, arguments: Mapping[str, Any]) -> str:
        turn = self._turn
        if turn is None:
            raise NotSentError("No prompt of the user is being worked on.")
        path, caption = str(arguments.get("path")), str(arguments.get("caption") or "")
        sent = await self._outbox.take(self._workspace, path, caption)
        if turn is not self._turn:  # it has ended meanwhile
            await discard(sent)
            raise NotSentError("The prompt it was for is over.")
        turn.put(sent)
        return f"{Path(sent.path).name} is on its way to the user."

    # --- control ------------------------------------------------------------------------------

    async def interrupt(self) -> None:
        """See `AgentProcess.interrupt`."""
        turn = self._turn
        if turn is None:
            return
        try:
            async with asyncio.timeout_at(turn.stop()):
                await self._client.interrupt()
        except Exception:  # the turn ends anyway: with its process, or when its time is over
            logger.warning("claude did not take the interrupt", exc_info=True)

    async def configure(self, *, model: str | None, mode: str | None) -> None:
        """See `AgentProcess.configure`.

        Raises:
            AgentError: if the program refuses the model or the mode.
        """
        wanted = mode or self._settings.permission_mode
        try:
            async with asyncio.timeout(_CONTROL_S):
                if model != self._model:
                    await self._client.set_model(model or self._settings.model)
                    self._model = model
                # Always: an accepted plan or an approval "for this session" may have changed it.
                await self._client.set_permission_mode(cast("sdk.PermissionMode", wanted))
        except AgentError:
            raise
        except Exception as error:  # the SDK raises a bare Exception with the program's words
            said = str(error) or "it gives no answer"
            raise AgentError(
                f"Claude Code refuses this setting: {said}.",
                hint="See /model and /mode for what can be set.",
            ) from error

    async def close(self) -> None:
        """See `AgentProcess.close`."""
        self._usable = False
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        try:
            await asyncio.shield(self._closing)
        except asyncio.CancelledError:
            self._transport.kill()  # then the rest of the closing takes no time
            raise

    async def _close(self) -> None:
        if self._busy and self._transport.is_ready():
            await self._stop_working()
        try:
            await self._client.disconnect()
        except Exception:  # there is nobody to tell, and the transport ends the program anyway
            logger.warning("closing claude failed", exc_info=True)
        finally:
            await self._transport.close()
        for task in (self._listening, self._measuring):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])

    async def _stop_working(self) -> None:
        """End its turn, which it would otherwise go on with after its input has ended."""
        if self._listening is None or self._listening.done():
            self._transport.kill()  # nobody would hear its answer
            return
        try:
            async with asyncio.timeout(_STOPS_WITHIN_S):
                await self._client.interrupt()
        except Exception:  # one that does not even take an interrupt will not end politely
            logger.warning("claude did not take the interrupt", exc_info=True)
            self._transport.kill()

    @property
    def alive(self) -> bool:
        """Whether it can serve another turn."""
        return self._usable and self._transport.is_ready()

    def memory(self) -> int:
        """Bytes that the program holds for itself, as they were after its last turn."""
        return self._memory if self._transport.is_ready() else 0

    def _measure(self) -> None:
        async def measure(pid: int) -> None:
            self._memory = await asyncio.to_thread(own_memory, pid) or self._memory

        measuring = self._measuring is not None and not self._measuring.done()
        if self._transport.pid is not None and self._usable and not measuring:
            self._measuring = asyncio.create_task(measure(self._transport.pid))


def _as_agent_error(error: Exception) -> Exception:
    if isinstance(error, AgentError):
        return error
    return AgentProtocolError(
        f"Claude Code said something that cannot be understood: {error}.",
        hint="Run `palaver doctor` to check its version, then /retry.",
    )


async def start_process(
    session: Session,
    settings: ClaudeSettings,
    arguments: list[str],
    environment: Mapping[str, str],
    spent: Usage,
    outbox: Outbox,
) -> ClaudeProcess:
    """A process for this session, ready for a prompt.

    Args:
        spent: what the session has cost before.
        outbox: where what it hands over is copied to.

    Raises:
        SessionLostError: if it is to resume a session that it does not find.
        AgentError: if it does not become ready.
    """
    transport = ClaudeTransport(
        arguments, environment, session.workspace, max_line=settings.max_line_mb << 20
    )
    process = ClaudeProcess(session, settings, transport, spent, outbox)
    await process.start()
    return process
