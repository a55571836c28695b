"""Bringing an older database up to date with alembic. Imported only where there is one."""

import asyncio
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import create_async_engine

from palaver.store import sqlite

SCRIPTS = Path(__file__).parent / "migrations"


def configuration() -> Config:
    """Alembic's configuration; there is no alembic.ini."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(url: sa.URL, revision: str = "head") -> None:
    """Bring the database up to that revision; all of the way or none of it.

    Blocking, with an event loop of its own: to be called in a thread.
    """
    asyncio.run(_upgrade(url, revision))


async def _upgrade(url: sa.URL, revision: str) -> None:
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_run, revision)
    finally:
        await engine.dispose()


def _run(connection: sa.Connection, revision: str) -> None:
    if connection.dialect.name == "sqlite":
        sqlite.lock(connection)
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
