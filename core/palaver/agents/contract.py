"""What an agent is to the engine: sessions it opens, and their transcripts on disk."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol
from uuid import UUID

from palaver.config import PoolSettings
from palaver.events import AgentEvent
from palaver.identity import SessionId
from palaver.models import Decision, Prompt, Question, Session, Stamp
from palaver.outbox import OUTBOX, Outbox


@dataclass(frozen=True, slots=True)
class PlanAnswer:
    """What the user said to a plan; without `accepted`, `remark` says what to change."""

    accepted: bool
    remark: str = ""


class Asker(Protocol):
    """How an agent reaches the user in the middle of a turn; the engine implements it.

    All of it waits for the user; a stopped turn or an expired request answers with a no.
    """

    async def approve(
        self,
        tool: str,
        tool_input: Mapping[str, object],
        *,
        summary: str,
        detail: str = "",
        reason: str = "",
        rememberable: bool = False,
    ) -> Decision:
        """May the agent use this tool? See `ApprovalRequest` for the words."""
        ...

    async def ask(self, questions: tuple[Question, ...]) -> tuple[str, ...] | None:
        """One answer for each question (several choices joined by ", "), or None for none."""
        ...

    async def propose(self, plan: str) -> PlanAnswer:
        """May the agent carry out this plan?"""
        ...


@dataclass(frozen=True, slots=True)
class Health:
    """One thing `palaver doctor` looked at.

    Attributes:
        ok: None where it could not be told.
        hint: what to do if it is not.
    """

    name: str
    ok: bool | None
    detail: str
    hint: str = ""


class AgentProcess(ABC):
    """One session held open. Serves one turn at a time; whose turn it is, the pool decides.

    Attributes:
        session_id: of the session that it holds.
        process: `pid:start time` of the process behind it; empty where there is none.
    """

    session_id: SessionId
    process: str = ""

    @abstractmethod
    def run(self, turn_id: UUID, prompt: Prompt, asker: Asker) -> AsyncIterator[AgentEvent]:
        """Run one prompt: an `AgentReported` first, one `AgentFinished` last.

        `turn_id` becomes the id of the user's message in the transcript. A failed turn ends in an
        `AgentFinished` with `error`; after an exception the process is of no further use. To end
        the iterator early, `interrupt` it and read on to its end.

        Raises:
            AgentError: if the agent could not be reached or broke down.
        """

    @abstractmethod
    async def interrupt(self) -> None:
        """Ask the running turn to stop; it then ends with `AgentFinished(stopped=True)`."""

    @abstractmethod
    async def configure(self, *, model: str | None, mode: str | None) -> None:
        """Use this model and permission mode from the next turn on; None for the defaults."""

    @abstractmethod
    async def close(self) -> None:
        """End it in an orderly way, by force if it must be; never raises, safe to call twice."""

    @property
    @abstractmethod
    def alive(self) -> bool:
        """Whether it can serve another turn."""

    def memory(self) -> int:
        """Bytes of its own that the process behind it holds; 0 where there is none."""
        return 0


class Transcripts(ABC):
    """The agent's own records on disk. Every method does its disk work off the event loop."""

    @abstractmethod
    async def locate(self, session: Session) -> Path | None:
        """Where the session's transcript is; None if there is none."""

    @abstractmethod
    async def home(self, session: Session) -> Path:
        """The folder where the session's transcript belongs, whether or not it is there."""

    @abstractmethod
    async def answer(self, session: Session, turn_id: UUID) -> str | None:
        """The complete final answer to that turn; None if the transcript has none.

        Used after a crash: the agent's process may have finished on its own.
        """

    @abstractmethod
    async def fork(self, session: Session) -> tuple[SessionId, Path]:
        """Copy the session under a new id; the copy's id and transcript.

        Raises:
            SessionLostError: if there is nothing to copy.
        """

    @abstractmethod
    async def messages(self, session: Session) -> list[tuple[str, str]]:
        """The conversation as `(role, text)`; broken lines are passed over.

        Raises:
            SessionLostError: if there is no transcript.
        """

    @abstractmethod
    async def move(self, transcript: Path, folder: Path) -> Path:
        """Move a transcript, with all that belongs to it, into `folder`; its new place.

        Used for the trash and back again. Never overwrites.

        Raises:
            OSError: if it cannot be moved; then nothing is.
        """

    @abstractmethod
    def scan(self, known: Iterable[tuple[str, int, int]]) -> Iterable[tuple[str, Stamp | None]]:
        """What has changed among the known transcripts: `(path, new stamp)`, None if it is gone.

        Runs in a thread: blocking, and touches nothing else.

        Args:
            known: path, size in bytes and time in nanoseconds as last noted. Plain tuples: to make
                ten thousand paths and stamps would cost as much as to look at the files.
        """


class Agent(ABC):
    """A backend that runs turns. Its class is registered; one instance is made when it is needed.

    Attributes:
        name: as in `[agents.NAME]` and in `Session.agent`.
        settings_model: the model of `[agents.NAME]`.
        settings: that table, checked.
        data_dir: a folder of Palaver's where the agent may keep what it needs.
        outbox: checks and copies what a session hands over; it makes the event for that.
    """

    name: ClassVar[str]
    settings_model: ClassVar[type[PoolSettings]] = PoolSettings
    transcripts: Transcripts

    def __init__(self, settings: PoolSettings, data_dir: Path) -> None:
        self.settings = settings
        self.data_dir = data_dir
        self.outbox = Outbox(data_dir / OUTBOX)
        self.outbox.private = (data_dir,)

    @abstractmethod
    async def open(self, session: Session, *, resume: bool) -> AgentProcess:
        """Open a session, with its workspace, model and mode; ready for a prompt on return.

        Raises:
            SessionLostError: if it is to be resumed and its transcript is gone.
            AgentError: if the agent cannot be started.
        """

    @abstractmethod
    async def settle(self, process: str, *, limit_s: float) -> None:
        """Wait until a process left by a crash (`pid:start time`) has ended; end it at the limit.

        A no-op if that very process no longer runs.
        """

    @abstractmethod
    async def examine(self) -> list[Health]:
        """Look at the program, its version, its login, for `palaver doctor`."""

    async def prepare(self) -> None:  # noqa: B027 - an agent that is quick needs none
        """Do slow imports and look-ups ahead of the first prompt; may be called at any time."""
