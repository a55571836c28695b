"""What happens in a turn: one closed, discriminated union.

An agent yields the first part of them; the engine adds the second part around them.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from palaver.identity import SessionId
from palaver.models import (
    ApprovalRequest,
    Decision,
    Model,
    PlanRequest,
    QuestionRequest,
    TurnState,
    Usage,
)
from palaver.views import View

# --- what an agent yields -----------------------------------------------------------------------


class AgentReported(Model):
    """The agent says which session this is, with which model; the first thing in a turn."""

    type: Literal["agent_reported"] = "agent_reported"
    session_id: SessionId
    model: str | None = None


class TextDelta(Model):
    """Some more of the answer's text."""

    type: Literal["text_delta"] = "text_delta"
    text: str


class TextBlock(Model):
    """A block of text is whole. What its deltas said counts no more: a stream that broke may have
    begun anew, and an empty block takes them back."""

    type: Literal["text_block"] = "text_block"
    text: str


class ThinkingDelta(Model):
    """Some more of the model's reasoning, for frontends that show it."""

    type: Literal["thinking_delta"] = "thinking_delta"
    text: str


class ToolStarted(Model):
    """The agent begins to use a tool.

    Attributes:
        summary: one line, such as the command.
        file: the one file that it will change, if it is a tool for that.
    """

    type: Literal["tool_started"] = "tool_started"
    tool_id: str
    tool: str
    summary: str = ""
    file: str = ""


class ToolFinished(Model):
    """That use is over; `output` is at most a few hundred characters of its result."""

    type: Literal["tool_finished"] = "tool_finished"
    tool_id: str
    ok: bool
    output: str = ""


class Compacted(Model):
    """The agent has summed up the session to make room; counts in tokens where it tells them."""

    type: Literal["compacted"] = "compacted"
    automatic: bool
    tokens_before: int | None = None
    tokens_after: int | None = None


class RateLimited(Model):
    """The account's limit is near (`warning`) or reached; `resets_at` is a Unix time in seconds."""

    type: Literal["rate_limited"] = "rate_limited"
    reached: bool
    resets_at: int | None = None


class Retrying(Model):
    """The model did not answer, and the agent tries again.

    Attributes:
        attempt, attempts: which of how many tries this was.
        delay_s: seconds until the next.
        reason: one word or two, for example `server_error`.
    """

    type: Literal["retrying"] = "retrying"
    attempt: int
    attempts: int
    delay_s: float
    reason: str = ""


class FileSent(Model):
    """The agent hands the user a file of the workspace.

    Attributes:
        path: the file itself, to be shown; by now the agent may have put something else there.
        copied_to: a copy of it as it was when it was checked, under the same name, to be sent; it
            is there until the next event is asked for. An agent makes it with its `outbox`.
    """

    type: Literal["file_sent"] = "file_sent"
    path: str
    caption: str = ""
    copied_to: str = ""


class AgentFinished(Model):
    """The agent's last word in a turn.

    Attributes:
        text: the final answer.
        error: why it failed, one sentence with what to do; empty if it did not.
        stopped: it was interrupted as asked.
        usage: of this turn alone.
        context_tokens: how full the model's window is now, where known.
    """

    type: Literal["agent_finished"] = "agent_finished"
    text: str = ""
    error: str = ""
    stopped: bool = False
    usage: Usage = Usage()
    context_tokens: int | None = None


AgentEvent = Annotated[
    AgentReported
    | TextDelta
    | TextBlock
    | ThinkingDelta
    | ToolStarted
    | ToolFinished
    | Compacted
    | RateLimited
    | Retrying
    | FileSent
    | AgentFinished,
    Field(discriminator="type"),
]
"""What an agent yields in a turn."""

# --- what the engine adds -----------------------------------------------------------------------


class TurnQueued(Model):
    """The prompt is durable and waits behind `ahead` others of its session."""

    type: Literal["turn_queued"] = "turn_queued"
    turn_id: UUID
    session_id: SessionId
    ahead: int


class TurnStarted(Model):
    """The agent has the prompt. `resumed` is false in a session's first turn."""

    type: Literal["turn_started"] = "turn_started"
    turn_id: UUID
    session_id: SessionId
    resumed: bool


class Told(Model):
    """Something the user must be told now: a lost session, a compaction, a command's answer."""

    type: Literal["told"] = "told"
    view: View


class ApprovalAsked(Model):
    """A tool waits for the user."""

    type: Literal["approval_asked"] = "approval_asked"
    request: ApprovalRequest


class QuestionAsked(Model):
    """The agent waits for an answer."""

    type: Literal["question_asked"] = "question_asked"
    request: QuestionRequest


class PlanProposed(Model):
    """The agent waits for its plan to be accepted."""

    type: Literal["plan_proposed"] = "plan_proposed"
    request: PlanRequest


class RequestSettled(Model):
    """An approval, question or plan is over; `outcome` says how, for its buttons' place."""

    type: Literal["request_settled"] = "request_settled"
    request_id: str
    decision: Decision
    outcome: str


class TurnFinished(Model):
    """A turn is over. Only `Told` and `Compacted` may follow, of an automatic compaction.

    Attributes:
        text: the final answer, or what there is of it.
        error: what went wrong and what to do; empty if it is done.
        duration_s: seconds since the agent had the prompt.
        tools: how many tools were used.
        files: what tools for editing have changed; what commands did is not known.
        repeated: told before a restart, perhaps; nobody knows whether it arrived.
        recovered: the turn was cut off by a restart.
        goes_on: another turn follows by itself, in which the agent asks again what nobody decided.
    """

    type: Literal["turn_finished"] = "turn_finished"
    turn_id: UUID
    session_id: SessionId
    state: TurnState
    text: str = ""
    error: str = ""
    usage: Usage = Usage()
    duration_s: float = 0.0
    tools: int = 0
    files: tuple[str, ...] = ()
    repeated: bool = False
    recovered: bool = False
    goes_on: bool = False


Event = Annotated[
    AgentReported
    | TextDelta
    | TextBlock
    | ThinkingDelta
    | ToolStarted
    | ToolFinished
    | Compacted
    | RateLimited
    | Retrying
    | FileSent
    | TurnQueued
    | TurnStarted
    | Told
    | ApprovalAsked
    | QuestionAsked
    | PlanProposed
    | RequestSettled
    | TurnFinished,
    Field(discriminator="type"),
]
"""What a turn's submission yields: the agent's events, and the engine's around them."""
