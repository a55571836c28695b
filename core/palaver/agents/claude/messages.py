"""Claude Code's messages of one turn, as events of ours."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import claude_agent_sdk as sdk

from palaver.agents.claude.failures import compaction_failure, turn_failure
from palaver.agents.claude.spending import Spending
from palaver.agents.claude.summaries import edited_file, summary_of
from palaver.errors import AgentMismatchError
from palaver.events import (
    AgentEvent,
    AgentFinished,
    AgentReported,
    Compacted,
    RateLimited,
    Retrying,
    TextBlock,
    TextDelta,
    ThinkingDelta,
    ToolFinished,
    ToolStarted,
)
from palaver.identity import SessionId

_OUTPUT_SHOWN = 400
_ASKED = frozenset({"AskUserQuestion", "ExitPlanMode"})
"""Tools that are a question to the user, who is told of them as such."""
_STOPPED = frozenset({"aborted_streaming", "aborted_tools"})


class Translation:
    """One turn's messages -> events.

    The program also runs turns of its own, when work in the background has ended. A turn's
    messages name the prompt that it answers; what comes before that name is not ours.

    Attributes:
        finished: the last event of the turn has been given.
    """

    def __init__(
        self,
        session_id: SessionId,
        turn_id: UUID,
        spending: Spending,
        workspace: Path,
        *,
        compacting: bool = False,
    ) -> None:
        self._session_id = str(session_id)
        self._turn_id = str(turn_id)
        self._spending = spending
        self._workspace = workspace
        self._reported = False
        self._model: str | None = None
        self._ours = False
        self._compacting = compacting
        self._compacted = False
        self._compact_error = ""
        self._waiting = False
        self._asked: set[str] = set()
        self._blocks: list[str] = []  # since the last tool
        self._unfinished = ""
        self._prompt_tokens: int | None = None
        self._output_tokens = 0
        self._error_kind: str | None = None
        self.finished = False

    def feed(self, message: sdk.Message) -> Iterator[AgentEvent]:
        """The events that this message stands for.

        Raises:
            AgentMismatchError: if the program reports another session than the one it was given.
        """
        self._check_session(message)
        match message:
            case sdk.StreamEvent():
                yield from self._stream(message)
            case sdk.AssistantMessage():
                yield from self._assistant(message)
            case sdk.UserMessage():
                yield from self._results(message)
            case sdk.SystemMessage():
                yield from self._system(message)
            case sdk.RateLimitEvent():
                yield from self._limit(message.rate_limit_info)
            case sdk.ResultMessage():
                yield from self._result(message)
            case _:
                pass

    def stopped(self) -> Iterator[AgentEvent]:
        """The end of a turn that was told to stop and that the program says nothing more about."""
        yield from self._report()
        self.finished = True
        yield AgentFinished(text=self._text_so_far(), stopped=True)

    # --- which turn, which session ----------------------------------------------------------

    def _check_session(self, message: sdk.Message) -> None:
        reported = getattr(message, "session_id", None)
        if reported is None and isinstance(message, sdk.SystemMessage):
            reported = message.data.get("session_id")
        if reported and reported != self._session_id:
            raise AgentMismatchError(
                f"Claude Code reports session {reported} where {self._session_id} was asked for.",
                hint="The session is untouched. Send /retry; if it happens again, /newsession.",
            )

    def _mine(self, message: sdk.StreamEvent | sdk.AssistantMessage) -> bool:
        if message.parent_tool_use_id is not None:
            return False
        named = _named(message)
        if named:
            self._ours = self._turn_id in named
        return self._ours

    def _report(self) -> Iterator[AgentEvent]:
        if not self._reported:
            self._reported = True
            yield AgentReported(session_id=UUID(self._session_id), model=self._model)

    # --- kinds of messages ------------------------------------------------------------------

    def _stream(self, message: sdk.StreamEvent) -> Iterator[AgentEvent]:
        if not self._mine(message):
            return
        event = message.event
        match event.get("type"):
            case "content_block_delta":
                yield from self._delta(event.get("delta") or {})
            case "message_start":
                yield from self._report()
                if self._unfinished:
                    yield TextBlock(text="")  # the answer was cut off, and begins anew
                self._start_of_message((event.get("message") or {}).get("usage") or {})
            case "message_delta":
                usage = event.get("usage") or {}
                self._output_tokens = int(usage.get("output_tokens") or 0)

    def _delta(self, delta: Mapping[str, Any]) -> Iterator[AgentEvent]:
        match delta:
            case {"type": "text_delta", "text": str(text)} if text:
                self._unfinished += text
                yield from self._report()
                yield TextDelta(text=text)
            case {"type": "thinking_delta", "thinking": str(text)} if text:
                yield from self._report()
                yield ThinkingDelta(text=text)

    def _start_of_message(self, usage: Mapping[str, Any]) -> None:
        self._unfinished = ""
        self._output_tokens = 0
        self._prompt_tokens = sum(
            int(usage.get(key) or 0)
            for key in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
        )

    def _assistant(self, message: sdk.AssistantMessage) -> Iterator[AgentEvent]:
        if not self._mine(message):
            return
        yield from self._report()
        if message.error:
            self._error_kind = message.error  # its text is the error's, and comes with the result
            return
        for block in message.content:
            match block:
                case sdk.TextBlock(text=text) if text:
                    self._blocks.append(text)
                    self._unfinished = ""
                    yield TextBlock(text=text)
                case sdk.ToolUseBlock(id=tool_id, name=name) if name in _ASKED:
                    self._blocks.clear()
                    self._asked.add(tool_id)
                case sdk.ToolUseBlock() | sdk.ServerToolUseBlock():
                    self._blocks.clear()
                    summary = summary_of(block.name, block.input, self._workspace)
                    file = edited_file(block.name, block.input)
                    yield ToolStarted(tool_id=block.id, tool=block.name, summary=summary, file=file)
                case sdk.ServerToolResultBlock(tool_use_id=tool_id):
                    yield ToolFinished(tool_id=tool_id, ok=True)

    def _results(self, message: sdk.UserMessage) -> Iterator[AgentEvent]:
        if not self._ours or message.parent_tool_use_id or isinstance(message.content, str):
            return
        for block in message.content:
            if isinstance(block, sdk.ToolResultBlock) and block.tool_use_id not in self._asked:
                yield ToolFinished(
                    tool_id=block.tool_use_id,
                    ok=not block.is_error,
                    output=_shown(block.content),
                )

    def _system(self, message: sdk.SystemMessage) -> Iterator[AgentEvent]:
        data = message.data
        match message.subtype:
            case "init":
                self._model = data.get("model")
            case "status" if data.get("compact_result") == "failed":
                self._compact_error = str(data.get("compact_error") or "It does not say why.")
            case "compact_boundary":
                self._compacted = True
                compacted = _compacted(data.get("compact_metadata") or {})
                self._prompt_tokens, self._output_tokens = compacted.tokens_after, 0
                yield from self._report()
                yield compacted
            case "api_retry" if data.get("error_status") == 429 and not self._waiting:
                self._waiting = True
                yield from self._report()
                yield RateLimited(reached=True)
            case "api_retry":
                yield from self._report()
                yield Retrying(
                    attempt=int(data.get("attempt") or 1),
                    attempts=int(data.get("max_retries") or 1),
                    delay_s=float(data.get("retry_delay_ms") or 0) / 1000,
                    reason=str(data.get("error") or ""),
                )

    def _limit(self, info: sdk.RateLimitInfo) -> Iterator[AgentEvent]:
        if info.status != "allowed":
            yield from self._report()
            yield RateLimited(reached=info.status == "rejected", resets_at=info.resets_at)

    def _result(self, result: sdk.ResultMessage) -> Iterator[AgentEvent]:
        usage = self._spending.grow(result.model_usage, result.total_cost_usd)
        if not self._answers(result):
            self._ours = False
            return
        yield from self._report()
        self.finished = True
        stopped = result.terminal_reason in _STOPPED
        yield AgentFinished(
            text=self._text(result, whole=not (stopped or result.is_error)),
            error="" if stopped else self._failure(result),
            stopped=stopped,
            usage=usage,
            context_tokens=self._context_tokens(),
        )

    def _text(self, result: sdk.ResultMessage, *, whole: bool) -> str:
        """The answer: all text since the last tool, because `result` has the last message's only.

        Of a turn that did not come to its end it is as much as there is.
        """
        if not whole:
            return self._text_so_far()
        if self._compacting and not (self._compacted or self._compact_error):
            return "There is nothing to compact yet."
        return "\n\n".join(self._blocks) or result.result or ""

    def _answers(self, result: sdk.ResultMessage) -> bool:
        if named := _named(result):
            return self._turn_id in named
        return result.origin is None or result.origin["kind"] == "human"

    def _failure(self, result: sdk.ResultMessage) -> str:
        if result.is_error:
            return turn_failure(
                result.subtype,
                result.api_error_status,
                result.errors or [],
                result.result or "",
                self._error_kind,
            )
        if self._compacting and self._compact_error and not self._compacted:
            return compaction_failure(self._compact_error)
        return ""

    def _text_so_far(self) -> str:
        return "\n\n".join(filter(None, [*self._blocks, self._unfinished]))

    def _context_tokens(self) -> int | None:
        return None if self._prompt_tokens is None else self._prompt_tokens + self._output_tokens


def _compacted(found: Mapping[str, Any]) -> Compacted:
    return Compacted(
        automatic=found.get("trigger") == "auto",
        tokens_before=found.get("pre_tokens"),
        tokens_after=found.get("post_tokens"),
    )


def _named(message: sdk.StreamEvent | sdk.AssistantMessage | sdk.ResultMessage) -> list[str]:
    """The prompts that the program says this message answers."""
    named = list(message.user_message_uuids or ())
    return [*named, message.user_message_uuid] if message.user_message_uuid else named


def _shown(content: str | list[dict[str, Any]] | None) -> str:
    """The beginning of a tool's result."""
    if isinstance(content, list):
        parts = [part.get("text") or f"[{part.get('type', 'content')}]" for part in content]
        content = "\n".join(str(part) for part in parts)
    text = (content or "").strip()
    return text if len(text) <= _OUTPUT_SHOWN else text[: _OUTPUT_SHOWN - 1] + "…"
