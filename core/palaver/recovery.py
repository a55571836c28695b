"""After a crash: what was asked is answered, or said to be cut off; nothing runs twice.

A turn in the ledger is one of these:

- *queued*, or *running* with no process of the agent noted: it never reached the agent, so it
  runs now;
- *running*, by a process that has died: the agent may have gone on alone, so its process is left to
  end; then the transcript has the answer, or the turn was cut off;
- *over*, but nobody knows whether the user was told: told again, and marked if it may be twice.

One that was cut off while it waited for its user's word is not run again, for that would repeat
what it had done before: a turn follows it, in which the agent hears that nobody has decided, and
asks again.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine
from datetime import timedelta
from functools import partial
from typing import TypeVar
from uuid import uuid4

import palaver.notices as notices
import palaver.processes as processes
from palaver.agents.contract import Agent
from palaver.errors import PalaverError, SessionNotFoundError, StoreError
from palaver.events import TurnFinished
from palaver.feeds import Submission
from palaver.identity import ConversationId, Namespace, SessionId
from palaver.models import DeliveryState, Prompt, Session, Turn, TurnState, now
from palaver.store import Store
from palaver.turns import CUT_OFF, Turns, ended

log = logging.getLogger(__name__)

T = TypeVar("T")
Pair = tuple[Turn, Submission]
Left = list[Pair]

REDELIVERY_DAYS = 7
"""Days after which an answer that was not delivered is no news any more."""
ASK_AGAIN_S = 2.0
"""Seconds until what could not be found out, or not be kept, is tried again."""


class Recovery:
    """Finds what other lives of Palaver have left.

    Args:
        admits: whether a prompt's sender is still let in; what others left is neither run nor told.
        orphan_limit_s: seconds that an agent's process may still work after its Palaver has died.
    """

    def __init__(
        self,
        store: Store,
        turns: Turns,
        agent: Callable[[str], Agent],
        admits: Callable[[Prompt], Awaitable[bool]],
        *,
        orphan_limit_s: float = 600,
    ) -> None:
        self._store = store
        self._turns = turns
        self._agent = agent
        self._admits = admits
        self._orphan_limit_s = orphan_limit_s
        self._tasks: set[asyncio.Task[None]] = set()
        self._runner = processes.identity()
        turns.unblock = self.unblock

    async def recover(
        self, frontends: Collection[str], wanted: Callable[[Prompt], bool] = lambda _: True
    ) -> AsyncIterator[tuple[Turn, Submission]]:
        """Every turn that was left, with what comes of it; oldest first.

        Args:
            frontends: only turns that came through these.
            wanted: only turns whose prompt it accepts.
        """
        since = now() - timedelta(days=REDELIVERY_DAYS)
        over = await self._store.ledger.undelivered(frontends, since)
        unfinished = await self._store.ledger.unfinished(frontends)
        left = [
            turn for turn in (*over, *unfinished) if wanted(turn.prompt) and not _is_alive(turn)
        ]
        # all of them first, so that what is new cannot get in between, here or in another Palaver
        ours = [turn for turn in left if await self._store.ledger.adopt(turn, self._runner)]
        undecided: dict[tuple[Namespace, ConversationId], list[Turn]] = {}
        for turn in ours:
            place = turn.prompt.namespace, turn.prompt.conversation
            admitted = None if place in undecided else await self._known(turn.prompt)
            if admitted is None:  # nothing of this conversation is taken up before it
                undecided.setdefault(place, []).append(turn)
                continue
            for one, submission in await self._taken_up(*self._pairs(turn), admitted=admitted):
                if admitted:
                    yield one, submission
        for turns in undecided.values():
            later = [self._pairs(turn) for turn in turns]
            self._spawn(self._decided(later))
            for pair in (pair for pairs in later for pair in pairs if pair):
                yield pair

    def _pairs(self, turn: Turn) -> tuple[Pair, Pair | None]:
        """The turn, and the one that may follow it, each with what comes of it."""
        following = _following(turn, self._runner)
        added = (following, Submission(following.id)) if following else None
        return (turn, Submission(turn.id)), added

    async def _known(self, prompt: Prompt) -> bool | None:
        """Whether its sender is let in; None if nobody can tell now."""
        try:
            return await self._admits(prompt)
        except PalaverError as error:
            log.warning("what %s has left waits: %s", prompt.namespace, error)
            return None

    async def _decided(self, waiting: list[tuple[Pair, Pair | None]]) -> None:
        """Take up what was left in one conversation as soon as it is known who is let in."""
        for pair, following in waiting:
            left: Left = []
            try:
                left = await self._kept(partial(self._decide, pair, following))
            except PalaverError as error:  # the next start finds it again
                log.warning("turn %s was left, and cannot be taken up: %s", pair[0].id, error)
            for unused in (one for one in (pair, following) if one and one not in left):
                unused[1].end()

    async def _decide(self, pair: Pair, following: Pair | None) -> Left:
        admitted = await self._known(pair[0].prompt)
        while admitted is None:
            await asyncio.sleep(ASK_AGAIN_S)
            admitted = await self._known(pair[0].prompt)
        if admitted:
            return await self._taken_up(pair, following, admitted=True)
        await self._taken_up(*self._pairs(pair[0]), admitted=False)
        return []

    async def _kept(self, work: Callable[[], Awaitable[T]]) -> T:
        """Again and again while the store refuses: what is ours and not over blocks its session."""
        while True:
            try:
                return await work()
            except StoreError as error:
                log.warning("what was left waits: %s", error)
                await asyncio.sleep(ASK_AGAIN_S)

    async def _taken_up(self, pair: Pair, following: Pair | None, *, admitted: bool) -> Left:
        """What comes of a turn that was left; of one who is shut out it must end, too."""
        turn, told = pair
        following = following if admitted else None
        if turn.state not in (TurnState.QUEUED, TurnState.RUNNING):
            return await self._told_again(turn, told, following)
        unsent = turn.state is TurnState.QUEUED or await self._store.ledger.requeue(turn.id)
        if turn.prompt.upkeep or (unsent and not admitted):
            await self._drop(turn)
            return []
        if unsent:
            waiting = {"state": TurnState.QUEUED, "started": None}
            return [(turn, self._turns.enqueue(turn.model_copy(update=waiting), told))]
        self._spawn(self._finish(pair, following))
        return [pair, following] if following else [pair]

    async def close(self) -> None:
        """Stop waiting for what still works; the next start finds it again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _told_again(self, turn: Turn, told: Submission, following: Pair | None) -> Left:
        added = None
        if following and turn.state is TurnState.INTERRUPTED:
            added = await self._added(following[0])
        repeated = turn.delivery is DeliveryState.ATTEMPTED
        told.put(_end_of(turn, goes_on=added is not None, repeated=repeated))
        told.end()
        left = [(turn, told)]
        if following and added:
            self._turns.enqueue(*following)
            left.append(following)
        return left

    async def _added(self, following: Turn) -> bool | None:
        """Keep a turn that follows another; False if it is there already, None if it cannot be."""
        try:
            return await self._store.ledger.add(following)
        except SessionNotFoundError:  # its session is in the trash
            return None

    async def unblock(self, session_id: SessionId) -> None:
        """End what a dead Palaver has left in a session, so that the session can go on here.

        Its own conversation is told when it is next recovered.
        """
        for turn in await self._store.ledger.waiting(session_id):
            if _is_alive(turn) or not await self._store.ledger.adopt(turn, self._runner):
                continue
            if turn.state is TurnState.RUNNING and not await self._store.ledger.requeue(turn.id):
                await self._store.ledger.finish(*await self._outcome(turn))
            else:
                await self._store.ledger.finish(_ended(turn, TurnState.INTERRUPTED, error=CUT_OFF))
            ours = turn.model_copy(update={"runner": self._runner})
            await self._store.ledger.adopt(ours, turn.runner)  # for its own conversation to find

    async def _drop(self, turn: Turn) -> None:
        """End it without a word.

        An automatic compaction that was cut off comes again after the next turn.
        """
        ledger = self._store.ledger
        await self._kept(lambda: ledger.finish(_ended(turn, TurnState.INTERRUPTED)))
        await self._kept(lambda: ledger.deliver(turn.id, DeliveryState.DELIVERED))

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _finish(self, left: Pair, following: Pair | None = None) -> None:
        """Wait for the process that was left, then take its answer from the transcript."""
        turn, told = left
        added = None
        try:
            turn, session = await self._outcome(turn)
            if following and turn.state is TurnState.INTERRUPTED:
                added = await self._kept(partial(self._added, following[0]))  # before anything else
            if await self._kept(partial(self._store.ledger.finish, turn, session)):
                told.put(_end_of(turn, goes_on=added is not None))
            if following and added:
                self._turns.enqueue(*following)
                following = None
        finally:
            told.end()
            if following:
                following[1].end()

    async def _outcome(self, turn: Turn) -> tuple[Turn, Session | None]:
        """How the turn has ended, and what its session counts."""
        own = self._store.of(turn.prompt.namespace)
        session: Session | None = None
        answer: str | None = None
        try:
            session = await own.get(turn.session_id)
            agent = self._agent(session.agent)
            await agent.settle(turn.agent_process, limit_s=self._orphan_limit_s)
            answer = await agent.transcripts.answer(session, turn.id)
        except (PalaverError, OSError) as error:  # no answer can be had: it is told as cut off
            log.warning("turn %s was left, and its transcript cannot be read: %s", turn.id, error)
        if answer is None:
            turn = _ended(turn, TurnState.INTERRUPTED, error=CUT_OFF)
        else:
            turn = _ended(turn, TurnState.DONE, answer=answer)
        if session and (answer is not None or session.transcript):
            # the agent has seen the prompt, so it counts
            counted = {
                "turns": session.turns + 1,
                "turns_since_compaction": session.turns_since_compaction + 1,
            }
            session = session.model_copy(update=counted)
        return turn, session


def _ended(turn: Turn, state: TurnState, *, answer: str = "", error: str = "") -> Turn:
    update = {"state": state, "finished": now(), "answer": answer, "error": error}
    return turn.model_copy(update=update)


def _end_of(turn: Turn, *, goes_on: bool, repeated: bool = False) -> TurnFinished:
    if goes_on:
        turn = turn.model_copy(update={"error": notices.undecided(turn.pending)})
    return ended(turn, goes_on=goes_on, repeated=repeated, recovered=True)


def _following(turn: Turn, runner: str) -> Turn | None:
    """The turn in which the agent asks again what nobody has decided; None if there is nothing.

    It counts as made when the other was, and so comes before what waited behind that one.
    """
    if not turn.pending:
        return None
    asked = {"text": notices.go_on(turn.pending), "key": f"go on:{turn.id}", "attachments": ()}
    return Turn(
        id=uuid4(),
        session_id=turn.session_id,
        prompt=turn.prompt.model_copy(update=asked),
        state=TurnState.QUEUED,
        created=turn.created,
        runner=runner,
    )


def _is_alive(turn: Turn) -> bool:
    """Whether the Palaver that has taken this turn still runs; then it is not ours."""
    return bool(turn.runner) and processes.find(turn.runner) is not None
