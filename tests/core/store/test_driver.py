"""Connections end, whoever tells them to and however often."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from core.store.samples import ALICE, a_session
from palaver.store import Store
from palaver.store.driver import Connection, ended

LIMIT_S = 10.0


@pytest.fixture
async def connection(tmp_path: Path) -> Connection:
    file = tmp_path / "some.db"
    return await Connection.open(lambda: sqlite3.connect(file, check_same_thread=False))


async def test_one_that_is_told_to_end_while_it_is_closed_ends(connection: Connection) -> None:
    """As SQLAlchemy does where a caller gives up, and gives up waiting for that, too."""
    closing = asyncio.create_task(connection.close())
    await asyncio.sleep(0)
    connection.stop()
    async with asyncio.timeout(LIMIT_S):
        await closing
        await ended()


async def test_one_that_is_told_to_end_twice_ends(connection: Connection) -> None:
    endings = [connection.stop(), connection.stop()]
    async with asyncio.timeout(LIMIT_S):
        await asyncio.gather(*filter(None, endings))
        await connection.close()
        await ended()


async def test_a_store_can_be_closed_whose_callers_have_given_up_twice(store: Store) -> None:
    for rounds in range(40):
        calls = [asyncio.create_task(store.of(ALICE).add(a_session())) for _ in range(3)]
        for _ in range(rounds % 5):
            await asyncio.sleep(0)
        for _ in range(3):
            for call in calls:
                call.cancel()
            await asyncio.sleep(0)
        await asyncio.wait(calls)
    async with asyncio.timeout(LIMIT_S):
        await store.close()
