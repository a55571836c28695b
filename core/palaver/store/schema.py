"""The tables, and how Palaver's values lie in them.

A change here comes with a migration in `migrations/versions` and its name in `REVISIONS`; a test
holds that both ways lead to the same schema.
"""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

REVISIONS = ("0001", "0002", "0003")
"""Every revision this version of Palaver knows, the oldest first.

Kept here so that opening a database need not import alembic (0.4 s, 30 MB)."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_HEXADECIMAL = "hexadecimal:"
_SURROGATE = re.compile("[\ud800-\udfff]")


class Time(TypeDecorator[datetime]):
    """A time as microseconds since 1970 in UTC: exact, and it sorts the same everywhere."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> int | None:
        """Raise ValueError for a time without a zone: it would be another one elsewhere."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any, _dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + value * _MICROSECOND


class Words(TypeDecorator[str]):
    """Text to be read by people; see `sound`."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        return None if value is None else sound(value)


class Opaque(TypeDecorator[str]):
    """Text to be compared, which comes back exactly as it was; see `kept`."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        return None if value is None else kept(value)

    def process_result_value(self, value: Any, _dialect: Dialect) -> str | None:
        return None if value is None else original(value)


class Place(TypeDecorator[Path]):
    """A path; on POSIX any bytes may be one."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Path | None, _dialect: Dialect) -> str | None:
        return None if value is None else kept(str(value))

    def process_result_value(self, value: Any, _dialect: Dialect) -> Path | None:
        return None if value is None else Path(original(value))


def sound(text: str) -> str:
    """The text as every database can hold it, where a look-alike will do.

    A lone half of a surrogate pair comes out of JSON that was cut in two, a NUL is refused by
    PostgreSQL; each becomes U+FFFD. Two halves side by side become the character they meant.
    """
    if "\0" in text:
        text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if not text.isascii() and _SURROGATE.search(text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def kept(text: str) -> str:
    """The text as every database can hold it, from which `original` makes it again.

    It is the same but where it holds what `sound` would replace; then it is in hexadecimal.
    """
    if text.isascii() and "\0" not in text and not text.startswith(_HEXADECIMAL):
        return text  # almost always
    if "\0" in text or text.startswith(_HEXADECIMAL) or _SURROGATE.search(text):
        return _HEXADECIMAL + text.encode("utf-8", "surrogatepass").hex()
    return text


def original(text: str) -> str:
    """The text that `kept` was given."""
    if text.startswith(_HEXADECIMAL):
        return bytes.fromhex(text.removeprefix(_HEXADECIMAL)).decode("utf-8", "surrogatepass")
    return text


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _owner() -> list[sa.Column[str]]:
    """The namespace of a row, as its two columns."""
    return [
        sa.Column("frontend", sa.String(32), nullable=False),
        sa.Column("user", sa.String(200), nullable=False),
    ]


def _usage() -> list[sa.Column[Any]]:
    counters = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    return [
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in counters),
        sa.Column("cost_usd", sa.Double, nullable=False),
    ]


sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    *_owner(),
    sa.Column("agent", sa.String(64), nullable=False),
    sa.Column("workspace", Place, nullable=False),
    sa.Column("name", Words, nullable=False),
    sa.Column("title", Words, nullable=False),
    # case folded by Python: SQLite folds ASCII alone, PostgreSQL by its locale
    sa.Column("folded_name", Words, nullable=False),
    sa.Column("folded_title", Words, nullable=False),
    sa.Column("model", Words),
    sa.Column("mode", Words),
    sa.Column("created", Time, nullable=False),
    sa.Column("modified", Time, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    # the transcript's own time, to the nanosecond: what a scan of the disk is compared with
    sa.Column("modified_ns", sa.BigInteger, nullable=False),
    sa.Column("turns", sa.Integer, nullable=False),
    sa.Column("turns_since_compaction", sa.Integer, nullable=False),
    *_usage(),
    sa.Column("transcript", Place),
    sa.Column("trashed", Time),
    sa.Column("lost", sa.Boolean, nullable=False),
    sa.UniqueConstraint("frontend", "user", "id"),
)

_live = sessions.c.trashed.is_(None)
_trashed = sessions.c.trashed.is_not(None)
sa.Index(
    "ix_sessions_recent",
    sessions.c.frontend,
    sessions.c.user,
    sessions.c.modified.desc(),
    sessions.c.id,
    sqlite_where=_live,
    postgresql_where=_live,
)
sa.Index(
    "ix_sessions_trashed",
    sessions.c.frontend,
    sessions.c.user,
    sessions.c.trashed,
    sqlite_where=_trashed,
    postgresql_where=_trashed,
)
# all that a scan of the disk is compared with, so that ten thousand rows need not be read for it
sa.Index(
    "ix_sessions_transcript",
    sessions.c.transcript,
    sessions.c.agent,
    sessions.c.size,
    sessions.c.modified_ns,
    sessions.c.lost,
    sqlite_where=_live,
    postgresql_where=_live,
)


def _session_of_the_same_owner() -> sa.ForeignKeyConstraint:
    """The database itself refuses a row that points into another namespace."""
    return sa.ForeignKeyConstraint(
        ["frontend", "user", "session_id"],
        ["sessions.frontend", "sessions.user", "sessions.id"],
        ondelete="CASCADE",
    )


conversations = sa.Table(
    "conversations",
    metadata,
    sa.Column("frontend", sa.String(32), primary_key=True),
    sa.Column("user", sa.String(200), primary_key=True),
    sa.Column("conversation", Opaque, primary_key=True),
    sa.Column("session_id", sa.String(36), nullable=False, index=True),
    _session_of_the_same_owner(),
)

turns = sa.Table(
    "turns",
    metadata,
    sa.Column(
        "seq",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    sa.Column("id", sa.String(36), nullable=False, unique=True),
    *_owner(),
    sa.Column("conversation", Opaque, nullable=False),
    sa.Column("key", Opaque, nullable=False),
    sa.Column("session_id", sa.String(36), nullable=False),
    sa.Column("prompt", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("delivery", sa.String(16), nullable=False),
    sa.Column("created", Time, nullable=False),
    sa.Column("started", Time),
    sa.Column("finished", Time),
    sa.Column("answer", Words, nullable=False),
    sa.Column("error", Words, nullable=False),
    *_usage(),
    sa.Column("runner", sa.Text, nullable=False),
    sa.Column("agent_process", sa.Text, nullable=False),
    # a JSON list; no value stands for an empty one
    sa.Column("pending", sa.Text),
    sa.UniqueConstraint("frontend", "user", "conversation", "key"),
    sa.Index("ix_turns_session_id_state", "session_id", "state"),
    sa.Index("ix_turns_state_delivery", "state", "delivery"),
    sa.Index("ix_turns_recent", "frontend", "user", "conversation", "created"),
    _session_of_the_same_owner(),
    sqlite_autoincrement=True,
)

grants = sa.Table(
    "grants",
    metadata,
    sa.Column("frontend", sa.String(32), primary_key=True),
    sa.Column("user", sa.String(200), primary_key=True),
    sa.Column("owner", sa.Boolean, nullable=False),
    sa.Column("paired", sa.Boolean, nullable=False),
    sa.Column("created", Time, nullable=False),
)

pairing_codes = sa.Table(
    "pairing_codes",
    metadata,
    sa.Column("salt", sa.String(32), primary_key=True),
    # of the code nothing else is kept
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("owner", sa.Boolean, nullable=False),
    # the only frontend it is good for; all, if it is empty
    sa.Column("frontend", sa.String(32), nullable=False),
    sa.Column("expires", Time, nullable=False),
)

pairing_tries = sa.Table(
    "pairing_tries",
    metadata,
    sa.Column("frontend", sa.String(32), primary_key=True),
    sa.Column("user", sa.String(200), primary_key=True),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("since", Time, nullable=False),
)
