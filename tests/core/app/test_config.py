"""`palaver config` and `palaver plugins`."""

import json
import tomllib

import pytest

from core.app.conftest import Call
from core.app.world import World

TOKEN = "123456789:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


def test_show_is_toml_of_all_settings_that_count(world: World, call: Call) -> None:
    world.configure("[sessions]\nretention_days = 12\n[agents.claude]\nmax_warm = 1\n")
    result = call("config", "show")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"# file: {world.config}\n")
    table = tomllib.loads(result.stdout)
    assert table["sessions"]["retention_days"] == 12
    assert table["sessions"]["agent"] == "scripted"
    assert table["agents"]["claude"]["max_warm"] == 1
    assert table["agents"]["claude"]["permission_mode"] == "default"
    assert table["plugins"]["cli"]["bell"] is True


def test_show_says_when_there_is_no_file(world: World, call: Call) -> None:
    assert f"# file: {world.config} (not there" in call("config", "show").stdout


def test_what_show_prints_can_be_used_as_the_file(world: World, call: Call) -> None:
    world.configure('[agents.claude]\nallowed_tools = ["Read", "Bash(git \\"log\\":*)"]\n')
    first = call("config", "show").stdout
    world.configure(first)
    assert call("config", "check").exit_code == 0
    assert tomllib.loads(call("config", "show").stdout) == tomllib.loads(first)


@pytest.mark.parametrize(
    "variables",
    [
        {"PALAVER_PLUGINS__TELEGRAM__TOKEN": TOKEN},
        {"PALAVER_PLUGINS__TELEGRAM": f'{{ token = "{TOKEN}" }}'},
        {"PALAVER_PLUGINS__DISCORD__API_KEY": TOKEN},
        {"PALAVER_DATABASE": f"postgresql://me:{TOKEN}@localhost/palaver"},
    ],
)
def test_show_hides_secrets_of_the_environment(world: World, variables: dict[str, str]) -> None:
    done = world.run("config", "show", **variables)
    assert done.returncode == 0
    assert TOKEN not in done.stdout + done.stderr
    assert "********" in done.stdout
    for name in variables:
        assert f"# environment: {name}=" in done.stdout


def test_show_hides_secrets_of_the_file_also_of_plugins_that_are_not_loaded(
    world: World, call: Call
) -> None:
    world.configure(
        f'[plugins.telegram]\ntoken = "{TOKEN}"\ntoken_file = ""\nbase_url = "http://x"\n'
    )
    shown = call("config", "show").stdout
    assert TOKEN not in shown
    table = tomllib.loads(shown)["plugins"]["telegram"]
    assert table == {"token": "********", "token_file": "", "base_url": "http://x"}


def test_check_of_a_sound_configuration_is_0(world: World, call: Call) -> None:
    world.configure("frontends = []\n[agents.scripted]\nstart_s = 1\n")
    result = call("config", "check")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{world.config}: all of it holds.\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("frontends = 3", "frontends: Input should be a valid tuple"),
        ("[sessions]\nretention = 3", "sessions -> retention: is not a setting"),
        ("[agents.claude]\nmax_warm = -1", "agents -> claude -> max_warm: "),
        ("[agents.nobody]\nx = 1", "agents -> nobody: there is no such agent"),
        ("[plugins.cli]\nbell = 7", "plugins -> cli -> bell: "),
        ("[plugins.none]\nx = 1", "plugins -> none: there is no such plugin"),
        ('frontends = ["none"]', "frontends: there is no frontend 'none'; there are: "),
        ('[access]\nowners = ["me"]', "access -> owners"),
        ("[", "is not valid TOML"),
    ],
)
def test_check_locates_every_problem_and_ends_with_78(
    world: World, call: Call, text: str, problem: str
) -> None:
    world.configure(text)
    result = call("config", "check")
    assert result.exit_code == 78
    assert problem in result.stderr
    assert "Run `palaver config check`" not in result.stderr


def test_check_tells_all_problems_at_once(world: World, call: Call) -> None:
    world.configure("[plugins.none]\nx = 1\n[agents.nobody]\nx = 1\n")
    result = call("config", "check")
    assert len([line for line in result.stderr.splitlines() if " -> " in line]) == 2


def test_check_knows_no_agent_of_that_name(world: World) -> None:
    done = world.run("config", "check", PALAVER_SESSIONS__AGENT="nobody")
    assert done.returncode == 78
    assert (
        "sessions -> agent: there is no agent 'nobody'; there are: claude, scripted" in done.stderr
    )


TOKEN_PLUGIN = """
from palaver import SecretSettings, hookimpl
@hookimpl
def register_settings():
    return SecretSettings
"""


def test_check_reads_the_files_of_tokens(world: World) -> None:
    world.install_testchat()
    (world.folder / "site" / "palaver_testchat.py").write_text(TOKEN_PLUGIN)
    missing = world.folder / "token"
    world.configure(f'[plugins.testchat]\ntoken_file = "{missing}"\n')
    done = world.run("config", "check")
    assert done.returncode == 78
    expected = f"plugins -> testchat -> token_file: {missing}: cannot be read: No such file"
    assert expected in done.stderr
    missing.write_text("secret\n")
    assert world.run("config", "check").returncode == 0


def test_plugins_shows_what_became_of_each(world: World) -> None:
    world.install_testchat()
    (world.folder / "site" / "palaver_testchat.py").write_text("import not_installed_here\n")
    done = world.run("plugins")
    assert done.returncode == 1
    rows = {line.split()[0]: line.split()[1] for line in done.stdout.splitlines()}
    assert rows["testchat"] == "failed"
    assert rows["cli"] == rows["agents"] == "loaded"
    assert "testchat: the package 'not_installed_here' is not installed" in done.stderr
    assert done.stderr.count("not_installed_here") == 1

    lines = [json.loads(line) for line in world.run("plugins", "--json").stdout.splitlines()]
    [found] = [line for line in lines if line["name"] == "testchat"]
    assert (found["state"], found["distribution"]) == ("failed", "palaver-testchat")
    assert found["hint"] == "Install what palaver-testchat needs."


def test_plugins_leaves_with_0_if_none_has_failed(world: World) -> None:
    done = world.run("plugins", PALAVER_PLUGINS_DISABLED='["cli", "discord", "telegram"]')
    assert done.returncode == 0
    rows = {line.split()[0]: line.split()[1] for line in done.stdout.splitlines()}
    assert rows["cli"] == "disabled"
