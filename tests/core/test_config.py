"""Settings: the file, the environment over it, and mistakes that are located."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from palaver.config import (
    FolderPath,
    SecretSettings,
    Settings,
    SettingsModel,
    config_path,
    load_settings,
)
from palaver.errors import ConfigError


class Chat(SecretSettings):
    """The table of a plugin."""

    base_url: str = "https://chat.example"
    guilds: tuple[int, ...] = ()
    folder: FolderPath | None = None


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "palaver.toml"


def load(file: Path, text: str = "", **environment: str) -> Settings:
    file.write_text(text, "utf-8")
    return load_settings(file, environment)


def failure(file: Path, text: str = "", **environment: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(file, text, **environment)
    return caught.value


# --- where it comes from ------------------------------------------------------------------------


def test_without_a_file_and_without_variables_the_defaults_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    settings = load_settings(environment={})
    assert settings.model_dump() == Settings().model_dump()
    assert settings.data_dir == tmp_path / "data/palaver"
    assert config_path() == tmp_path / "config/palaver/palaver.toml"


def test_nobody_but_the_terminal_is_let_in_by_default() -> None:
    access = Settings().access
    assert (access.owners, access.members) == (("cli:*",), ())


def test_the_file_is_read(file: Path) -> None:
    settings = load(file, 'frontends = ["telegram"]\n[sessions]\nretention_days = 3')
    assert settings.frontends == ("telegram",)
    assert settings.sessions.retention_days == 3


def test_the_environment_wins_over_the_file(file: Path) -> None:
    settings = load(
        file,
        "[sessions]\nretention_days = 3\ntrash_days = 5",
        PALAVER_SESSIONS__RETENTION_DAYS="4",
    )
    assert settings.sessions.retention_days == 4
    assert settings.sessions.trash_days == 5


def test_a_variable_can_be_a_list_or_a_table(file: Path) -> None:
    settings = load(
        file,
        PALAVER_FRONTENDS='["telegram", "discord"]',
        PALAVER_SESSIONS="{ retention_days = 3 }",
        PALAVER_SESSIONS__TRASH_DAYS="2",
    )
    assert settings.frontends == ("telegram", "discord")
    assert (settings.sessions.retention_days, settings.sessions.trash_days) == (3, 2)


def test_a_token_of_digits_stays_a_text(file: Path) -> None:
    settings = load(file, PALAVER_PLUGINS__CHAT__TOKEN="0123")
    assert settings.table(Chat, "plugins", "chat").token == SecretStr("0123")


def test_a_token_that_looks_like_a_list_but_is_none_stays_a_text(file: Path) -> None:
    settings = load(file, PALAVER_PLUGINS__CHAT__TOKEN="[oops")
    assert settings.table(Chat, "plugins", "chat").token == SecretStr("[oops")


def test_a_variable_of_another_program_is_no_setting(file: Path) -> None:
    assert load(file, PALAVERX="1", HOME="/", palaver_frontends="x") == load(file)


KEYS = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
VALUES = st.text(st.characters(exclude_categories=["C"]), min_size=1).filter(
    lambda text: text[0] not in "[{"
)


@given(plugin=KEYS, key=KEYS, value=VALUES)
def test_every_variable_reaches_its_table(plugin: str, key: str, value: str) -> None:
    name = f"PALAVER_PLUGINS__{plugin}__{key}".upper()
    settings = load_settings(Path(os.devnull), {name: value})
    assert settings.plugins == {plugin: {key: value}}


@pytest.mark.parametrize("turn", [1, -1])
def test_a_variable_that_is_both_a_value_and_a_table_is_a_mistake_in_either_order(
    file: Path, turn: int
) -> None:
    names = ["PALAVER_SESSIONS__AGENT", "PALAVER_SESSIONS__AGENT__NAME"][::turn]
    error = failure(file, **dict.fromkeys(names, "x"))
    assert "both as a value and as a table" in error.message


# --- which file ---------------------------------------------------------------------------------


def test_the_file_can_be_named_by_a_variable(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[sessions]\nretention_days = 3")
    settings = load_settings(environment={"PALAVER_CONFIG": str(file)})
    assert settings.sessions.retention_days == 3


def test_an_explicit_file_wins_over_the_variable(file: Path) -> None:
    environment = {"PALAVER_CONFIG": "/nowhere.toml"}
    file.write_text("[sessions]\nretention_days = 3")
    assert load_settings(file, environment).sessions.retention_days == 3


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    for path, environment in (
        (tmp_path / "no.toml", {}),
        (None, {"PALAVER_CONFIG": str(tmp_path / "no.toml")}),
    ):
        with pytest.raises(ConfigError, match=r"no\.toml: no such file") as caught:
            load_settings(path, environment)
        assert "--config" in caught.value.hint


def test_an_empty_variable_names_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    settings = load_settings(environment={"PALAVER_CONFIG": ""})
    assert settings.model_dump() == Settings().model_dump()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"frontends = [", "is not valid TOML"),
        (b"a = 1\na = 2", "is not valid TOML"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_parsed_is_named(file: Path, content: bytes, words: str) -> None:
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=words) as caught:
        load_settings(file, {})
    assert caught.value.source == file
    assert caught.value.exit_code == 78


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(tmp_path, {})


# --- mistakes -----------------------------------------------------------------------------------


def test_an_unknown_key_is_a_located_mistake(file: Path) -> None:
    error = failure(file, "[sessions]\nretentoin_days = 3")
    assert error.location == ("sessions", "retentoin_days")
    assert error.message == f"{file}: sessions -> retentoin_days: is not a setting"


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("[sessions]\nretention_days = 0", ("sessions", "retention_days")),
        ('[sessions]\nretention_days = "soon"', ("sessions", "retention_days")),
        ("frontends = [1]", ("frontends", 0)),
        ("access = 1", ("access",)),
        ("[hooks]\ntimeout_s = nan", ("hooks", "timeout_s")),
        ("[plugins]\ntelegram = 1", ("plugins", "telegram")),
        ('[access]\nowners = ["1001"]', ("access", "owners", 0)),
        ('[access]\nmembers = ["telegram:1", "*:*"]', ("access", "members", 1)),
        ('data_dir = "~nobody_of_that_name/x"', ("data_dir",)),
    ],
)
def test_a_value_that_does_not_hold_is_located(
    file: Path, text: str, location: tuple[str | int, ...]
) -> None:
    assert failure(file, text).location == location


def test_all_mistakes_are_told_at_once(file: Path) -> None:
    error = failure(file, "[sessions]\nretention_days = 0\ntrash_days = 0\nnonsense = 1")
    assert len(error.message.splitlines()) == 3
    for name in ("retention_days", "trash_days", "nonsense"):
        assert f"sessions -> {name}" in str(error)


@pytest.mark.parametrize(
    ("environment", "source"),
    [
        ({"PALAVER_SESSIONS__TRASH_DAYS": "-1"}, "PALAVER_SESSIONS__TRASH_DAYS"),
        ({"PALAVER_NONSENSE": "1"}, "PALAVER_NONSENSE"),
        ({"PALAVER_FRONTENDS": "[1]"}, "PALAVER_FRONTENDS"),
    ],
)
def test_a_mistake_in_the_environment_names_its_variable(
    file: Path, environment: Mapping[str, str], source: str
) -> None:
    assert failure(file, **environment).source == source


# --- plugins' tables and secrets ----------------------------------------------------------------


def test_a_plugins_table_is_checked_against_its_own_model(file: Path) -> None:
    settings = load(file, '[plugins.chat]\nguilds = [1, "x"]')
    with pytest.raises(ConfigError) as caught:
        settings.table(Chat, "plugins", "chat")
    assert caught.value.location == ("plugins", "chat", "guilds", 1)


def test_a_plugin_without_a_table_has_its_defaults(file: Path) -> None:
    assert load(file).table(Chat, "plugins", "chat") == Chat()


def test_a_table_without_settings_of_its_own_must_be_empty(file: Path) -> None:
    settings = load(file, "[plugins.quiet]\nloud = true")
    with pytest.raises(ConfigError, match="plugins -> quiet -> loud: is not a setting"):
        settings.table(SettingsModel, "plugins", "quiet")


def test_folders_are_absolute_and_know_the_home(
    file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    settings = load(file, 'data_dir = "~/data"\n[sessions]\nworkspace = "code"')
    assert settings.data_dir == tmp_path / "data"
    assert settings.sessions.workspace == tmp_path / "code"


def test_what_is_palavers_own_is_known(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    tables = (
        'data_dir = "~/data"\n[plugins.chat]\ntoken_file = "~/chat.token"\n'
        '[plugins.gone]\ntoken_file = "~nobody-at-all/token"\n[plugins.odd]\ntoken_file = 1'
    )
    usual = tmp_path / "config" / "palaver"
    own = {tmp_path / "data", tmp_path / "chat.token", file, usual}
    assert set(load(file, tables).private()) == own
    monkeypatch.chdir(tmp_path)
    assert file in load_settings(Path(file.name), {}).private()
    assert usual in Settings().private()


def test_a_secret_is_shown_nowhere(file: Path) -> None:
    text = '[plugins.chat]\ntoken = "hunter2"\nguilds = ["hunter2"]'
    with pytest.raises(ConfigError) as caught:
        load(file, text).table(Chat, "plugins", "chat")
    assert "hunter2" not in f"{caught.value!r} {caught.value}"
    table = load(file, text.splitlines()[0] + '\ntoken = "hunter2"').table(Chat, "plugins", "chat")
    assert "hunter2" not in f"{table!r} {table} {table.model_dump_json()}"


def test_a_token_is_read_from_its_file_without_the_line_break(tmp_path: Path) -> None:
    place = tmp_path / "token"
    place.write_text("hunter2\n")
    secret = Chat(token_file=place).secret()
    assert secret
    assert secret.get_secret_value() == "hunter2"


def test_a_token_is_given_once(tmp_path: Path, file: Path) -> None:
    settings = load(file, '[plugins.chat]\ntoken = "x"\ntoken_file = "y"')
    with pytest.raises(ConfigError, match="give token or token_file, not both"):
        settings.table(Chat, "plugins", "chat")


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff"])
def test_a_token_file_without_a_token_is_a_located_mistake(
    tmp_path: Path, content: bytes | None
) -> None:
    place = tmp_path / "token"
    if content is not None:
        place.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        Chat(token_file=place).secret()
    assert caught.value.location == ("token_file",)


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().data_dir = Path("/elsewhere")  # type: ignore[misc]  # it is what we try
