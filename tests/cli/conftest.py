"""A person at a terminal, in a folder of their own."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from cli import slow_agent
from cli.terminals import Desk, LiveTerminal, environment, sitting_at

Sit = Callable[..., LiveTerminal]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return new_home(tmp_path)


def new_home(folder: Path) -> Path:
    home = folder / "home"
    home.mkdir()
    (home / "palaver.toml").touch()
    return home


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    workspace = tmp_path / "work"
    workspace.mkdir()
    return workspace


@pytest.fixture
def sit(home: Path, workspace: Path) -> Iterator[Sit]:
    """Start `palaver chat`, or another command, in a terminal; all are closed in the end."""
    with ExitStack() as stack:

        def start(
            *command: str, columns: int = 80, rows: int = 30, folder: Path = workspace, **more: str
        ) -> LiveTerminal:
            terminal: AbstractContextManager[LiveTerminal] = sitting_at(
                *(command or ("chat",)),
                environment=environment(home, **more),
                folder=folder,
                columns=columns,
                rows=rows,
            )
            return stack.enter_context(terminal)

        yield start


@pytest.fixture
def fresh(sit: Sit) -> LiveTerminal:
    """A REPL of the test's own, ready for a prompt."""
    terminal = sit()
    terminal.until("❯")
    return terminal


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    plugins = folder / "plugins"
    slow_agent.install(plugins)
    more = {"PALAVER_SESSIONS__AGENT": "slow", "PYTHONPATH": str(plugins)}
    with Desk(environment(new_home(folder), **more), folder) as desk:
        yield desk


@pytest.fixture
def chat(desk: Desk) -> Iterator[LiveTerminal]:
    """A REPL in a new session; to save time it is one process for many tests."""
    yield desk.sit()
    desk.rest()
