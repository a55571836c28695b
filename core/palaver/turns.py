"""Turns: queued in memory for speed and in the ledger for keeps, run one after the other.

Whatever happens to a turn ends in one `TurnFinished`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from uuid import uuid4

import palaver.notices as notices
import palaver.processes as processes
from palaver.agents.pool import Lease, Pool
from palaver.config import SessionSettings
from palaver.dispatch import Hooks
from palaver.errors import PalaverError, SessionLostError, StoreError
from palaver.events import (
    AgentFinished,
    AgentReported,
    Compacted,
    Event,
    Told,
    ToolStarted,
    TurnFinished,
    TurnStarted,
)
from palaver.feeds import Submission, Tap
from palaver.identity import SessionId
from palaver.lanes import Job, Lane, Lanes
from palaver.models import DeliveryState, Prompt, Session, Turn, TurnState, Usage, now
from palaver.requests import Requests, TurnAsker
from palaver.sessions import SessionService
from palaver.store import Store

log = logging.getLogger(__name__)

COMPACT = "/compact"
CLAIM_INTERVAL_S = 0.2
"""Seconds between two looks at a session that another process works in."""

NO_PROCESS = "none"
"""What is noted of an agent that has no process."""

CUT_OFF = "Palaver was stopped while the agent was at work. /retry runs it again."


class Turns(Lanes):
    """Queues prompts and runs them.

    Args:
        pool: gives the pool of the agent of that name.
    """

    def __init__(
        self,
        settings: SessionSettings,
        store: Store,
        hooks: Hooks,
        requests: Requests,
        pool: Callable[[str], Pool],
        sessions: SessionService,
    ) -> None:
        super().__init__(store, requests)
        self._settings = settings
        self._hooks = hooks
        self._pool = pool
        self._runner = processes.identity()
        self._sessions = sessions
        self.unblock: Callable[[SessionId], Awaitable[None]] = _leave
        """Ends what a dead Palaver has left in a session; set by who knows how to."""

    # --- the way in -----------------------------------------------------------------------------

    async def submit(self, session: Session, prompt: Prompt) -> Submission:
        """Queue a prompt. When this returns, it is durable."""
        turn = Turn(
            id=uuid4(),
            session_id=session.id,
            prompt=prompt,
            state=TurnState.QUEUED,
            created=now(),
            runner=self._runner,
        )
        if not await self._store.ledger.add(turn):
            return Submission(duplicate=True)
        return self.enqueue(turn)

    # --- running one ----------------------------------------------------------------------------

    async def _run(self, lane: Lane, job: Job) -> None:
        turn = await self._claim(job)
        if turn is None:
            return
        job.turn = turn
        try:
            await self._turn(lane, job)
        except asyncio.CancelledError:
            await asyncio.shield(self._end(job, TurnState.INTERRUPTED, error=CUT_OFF))
            raise
        except PalaverError as error:
            await self._end(job, TurnState.FAILED, error=str(error))
        except Exception as error:
            log.exception("turn %s", turn.id)
            words = f"Something unexpected went wrong ({type(error).__name__}: {error}). /retry"
            await self._end(job, TurnState.FAILED, error=words)

    async def _claim(self, job: Job) -> Turn | None:
        """The turn, when it is ours to run; None if somebody else has ended it."""
        told = False
        while True:
            claimed = await self._store.ledger.claim(job.turn.id, self._runner)
            if claimed:
                return claimed
            known = await self._store.ledger.get(job.turn.prompt.namespace, job.turn.id)
            if known is None or known.state is not TurnState.QUEUED:
                return None
            await self.unblock(job.turn.session_id)
            if not told:
                job.submission.put(Told(view=notices.elsewhere()))
                told = True
            await asyncio.sleep(CLAIM_INTERVAL_S)

    async def _turn(self, lane: Lane, job: Job) -> None:
        own = self._store.of(job.turn.prompt.namespace)
        session = await own.get(job.turn.session_id)
        prompt = await self._hooks.prompt(session, job.turn.prompt)
        try:
            lease = await self._pool(session.agent).acquire(session)
        except SessionLostError:
            session = await self._replace(lane, job, session)
            lease = await self._pool(session.agent).acquire(session)
        keep = False
        try:
            finished = await self._converse(job, session, lease, prompt)
            keep = True
            session = await self._sessions.used(session)
            lease.transcript = session.transcript
            await self._settle(lane, job, session, finished)
        finally:
            job.process = None
            await asyncio.shield(self._pool(session.agent).release(lease, keep=keep))

    async def _replace(self, lane: Lane, job: Job, lost: Session) -> Session:
        """The lane goes on in a new session, with all that waits in it."""
        prompt = job.turn.prompt
        session = await self._sessions.replace(lost, prompt.conversation)
        self._lanes[session.id] = lane
        self._lanes.pop(lane.session_id, None)
        lane.session_id = session.id
        for waiting in lane.jobs:
            await self._store.ledger.move(prompt.namespace, waiting.turn.id, session.id)
            waiting.turn = waiting.turn.model_copy(update={"session_id": session.id})
        job.submission.put(Told(view=notices.lost(lost)))
        return session

    async def _converse(
        self, job: Job, session: Session, lease: Lease, prompt: Prompt
    ) -> AgentFinished:
        """Run the turn in the agent, and pass on what happens."""
        turn, process = job.turn, lease.process
        # without a note the turn never reached the agent, so that after a crash it may run again
        await self._store.ledger.note_process(turn.id, process.process or NO_PROCESS)
        if lease.fresh and lease.resumed:
            await self._hooks.session_resumed(session)
        tap = Tap(self._hooks, session, turn)

        def emit(event: Event) -> None:
            job.submission.put(event)
            tap.put(event)

        emit(TurnStarted(turn_id=turn.id, session_id=session.id, resumed=session.turns > 0))
        job.process = process
        if job.stopping:  # it was stopped while its process was being opened
            return AgentFinished(stopped=True)
        finished = AgentFinished(error="The agent ended without a result. /retry runs it again.")
        asker = TurnAsker(self._requests, self._hooks, turn, emit)
        own = self._store.of(session.namespace)
        done = ""
        try:
            async for event in process.run(turn.id, prompt, asker):
                if isinstance(event, AgentFinished):
                    finished = event
                    continue
                job.tools += isinstance(event, ToolStarted)
                emit(event)
                if isinstance(event, AgentReported):  # only now, for the prompt did not wait
                    await self._sessions.entitle(session, turn.prompt)
                if isinstance(event, Compacted):
                    lease.unsettled = True
                    await own.update(session.id, turns_since_compaction=0)
                    done = notices.compaction(event)
        finally:
            tap.end()
        if finished.text or finished.error:
            return finished
        return finished.model_copy(update={"text": done})

    async def _settle(
        self, lane: Lane, job: Job, session: Session, finished: AgentFinished
    ) -> None:
        """Write the turn's end, tell it, and compact the session if it is due."""
        state = TurnState.DONE
        if finished.stopped:
            state = TurnState.STOPPED
        elif finished.error:
            state = TurnState.FAILED
        own = self._store.of(session.namespace)
        counted = (await own.get(session.id)).turns_since_compaction
        is_prompt = not job.turn.prompt.text.startswith(COMPACT)
        session = session.model_copy(
            update={
                "turns": session.turns + is_prompt,
                "turns_since_compaction": counted + is_prompt,
                "usage": session.usage + finished.usage,
            }
        )
        limit = self._settings.auto_compact_turns
        due = bool(limit) and is_prompt and session.turns_since_compaction >= limit
        if due:
            await self._compact_next(lane, job)
        await self._end(
            job,
            state,
            session=session,
            answer=finished.text,
            error=finished.error,
            usage=finished.usage,
        )

    async def _compact_next(self, lane: Lane, job: Job) -> None:
        """Compact the session before whatever waits in it; told as part of the turn that was."""
        prompt = job.turn.prompt.model_copy(
            update={"text": COMPACT, "key": f"compact:{job.turn.id}", "attachments": ()}
        )
        turn = job.turn.model_copy(
            update={"id": uuid4(), "prompt": prompt, "state": TurnState.QUEUED}
        )  # it keeps the time of the turn before it, so that it comes before what waits
        if await self._store.ledger.add(turn):
            job.last = False
            lane.jobs.insert(1, Job(turn, job.submission, upkeep=True))

    async def _end(
        self,
        job: Job,
        state: TurnState,
        *,
        session: Session | None = None,
        answer: str = "",
        error: str = "",
        usage: Usage | None = None,
    ) -> None:
        """Write the end of a turn into the ledger, then tell it."""
        turn = job.turn.model_copy(
            update={
                "state": state,
                "finished": now(),
                "answer": answer,
                "error": error,
                "usage": usage or Usage(),
            }
        )
        job.turn = turn
        try:
            await self._store.ledger.finish(turn, session)
        except StoreError as store_error:  # the answer is here, so it is told all the same
            log.exception("turn %s could not be recorded", turn.id)
            turn = turn.model_copy(update={"error": f"{error} {store_error}".strip()})
        if job.upkeep:
            await self._tell_upkeep(job, turn)
        else:
            job.submission.put(ended(turn, tools=job.tools))
        if turn.started is None:  # taken back before its lane came to it
            job.submission.end()
        session = session or await self._store.of(turn.prompt.namespace).get(turn.session_id)
        await self._hooks.turn_finished(session, turn)

    async def _tell_upkeep(self, job: Job, turn: Turn) -> None:
        own = self._store.of(turn.prompt.namespace)
        await own.update(turn.session_id, turns_since_compaction=0)
        await self._store.ledger.deliver(turn.id, DeliveryState.DELIVERED)
        job.submission.put(Told(view=notices.compacted(turn, self._settings.auto_compact_turns)))


async def _leave(session_id: SessionId) -> None:
    del session_id


def ended(turn: Turn, *, tools: int = 0, **flags: bool) -> TurnFinished:
    """The event that tells of a turn's end."""
    seconds = 0.0
    if turn.started and turn.finished:
        seconds = (turn.finished - turn.started).total_seconds()
    return TurnFinished(
        turn_id=turn.id,
        session_id=turn.session_id,
        state=turn.state,
        text=turn.answer,
        error=turn.error,
        usage=turn.usage,
        duration_s=seconds,
        tools=tools,
        **flags,
    )
