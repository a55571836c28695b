"""A world for the command, and commands run in this process where that is enough."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from core.app.world import World
from palaver.app.main import cli

Call = Callable[..., Result]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def call(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    """Call the command in this process, in that world."""
    for name in ("PALAVER_CONFIG", "PALAVER_DATA_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PALAVER_SESSIONS__AGENT", "scripted")
    monkeypatch.chdir(world.workspace)
    root, ours = logging.getLogger(), logging.getLogger("palaver")
    before = (root.handlers[:], root.level, ours.level)

    def call(*arguments: str, stdin: str = "") -> Result:
        return CliRunner().invoke(cli, arguments, input=stdin, prog_name="palaver")

    yield call
    root.handlers[:], _, _ = before
    root.setLevel(before[1])
    ours.setLevel(before[2])
    logging.getLogger("palaver.plugins").setLevel(logging.NOTSET)
