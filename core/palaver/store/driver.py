"""aiosqlite with one visit to its thread for each statement, where it makes four.

A visit costs 60 microseconds of processor time (two thread switches), more than most of our
statements. aiosqlite goes there to make a cursor, to execute, to fetch and to close it.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import aiosqlite

T = TypeVar("T")
Rows = list[tuple[Any, ...]]

_ending: set["asyncio.Future[object]"] = set()


class Cursor:
    """One statement and all of its rows, as SQLAlchemy's asyncio layer asks for them."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self._rows: Rows = []
        self.arraysize = 1
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> "Cursor":
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> "Cursor":
        return await self._run(lambda driver: driver.execute(sql, parameters))

    async def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> "Cursor":
        return await self._run(lambda driver: driver.executemany(sql, parameters))

    async def fetchall(self) -> Rows:
        return self._rows

    async def close(self) -> None:
        """Nothing is open any more."""

    async def _run(self, statement: Callable[[sqlite3.Connection], sqlite3.Cursor]) -> "Cursor":
        def visit(driver: sqlite3.Connection) -> None:
            cursor = statement(driver)
            self.description = cursor.description
            self._rows = cursor.fetchall() if cursor.description else []
            self.rowcount = cursor.rowcount
            self.lastrowid = cursor.lastrowid
            cursor.close()

        await self._connection.visit(visit)
        return self


class Connection(aiosqlite.Connection):
    """A connection whose thread does not keep the program from ending."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, iter_chunk_size=64)
        self._thread.daemon = True
        self._ending: asyncio.Future[object] | None = None

    async def visit(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do some work in the connection's thread."""
        result: T = await self._execute(work, self._conn)  # type: ignore[no-untyped-call]
        return result

    @classmethod
    async def open(cls, connector: Callable[[], sqlite3.Connection]) -> "Connection":
        """Start the thread and connect in it."""
        connection = cls(connector)
        await connection
        return connection

    def stop(self) -> "asyncio.Future[object] | None":
        """Have the thread end; `ended` waits for it where a caller that gives up cannot.

        A thread that has ended would never answer a second call.
        """
        if self._ending is None:
            self._ending = super().stop()
            if self._ending is None:
                return None
            _ending.add(self._ending)
            self._ending.add_done_callback(_ending.discard)
        return asyncio.shield(self._ending)

    async def close(self) -> None:
        if self._ending is None:
            await super().close()
        else:
            await asyncio.shield(self._ending)

    def cursor(self) -> Cursor:  # type: ignore[override]  # made without a visit, so not awaited
        return Cursor(self)

    async def commit(self) -> None:
        if self.in_transaction:
            await super().commit()

    async def rollback(self) -> None:
        if self.in_transaction:
            await super().rollback()


async def ended() -> None:
    """Wait until no thread that was told to end can call this event loop any more."""
    loop = asyncio.get_running_loop()
    if ours := {ending for ending in _ending if ending.get_loop() is loop}:
        await asyncio.wait(ours)
