"""A queue of turns for each session; lanes know nothing of each other."""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass, field
from uuid import UUID

from palaver.agents.contract import AgentProcess
from palaver.events import TurnQueued
from palaver.feeds import Submission
from palaver.identity import Namespace, SessionId
from palaver.models import Prompt, Turn, TurnState
from palaver.requests import Requests
from palaver.store import Store


@dataclass(slots=True)
class Job:
    """A turn on its way through a lane.

    Attributes:
        last: its submission ends with it.
        upkeep: an automatic compaction, which nobody asked for and nobody waits for.
        process: the agent's, while it runs.
    """

    turn: Turn
    submission: Submission
    last: bool = True
    upkeep: bool = False
    process: AgentProcess | None = None
    stopping: bool = False
    tools: int = 0


@dataclass(slots=True)
class Lane:
    """One session's turns, the running one first."""

    session_id: SessionId
    jobs: deque[Job] = field(default_factory=deque)
    task: "asyncio.Task[None] | None" = None


class Lanes(ABC):
    """All queues of this process. What it means to run a turn is the subclass's."""

    def __init__(self, store: Store, requests: Requests) -> None:
        self._store = store
        self._requests = requests
        self._lanes: dict[SessionId, Lane] = {}

    def enqueue(self, turn: Turn) -> Submission:
        """Put a turn that is in the ledger into its lane."""
        job = Job(turn, Submission(turn.id))
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
        return list(lane.jobs) if lane else []

    def at_work(self) -> list[Turn]:
        """All that runs or waits here; within a session, in order."""
        return [job.turn for lane in self._lanes.values() for job in lane.jobs]

    # --- the way out ----------------------------------------------------------------------------

    async def stop(self, session_id: SessionId) -> bool:
        """Stop the running turn; whether there was one."""
        jobs = self.jobs(session_id)
        if not jobs:
            return False
        job = jobs[0]
        job.stopping = True
        self._requests.drop(job.turn.id)
        if job.process:
            await job.process.interrupt()
        return True

    async def stop_turn(self, namespace: Namespace, turn_id: UUID) -> bool:
        """Stop or take back this very turn of this namespace's; False if it is not here."""
        for lane in self._lanes.values():
            turn = lane.jobs[0].turn if lane.jobs else None
            if turn and turn.id == turn_id and turn.prompt.namespace == namespace:
                return await self.stop(lane.session_id)
        return await self.cancel(namespace, turn_id)

    async def drop(self, namespace: Namespace, session_id: SessionId) -> int:
        """Take back what still waits; how many turns that were."""
        waiting = [job for job in self.jobs(session_id)[1:] if not job.upkeep]
        for job in waiting:
            await self.cancel(namespace, job.turn.id)
        return len(waiting)

    async def cancel(self, namespace: Namespace, turn_id: UUID) -> bool:
        """Take back one waiting turn of this namespace's; False if it does not wait."""
        for lane in self._lanes.values():
            for job in list(lane.jobs)[1:]:
                if job.turn.id == turn_id and job.turn.prompt.namespace == namespace:
                    lane.jobs.remove(job)
                    await self._end(job, TurnState.STOPPED)
                    return True
        return False

    async def amend(self, prompt: Prompt) -> bool:
        """Put `prompt` in the place of the one with its key, if that one still waits."""
        for lane in self._lanes.values():
            for job in list(lane.jobs)[1:]:
                old = job.turn.prompt
                if (old.namespace, old.conversation, old.key) != (
                    prompt.namespace,
                    prompt.conversation,
                    prompt.key,
                ):
                    continue
                if not await self._store.ledger.amend(job.turn.id, prompt):
                    return False
                job.turn = job.turn.model_copy(update={"prompt": prompt})
                return True
        return False

    async def close(self) -> None:
        """Stop all that runs, as interrupted; what waits stays in the ledger for the next start."""
        tasks = [lane.task for lane in self._lanes.values() if lane.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def idle(self) -> None:
        """Return when nothing runs or waits."""
        while tasks := [lane.task for lane in self._lanes.values() if lane.task]:
            await asyncio.wait(tasks)

    # --- a lane ---------------------------------------------------------------------------------

    @abstractmethod
    async def _run(self, lane: Lane, job: Job) -> None:
        """Run the first job of a lane; whatever happens, it has ended on return."""

    @abstractmethod
    async def _end(self, job: Job, state: TurnState) -> None:
        """Write and tell the end of a turn."""

    async def _work(self, lane: Lane) -> None:
        try:
            while lane.jobs:
                job = lane.jobs[0]
                try:
                    await self._run(lane, job)
                finally:
                    lane.jobs.popleft()
                    if job.last:
                        job.submission.end()
        finally:
            self._lanes.pop(lane.session_id, None)
            for job in lane.jobs:
                job.submission.end()
