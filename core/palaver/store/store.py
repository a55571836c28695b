"""The store: what Palaver keeps."""

import asyncio
from collections.abc import Iterable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from palaver.identity import ConversationId, Namespace
from palaver.models import Stamp
from palaver.store.database import BUSY_TIMEOUT_S, Database
from palaver.store.grants import Grants
from palaver.store.ledger import Ledger
from palaver.store.rows import owned, owner_values
from palaver.store.schema import conversations, kept, original, sessions, turns
from palaver.store.sessions import Sessions

_CHANGES_AT_ONCE = 1000  # so that no prompt waits long for a great change on the disk

_NAMESPACES = (
    sa.select(sessions.c.frontend, sessions.c.user)
    .distinct()
    .order_by(sessions.c.frontend, sessions.c.user)
)
# the raw text: making ten thousand paths through the column's type costs more than the query
_TRANSCRIPTS = sa.select(
    sa.type_coerce(sessions.c.transcript, sa.Text),
    *(sa.case((sessions.c.lost, 0), else_=sessions.c[name]) for name in ("size", "modified_ns")),
).where(
    sessions.c.agent == sa.bindparam("b_agent"),
    sessions.c.trashed.is_(None),
    sessions.c.transcript.is_not(None),
)
_TRANSCRIPTS_OF = _TRANSCRIPTS.where(owned(sessions))
_AT = sa.and_(
    sa.type_coerce(sessions.c.transcript, sa.Text) == sa.bindparam("b_path"),
    sessions.c.trashed.is_(None),
)
_SEEN = (
    sa.update(sessions)
    .where(_AT)
    .values(
        size=sa.bindparam("b_size"),
        modified_ns=sa.bindparam("b_ns"),
        # also backwards: whoever sets a file's time back means its session to be that old
        modified=sa.bindparam("b_us", type_=sa.BigInteger),
        lost=sa.false(),
    )
)
_LEAVE = sa.delete(conversations).where(
    conversations.c.frontend == sa.bindparam("b_frontend"),
    conversations.c.conversation == sa.bindparam("b_conversation"),
)
_there = conversations.alias("there")
_TAKE_ALONG = (
    sa.update(conversations)
    .where(
        conversations.c.frontend == sa.bindparam("b_frontend"),
        conversations.c.conversation == sa.bindparam("b_conversation"),
        ~sa.exists().where(
            _there.c.frontend == conversations.c.frontend,
            _there.c.user == conversations.c.user,
            _there.c.conversation == sa.bindparam("b_after"),
        ),
    )
    .values(conversation=sa.bindparam("b_after", type_=conversations.c.conversation.type))
)
_other = turns.alias("other")
_TAKE_TURNS_ALONG = (
    sa.update(turns)
    .where(
        turns.c.frontend == sa.bindparam("b_frontend"),
        turns.c.conversation == sa.bindparam("b_conversation"),
        ~sa.exists().where(
            _other.c.frontend == turns.c.frontend,
            _other.c.user == turns.c.user,
            _other.c.conversation == sa.bindparam("b_after"),
            _other.c.key == turns.c.key,
        ),
    )
    .values(conversation=sa.bindparam("b_after", type_=turns.c.conversation.type))
)
_GONE = sa.update(sessions).where(_AT, sessions.c.lost.is_(sa.false())).values(lost=sa.true())


class Store:
    """Sessions by namespace, and the ledger. Made by `open`; every method may raise `StoreError`.

    Attributes:
        ledger: the turns of all namespaces.
        grants: who was let in besides those in palaver.toml.
    """

    ledger: Ledger
    grants: Grants

    def __init__(self, database: Database) -> None:
        self._database = database
        self.ledger = Ledger(database)
        self.grants = Grants(database)

    @classmethod
    async def open(cls, location: Path | str, *, busy_timeout: float = BUSY_TIMEOUT_S) -> "Store":
        """Open the store in a file or at an SQLAlchemy URL, made and brought up to date if need be.

        Args:
            busy_timeout: seconds to wait for another process that writes.

        Raises:
            StoreNewerError: if a newer Palaver has written it.
            StoreCorruptError: if it is no sound database of Palaver's; it is left as it is.
            StoreReadOnlyError: if it cannot be written.
            StoreFullError: if the disk is full.
            StoreLockedError: if another program holds it.
        """
        return cls(await Database.open(location, busy_timeout=busy_timeout))

    async def close(self) -> None:
        """Close it; safe to call twice."""
        await self._database.close()

    def of(self, namespace: Namespace) -> Sessions:
        """The sessions of one namespace: the only way to a session."""
        return Sessions(self._database, namespace)

    async def namespaces(self) -> list[Namespace]:
        """Everyone who has a session, be it in the trash."""
        rows = await self._database.rows(_NAMESPACES, {})
        return [Namespace(frontend, user) for frontend, user in rows]

    async def leave(self, frontend: str, conversation: ConversationId) -> int:
        """The conversation is gone: none of that frontend's namespaces has a current session there
        any more. How many had one; the sessions themselves stay.
        """
        where = {"b_frontend": frontend, "b_conversation": conversation}
        return await self._database.change(_LEAVE, where)

    async def move(self, frontend: str, before: ConversationId, after: ConversationId) -> None:
        """The conversation has got another id for good: what is current there, and its turns, go
        over. Who has a current session by the new id already keeps it.
        """
        where = {"b_frontend": frontend, "b_conversation": before, "b_after": after}

        def both(connection: sa.Connection) -> None:
            for statement in (_TAKE_ALONG, _LEAVE, _TAKE_TURNS_ALONG):
                connection.execute(statement, where)

        await self._database.transaction(both)

    async def transcripts(
        self, agent: str, namespace: Namespace | None = None
    ) -> list[tuple[str, int, int]]:
        """Path, size in bytes, time in nanoseconds of the agent's live transcripts, as last noted.

        A lost session's has size and time 0, which none on the disk has: so it is noticed when it
        comes back. Plain tuples, for there may be ten thousand.
        """
        statement = _TRANSCRIPTS if namespace is None else _TRANSCRIPTS_OF
        owner = {} if namespace is None else owner_values(namespace)
        rows = await self._database.rows(statement, {"b_agent": agent, **owner})
        return await asyncio.to_thread(_transcripts, rows)

    async def note_changes(self, changes: Iterable[tuple[Path | str, Stamp | None]]) -> int:
        """Keep what a scan of the transcripts has found; how many sessions that changed.

        A stamp is kept as the session's size and time, even an earlier one, and the session is not
        lost (any more); None marks it lost. Sessions in the trash are left alone.
        """
        total = 0
        pending = iter(changes)
        while some := list(islice(pending, _CHANGES_AT_ONCE)):
            seen = [_seen(path, stamp) for path, stamp in some if stamp is not None]
            gone = [{"b_path": kept(str(path))} for path, stamp in some if stamp is None]
            total += await self._database.transaction(partial(_note, seen=seen, gone=gone))
        return total


def _transcripts(rows: Iterable[Any]) -> list[tuple[str, int, int]]:
    # a path that begins as paths do is written as it is: this spares ten thousand calls
    return [
        (path if path.startswith("/") else original(path), size, modified_ns)
        for path, size, modified_ns in rows
    ]


def _note(
    connection: sa.Connection, *, seen: list[dict[str, Any]], gone: list[dict[str, Any]]
) -> int:
    total = 0
    for statement, parameters in ((_SEEN, seen), (_GONE, gone)):
        if parameters:
            total += connection.execute(statement, parameters).rowcount
    return total


def _seen(path: Path | str, stamp: Stamp) -> dict[str, Any]:
    return {
        "b_path": kept(str(path)),
        "b_size": stamp.size,
        "b_ns": stamp.modified_ns,
        "b_us": stamp.modified_ns // 1000,
    }
