"""What is SQLite's alone: its file, its pragmas, its locks. Nothing else here knows of them."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, unquote

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import aiosqlite
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from palaver.errors import StoreCorruptError, StoreError
from palaver.store.driver import Connection

DRIVER = "sqlite+aiosqlite"
OLDEST = (3, 35)  # the first that knows RETURNING
READERS = 3
CHECKED_UP_TO = 32 * 1024 * 1024
"""Bytes of a file that is checked through when it is opened (1 ms for each megabyte)."""

WAIT_S = 60.0
"""How long to wait for one's turn among the writers, or the readers, of this process."""

_RETRY_S = 0.02
_MAGIC = b"SQLite format 3\0"

_WRITER_PRAGMAS = """
PRAGMA synchronous=FULL;
PRAGMA foreign_keys=ON;
PRAGMA journal_size_limit=16777216;
"""
# FULL costs 0.28 ms a commit against 0.01 ms for NORMAL (ext4 on a virtual disk), and NORMAL
# forgets the last commits when the power fails: a prompt would be lost that was acknowledged.

_READER_PRAGMAS = "PRAGMA query_only=ON;"


def file_url(path: Path) -> sa.URL:
    """The URL of a database file."""
    return sa.URL.create(DRIVER, database=str(path.expanduser().absolute()))


def file_of(url: sa.URL) -> Path | None:
    """The file that an SQLite URL names, also one that is written `file:PATH?mode=ro`.

    Raises:
        StoreError: for a database in memory: several connections would not share it.
    """
    name = url.database or ""
    if name.startswith("file:"):
        name = unquote(name.removeprefix("file:").partition("?")[0])
    if not name or ":memory:" in name or url.query.get("mode") == "memory":
        raise StoreError("A store needs a file.", hint="Give it the path of one.")
    return Path(name)


def prepare(path: Path) -> None:
    """Make the folder and an empty file for the owner alone, if they are not there. Blocking.

    Raises:
        OSError: if they cannot be made.
        StoreCorruptError: if the file is no SQLite database.
        StoreError: if the SQLite library is too old.
    """
    if sqlite3.sqlite_version_info < OLDEST:
        raise StoreError(
            f"SQLite {sqlite3.sqlite_version} is too old.",
            hint="Palaver needs 3.35 (March 2021) or newer.",
        )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)
    with path.open("rb") as file:
        start = file.read(len(_MAGIC))
    if start and start != _MAGIC:
        raise StoreCorruptError(f"{path} is not a database.")


def revision_of(path: Path, timeout: float) -> str | None:
    """The revision of the schema in the file, read without the right to change anything.

    None for an empty database. A file that is not very large is checked through. Blocking.

    Raises:
        sqlite3.Error: if it cannot be read.
        StoreCorruptError: for one that is damaged, or that somebody else has made.
    """
    uri = f"file:{quote(os.fsencode(path.absolute()))}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=timeout)
    try:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if not tables:
            return None
        if "alembic_version" not in tables:
            raise StoreCorruptError(f"{path} is not a database of Palaver's.")
        if path.stat().st_size <= CHECKED_UP_TO:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                raise StoreCorruptError(f"The database {path} is damaged: {found}.")
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(row[0]) if row else None
    finally:
        connection.close()


def engines(url: sa.URL, timeout: float) -> tuple[AsyncEngine, AsyncEngine]:
    """One connection that writes, and a few that read beside it.

    SQLite commits each statement by itself unless `lock` has begun a transaction; so a single
    change needs neither a begin nor a commit.
    """

    def writer() -> sqlite3.Connection:
        connection = _connect(url, timeout)
        with _closed_if_it_fails(connection):
            _write_ahead(connection, timeout)
            connection.executescript(_WRITER_PRAGMAS)
        return connection

    def reader() -> sqlite3.Connection:
        connection = _connect(url, timeout)
        with _closed_if_it_fails(connection):
            connection.executescript(_READER_PRAGMAS)
        return connection

    return _engine(url, writer, 1), _engine(url, reader, READERS)


def _engine(url: sa.URL, connect: Callable[[], sqlite3.Connection], size: int) -> AsyncEngine:
    """Keep up to `size` connections, each made when it is first needed."""

    async def create() -> Connection:
        return await Connection.open(connect)

    return create_async_engine(
        sa.URL.create(DRIVER, database=url.database),
        async_creator=create,
        pool_size=size,
        max_overflow=0,
        pool_timeout=WAIT_S,
        pool_use_lifo=True,
    )


def _connect(url: sa.URL, timeout: float) -> sqlite3.Connection:
    (name, *_), options = aiosqlite.dialect().create_connect_args(url)
    options.update(timeout=timeout, isolation_level=None)
    connection: sqlite3.Connection = sqlite3.connect(name, **options)
    return connection


@contextmanager
def _closed_if_it_fails(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _write_ahead(connection: sqlite3.Connection, timeout: float) -> None:
    """Keep changes in a log beside the file, so that readers and a writer do not wait for another.

    SQLite does not wait for its lock here, as it does everywhere else, if several processes open
    a new file at once; so this does.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_S)
        else:
            return


def lock(connection: sa.Connection) -> None:
    """Begin a transaction, as IMMEDIATE: it keeps every other writer out until it ends.

    So it waits for another process while nothing has been done yet, and cannot fail half way
    because what it has read is out of date.
    """
    connection.exec_driver_sql("BEGIN IMMEDIATE")
