"""The real Claude Code against the loopback model, with an engine in between."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from palaver.engine import Engine
from palaver.identity import Namespace
from support.people import OpenEngine, Person, engine_starter


@pytest.fixture
def start(claude_home: Path, tmp_path: Path) -> OpenEngine:
    return engine_starter(tmp_path / "data", "claude")


@pytest.fixture
async def engine(start: OpenEngine) -> AsyncIterator[Engine]:
    async with start() as engine:
        yield engine


@pytest.fixture
def alice(engine: Engine) -> Person:
    return Person(engine, Namespace("chat", "alice"))


@pytest.fixture
def bob(engine: Engine) -> Person:
    return Person(engine, Namespace("chat", "bob"))
