"""Turns: queued in memory for speed and in the ledger for keeps, run one after the other.

Whatever happens to a turn ends in one `TurnFinished`.
"""

import asyncio
import enum
import logging
from collections.abc import Awaitable, Callable, Coroutine
from uuid import UUID, uuid4

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
    TurnFinished,
    TurnStarted,
)
from palaver.feeds import Submission, Tap
from palaver.identity import ConversationId, SessionId
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

LAST_EVENTS_S = 10.0
"""Seconds that slow plugins have for the last events when Palaver stops."""

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
        self._ending: set[asyncio.Future[None]] = set()
        self._taps: set[asyncio.Task[None]] = set()
        self._unwritten: dict[UUID, tuple[Turn, Session | None]] = {}
        self.unblock: Callable[[SessionId], Awaitable[None]] = _leave
        """Ends what a dead Palaver has left in a session; set by who knows how to."""

    # --- the way in -----------------------------------------------------------------------------

    async def submit(self, session: Session, prompt: Prompt) -> Submission:
        """Queue a prompt. When this returns, it is durable.

        Raises:
            SessionNotFoundError: if the session has just been deleted.
        """
        lane = self._lanes.get(session.id)
        turn = Turn(
            id=uuid4(),
            session_id=session.id,
            prompt=prompt,
            state=TurnState.QUEUED,
            created=lane.next_time() if lane else now(),
            runner=self._runner,
        )
        if not await self._store.ledger.add(turn):
            return Submission(duplicate=True)
        return self.enqueue(turn)

    def move(self, frontend: str, before: ConversationId, after: ConversationId) -> None:
        """A conversation has got another id: so have the turns that run or wait here."""
        for job in [job for lane in self._lanes.values() for job in lane.jobs]:
            prompt = job.turn.prompt
            if (prompt.namespace.frontend, prompt.conversation) == (frontend, before):
                there = prompt.model_copy(update={"conversation": after})
                job.turn = job.turn.model_copy(update={"prompt": there})

    async def close(self) -> None:
        await super().close()
        await asyncio.gather(*self._ending, return_exceptions=True)
        await self._harmlessly(self._write_again())
        if self._taps:  # each event has its own time limit; together they get one
            await asyncio.wait(self._taps, timeout=LAST_EVENTS_S)

    # --- running one ----------------------------------------------------------------------------

    async def _run(self, lane: Lane, job: Job) -> bool:
        claim = Claim.OVER
        try:
            claim = await self._claim(lane, job)
            if claim is Claim.OURS:
                await self._turn(lane, job)
            elif claim is Claim.STOPPED:
                await self._end(job, TurnState.STOPPED)
        except asyncio.CancelledError:
            if job.turn.state is TurnState.RUNNING:
                await asyncio.shield(self._end(job, TurnState.INTERRUPTED, error=CUT_OFF))
            raise
        except PalaverError as error:
            await self._end(job, TurnState.FAILED, error=str(error))
        except Exception as error:
            log.exception("turn %s", job.turn.id)
            words = f"Something unexpected went wrong ({type(error).__name__}: {error}). /retry"
            await self._end(job, TurnState.FAILED, error=words)
        return claim is not Claim.GIVES_WAY

    async def _claim(self, lane: Lane, job: Job) -> "Claim":
        """Wait until the turn is ours to run."""
        told = False
        while True:
            try:
                if turn := await self._try_claim(job):
                    job.turn = turn
                    return Claim.OURS
                known = await self._store.ledger.get(job.turn.prompt.namespace, job.turn.id)
                if known is None or known.state is not TurnState.QUEUED:
                    return Claim.OVER
            except StoreError as error:  # the prompt is kept, and waits until the store is back
                log.warning("turn %s cannot be begun yet: %s", job.turn.id, error)
            if job.stopping:
                return Claim.STOPPED
            if lane.oldest() is not job:
                return Claim.GIVES_WAY
            if not told:
                job.submission.put(Told(view=notices.elsewhere()))
                told = True
            if lane.unblocking is None or lane.unblocking.done():
                lane.unblocking = asyncio.create_task(self._unblock(lane.session_id))
            await asyncio.sleep(CLAIM_INTERVAL_S)

    async def _try_claim(self, job: Job) -> Turn | None:
        await self._write_again()
        if job.stopping:
            return None
        return await self._store.ledger.claim(job.turn.id, self._runner)

    async def _write_again(self) -> None:
        """Write the ends that the store could not take before."""
        for turn_id, (turn, session) in list(self._unwritten.items()):
            await self._store.ledger.finish(turn, session)
            del self._unwritten[turn_id]

    async def _unblock(self, session_id: SessionId) -> None:
        try:
            await self.unblock(session_id)
        except PalaverError as error:
            log.warning("session %s is still blocked: %s", session_id, error)

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
            try:
                session = await self._sessions.used(session)
            except OSError as error:  # its size can wait, its answer cannot
                log.warning("the transcript of session %s: %s", session.id, error)
            lease.transcript = session.transcript
            await self._settle(lane, job, session, finished)
        finally:
            job.process = None
            release = asyncio.ensure_future(self._pool(session.agent).release(lease, keep=keep))
            self._ending.add(release)
            release.add_done_callback(self._ending.discard)
            await asyncio.shield(release)

    async def _replace(self, lane: Lane, job: Job, lost: Session) -> Session:
        """The lane goes on in a new session, with all that waits in it."""
        prompt = job.turn.prompt
        session = await self._sessions.replace(lost, prompt.conversation)
        self._lanes[session.id] = lane
        self._lanes.pop(lane.session_id, None)
        lane.session_id = session.id
        for waiting in list(lane.jobs):  # what comes from now on has the new id
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

        finished = AgentFinished(error="The agent ended without a result. /retry runs it again.")
        done = ""
        try:
            resumed = lease.resumed or session.turns > 0
            emit(TurnStarted(turn_id=turn.id, session_id=session.id, resumed=resumed))
            job.process = process
            if job.stopping:  # it was stopped while its process was being opened
                return AgentFinished(stopped=True)

            async def note(pending: tuple[str, ...]) -> None:
                job.turn = job.turn.model_copy(update={"pending": pending})
                await self._harmlessly(self._store.ledger.note_pending(turn.id, pending))

            asker = TurnAsker(
                self._requests, self._hooks, lambda: job.turn, emit, note, lambda: job.stopping
            )
            async for event in process.run(turn.id, prompt, asker):
                if isinstance(event, AgentFinished):
                    finished = event
                    continue
                job.count(event)
                emit(event)
                if isinstance(event, AgentReported):  # only now, for the prompt did not wait
                    await self._harmlessly(self._sessions.entitle(session, turn.prompt))
                if isinstance(event, Compacted):
                    lease.unsettled = job.compacted = True
                    done = notices.compaction(event)
        finally:
            if last := tap.end():
                self._taps.add(last)
                last.add_done_callback(self._taps.discard)
        if finished.text or finished.error:
            return finished
        return finished.model_copy(update={"text": done})

    # --- ending one -----------------------------------------------------------------------------

    async def _settle(
        self, lane: Lane, job: Job, session: Session, finished: AgentFinished
    ) -> None:
        """Write the turn's end, tell it, and compact the session if it is due."""
        state = TurnState.DONE
        if finished.stopped:
            state = TurnState.STOPPED
        elif finished.error:
            state = TurnState.FAILED
        is_prompt = not _compacts(job.turn.prompt)
        counted = 0 if job.compacted else session.turns_since_compaction
        session = session.model_copy(
            update={
                "turns": session.turns + is_prompt,
                "turns_since_compaction": counted + is_prompt,
                "usage": session.usage + finished.usage,
            }
        )
        limit = self._settings.auto_compact_turns
        if limit and is_prompt and session.turns_since_compaction >= limit:
            await self._harmlessly(self._compact_next(lane, job))
        if job.turn.prompt.upkeep and state is not TurnState.STOPPED:
            session = session.model_copy(update={"turns_since_compaction": 0})
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
        changes = {"text": COMPACT, "key": f"{job.turn.id}", "upkeep": True}
        nothing = {"attachments": (), "messages": ()}
        prompt = job.turn.prompt.model_copy(update=changes | nothing)
        turn = job.turn.model_copy(
            update={"id": uuid4(), "prompt": prompt, "state": TurnState.QUEUED, "started": None}
        )  # it keeps the time of the turn before it, so that it comes before what waits
        if await self._store.ledger.add(turn):
            lane.jobs.append(Job(turn, job.submission))

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
        """Write the end of a turn into the ledger, then tell it. Raises nothing of its own."""
        if job.told:
            return
        job.turn = job.turn.model_copy(
            update={
                "state": state,
                "finished": now(),
                "answer": answer,
                "error": error,
                "usage": usage or Usage(),
            }
        )
        try:
            await self._store.ledger.finish(job.turn, session)
        except StoreError as store_error:  # the answer is here, so it is told all the same
            log.exception("turn %s could not be recorded", job.turn.id)
            self._unwritten[job.turn.id] = job.turn, session
            words = f"{error} {store_error}".strip()
            job.turn = job.turn.model_copy(update={"error": words})
        job.told = True
        if job.turn.prompt.upkeep:
            view = notices.compacted(job.turn, self._settings.auto_compact_turns)
            job.submission.put(Told(view=view))
            delivered = self._store.ledger.deliver(job.turn.id, DeliveryState.DELIVERED)
            await self._harmlessly(delivered)
        else:
            job.submission.put(ended(job.turn, tools=job.tools, files=tuple(job.files)))
        await self._harmlessly(self._tell_plugins(job.turn, session))

    async def _tell_plugins(self, turn: Turn, session: Session | None) -> None:
        if session is None:
            session = await self._store.of(turn.prompt.namespace).get(turn.session_id)
        await self._hooks.turn_finished(session, turn)

    async def _harmlessly(self, work: Coroutine[object, object, object]) -> None:
        """The answer matters more than the books: what fails here is logged."""
        try:
            await work
        except PalaverError as error:
            log.warning("after a turn: %s", error)


class Claim(enum.Enum):
    """What came of waiting for a turn to be ours."""

    OURS = "it can run"
    OVER = "somebody else has ended it"
    STOPPED = "its user has taken it back"
    GIVES_WAY = "one that is older has come into its lane"


def _compacts(prompt: Prompt) -> bool:
    return prompt.text.startswith(COMPACT) and not prompt.attachments


async def _leave(session_id: SessionId) -> None:
    del session_id


def ended(
    turn: Turn, *, tools: int = 0, files: tuple[str, ...] = (), **flags: bool
) -> TurnFinished:
    """The event that tells of a turn's end."""
    seconds = 0.0
    if turn.started and turn.finished:
        seconds = max(0.0, (turn.finished - turn.started).total_seconds())
    return TurnFinished(
        turn_id=turn.id,
        session_id=turn.session_id,
        state=turn.state,
        text=turn.answer,
        error=turn.error,
        usage=turn.usage,
        duration_s=seconds,
        tools=tools,
        files=files,
        **flags,
    )
