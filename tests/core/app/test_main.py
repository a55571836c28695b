"""The group: help, loading on demand, errors and exit codes."""

import importlib
import subprocess
import sys

import click
import pytest

from core.app.conftest import Call
from core.app.world import World
from palaver.app.main import COMMANDS, EXIT_UNEXPECTED, Program, cli
from palaver.errors import AgentHungError, PalaverError, StoreFullError


def test_help_lists_the_commands_of_core_and_of_plugins(call: Call) -> None:
    result = call("--help")
    assert result.exit_code == 0
    listed = {line.split()[0] for line in result.output.splitlines() if line.startswith("  ")}
    assert {*COMMANDS, "chat", "ask"} <= listed


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_has_the_commands_own_help(name: str) -> None:
    module, _, attribute = COMMANDS[name].target.partition(":")
    command = getattr(importlib.import_module(module), attribute)
    assert isinstance(command, click.Command)
    assert (command.name, command.get_short_help_str(limit=80)) == (name, COMMANDS[name].help)


def test_help_imports_nothing_heavy(world: World) -> None:
    script = (
        "import sys; from click.testing import CliRunner; from palaver.app.main import cli; "
        "result = CliRunner().invoke(cli, ['--help']); assert 'chat' in result.output; "
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=world.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    heavy = {"pydantic", "sqlalchemy", "rich", "asyncio", "aiohttp", "claude_agent_sdk"}
    assert not heavy & loaded


def test_a_disabled_plugin_adds_no_command(world: World) -> None:
    world.environment.pop("PALAVER_PLUGINS_DISABLED")
    world.configure('plugins_disabled = ["cli", "discord", "telegram"]')
    done = world.run("--help")
    assert "serve" in done.stdout
    assert "  chat  " not in done.stdout
    done = world.run("chat")
    assert done.returncode == 2
    assert "No such command 'chat'" in done.stderr


def test_version_is_that_of_the_distribution(call: Call) -> None:
    from importlib.metadata import version

    assert call("--version").output == f"palaver {version('palaver')}\n"


def test_an_unknown_command_is_a_usage_error_and_names_failed_plugins(world: World) -> None:
    world.install_testchat()
    (world.folder / "site" / "palaver_testchat.py").write_text("import not_installed_here\n")
    done = world.run("frobnicate")
    assert done.returncode == 2
    assert "No such command 'frobnicate'" in done.stderr
    assert "plugin testchat: the package 'not_installed_here' is not installed" in done.stderr


def test_a_plugin_that_cannot_be_imported_does_not_break_help(world: World) -> None:
    world.install_testchat()
    (world.folder / "site" / "palaver_testchat.py").write_text("register_cli\n")
    done = world.run("--help")
    assert done.returncode == 0
    assert "chat" in done.stdout
    assert done.stderr == ""


def test_a_plugins_command_is_found_without_being_listed_in_core(world: World) -> None:
    world.install_testchat()
    (world.folder / "site" / "palaver_testchat.py").write_text(
        "import click\nfrom palaver import hookimpl\n"
        "@click.command(short_help='Say hello.')\n"
        "@click.pass_obj\n"
        "def hello(runtime):\n"
        "    click.echo(f'hello from {runtime.settings().data_dir}')\n"
        "@hookimpl\n"
        "def register_cli(group):\n"
        "    group.add_command(hello)\n"
    )
    assert "hello     Say hello." in world.run("--help").stdout
    assert world.run("hello").stdout == f"hello from {world.data}\n"


def test_a_configuration_that_does_not_hold_ends_with_78(world: World) -> None:
    world.configure("frontend = 1\n")
    done = world.run("sessions", "list")
    assert done.returncode == 78
    assert f"Error: {world.config}: frontend: is not a setting" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_named_configuration_must_be_there(call: Call) -> None:
    result = call("--config", "/nowhere/palaver.toml", "config", "show")
    assert result.exit_code == 78
    assert "/nowhere/palaver.toml: no such file" in result.stderr


def raise_in_plugins(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def raising() -> None:
        raise error

    command = click.Command("raise", callback=raising)
    monkeypatch.setattr(Program, "get_command", lambda *_: command)


@pytest.mark.parametrize(
    "error",
    [PalaverError("it went wrong.", hint="Do this."), AgentHungError("a"), StoreFullError("b")],
)
def test_an_error_of_ours_is_its_message_its_hint_and_its_code(
    call: Call, monkeypatch: pytest.MonkeyPatch, error: PalaverError
) -> None:
    raise_in_plugins(monkeypatch, error)
    result = call("raise")
    assert result.exit_code == error.exit_code
    assert result.stderr == f"Error: {error.message}\n{error.hint}\n"
    assert result.stdout == ""


def test_an_unexpected_error_is_short_without_v_and_whole_with_it(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "123456789:" + "A" * 35
    raise_in_plugins(monkeypatch, RuntimeError(f"no way to {token}"))
    result = call("raise")
    assert result.exit_code == EXIT_UNEXPECTED
    assert "RuntimeError: no way to ***" in result.stderr
    assert "Traceback" not in result.stderr
    result = call("-v", "raise")
    assert result.exit_code == EXIT_UNEXPECTED
    assert "Traceback" in result.stderr
    assert token not in result.stderr


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_ctrl_c_ends_with_130(
    call: Call, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    raise_in_plugins(monkeypatch, error)
    assert call("raise").exit_code == 130


def test_a_pipe_that_closes_early_is_no_error(world: World) -> None:
    done = subprocess.run(
        f'"{sys.executable}" -m palaver.app config show | head -n 1',
        shell=True,
        env=world.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("# file:")
    assert done.stderr == ""


def test_a_terminal_without_the_letters_is_no_error(world: World) -> None:
    world.configure('[access]\nmembers = ["telegram:日本"]\n')
    done = world.run("config", "show", PYTHONIOENCODING="latin-1")
    assert done.returncode == 0
    assert 'members = ["telegram:??"]' in done.stdout


def test_the_console_command_is_this_group() -> None:
    from importlib.metadata import entry_points

    [entry] = entry_points(group="console_scripts", name="palaver")
    assert entry.load() is cli
