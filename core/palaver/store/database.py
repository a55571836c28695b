"""Opening the database, and the ways into it: to read and to write."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.util import greenlet_spawn

from palaver.errors import StoreError, StoreNewerError
from palaver.store import sqlite
from palaver.store.driver import ended
from palaver.store.faults import translated
from palaver.store.schema import REVISIONS, metadata

# A call is one visit to SQLAlchemy's synchronous side by `greenlet_spawn`, as `AsyncConnection`
# makes one for each of connect, begin, execute, commit and close: that is a third of the cost.

T = TypeVar("T")
Parameters = Mapping[str, object]

BUSY_TIMEOUT_S = 5.0
"""How long to wait for another process that writes."""

_version = sa.Table(
    "alembic_version",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)

# changes nothing, but is refused where nothing can be changed
_TRY = sa.update(_version).values(version_num="").where(sa.false())


class Database:
    """Connections to one database. Made by `open`."""

    def __init__(
        self, url: sa.URL, path: Path | None, writer: AsyncEngine, readers: AsyncEngine
    ) -> None:
        self._url = url
        self._path = path
        self._name = str(path) if path else url.render_as_string(hide_password=True)
        self._writer = writer
        self._readers = readers
        self._calls = 0
        self._closing = False
        self._idle = asyncio.Event()
        self._idle.set()

    @classmethod
    async def open(
        cls, location: Path | str, *, busy_timeout: float = BUSY_TIMEOUT_S
    ) -> "Database":
        """Open a file or an SQLAlchemy URL; make what is missing and bring it up to date.

        A database that cannot be used is left as it is.

        Raises:
            StoreNewerError: if a newer Palaver has written it.
            StoreCorruptError, StoreReadOnlyError, StoreFullError, StoreLockedError, StoreError:
                as their names say.
        """
        engines = await asyncio.to_thread(_engines, location, busy_timeout)
        database = cls(*engines)
        path = database._path
        try:
            with translated(database._name, path):
                await database._bring_up(busy_timeout)
        except BaseException:
            await database.close()
            raise
        return database

    async def close(self) -> None:
        """Close all connections, when the calls under way are done; safe to call twice."""
        self._closing = True
        await self._idle.wait()
        await self._readers.dispose()
        await self._writer.dispose()
        await ended()

    async def rows(self, query: sa.Select[Any], parameters: Parameters) -> Sequence[Any]:
        """What is found; it neither waits for writers nor holds them up.

        Raises:
            StoreError: as `translated` says.
        """

        def read() -> Sequence[Any]:
            with self._readers.sync_engine.connect() as connection:
                return connection.execute(query, parameters).all()

        with self._call():
            return await greenlet_spawn(read)

    async def change(self, statement: sa.UpdateBase, parameters: Parameters) -> int:
        """Make one change; it is on the disk when this returns, with how many rows it was.

        Raises:
            sqlalchemy.exc.IntegrityError: if a constraint forbids it.
            StoreError: as `translated` says.
        """

        def write() -> int:
            with self._writer.sync_engine.begin() as connection:
                return connection.execute(statement, parameters).rowcount

        with self._call():
            return await greenlet_spawn(write)

    async def change_one(
        self, statement: sa.UpdateBase, parameters: Parameters
    ) -> sa.Row[Any] | None:
        """Make one change that returns the row it has changed; None if it was none.

        Raises:
            StoreError: as `translated` says.
        """

        def write() -> sa.Row[Any] | None:
            with self._writer.sync_engine.begin() as connection:
                return connection.execute(statement, parameters).first()

        with self._call():
            return await greenlet_spawn(write)

    async def transaction(self, work: Callable[[sa.Connection], T]) -> T:
        """Make several changes: all of them or, if `work` raises, none. Then as `change`.

        `work` runs on the event loop like a coroutine: each statement lets others go on.
        """

        def write() -> T:
            with self._writer.sync_engine.begin() as connection:
                self._lock(connection)
                return work(connection)

        with self._call():
            return await greenlet_spawn(write)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction as an asynchronous block, for tools that go about in the tables."""
        with self._call():
            async with self._writer.begin() as connection:
                await connection.run_sync(self._lock)
                yield connection

    async def _bring_up(self, busy_timeout: float) -> None:
        if self._path is not None:
            await asyncio.to_thread(sqlite.prepare, self._path)
            _known(
                await asyncio.to_thread(sqlite.revision_of, self._path, busy_timeout), self._name
            )
        revision = await greenlet_spawn(self._create_if_new)
        _known(revision, self._name)
        if revision not in (None, REVISIONS[-1]):
            await asyncio.to_thread(_upgrade, self._url)

    @contextmanager
    def _call(self) -> Iterator[None]:
        if self._closing:
            raise StoreError("The store is closed.", hint="Start Palaver again.")
        self._calls += 1
        self._idle.clear()
        try:
            with translated(self._name, self._path):
                yield
        finally:
            self._calls -= 1
            if not self._calls:
                self._idle.set()

    def _create_if_new(self) -> str | None:
        """The revision that was found; None if there was none, and all has been made."""
        with self._writer.sync_engine.begin() as connection:
            self._lock(connection)
            revision = None
            if sa.inspect(connection).has_table(_version.name):
                revision = connection.execute(sa.select(_version.c.version_num)).scalar()
            if revision is None:
                _create(connection)
            connection.execute(_TRY)
        return revision

    def _lock(self, connection: sa.Connection) -> None:
        if self._path is not None:
            sqlite.lock(connection)


def _engines(
    location: Path | str, busy_timeout: float
) -> tuple[sa.URL, Path | None, AsyncEngine, AsyncEngine]:
    """The URL, the file if it is one, and what writes and what reads. Blocking: it imports."""
    url = _url(location)
    if url.get_backend_name() == "sqlite":
        return url, sqlite.file_of(url), *sqlite.engines(url, busy_timeout)
    try:
        engine = create_async_engine(url)
    except sa.exc.ArgumentError as error:
        raise _no_place(url.drivername) from error
    except ModuleNotFoundError as error:
        raise StoreError(
            f"A database at {url.drivername}:// needs the Python package {error.name}.",
            hint=f"Install it: pip install {error.name}.",
        ) from error
    return url, None, engine, engine


def _url(location: Path | str) -> sa.URL:
    if isinstance(location, Path) or "://" not in location:
        return sqlite.file_url(Path(location))
    try:
        url = sa.make_url(location)
    except (sa.exc.ArgumentError, ValueError):
        raise _no_place(location.partition(":")[0]) from None  # what follows may hold a password
    drivers = {"sqlite": sqlite.DRIVER, "postgresql": "postgresql+asyncpg"}
    return url.set(drivername=drivers.get(url.drivername, url.drivername))


def _no_place(scheme: str) -> StoreError:
    return StoreError(
        f"There is no place for a database at {scheme}://.",
        hint="Give it the path of a file, or a URL as SQLAlchemy reads them.",
    )


def _known(revision: str | None, name: str) -> None:
    if revision is not None and revision not in REVISIONS:
        raise StoreNewerError(
            f"The database {name} was written by a newer Palaver (revision {revision})."
        )


def _create(connection: sa.Connection) -> None:
    """Make the newest schema at once; that it is the migrations' too, a test holds."""
    metadata.create_all(connection)
    _version.create(connection)
    connection.execute(sa.insert(_version).values(version_num=REVISIONS[-1]))


def _upgrade(url: sa.URL) -> None:
    from palaver.store.migrate import upgrade  # alembic: 0.4 s that few starts need

    upgrade(url)
