"""The real Claude Code against the loopback model, with an engine in between."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest

from palaver.engine import Engine
from palaver.identity import Namespace
from palaver.testing.model import LoopbackModel
from support.people import OpenEngine, Person, engine_starter


@pytest.fixture
async def model() -> AsyncIterator[LoopbackModel]:
    async with LoopbackModel() as model:
        yield model
        assert model.problems == []


@pytest.fixture
def claude_home(
    model: LoopbackModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A home of its own for Claude Code; afterwards no process may be left in it."""
    home = tmp_path / "home"
    home.mkdir()
    for name, value in model.environment(home).items():
        monkeypatch.setenv(name, value)
    yield home
    assert claude_processes(home) == []


def claude_processes(home: Path) -> list[int]:
    """The processes that run Claude Code in this home."""
    found = []
    for process in psutil.process_iter():
        try:
            here = process.environ().get("CLAUDE_CONFIG_DIR") == str(home / ".claude")
            if here and "claude" in process.name():
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


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
