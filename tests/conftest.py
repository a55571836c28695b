"""For all tests: loggers as they were, and the real Claude Code with a scripted model."""

import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest

from palaver.testing.model import LoopbackModel
from support.claude import claude_processes

ENDS_WITHIN_S = 10.0
"""Seconds that a process may take to end."""


@pytest.fixture(autouse=True)
def _log_levels() -> Iterator[None]:
    """A command that is run in this process says how much its loggers tell: for that test alone."""
    before = _levels()
    yield
    for name in _levels():
        logging.getLogger(name).setLevel(before.get(name, logging.NOTSET))


def _levels() -> dict[str, int]:
    known = [name for name in logging.root.manager.loggerDict if name.startswith("palaver")]
    return {name: logging.getLogger(name).level for name in known}


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
    # one whose Palaver was killed ends by itself, but not at once
    left = [psutil.Process(pid) for pid in claude_processes(home) if psutil.pid_exists(pid)]
    _, alive = psutil.wait_procs(left, timeout=ENDS_WITHIN_S)
    assert alive == []
