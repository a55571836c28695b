"""Warm processes: kept open between prompts, within limits, and never trusted when stale."""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

from palaver.agents.contract import Agent, AgentProcess
from palaver.identity import SessionId
from palaver.models import Session, Stamp

_MEGABYTE = 1 << 20
_SETTLING_S = 1.5


@dataclass(slots=True)
class _Warm:
    """An open process that nobody uses just now, or that is still being opened."""

    opening: "asyncio.Future[Lease]"
    since: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class Lease:
    """A process in use for one turn.

    Attributes:
        resumed: it continues a transcript that was there before the process was.
        fresh: it was opened for this turn, or for the turn to come.
        unsettled: the agent may still write to the transcript by itself.
        stamp: the transcript as the process left it; None while it is unsettled.
    """

    process: AgentProcess
    resumed: bool
    fresh: bool = True
    unsettled: bool = False
    model: str | None = None
    mode: str | None = None
    transcript: Path | None = None
    stamp: Stamp | None = None


class Pool:
    """The open processes of one agent, at most one a session.

    A warm process knows its session as it left it. If the transcript has changed since (another
    terminal has continued it), the process is closed and the session resumed from the disk.
    """

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self._limits = agent.settings
        self._warm: OrderedDict[SessionId, _Warm] = OrderedDict()  # least recently used first
        self._running = asyncio.Semaphore(self._limits.max_running)
        self._background: set[asyncio.Task[None]] = set()
        self._notes: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False

    async def acquire(self, session: Session) -> Lease:
        """A process that holds this session, warm if there is one.

        Raises:
            SessionLostError: if the session's transcript is gone.
            AgentError: if the agent cannot be started.
        """
        await self._running.acquire()
        try:
            lease = await self._acquire(session)
        except BaseException:
            self._running.release()
            raise
        lease.unsettled = False  # all its lines are written when the turn to come is over
        return lease

    async def release(self, lease: Lease, *, keep: bool) -> None:
        """Give a process back; without `keep` it is closed."""
        self._running.release()
        if self._is_closed() or not keep or not lease.process.alive or not self._limits.max_warm:
            await lease.process.close()
            return
        lease.fresh = False
        await self._note_stamp(lease)
        if self._is_closed():  # meanwhile
            await lease.process.close()
            return
        ready: asyncio.Future[Lease] = asyncio.get_running_loop().create_future()
        ready.set_result(lease)
        self._keep(lease.process.session_id, _Warm(ready))

    def prewarm(self, session: Session) -> None:
        """Begin to open a session that is about to be used."""
        if self._limits.max_warm and not self._closed and session.id not in self._warm:
            self._keep(session.id, _Warm(asyncio.create_task(self._open(session))))

    async def discard(self, session_id: SessionId) -> None:
        """Close the warm process of a session that is going away."""
        if warm := self._warm.pop(session_id, None):
            await self._close(warm)

    async def close(self) -> None:
        """Close all that is warm; what is released from now on is closed, too."""
        self._closed = True
        if self._sweeper:
            self._sweeper.cancel()
        while self._warm:
            self._retire(next(iter(self._warm)))
        for note in self._notes:
            note.cancel()
        await asyncio.gather(*self._background, *self._notes, return_exceptions=True)

    def _is_closed(self) -> bool:
        return self._closed

    @property
    def warm(self) -> list[SessionId]:
        """Whose processes are open and idle, least recently used first."""
        return list(self._warm)

    # --- how ------------------------------------------------------------------------------------

    async def _acquire(self, session: Session) -> Lease:
        warm = self._warm.pop(session.id, None)
        if warm is None:
            return await self._open(session)
        try:
            await asyncio.wait([warm.opening])
        except asyncio.CancelledError:
            await self._close(warm)
            raise
        lease = _opened(warm)
        if lease is None:
            return await self._open(session)
        try:
            if lease.process.alive and not await self._is_stale(lease):
                await self._configure(lease, session)
                return lease
        except BaseException:
            await asyncio.shield(lease.process.close())
            raise
        await lease.process.close()
        return await self._open(session)

    async def _configure(self, lease: Lease, session: Session) -> None:
        if (lease.model, lease.mode) == (session.model, session.mode):
            return
        await lease.process.configure(model=session.model, mode=session.mode)
        lease.model, lease.mode = session.model, session.mode

    async def _is_stale(self, lease: Lease) -> bool:
        if lease.stamp is None:
            return False
        return await asyncio.to_thread(_stamp, lease.transcript) != lease.stamp

    async def _open(self, session: Session) -> Lease:
        transcript = await self.agent.transcripts.locate(session)
        resume = transcript is not None or session.turns > 0
        process = await self.agent.open(session, resume=resume)
        lease = Lease(process, resume, model=session.model, mode=session.mode)
        lease.transcript = transcript
        lease.unsettled = resume
        try:
            await self._note_stamp(lease)
        except BaseException:
            await asyncio.shield(process.close())
            raise
        return lease

    async def _note_stamp(self, lease: Lease) -> None:
        """Claude Code adds lines of its own for up to a second after a resume or a compaction."""
        lease.stamp = None
        if not lease.unsettled:
            lease.stamp = await asyncio.to_thread(_stamp, lease.transcript)
            return
        task = asyncio.create_task(self._note_later(lease))
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    async def _note_later(self, lease: Lease) -> None:
        await asyncio.sleep(_SETTLING_S)
        if lease.unsettled and lease.process.session_id in self._warm:
            lease.unsettled = False
            lease.stamp = await asyncio.to_thread(_stamp, lease.transcript)

    def _keep(self, session_id: SessionId, warm: _Warm) -> None:
        self._warm[session_id] = warm
        while len(self._warm) > self._limits.max_warm or self._memory() > self._budget:
            if len(self._warm) == 1 and not self._over_count():
                break  # one process may be larger than the whole budget; it stays until it idles
            self._retire(next(iter(self._warm)))
        if self._sweeper is None:
            self._sweep_later()

    @property
    def _budget(self) -> int:
        return self._limits.warm_memory_mb * _MEGABYTE

    def _over_count(self) -> bool:
        return len(self._warm) > self._limits.max_warm

    def _memory(self) -> int:
        done = (_opened(warm) for warm in self._warm.values() if warm.opening.done())
        return sum(lease.process.memory() for lease in done if lease)

    def _sweep_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweeper = loop.call_later(max(self._limits.idle_s / 4, 0.05), self._sweep)

    def _sweep(self) -> None:
        """Close what has been idle for too long; the dictionary's order is by last use."""
        self._sweeper = None
        before = time.monotonic() - self._limits.idle_s
        for session_id, warm in list(self._warm.items()):
            if warm.since < before:
                self._retire(session_id)
        if self._warm:
            self._sweep_later()

    def _retire(self, session_id: SessionId) -> None:
        task = asyncio.create_task(self._close(self._warm.pop(session_id)))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _close(self, warm: _Warm) -> None:
        warm.opening.cancel()
        await asyncio.wait([warm.opening])
        if lease := _opened(warm):
            await lease.process.close()


def _opened(warm: _Warm) -> Lease | None:
    """None if it could not be opened: the next prompt tries again, and is told why not."""
    opening = warm.opening
    return None if opening.cancelled() or opening.exception() else opening.result()


def _stamp(path: Path | None) -> Stamp | None:
    try:
        stat = path.stat() if path else None
    except OSError:
        return None
    return Stamp(stat.st_size, stat.st_mtime_ns) if stat else None
