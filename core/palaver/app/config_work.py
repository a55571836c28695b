"""The configuration as it counts, and what is wrong with it."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, SecretStr

from palaver.app.runtime import Runtime
from palaver.config import ENVIRONMENT_PREFIX, NESTING, SecretSettings, Settings, config_path
from palaver.errors import ConfigError
from palaver.plugins import PluginHost, PluginState

HIDDEN = "********"

_SECRET_NAME = re.compile(r"token|secret|passw|credential|api_?key|^database$", re.IGNORECASE)
_PATH_NAME = re.compile(r"_(file|path|dir|url|base)$", re.IGNORECASE)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def source(runtime: Runtime) -> str:
    """The file that counts, and whether it is there."""
    path = config_path(runtime.config)
    return str(path) if path.is_file() else f"{path} (not there, so the defaults count)"


# --- show ---------------------------------------------------------------------------------------


def shown(runtime: Runtime) -> str:
    """All settings as TOML, with where they come from as comments; no secret is in it.

    Raises:
        ConfigError: if they do not hold.
    """
    settings = runtime.settings()
    lines = [f"# file: {source(runtime)}"]
    lines += [f"# environment: {line}" for line in _variables()] or ["# environment: nothing"]
    lines += ["", *_toml(_table(settings, runtime.host()), ())]
    return "\n".join(lines) + "\n"


def _variables() -> list[str]:
    """The variables of Palaver's that are set."""
    lines = []
    for name, value in sorted(os.environ.items()):
        if name.startswith(ENVIRONMENT_PREFIX):
            key = name.removeprefix(ENVIRONMENT_PREFIX).rpartition(NESTING)[2]
            hide = _is_secret(key) or value.startswith("{")  # a table may have one inside
            lines.append(f"{name}={HIDDEN if hide else json.dumps(value, ensure_ascii=False)}")
    return lines


def _table(settings: Settings, host: PluginHost) -> dict[str, Any]:
    """The settings with the defaults of plugins and agents in them."""
    table: dict[str, Any] = settings.model_dump()
    for info in host.plugins:
        own = host.table(info.name)
        if own is not None and (model := own.model_dump()):
            table["plugins"][info.name] = model
    for name, agent in host.agents().items():
        table["agents"][name] = settings.table(agent.settings_model, "agents", name).model_dump()
    masked: dict[str, Any] = _masked("", table)
    return masked


def _masked(name: str, value: Any) -> Any:
    match value:
        case SecretStr():
            return HIDDEN
        case BaseModel():
            return _masked(name, value.model_dump())
        case Mapping():
            return {key: _masked(str(key), inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_masked(name, inner) for inner in value]
        case str() if value and _is_secret(name):
            return HIDDEN
    return value


def _is_secret(name: str) -> bool:
    return bool(_SECRET_NAME.search(name)) and not _PATH_NAME.search(name)


def _toml(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    """Plain values first, then the tables below, as TOML wants it; what is None is left out."""
    for key, value in table.items():
        if value is None:
            yield f"# {_key(key)} is not set"
        elif not isinstance(value, Mapping):
            yield f"{_key(key)} = {_value(value)}"
    for key, value in table.items():
        if isinstance(value, Mapping) and value:
            inner = (*path, key)
            if not all(isinstance(one, Mapping) for one in value.values()):
                yield ""
                yield f"[{'.'.join(map(_key, inner))}]"
            yield from _toml(value, inner)


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else json.dumps(key)


def _value(value: Any) -> str:
    match value:
        case list():
            return f"[{', '.join(map(_value, value))}]"
        case Mapping():
            pairs = (f"{_key(key)} = {_value(inner)}" for key, inner in value.items())
            return f"{{ {', '.join(pairs)} }}"
        case bool() | int() | float():
            return json.dumps(value)
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


# --- check --------------------------------------------------------------------------------------


def problems(runtime: Runtime) -> list[ConfigError]:
    """Everything in the configuration that does not hold, located."""
    try:
        settings = runtime.settings()
    except ConfigError as error:
        return [error]
    host = runtime.host()
    return [
        *_plugin_problems(settings, host),
        *_agent_problems(settings, host),
        *_frontend_problems(settings, host),
    ]


def _plugin_problems(settings: Settings, host: PluginHost) -> Iterator[ConfigError]:
    for name in sorted(settings.plugins.keys() - {info.name for info in host.plugins}):
        yield ConfigError("there is no such plugin", location=["plugins", name])
    for info in host.plugins:
        concerned = info.name in settings.plugins or info.name in settings.frontends
        if info.state is PluginState.FAILED and concerned:
            yield ConfigError(info.error, hint=info.hint)
        if problem := _secret_problem(info.name, host.table(info.name)):
            yield problem


def _secret_problem(name: str, table: BaseModel | None) -> ConfigError | None:
    """Whether a token's file can be read."""
    if not isinstance(table, SecretSettings):
        return None
    try:
        table.secret()
    except ConfigError as error:
        file = f"{table.token_file}: " if table.token_file else ""
        location = ["plugins", name, *error.location]
        return ConfigError(f"{file}{bare(error)}", location=location)
    return None


def bare(error: ConfigError) -> str:
    """What is wrong, without where."""
    return error.message.rpartition(" -> ")[2].partition(": ")[2] or error.message


def _agent_problems(settings: Settings, host: PluginHost) -> Iterator[ConfigError]:
    agents = host.agents()
    names = ", ".join(sorted(agents))
    if settings.sessions.agent not in agents:
        problem = f"there is no agent {settings.sessions.agent!r}; there are: {names}"
        yield ConfigError(problem, location=["sessions", "agent"])
    for name in sorted(settings.agents.keys() - agents.keys()):
        problem = f"there is no such agent; there are: {names}"
        yield ConfigError(problem, location=["agents", name])
    for name, agent in agents.items():
        try:
            settings.table(agent.settings_model, "agents", name)
        except ConfigError as error:
            yield error


def _frontend_problems(settings: Settings, host: PluginHost) -> Iterator[ConfigError]:
    if not settings.frontends:
        return
    there = host.frontends()
    for name in settings.frontends:
        info = host.get(name)
        if name in there or (info and info.state is PluginState.FAILED):
            continue  # a plugin that has failed is told of already
        problem = f"there is no frontend {name!r}; there are: {', '.join(sorted(there)) or 'none'}"
        yield ConfigError(problem, location=["frontends"])
