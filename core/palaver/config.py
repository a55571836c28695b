"""Settings: `palaver.toml` under the environment, checked, with every mistake located.

The environment wins over the file, the file over the defaults. Any setting has a variable:
`PALAVER_`, then its keys with `__` between them (`PALAVER_PLUGINS__TELEGRAM__TOKEN`).
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    model_validator,
)

from palaver.errors import ConfigError
from palaver.identity import Namespace

ENVIRONMENT_PREFIX = "PALAVER_"
NESTING = "__"
_NOT_SETTINGS = frozenset({"PALAVER_CONFIG"})
_TWICE = "is set both as a value and as a table"

Table = dict[str, Any]
M = TypeVar("M", bound=BaseModel)


def _expand(path: Path) -> Path:
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:  # `~name` of somebody who is not there
        raise ValueError(str(error)) from None


FolderPath = Annotated[Path, AfterValidator(_expand)]
"""A path in the settings: `~` is the home, and what is relative is so to the current folder."""


def _check_pattern(text: str) -> str:
    Namespace.parse(text)
    return text


NamespacePattern = Annotated[str, AfterValidator(_check_pattern)]
"""`telegram:1001`, or `telegram:*`: only the user may be a pattern."""


class SettingsModel(BaseModel):
    """The base of every table of settings: frozen, and an unknown key is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class SecretSettings(SettingsModel):
    """The base for tables with a `token`, given outright or as `token_file`."""

    token: SecretStr | None = None
    token_file: FolderPath | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.token is not None and self.token_file is not None:
            raise ValueError("give token or token_file, not both")
        return self

    def secret(self) -> SecretStr | None:
        """The token, read from its file if need be.

        Raises:
            ConfigError: if the file cannot be read or is empty.
        """
        if self.token_file is None:
            return self.token
        try:
            text = self.token_file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not a text in UTF-8"
            problem = f"cannot be read: {why}"
            raise ConfigError(problem, location=["token_file"]) from error
        if not text:
            raise ConfigError("the file is empty", location=["token_file"])
        return SecretStr(text)


class AccessSettings(SettingsModel):
    """Who may talk to Palaver, as namespaces; `telegram:*` is everybody there.

    Attributes:
        owners: full power; by default whoever runs Palaver in a terminal.
        members: their own sessions, in the modes that ask.
    """

    owners: tuple[NamespacePattern, ...] = ("cli:*",)
    members: tuple[NamespacePattern, ...] = ()


class SessionSettings(SettingsModel):
    """How long sessions live and where they work.

    Attributes:
        agent: which agent runs new sessions.
        retention_days: days without a turn after which a clean-up moves a session to the trash.
        trash_days: days it can be restored from there.
        auto_compact_turns: turns after which a session is compacted by itself; 0 for never.
        cleanup_interval_h: hours between clean-ups of `palaver serve`; 0 for never.
        approval_timeout_s: seconds after which an unanswered approval is a no.
        workspace: where new sessions work; by default a folder for each namespace in `data_dir`.
    """

    agent: str = "claude"
    retention_days: int = Field(default=30, ge=1)
    trash_days: int = Field(default=7, ge=1)
    auto_compact_turns: int = Field(default=20, ge=0)
    cleanup_interval_h: float = Field(default=24, ge=0)
    approval_timeout_s: float = Field(default=900, gt=0)
    workspace: FolderPath | None = None


class PoolSettings(SettingsModel):
    """The base of every `[agents.NAME]`: how many of the agent's processes are kept.

    Attributes:
        max_warm: idle processes kept open for the next prompt.
        max_running: turns that run at one time.
        warm_memory_mb: megabytes that idle processes may hold together.
        idle_s: seconds after which an idle process is closed.
    """

    max_warm: int = Field(default=4, ge=0)
    max_running: int = Field(default=32, ge=1)
    warm_memory_mb: int = Field(default=2048, ge=0)
    idle_s: float = Field(default=1800, gt=0)


class HookSettings(SettingsModel):
    """`timeout_s`: seconds that a plugin's hook may take before it is given up."""

    timeout_s: float = Field(default=10, gt=0)


def _data_dir() -> Path:
    from platformdirs import user_data_path

    return user_data_path("palaver", appauthor=False)


class Settings(SettingsModel):
    """All settings. The tables of agents and plugins are checked by their owners.

    Attributes:
        frontends: what `palaver serve` runs.
        data_dir: for the database, workspaces and the trash.
        database: another one than `palaver.db` in `data_dir`, as a URL of SQLAlchemy's.
        plugins_disabled: plugins that are not loaded.
    """

    frontends: tuple[str, ...] = ()
    data_dir: FolderPath = Field(default_factory=_data_dir)
    database: SecretStr | None = None
    plugins_disabled: tuple[str, ...] = ()
    access: AccessSettings = AccessSettings()
    sessions: SessionSettings = SessionSettings()
    hooks: HookSettings = HookSettings()
    agents: dict[str, Table] = {}
    plugins: dict[str, Table] = {}
    _file: Path | None = PrivateAttr(default=None)

    def private(self) -> tuple[Path, ...]:
        """Files and folders of Palaver's own: its data, its configuration, its tokens."""
        usual = config_path(environment={})
        file = self._file or usual
        tokens = map(_token_file, self.plugins.values())
        return (self.data_dir, usual.parent, file, *filter(None, tokens))

    def table(self, model: type[M], kind: Literal["plugins", "agents"], name: str) -> M:
        """The table `[kind.name]`, as its owner's model.

        Raises:
            ConfigError: located, if it does not hold.
        """
        tables = self.plugins if kind == "plugins" else self.agents
        return _validated(model, tables.get(name, {}), (kind, name))


def _token_file(table: Table) -> Path | None:
    """What a plugin's table names, checked or not."""
    try:
        return _expand(Path(table["token_file"]))
    except (KeyError, TypeError, ValueError):
        return None


def config_path(explicit: Path | None = None, environment: Mapping[str, str] | None = None) -> Path:
    """The configuration file: as given, else `PALAVER_CONFIG`, else in the user's folder."""
    if explicit is not None:
        return explicit
    environment = os.environ if environment is None else environment
    if named := environment.get("PALAVER_CONFIG"):
        return Path(named).expanduser()
    from platformdirs import user_config_path

    return user_config_path("palaver", appauthor=False) / "palaver.toml"


def load_settings(
    path: Path | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    missing_ok: bool = False,
) -> Settings:
    """Read the settings.

    Args:
        path: the file; one that was named must be there, the default one need not.
        environment: instead of the process's own.
        missing_ok: one that was named need not be there either.

    Raises:
        ConfigError: located as `a -> b -> field`, for a file that cannot be read or parsed, and
            for every setting that does not hold.
    """
    environment = os.environ if environment is None else environment
    named = path is not None or bool(environment.get("PALAVER_CONFIG"))
    required = named and not missing_ok
    file = config_path(path, environment)
    table = _read(file, required=required)
    variables = _from_environment(environment)
    settings = _validated(Settings, _merged(table, variables), (), file=file, variables=variables)
    settings._file = file.absolute()  # noqa: SLF001 - of a class of this module
    return settings


def _read(file: Path, *, required: bool) -> Table:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        if required:
            hint = "Check the path after --config or in PALAVER_CONFIG."
            raise ConfigError("no such file", source=file, hint=hint) from None
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", source=file) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"is not valid TOML: {error}", source=file) from error


def _from_environment(environment: Mapping[str, str]) -> Table:
    table: Table = {}
    for name, text in environment.items():
        if not name.startswith(ENVIRONMENT_PREFIX) or name in _NOT_SETTINGS:
            continue
        *parents, leaf = name.removeprefix(ENVIRONMENT_PREFIX).lower().split(NESTING)
        inner = table
        for key in parents:
            inner = inner.setdefault(key, {})
            if not isinstance(inner, dict):
                raise ConfigError(_TWICE, source=name)
        value, known = _value(text), inner.get(leaf, {})
        if isinstance(known, dict) and isinstance(value, dict):
            value = _merged(value, known)
        elif known:
            raise ConfigError(_TWICE, source=name)
        inner[leaf] = value
    return table


def _value(text: str) -> Any:
    """A variable's value: a TOML array or inline table if it looks like one, else text.

    Pydantic turns the text into numbers and booleans where the model wants them, so that a token
    made of digits stays a text.
    """
    if text[:1] in "[{" and text:
        try:
            return tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            return text
    return text


def _merged(below: Table, above: Table) -> Table:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[key] = _merged(old, value)
        else:
            merged[key] = value
    return merged


def _validated(
    model: type[M],
    table: Table,
    location: tuple[str, ...],
    *,
    file: Path | None = None,
    variables: Table | None = None,
) -> M:
    try:
        return model.model_validate(table)
    except ValidationError as error:
        problems = [_problem(item, location, file, variables or {}) for item in error.errors()]
        first, *others = problems
        if others:
            first.message = "\n".join([first.message, *(other.message for other in others)])
        raise first from None


def _problem(
    item: Any, location: tuple[str, ...], file: Path | None, variables: Table
) -> ConfigError:
    where = (*location, *item["loc"])
    words = {"extra_forbidden": "is not a setting", "missing": "is missing"}
    problem = words.get(item["type"], item["msg"].removeprefix("Value error, "))
    return ConfigError(problem, location=where, source=_variable(where, variables) or file)


def _variable(location: tuple[str | int, ...], variables: Table) -> str:
    """The variable that set it, if one did; a list's is that of the whole list."""
    keys: list[str] = []
    inner: Any = variables
    for key in location:
        if not isinstance(inner, dict):
            break
        if key not in inner:
            return ""
        keys.append(str(key))
        inner = inner[key]
    return ENVIRONMENT_PREFIX + NESTING.join(keys).upper() if keys else ""
