"""The real Claude Code with a scripted model, for whoever tests with it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest

from palaver.testing.model import LoopbackModel
from support.claude import claude_processes

ENDS_WITHIN_S = 10.0
"""Seconds that a process may take to end."""


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
