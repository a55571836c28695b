"""An engine on the scripted agent, and two people who talk to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from palaver.engine import Engine
from palaver.identity import Namespace
from support.people import OpenEngine, Person, engine_starter


@pytest.fixture
def start(tmp_path: Path) -> OpenEngine:
    return engine_starter(tmp_path, "scripted")


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
