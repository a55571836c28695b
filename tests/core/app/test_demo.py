"""`palaver demo`: the real Claude Code; nothing of the user's is touched; failures are named."""

import importlib.util
import os
from pathlib import Path

import pexpect
import psutil
import pytest

from core.app.world import PALAVER, World
from palaver.app.demonstration import play
from palaver.app.demonstration.stage import environment, stage
from palaver.app.runtime import run
from palaver.testing.model import ModelRequest, Reply, conversation_script


def everything_in(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.fixture
def lived_in(world: World) -> World:
    """A user with settings, a login and a model of their own, all of which would break the demo."""
    world.configure('frontends = 7\nthis = "does not hold"\n')
    claude = world.home / ".claude"
    claude.mkdir()
    (claude / "settings.json").write_text('{"permissions": {"allow": ["Write", "Bash"]}}')
    (world.workspace / "CLAUDE.md").write_text("Mine.")
    world.environment |= {
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
        "ANTHROPIC_API_KEY": "mine",
        "ANTHROPIC_MODEL": "mine",
        "CLAUDE_CONFIG_DIR": str(claude),
        "CLAUDE_CODE_USE_BEDROCK": "1",
        "PALAVER_DATA_DIR": str(world.home / "data"),
        "PALAVER_SESSIONS__AGENT": "nobody",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }
    return world


def test_without_a_terminal_it_plays_checks_and_leaves_nothing(lived_in: World) -> None:
    before = everything_in(lived_in.folder)
    done = lived_in.run("demo")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for step in play.STEPS:
        assert (step.__doc__ or "").capitalize() in done.stdout
    assert done.stdout.count("✓") == len(play.STEPS)
    assert "I'll remember the number 42." in done.stdout
    assert "You told me the number 42." in done.stdout
    assert "🔐 May I use Write?" in done.stdout
    assert "Cleaned up 1 old session(s)" in done.stdout
    assert everything_in(lived_in.folder) == before


@pytest.mark.parametrize(
    ("break_it", "step", "problem"),
    [
        ("has a bad memory", play.remembers, "did not take note"),
        ("tells what it was not told", play.forgets, "knows what was said in the other"),
        ("writes nothing", play.writes, "the agent did not ask"),
    ],
)
def test_a_step_that_does_not_hold_is_named(break_it: str, step: object, problem: str) -> None:
    def script(request: ModelRequest) -> Reply:
        match break_it:
            case "has a bad memory":
                return "What?"
            case "tells what it was not told" if "What number" in request.prompt:
                return "You told me the number 42."
            case "writes nothing" if "Write a file" in request.prompt:
                return "I have written it."
        return conversation_script(request)

    with stage() as set_up:
        set_up.model.script = script
        with pytest.raises(play.DemoFailedError) as failed:
            run(play.perform(set_up, lambda _: None))
    assert failed.value.step == step.__doc__
    assert problem in failed.value.message
    assert failed.value.exit_code == 1


WITHOUT_PROGRAM = """
from pathlib import Path
real = {real!r}
__path__.append(real)
exec((Path(real) / "__init__.py").read_text())
"""


def test_without_claude_code_the_first_step_fails_with_1(lived_in: World) -> None:
    """The package is there, but the program that should be beside it is not."""
    real = importlib.util.find_spec("claude_agent_sdk")
    assert real
    assert real.submodule_search_locations
    package = lived_in.folder / "site" / "claude_agent_sdk"
    package.mkdir(parents=True)
    text = WITHOUT_PROGRAM.format(real=real.submodule_search_locations[0])
    (package / "__init__.py").write_text(text)
    done = lived_in.run("demo", PYTHONPATH=str(package.parent), PATH="/nonexistent")
    assert done.returncode == 1
    assert f"the demo's step “{play.remembers.__doc__}” failed" in done.stderr
    assert "Claude Code is not installed" in done.stderr


def test_the_stage_gives_everything_back() -> None:
    variables, folder = dict(os.environ), Path.cwd()
    with stage() as set_up:
        assert Path.cwd() == set_up.workspace
        assert os.environ["HOME"] == str(set_up.folder / "home")
        assert set_up.runtime.settings().data_dir == set_up.folder / "data"
    assert (dict(os.environ), Path.cwd()) == (variables, folder)
    assert not set_up.folder.exists()


def test_the_environment_hides_what_leads_to_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = ("PALAVER_X", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "XDG_CONFIG_HOME")
    for name in hidden:
        monkeypatch.setenv(name, "mine")
    with environment({"ANTHROPIC_API_KEY": "other"}):
        assert not set(hidden) & set(os.environ)
        assert os.environ["ANTHROPIC_API_KEY"] == "other"
    assert all(os.environ[name] == "mine" for name in hidden)


def test_in_a_terminal_it_opens_the_repl_and_goes_away_with_it(lived_in: World) -> None:
    before = everything_in(lived_in.folder)
    environment = lived_in.environment | {"TERM": "xterm-256color"}
    terminal = pexpect.spawn(
        PALAVER[0],
        [*PALAVER[1:], "demo"],
        env=environment,
        cwd=str(lived_in.workspace),
        encoding="utf-8",
        timeout=30,
        dimensions=(40, 100),
    )
    try:
        terminal.expect_exact("a small scripted model in the place of the real one")
        terminal.expect_exact("Ctrl-D leaves")
        terminal.expect_exact("❯")
        terminal.send("Remember the number 42.\r")
        terminal.expect_exact("I'll remember the number 42.")
        terminal.expect_exact("1 turn")
        [claude] = [
            process
            for process in psutil.Process(terminal.pid).children(recursive=True)
            if "claude" in process.name()
        ]
        terminal.send("\x04")
        terminal.expect(pexpect.EOF)
        terminal.wait()
    finally:
        terminal.close(force=True)
    assert terminal.exitstatus == 0
    assert not claude.is_running()
    assert everything_in(lived_in.folder) == before


def test_ended_by_a_signal_it_leaves_neither_folder_nor_process(lived_in: World) -> None:
    before = {path.name for path in lived_in.folder.iterdir()}
    with lived_in.start("demo") as running:

        def at_work() -> bool:
            children = psutil.Process(running.process.pid).children(recursive=True)
            return any("claude" in child.name() for child in children)

        running.until(at_work)
        children = psutil.Process(running.process.pid).children(recursive=True)
        assert running.end() == 143
        _, alive = psutil.wait_procs(children, timeout=5)
        assert not alive
    assert {path.name for path in lived_in.folder.iterdir()} - before == {"log"}
