"""A queue of turns for each session; lanes know nothing of each other."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from palaver.agents.contract import AgentProcess
from palaver.events import Event, ToolFinished, ToolStarted, TurnQueued
from palaver.feeds import Submission
from palaver.identity import Namespace, SessionId
from palaver.models import Prompt, Turn, TurnState, now
from palaver.requests import Requests
from palaver.store import Store

_TICK = timedelta(microseconds=1)


@dataclass(slots=True, eq=False)
class Job:
    """A turn on its way through a lane.

    Attributes:
        process: the agent's, while it runs.
        stopping: its user wants no more of it.
        told: its end has been told.
        compacted: the session was compacted in it.
        editing: the file that each use of a tool is to change.
        files: those that were changed, in order.
    """

    turn: Turn
    submission: Submission
    process: AgentProcess | None = None
    stopping: bool = False
    told: bool = False
    compacted: bool = False
    tools: int = 0
    editing: dict[str, str] = field(default_factory=dict)
    files: dict[str, None] = field(default_factory=dict)

    def count(self, event: Event) -> None:
        """Take note of what goes into the turn's receipt."""
        match event:
            case ToolStarted(tool_id=tool_id, file=file):
                self.tools += 1
                self.editing[tool_id] = file
            case ToolFinished(tool_id=tool_id, ok=True):
                if file := self.editing.get(tool_id, ""):
                    self.files[file] = None
            case _:
                pass


@dataclass(slots=True, eq=False)
class Lane:
    """One session's turns.

    Attributes:
        jobs: all of them, in the order in which they came here.
        running: the one whose turn it is.
        unblocking: ends what a dead Palaver has left in the session.
    """

    session_id: SessionId
    jobs: list[Job] = field(default_factory=list)
    running: Job | None = None
    task: "asyncio.Task[None] | None" = None
    unblocking: "asyncio.Task[None] | None" = None

    def oldest(self) -> Job:
        """Whose turn it is: what was left by another life may be older than what came first."""
        return min(self.jobs, key=lambda job: job.turn.created)

    def in_order(self) -> list[Job]:
        """The running one, then what waits."""
        waiting = sorted(self.jobs, key=lambda job: job.turn.created)
        return sorted(waiting, key=lambda job: job is not self.running)

    def next_time(self) -> datetime:
        """When the next turn is made: after all that wait, even if the clock was set back."""
        return max([now(), *(job.turn.created + _TICK for job in self.jobs)])


class Lanes(ABC):
    """All queues of this process. What it means to run a turn is the subclass's."""

    def __init__(self, store: Store, requests: Requests) -> None:
        self._store = store
        self._requests = requests
        self._lanes: dict[SessionId, Lane] = {}

    def enqueue(self, turn: Turn, submission: Submission | None = None) -> Submission:
        """Put a turn that is in the ledger into its lane; what comes of it, in `submission`."""
        job = Job(turn, submission or Submission(turn.id))
        lane = self._lanes.setdefault(turn.session_id, Lane(turn.session_id))
        ahead = len(lane.jobs)
        lane.jobs.append(job)
        job.submission.put(TurnQueued(turn_id=turn.id, session_id=turn.session_id, ahead=ahead))
        if lane.task is None:
            lane.task = asyncio.create_task(self._work(lane))
        return job.submission

    def busy(self, session_id: SessionId) -> bool:
        """Whether a turn of this session runs or waits here."""
        return session_id in self._lanes

    def jobs(self, session_id: SessionId) -> list[Job]:
        """What runs and waits, in order."""
        lane = self._lanes.get(session_id)
        return lane.in_order() if lane else []

    def at_work(self) -> list[Turn]:
        """All that runs or waits here; within a session, in order."""
        return [job.turn for lane in self._lanes.values() for job in lane.in_order()]

    # --- the way out ----------------------------------------------------------------------------

    async def stop(self, session_id: SessionId) -> bool:
        """Stop the running turn; whether there was one."""
        lane = self._lanes.get(session_id)
        if lane is None or lane.running is None:
            return False
        job = lane.running
        job.stopping = True
        self._requests.drop(job.turn.id)
        if job.process:
            await job.process.interrupt()
        return True

    async def stop_turn(self, namespace: Namespace, turn_id: UUID) -> bool:
        """Stop or take back this very turn of this namespace's; False if it is not here."""
        for lane, job in self._owned(namespace):
            if job.turn.id == turn_id:
                if job is lane.running:
                    return await self.stop(lane.session_id)
                return await self._take_back(lane, job)
        return False

    async def cancel(self, namespace: Namespace, turn_id: UUID) -> bool:
        """Take back one waiting turn of this namespace's; False if it does not wait."""
        for lane, job in self._owned(namespace):
            if job.turn.id == turn_id and job.process is None and not job.stopping:
                return await self._take_back(lane, job)
        return False

    async def send_now(self, namespace: Namespace, turn_id: UUID) -> bool:
        """Run one waiting turn of this namespace's next, and stop what runs; False if not waiting.

        Of what runs only the turn that it was to wait for is stopped: the press may come too late.
        """
        for lane, job in self._owned(namespace):
            running = lane.running
            if job.turn.id != turn_id or job.turn.state is not TurnState.QUEUED or job.stopping:
                continue
            if job is not lane.oldest():
                first = lane.oldest().turn.created - _TICK
                if not await self._store.ledger.advance(namespace, turn_id, first):
                    return False
                job.turn = job.turn.model_copy(update={"created": first})
            if running and running is lane.running and running.turn.state is TurnState.RUNNING:
                await self.stop(lane.session_id)
            return True
        return False

    async def drop(self, namespace: Namespace, session_id: SessionId) -> int:
        """Take back what still waits; how many turns that were."""
        waiting = [
            (lane, job)
            for lane, job in self._owned(namespace)
            if lane.session_id == session_id and job is not lane.running
        ]
        taken = [await self._take_back(lane, job) for lane, job in waiting]
        return sum(taken)

    async def amend(self, prompt: Prompt) -> bool:
        """Put `prompt` in the place of the one with its key, if that one still waits."""
        wanted = prompt.conversation, prompt.key
        for _, job in self._owned(prompt.namespace):
            if (job.turn.prompt.conversation, job.turn.prompt.key) == wanted:
                if not await self._store.ledger.amend(job.turn.id, prompt):
                    return False
                job.turn = job.turn.model_copy(update={"prompt": prompt})
                return True
        return False

    async def close(self) -> None:
        """Stop all that runs, as interrupted; what waits stays in the ledger for the next start."""
        lanes = list(self._lanes.values())
        tasks = [task for lane in lanes for task in (lane.task, lane.unblocking) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def idle(self) -> None:
        """Return when nothing runs or waits."""
        while tasks := [lane.task for lane in self._lanes.values() if lane.task]:
            await asyncio.wait(tasks)

    # --- a lane ---------------------------------------------------------------------------------

    @abstractmethod
    async def _run(self, lane: Lane, job: Job) -> bool:
        """Run a lane's oldest job; False if it gave way to one that is older still."""

    @abstractmethod
    async def _end(self, job: Job, state: TurnState) -> None:
        """Write and tell the end of a turn."""

    async def _work(self, lane: Lane) -> None:
        try:
            while lane.jobs:
                job = lane.running = lane.oldest()
                over = await self._run(lane, job)
                lane.running = None
                if over:
                    self._leave(lane, job)
        finally:
            if lane.unblocking:
                lane.unblocking.cancel()
            self._lanes.pop(lane.session_id, None)
            for job in lane.jobs:
                job.submission.end()

    async def _take_back(self, lane: Lane, job: Job) -> bool:
        """End a job that waits; one whose turn it is, but which has not begun, ends by itself."""
        if job is lane.running:
            job.stopping = True
            return job.process is None
        lane.jobs.remove(job)
        await self._end(job, TurnState.STOPPED)
        self._leave(lane, job)
        return True

    def _leave(self, lane: Lane, job: Job) -> None:
        """A job is over; its submission too, unless an automatic compaction is to be told in it."""
        if job in lane.jobs:
            lane.jobs.remove(job)
        if all(other.submission is not job.submission for other in lane.jobs):
            job.submission.end()

    def _owned(self, namespace: Namespace) -> Iterator[tuple[Lane, Job]]:
        for lane in list(self._lanes.values()):
            for job in lane.in_order():
                if job.turn.prompt.namespace == namespace and not job.turn.prompt.upkeep:
                    yield lane, job
