"""A chat in memory with a reception, and an engine behind it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from palaver.engine import Engine
from support.halls import Hall
from support.people import engine_starter


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Engine]:
    """An engine that knows an owner and a member, and nobody else."""
    access = {"owners": ["chat:owner"], "members": ["chat:member"]}
    async with engine_starter(tmp_path / "data", "scripted")(access=access) as engine:
        yield engine


@pytest.fixture
async def hall(office: Engine, tmp_path: Path) -> AsyncIterator[Hall]:
    hall = Hall(tmp_path / "chat")
    await hall.start(office)
    yield hall
    await hall.stop()
