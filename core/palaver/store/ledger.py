"""The ledger: every turn, from before its prompt is acknowledged until its answer is delivered."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from palaver.errors import SessionBusyError, SessionNotFoundError
from palaver.identity import ConversationId, Namespace, SessionId
from palaver.models import DeliveryState, Prompt, Session, Turn, TurnState, now
from palaver.store.database import Database
from palaver.store.rows import (
    TURN_COLUMNS,
    message_text,
    outcome_values,
    owned,
    owner_values,
    pending_text,
    prompt_text,
    turn_from,
    turn_values,
    usage_values,
)
from palaver.store.schema import sessions, turns

WAITING = (TurnState.QUEUED.value, TurnState.RUNNING.value)
FINAL = tuple(state.value for state in TurnState if state.value not in WAITING)
_UNDELIVERED = (DeliveryState.PENDING.value, DeliveryState.ATTEMPTED.value)
FORGET_AT_ONCE = 500
"""Turns dropped in one transaction: no prompt shall wait long for the clean-up."""

_SELECT = sa.select(*TURN_COLUMNS)
_ORDER = (turns.c.created, turns.c.seq)
_THIS = turns.c.id == sa.bindparam("b_id")
_UNFINISHED = turns.c.state.in_(WAITING)
_OF_FRONTENDS = turns.c.frontend.in_(sa.bindparam("b_frontends", expanding=True))

_INSERT = sa.insert(turns).inline()
_KNOWN = sa.select(turns.c.seq).where(
    owned(turns),
    turns.c.conversation == sa.bindparam("b_conversation"),
    turns.c.key == sa.bindparam("b_key"),
)
_OF_MESSAGE = _SELECT.where(
    owned(turns),
    turns.c.conversation == sa.bindparam("b_conversation"),
    sa.or_(
        turns.c.key == sa.bindparam("b_key"),
        turns.c.prompt.contains(sa.bindparam("b_message"), autoescape=False),
    ),
).order_by(turns.c.created.desc(), turns.c.seq.desc())
_LIVE_SESSION = sa.select(sessions.c.id).where(
    owned(sessions), sessions.c.id == sa.bindparam("b_to"), sessions.c.trashed.is_(None)
)

_other = turns.alias("other")
_BEHIND_ANOTHER = sa.exists().where(
    _other.c.session_id == turns.c.session_id,
    sa.or_(
        _other.c.state == TurnState.RUNNING.value,
        sa.and_(
            _other.c.state == TurnState.QUEUED.value,
            sa.or_(
                _other.c.created < turns.c.created,
                sa.and_(_other.c.created == turns.c.created, _other.c.seq < turns.c.seq),
            ),
        ),
    ),
)
_CLAIM = (
    sa.update(turns)
    .where(_THIS, turns.c.state == TurnState.QUEUED.value, ~_BEHIND_ANOTHER)
    .values(
        state=TurnState.RUNNING.value,
        started=sa.bindparam("b_now", type_=turns.c.started.type),
        runner=sa.bindparam("b_runner"),
    )
    .returning(*TURN_COLUMNS)
)
_NOTE_PROCESS = sa.update(turns).where(_THIS).values(agent_process=sa.bindparam("b_process"))
_NOTE_PENDING = sa.update(turns).where(_THIS).values(pending=sa.bindparam("b_pending"))
_ADVANCE = (
    sa.update(turns)
    .where(_THIS, owned(turns), turns.c.state == TurnState.QUEUED.value)
    .values(created=sa.bindparam("b_created", type_=turns.c.created.type))
)
_REQUEUE = (
    sa.update(turns)
    .where(_THIS, turns.c.state == TurnState.RUNNING.value, turns.c.agent_process == "")
    .values(state=TurnState.QUEUED.value, started=sa.null())
)
_ADOPT = (
    sa.update(turns)
    .where(_THIS, turns.c.runner == sa.bindparam("b_from"))
    .values(runner=sa.bindparam("b_to_runner"))
)
_AMEND = (
    sa.update(turns)
    .where(_THIS, owned(turns), turns.c.state == TurnState.QUEUED.value)
    .values(prompt=sa.bindparam("b_prompt"))
)
_FINISH = sa.update(turns).where(_THIS, owned(turns), _UNFINISHED)
_COUNT = sa.update(sessions).where(owned(sessions), sessions.c.id == sa.bindparam("b_session"))
_DELIVER = (
    sa.update(turns)
    .where(_THIS, turns.c.delivery != DeliveryState.DELIVERED.value)
    .values(delivery=sa.bindparam("b_delivery"))
)
_ALL_UNFINISHED = _SELECT.where(_UNFINISHED, _OF_FRONTENDS).order_by(*_ORDER)
_ALL_UNDELIVERED = _SELECT.where(
    turns.c.state.in_(FINAL),
    turns.c.delivery.in_(_UNDELIVERED),
    _OF_FRONTENDS,
    turns.c.finished >= sa.bindparam("b_since", type_=turns.c.finished.type),
).order_by(*_ORDER)
_GET = _SELECT.where(_THIS, owned(turns))
_GET_UNFINISHED = _GET.where(_UNFINISHED)
_WAITING = _SELECT.where(turns.c.session_id == sa.bindparam("b_session"), _UNFINISHED).order_by(
    *_ORDER
)
_LAST = (
    _SELECT.where(owned(turns), turns.c.conversation == sa.bindparam("b_conversation"))
    .order_by(turns.c.created.desc(), turns.c.seq.desc())
    .limit(2)  # a compaction, and the turn that it followed
)
_MOVE = (
    sa.update(turns)
    .where(
        _THIS,
        owned(turns),
        _UNFINISHED,
        sa.exists(_LIVE_SESSION),
        # a running turn may follow its session's replacement, but never join another at work
        sa.or_(
            turns.c.state == TurnState.QUEUED.value,
            ~sa.exists().where(
                _other.c.session_id == sa.bindparam("b_to"),
                _other.c.state == TurnState.RUNNING.value,
                _other.c.seq != turns.c.seq,
            ),
        ),
    )
    .values(session_id=sa.bindparam("b_to"))
)
_old = turns.alias("old")
_FORGET = sa.delete(turns).where(
    turns.c.seq.in_(
        sa.select(_old.c.seq)
        .where(
            _old.c.state.in_(FINAL),
            _old.c.delivery == DeliveryState.DELIVERED.value,
            _old.c.finished < sa.bindparam("b_before", type_=turns.c.finished.type),
        )
        .limit(sa.bindparam("b_limit", type_=sa.Integer))
    )
)


class Ledger:
    """The turns of all namespaces.

    What it writes is on the disk when the call returns. Turns are in the order of their
    creation. Every method may raise a `StoreError`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, turn: Turn) -> bool:
        """Write a turn down; False if its (namespace, conversation, key) is there already.

        Raises:
            SessionNotFoundError: if the prompt's namespace does not have the turn's session, or
                has it in the trash.
        """

        def insert(connection: sa.Connection) -> bool:
            owner = owner_values(turn.prompt.namespace)
            live = connection.execute(_LIVE_SESSION, {"b_to": str(turn.session_id), **owner})
            if live.first() is None:
                return False
            connection.execute(_INSERT, turn_values(turn))
            return True

        try:
            added = await self._database.transaction(insert)
        except sa.exc.IntegrityError:
            added = False
        if not added and not await self.has(turn.prompt):
            raise SessionNotFoundError
        return added

    async def has(self, prompt: Prompt) -> bool:
        """Whether its (namespace, conversation, key) is there already."""
        where = {"b_conversation": prompt.conversation, "b_key": prompt.key}
        found = await self._database.rows(_KNOWN, {**owner_values(prompt.namespace), **where})
        return bool(found)

    async def find(self, prompt: Prompt) -> Turn | None:
        """The newest turn that its message, by (namespace, conversation, key), is a part of."""
        where = {"b_conversation": prompt.conversation, **owner_values(prompt.namespace)}
        where |= {"b_key": prompt.key, "b_message": message_text(prompt.key)}
        for turn in await self._many(_OF_MESSAGE, where):
            if prompt.key in (turn.prompt.key, *turn.prompt.messages):
                return turn
        return None

    async def claim(self, turn_id: UUID, runner: str) -> Turn | None:
        """Take a queued turn to run it: only one of all callers in all processes gets it.

        None if it is not queued (any more), if another turn of its session is running, or if
        one that is older is still queued.
        """
        parameters = {"b_id": str(turn_id), "b_now": now(), "b_runner": runner}
        row = await self._database.change_one(_CLAIM, parameters)
        return turn_from(row) if row else None

    async def amend(self, turn_id: UUID, prompt: Prompt) -> bool:
        """Change what a queued turn asks; False if it is not queued (any more).

        Of the prompt its text and attachments: its owner, place and key stay what they are.
        """
        where = {"b_id": str(turn_id), **owner_values(prompt.namespace)}
        return bool(await self._database.change(_AMEND, {**where, "b_prompt": prompt_text(prompt)}))

    async def note_process(self, turn_id: UUID, process: str) -> None:
        """Keep which process of the agent runs the turn, as `pid:start time`."""
        await self._database.change(_NOTE_PROCESS, {"b_id": str(turn_id), "b_process": process})

    async def note_pending(self, turn_id: UUID, lines: Sequence[str]) -> None:
        """Keep what the turn waits for its user to decide: after a crash it is asked again."""
        values = {"b_id": str(turn_id), "b_pending": pending_text(lines)}
        await self._database.change(_NOTE_PENDING, values)

    async def advance(self, namespace: Namespace, turn_id: UUID, created: datetime) -> bool:
        """Let a queued turn count as made at that time; False if it is not queued (any more)."""
        where = {"b_id": str(turn_id), **owner_values(namespace)}
        return bool(await self._database.change(_ADVANCE, {**where, "b_created": created}))

    async def adopt(self, turn: Turn, runner: str) -> bool:
        """Take over a turn that another Palaver has left; only one of all who try gets it."""
        values = {"b_id": str(turn.id), "b_from": turn.runner, "b_to_runner": runner}
        return bool(await self._database.change(_ADOPT, values))

    async def requeue(self, turn_id: UUID) -> bool:
        """Let a turn wait again that was claimed but never given to the agent; False if it was."""
        return bool(await self._database.change(_REQUEUE, {"b_id": str(turn_id)}))

    async def finish(self, turn: Turn, session: Session | None = None) -> bool:
        """Write how a turn ended, and with it what its session counts; both or neither.

        Of the turn: state, answer, error, usage, finished and delivery. Of the session: modified,
        size, transcript, lost, turns, turns_since_compaction and usage, and nothing that its user
        may have changed meanwhile. False, and nothing is written, if the turn was over already.

        Raises:
            ValueError: if the turn's state is not a final one, or the session is not its owner's.
        """
        namespace = turn.prompt.namespace
        if turn.state.value not in FINAL:
            raise ValueError(f"a turn does not end as {turn.state}")
        if session is not None and session.namespace != namespace:
            raise ValueError("the session is not the turn's owner's")
        owner = owner_values(namespace)
        outcome = outcome_values(turn) | {"finished": turn.finished or now()}
        ended = {"b_id": str(turn.id), **owner, **outcome}
        if session is None:
            return bool(await self._database.change(_FINISH, ended))
        counted = {"b_session": str(session.id), **owner, **_counters(session)}

        def both(connection: sa.Connection) -> bool:
            if not connection.execute(_FINISH, ended).rowcount:
                return False
            connection.execute(_COUNT, counted)
            return True

        return await self._database.transaction(both)

    async def deliver(self, turn_id: UUID, state: DeliveryState) -> None:
        """Write whether the user has the answer; what is delivered stays so."""
        await self._database.change(_DELIVER, {"b_id": str(turn_id), "b_delivery": state.value})

    async def unfinished(self, frontends: Collection[str]) -> list[Turn]:
        """Turns of these frontends that are queued or running, the oldest first."""
        return await self._many(_ALL_UNFINISHED, {"b_frontends": list(frontends)})

    async def undelivered(self, frontends: Collection[str], since: datetime) -> list[Turn]:
        """Turns finished since then whose answers are not known to be delivered."""
        parameters = {"b_frontends": list(frontends), "b_since": since}
        return await self._many(_ALL_UNDELIVERED, parameters)

    async def get(self, namespace: Namespace, turn_id: UUID) -> Turn | None:
        """The turn; None if the namespace has no such turn."""
        return await self._first(_GET, {"b_id": str(turn_id), **owner_values(namespace)})

    async def waiting(self, session_id: SessionId) -> list[Turn]:
        """The session's turns that are queued or running, the oldest first."""
        return await self._many(_WAITING, {"b_session": str(session_id)})

    async def last(self, namespace: Namespace, conversation: ConversationId) -> Turn | None:
        """The conversation's newest turn that its user has asked for."""
        where = {"b_conversation": conversation, **owner_values(namespace)}
        found = await self._many(_LAST, where)
        return next((turn for turn in found if not turn.prompt.upkeep), None)

    async def move(self, namespace: Namespace, turn_id: UUID, session_id: SessionId) -> None:
        """Give a turn that is not over to another live session of its namespace.

        Raises:
            SessionNotFoundError: if the namespace does not have both, or the turn is over.
            SessionBusyError: if the turn is running and so is another of that session.
        """
        owner = owner_values(namespace)
        where = {"b_id": str(turn_id), "b_to": str(session_id), **owner}
        if await self._database.change(_MOVE, where):
            return
        turn = await self._database.rows(_GET_UNFINISHED, where)
        session = await self._database.rows(_LIVE_SESSION, where)
        raise SessionBusyError if turn and session else SessionNotFoundError

    async def forget(self, before: datetime) -> int:
        """Drop turns that were finished before then and are delivered; how many."""
        parameters = {"b_before": before, "b_limit": FORGET_AT_ONCE}
        total = dropped = await self._database.change(_FORGET, parameters)
        while dropped == FORGET_AT_ONCE:
            dropped = await self._database.change(_FORGET, parameters)
            total += dropped
        return total

    async def _many(
        self, statement: sa.Select[Any], parameters: Mapping[str, object]
    ) -> list[Turn]:
        return [turn_from(row) for row in await self._database.rows(statement, parameters)]

    async def _first(
        self, statement: sa.Select[Any], parameters: Mapping[str, object]
    ) -> Turn | None:
        found = await self._many(statement, parameters)
        return found[0] if found else None


def _counters(session: Session) -> dict[str, Any]:
    """What a finished turn changes in its session's row."""
    return {
        "modified": session.modified,
        "size": session.size,
        "transcript": session.transcript,
        "lost": session.lost,
        "turns": session.turns,
        "turns_since_compaction": session.turns_since_compaction,
        **usage_values(session.usage),
    }
