"""What the engine keeps and hands around; all of it frozen."""

import enum
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field

from palaver.identity import ConversationId, Namespace, SessionId


def now() -> datetime:
    """The time in UTC; every time stamp in Palaver is."""
    return datetime.now(UTC)


class Model(BaseModel):
    """Frozen, and nothing goes unnoticed in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Attachment(Model):
    """A file that came with a prompt.

    Attributes:
        name: a file name without any folder.
        media_type: for example `image/png`.
        path: where the bytes are.
    """

    name: str
    media_type: str
    path: Path


class Prompt(Model):
    """What the user sent.

    Attributes:
        key: the frontend's own id of the message. The same key twice runs once.
        text: as typed; a leading slash makes it a command.
        messages: the keys of all messages that it was made of; empty if that is not known.
        workspace: the directory a *new* session works in, where the frontend knows it.
        upkeep: an automatic compaction; the engine's own.
        private: nobody but the sender reads along here, so it may hold a pairing code.
    """

    namespace: Namespace
    conversation: ConversationId
    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    key: str = Field(default_factory=lambda: uuid4().hex, min_length=1, max_length=200)
    messages: tuple[str, ...] = ()
    workspace: Path | None = None
    private: bool = False
    upkeep: bool = False


class Usage(Model):
    """What something cost; sums with `+`. Tokens as the model counts them, money in US dollars."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            cost_usd=self.cost_usd + other.cost_usd,
        )


class Session(Model):
    """One agent conversation, owned by one namespace.

    Attributes:
        id: the agent's own id, so `claude --resume ID` continues it in any terminal.
        name: given by the user; empty if never renamed.
        title: the first words of its first prompt.
        modified: when its last turn ended or its transcript last changed.
        size: of its transcript, in bytes.
        turns: prompts answered since it began.
        turns_since_compaction: what automatic compaction counts.
        transcript: where the agent keeps it; None until its first turn.
        trashed: when it was deleted; None while it lives.
        lost: its transcript is gone from the disk.
    """

    id: SessionId
    namespace: Namespace
    agent: str
    workspace: Path
    name: str = ""
    title: str = ""
    model: str | None = None
    mode: str | None = None
    created: datetime
    modified: datetime
    size: int = 0
    turns: int = 0
    turns_since_compaction: int = 0
    usage: Usage = Usage()
    transcript: Path | None = None
    trashed: datetime | None = None
    lost: bool = False

    @property
    def label(self) -> str:
        """What to call it in a list."""
        return self.name or self.title or "New session"


class SessionPage(Model):
    """Ten sessions, most recent first. `number` counts from 1."""

    sessions: tuple[Session, ...]
    number: int
    pages: int
    total: int
    current: SessionId | None = None


class TurnState(enum.StrEnum):
    """How far a turn has come; it only ever moves down this list."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"  # by its user
    INTERRUPTED = "interrupted"  # by a crash or a shutdown; can be run again


class DeliveryState(enum.StrEnum):
    """Whether the user has the answer. `ATTEMPTED` after a crash means: perhaps."""

    PENDING = "pending"
    ATTEMPTED = "attempted"
    DELIVERED = "delivered"


class Turn(Model):
    """One prompt and all the agent did with it.

    Attributes:
        id: also the id of the user's message in the agent's transcript.
        answer: the final text; set when it is over.
        error: one sentence, if it failed.
        pending: what it waits for its user to decide, a line each.
        runner, agent_process: the processes that run it, as `pid:start time`.
    """

    id: UUID
    session_id: SessionId
    prompt: Prompt
    state: TurnState
    delivery: DeliveryState = DeliveryState.PENDING
    created: datetime
    started: datetime | None = None
    finished: datetime | None = None
    answer: str = ""
    error: str = ""
    usage: Usage = Usage()
    pending: tuple[str, ...] = ()
    runner: str = ""
    agent_process: str = ""


class ApprovalRequest(Model):
    """The agent asks before it uses a tool.

    Attributes:
        id: short and unguessable; it is in the button and in `/allow ID`.
        tool: the tool's name, for example `Bash`.
        summary: one line, for example the command.
        detail: all of what would be done, as Markdown: the command, the diff.
        input: the tool's input, as the agent gave it.
        rememberable: whether "for this session" can be offered.
    """

    id: str
    session_id: SessionId
    turn_id: UUID
    namespace: Namespace
    conversation: ConversationId
    tool: str
    summary: str
    detail: str = ""
    reason: str = ""
    input: dict[str, object] = {}
    rememberable: bool = False
    created: datetime = Field(default_factory=now)


class Decision(enum.StrEnum):
    """What the user said to an approval; anything unclear is `DENY`."""

    ONCE = "once"
    SESSION = "session"
    DENY = "deny"


class Choice(Model):
    """One of the options of a question."""

    label: str
    description: str = ""


class Question(Model):
    """The agent asks the user something."""

    text: str
    header: str = ""
    choices: tuple[Choice, ...] = ()
    several: bool = False


class QuestionRequest(Model):
    """One or more questions that the agent waits for; answered by choice or in free words."""

    id: str
    session_id: SessionId
    turn_id: UUID
    namespace: Namespace
    conversation: ConversationId
    questions: tuple[Question, ...]
    created: datetime = Field(default_factory=now)


class PlanRequest(Model):
    """The agent proposes a plan (Markdown) and waits until it is accepted or sent back."""

    id: str
    session_id: SessionId
    turn_id: UUID
    namespace: Namespace
    conversation: ConversationId
    plan: str
    created: datetime = Field(default_factory=now)


@dataclass(frozen=True, slots=True)
class Stamp:
    """A transcript as it was at one moment: its size in bytes, its time in nanoseconds."""

    size: int
    modified_ns: int


class CleanupReport(Model):
    """What a clean-up did to one namespace's sessions."""

    namespace: Namespace
    trashed: tuple[SessionId, ...] = ()
    purged: tuple[SessionId, ...] = ()
    failed: tuple[str, ...] = ()
    retention_days: int = 30


class Grant(Model):
    """Somebody was let in with `palaver access`, besides those in palaver.toml.

    Attributes:
        owner: with full power; else a member.
        paired: by a pairing code; else by name, in the terminal.
    """

    namespace: Namespace
    owner: bool = False
    paired: bool = False
    created: datetime = Field(default_factory=now)


class Audio(Model):
    """Something to be turned into text."""

    path: Path
    media_type: str
    duration_s: float | None = None
    language: str | None = None


PermissionMode = Literal["default", "acceptEdits", "plan", "bypassPermissions", "dontAsk"]
