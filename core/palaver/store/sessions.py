"""Sessions of one namespace. There is no query for a session without one."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypedDict, Unpack

import sqlalchemy as sa

from palaver.errors import SessionBusyError, SessionError, SessionNotFoundError
from palaver.identity import ConversationId, Namespace, SessionId
from palaver.models import Session, TurnState, Usage
from palaver.store.database import Database
from palaver.store.rows import (
    SESSION_COLUMNS,
    USAGE,
    owned,
    owner_values,
    session_from,
    session_values,
    usage_from,
    usage_values,
)
from palaver.store.schema import conversations, sessions, sound, turns

SHORTEST_PREFIX = 4
"""Characters of an id that must be given before it is looked for by its beginning."""

WAITING = (TurnState.QUEUED.value, TurnState.RUNNING.value)


class SessionChanges(TypedDict, total=False):
    """What `Sessions.update` can change; a `Session`'s words."""

    workspace: Path
    name: str
    title: str
    model: str | None
    mode: str | None
    modified: datetime
    size: int
    turns: int
    turns_since_compaction: int
    usage: Usage
    transcript: Path | None
    trashed: datetime | None
    lost: bool


CHANGEABLE = frozenset(SessionChanges.__annotations__)

_OURS = owned(sessions)
_THIS = sa.and_(sessions.c.id == sa.bindparam("b_id"), _OURS)
_LIVE = sessions.c.trashed.is_(None)
_TRASHED = sessions.c.trashed.is_not(None)
_HERE = sa.and_(
    owned(conversations), conversations.c.conversation == sa.bindparam("b_conversation")
)
_RECENT = (sessions.c.modified.desc(), sessions.c.id)
_SELECT = sa.select(*SESSION_COLUMNS)

_GET = _SELECT.where(_THIS)
_GET_LIVE = _GET.where(_LIVE)
_GET_TRASHED = _GET.where(_TRASHED)
_INSERT = sa.insert(sessions)
_UPDATE = sa.update(sessions).where(_THIS).returning(*SESSION_COLUMNS)
_AT_WORK = sa.exists().where(turns.c.session_id == sessions.c.id, turns.c.state.in_(WAITING))
_THROW_AWAY = (
    sa.update(sessions)
    .where(_THIS, _LIVE, ~_AT_WORK)
    .values(trashed=sa.bindparam("b_now", type_=sessions.c.trashed.type))
    .returning(*SESSION_COLUMNS)
)
_PURGE = sa.delete(sessions).where(_THIS, ~_AT_WORK)


def _pages(state: sa.ColumnElement[bool]) -> tuple[sa.Select[Any], sa.Select[Any]]:
    ours = sa.and_(_OURS, state)
    page = _SELECT.where(ours).order_by(*_RECENT)
    page = page.limit(sa.bindparam("b_limit", type_=sa.Integer))
    page = page.offset(sa.bindparam("b_offset", type_=sa.Integer))
    return page, sa.select(sa.func.count()).select_from(sessions).where(ours)


_PAGES = {False: _pages(_LIVE), True: _pages(_TRASHED)}

_SEARCH = (
    _SELECT.where(
        _OURS,
        _LIVE,
        sa.or_(
            sessions.c.id.like(sa.bindparam("b_prefix"), escape="\\"),
            sessions.c.folded_name.like(sa.bindparam("b_part"), escape="\\"),
            sessions.c.folded_title.like(sa.bindparam("b_part"), escape="\\"),
        ),
    )
    .order_by(*_RECENT)
    .limit(sa.bindparam("b_limit", type_=sa.Integer))
)

_STALE = (
    _SELECT.where(
        _OURS,
        _LIVE,
        sessions.c.modified < sa.bindparam("b_before", type_=sessions.c.modified.type),
        ~sa.exists().where(conversations.c.session_id == sessions.c.id),
        ~_AT_WORK,
    )
    .order_by(sessions.c.modified, sessions.c.id)
    .limit(sa.bindparam("b_limit", type_=sa.Integer))
)

_TRASHED_BEFORE = (
    _SELECT.where(
        _OURS, sessions.c.trashed < sa.bindparam("b_before", type_=sessions.c.trashed.type)
    )
    .order_by(sessions.c.trashed, sessions.c.id)
    .limit(sa.bindparam("b_limit", type_=sa.Integer))
)

_CURRENT = _SELECT.select_from(
    conversations.join(
        sessions,
        sa.and_(
            sessions.c.frontend == conversations.c.frontend,
            sessions.c.user == conversations.c.user,
            sessions.c.id == conversations.c.session_id,
        ),
    )
).where(_HERE, _LIVE)

_HOLDING = sa.select(conversations.c.conversation).where(
    owned(conversations), conversations.c.session_id == sa.bindparam("b_id")
)
_LEAVE = sa.delete(conversations).where(_HERE)
_ENTER = sa.insert(conversations).from_select(
    ["frontend", "user", "conversation", "session_id"],
    sa.select(
        sessions.c.frontend,
        sessions.c.user,
        sa.bindparam("b_conversation", type_=conversations.c.conversation.type),
        sessions.c.id,
    ).where(_THIS, _LIVE),
)


def _sums(table: sa.FromClause) -> list[sa.ColumnElement[Any]]:
    return [sa.func.coalesce(sa.func.sum(table.c[name]), 0).label(name) for name in USAGE]


_USAGE = sa.select(*_sums(sessions)).where(_OURS)
_USAGE_SINCE = sa.select(*_sums(turns)).where(
    owned(turns), turns.c.finished >= sa.bindparam("b_since", type_=turns.c.finished.type)
)


class Sessions:
    """The sessions of one namespace; of others it can neither read nor change any.

    A foreign id and an unknown id give the same answer everywhere: `SessionNotFoundError`.
    Every method may raise a `StoreError`.
    """

    def __init__(self, database: Database, namespace: Namespace) -> None:
        self.namespace = namespace
        self._database = database
        self._owner = owner_values(namespace)

    async def add(self, session: Session) -> None:
        """Keep a new session.

        Raises:
            ValueError: if it belongs to another namespace.
            SessionError: if its id is taken, by whomever.
        """
        if session.namespace != self.namespace:
            raise ValueError(f"the session is not {self.namespace}'s")
        try:
            await self._database.change(_INSERT, session_values(session))
        except sa.exc.IntegrityError:
            raise SessionError(f"A session {session.id} exists already.") from None

    async def get(self, session_id: SessionId, *, trashed: bool = False) -> Session:
        """The session: a live one, or with `trashed` one in the trash.

        Raises:
            SessionNotFoundError: if this namespace has no such session there.
        """
        return await self._one(_GET_TRASHED if trashed else _GET_LIVE, {"b_id": str(session_id)})

    async def update(self, session_id: SessionId, **changes: Unpack[SessionChanges]) -> Session:
        """Change some of the session, live or trashed; the session as it is then.

        Raises:
            SessionNotFoundError: if this namespace has no such session.
            TypeError: for a word that a session does not have, or that never changes.
        """
        values = _changed(changes)
        if not values:
            return await self._one(_GET, {"b_id": str(session_id)})
        where = {"b_id": str(session_id), **self._owner}
        row = await self._database.change_one(_UPDATE, {**where, **values})
        if row is None:
            raise SessionNotFoundError
        return session_from(row)

    async def throw_away(self, session_id: SessionId, moment: datetime) -> Session:
        """Mark a live session as trashed; only one of all who try does.

        Raises:
            SessionNotFoundError: if this namespace has no such live session.
            SessionBusyError: if one of its turns is queued or running, in whatever process.
        """
        where = {"b_id": str(session_id), **self._owner}
        row = await self._database.change_one(_THROW_AWAY, {**where, "b_now": moment})
        if row is None:
            await self.get(session_id)
            raise SessionBusyError
        return session_from(row)

    async def page(
        self, number: int = 1, *, size: int = 10, trashed: bool = False
    ) -> tuple[list[Session], int]:
        """One page, the most recently modified first, and how many sessions there are in all.

        `number` counts from 1; a page behind the last is empty.
        """
        page, count = _PAGES[trashed]
        limits = {"b_limit": size, "b_offset": (max(number, 1) - 1) * size}
        [(total,)] = await self._database.rows(count, self._owner)
        return await self._many(page, limits), total

    async def search(self, text: str, limit: int = 20) -> list[Session]:
        """Live sessions whose name or title holds the text, whatever its case, or whose id
        begins with it (from four characters on); the most recent first.
        """
        wanted = _escaped(sound(text.strip()).casefold())
        prefix = f"{wanted}%" if len(text.strip()) >= SHORTEST_PREFIX else ""
        return await self._many(
            _SEARCH, {"b_prefix": prefix, "b_part": f"%{wanted}%", "b_limit": limit}
        )

    async def stale(self, before: datetime, limit: int) -> list[Session]:
        """Live sessions last modified before then, the oldest first.

        None that is current in any conversation, and none with a turn queued or running.
        """
        return await self._many(_STALE, {"b_before": before, "b_limit": limit})

    async def trashed_before(self, before: datetime, limit: int) -> list[Session]:
        """Sessions that went to the trash before then, the oldest first."""
        return await self._many(_TRASHED_BEFORE, {"b_before": before, "b_limit": limit})

    async def purge(self, session_id: SessionId) -> None:
        """Forget the session, its turns and where it was current, for good.

        Raises:
            SessionNotFoundError: if this namespace has no such session.
            SessionBusyError: if one of its turns is queued or running; a prompt is never lost.
        """
        where = {"b_id": str(session_id), **self._owner}
        if not await self._database.change(_PURGE, where):
            found = await self._database.rows(_GET, where)
            raise SessionBusyError if found else SessionNotFoundError

    async def current(self, conversation: ConversationId) -> Session | None:
        """The conversation's session; None if there is none or it is in the trash."""
        found = await self._many(_CURRENT, {"b_conversation": conversation})
        return found[0] if found else None

    async def conversations(self, session_id: SessionId) -> list[ConversationId]:
        """Where this is the current session, live or in the trash."""
        where = {"b_id": str(session_id), **self._owner}
        return [row.conversation for row in await self._database.rows(_HOLDING, where)]

    async def set_current(self, conversation: ConversationId, session_id: SessionId | None) -> None:
        """Make the session the conversation's; None for no session.

        Raises:
            SessionNotFoundError: if this namespace has no such live session.
        """
        where = {"b_conversation": conversation, **self._owner}
        if session_id is None:
            await self._database.change(_LEAVE, where)
            return
        enter = {"b_id": str(session_id), **where}

        def switch(connection: sa.Connection) -> None:
            connection.execute(_LEAVE, where)
            if not connection.execute(_ENTER, enter).rowcount:
                raise SessionNotFoundError  # which also undoes the leaving

        await self._database.transaction(switch)

    async def usage(self, since: datetime | None = None) -> Usage:
        """What the sessions cost that have not been purged, or the turns finished since then."""
        if since is None:
            [row] = await self._database.rows(_USAGE, self._owner)
        else:
            [row] = await self._database.rows(_USAGE_SINCE, {**self._owner, "b_since": since})
        return usage_from(row)

    async def _one(self, statement: sa.Select[Any], parameters: Mapping[str, object]) -> Session:
        found = await self._many(statement, parameters)
        if not found:
            raise SessionNotFoundError
        return found[0]

    async def _many(
        self, statement: sa.Select[Any], parameters: Mapping[str, object]
    ) -> list[Session]:
        rows = await self._database.rows(statement, {**self._owner, **parameters})
        return [session_from(row) for row in rows]


def _changed(changes: SessionChanges) -> dict[str, Any]:
    """The changes as columns."""
    values: dict[str, Any] = dict(changes)
    unknown = values.keys() - CHANGEABLE
    if unknown:
        raise TypeError(f"a session's {', '.join(sorted(unknown))} cannot be changed")
    if "usage" in values:
        values.update(usage_values(values.pop("usage")))
    for word in ("name", "title"):
        if word in values:
            values[f"folded_{word}"] = values[word].casefold()
    return values


def _escaped(text: str) -> str:
    """The text with LIKE's wildcards taken for what they are."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
