"""What `palaver doctor` looks at, one after the other."""

import asyncio
import contextlib
import enum
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from palaver.agents.contract import Health
from palaver.app import config_work, memberships
from palaver.app.round_trip import permission_round_trip
from palaver.app.runtime import Runtime
from palaver.app.wizard import checked, found_memberships
from palaver.config import Settings
from palaver.errors import ConfigError, PalaverError
from palaver.frontends.setup import FrontendSetup
from palaver.plugins import PluginHost, PluginState
from palaver.store import Store

CLAUDE = "claude"
_NEVER_ASKS = "bypassPermissions"
_LITTLE_ROOM = 200 * 1024 * 1024
"""Bytes; with less the database and the transcripts soon have no room."""


class State(enum.StrEnum):
    """How one thing is."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; `hint` says what to do if it is not well."""

    name: str
    state: State
    detail: str
    hint: str = ""


def _ok(name: str, detail: str) -> Check:
    return Check(name, State.OK, detail)


def _failed(name: str, error: PalaverError) -> Check:
    return Check(name, State.FAILED, error.message, error.hint)


async def examine(runtime: Runtime) -> AsyncIterator[Check]:
    """Look at everything; each check is told as soon as it is done."""
    problems = await asyncio.to_thread(config_work.problems, runtime)
    for problem in problems:
        yield _failed("configuration", problem)
    try:
        settings, host = runtime.settings(), runtime.host()
    except ConfigError:
        settings = Settings()  # what does not depend on the file can still be looked at
        host = PluginHost(settings, [])
    if not problems:
        yield _ok("configuration", config_work.source(runtime))
    yield await asyncio.to_thread(_data_folder, settings.data_dir)
    yield await _database(settings)
    for check in _plugins(settings, host):
        yield check
    yield _frontends(settings)
    for check in await _reached(settings, host):
        yield check
    for check in await _agent(settings, host):
        yield check


# --- the disk -----------------------------------------------------------------------------------


def _data_folder(folder: Path) -> Check:
    name = "data folder"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"palaver")
            file.flush()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        hint = "Give yourself the right to write there, or set data_dir or PALAVER_DATA_DIR."
        return Check(name, State.FAILED, f"{folder}: {error.strerror}", hint)
    if free < _LITTLE_ROOM:
        detail = f"{folder}: only {free >> 20} MB are free"
        return Check(name, State.WARNING, detail, "Make some room.")
    return _ok(name, str(folder))


async def _database(settings: Settings) -> Check:
    name = "database"
    file = settings.data_dir / "palaver.db"
    location = settings.database.get_secret_value() if settings.database else file
    where = "of the setting `database`" if settings.database else str(file)
    try:
        if location == file:
            if not await asyncio.to_thread(file.exists):
                return _ok(name, f"{file} (is made when it is first used)")
            await asyncio.to_thread(_look_through, file)
        store = await Store.open(location)
        await store.close()
    except PalaverError as error:
        return _failed(name, error)
    except sqlite3.Error as error:
        hint = "Move the file aside or restore a copy; Claude's own transcripts are not touched."
        return Check(name, State.FAILED, f"{file} is not sound: {error}", hint)
    return _ok(name, where)


def _look_through(file: Path) -> None:
    """Let SQLite read every page; see https://www.sqlite.org/pragma.html#pragma_quick_check."""
    with contextlib.closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as database:
        [result] = database.execute("PRAGMA quick_check(1)").fetchone()
    if result != "ok":
        raise sqlite3.DatabaseError(result)


# --- plugins ------------------------------------------------------------------------------------


def _plugins(settings: Settings, host: PluginHost) -> list[Check]:
    """One that is not asked for may well lack its library."""
    checks = []
    for info in sorted(host.plugins, key=lambda info: info.name):
        name = f"plugin {info.name}"
        if info.state is not PluginState.FAILED:
            checks.append(_ok(name, f"{info.state} ({info.distribution or 'built in'})"))
            continue
        wanted = info.name in settings.frontends or info.name in settings.plugins
        state = State.FAILED if wanted else State.WARNING
        hint = f'{info.hint} Or switch it off: plugins_disabled = ["{info.name}"].'
        checks.append(Check(name, state, info.error, hint))
    return checks


def _frontends(settings: Settings) -> Check:
    name = "frontends"
    if settings.frontends:
        return _ok(name, ", ".join(settings.frontends))
    hint = "To talk from another chat, run `palaver init`."
    return Check(name, State.WARNING, "none is configured; there is the terminal", hint)


async def _reached(settings: Settings, host: PluginHost) -> list[Check]:
    """Whether each frontend knows its token and can be reached, where its plugin can try that."""
    setups = host.setups()
    wanted = [setups[name] for name in dict.fromkeys(settings.frontends) if name in setups]
    return list(await asyncio.gather(*(_reach(setup, host) for setup in wanted)))


async def _reach(setup: FrontendSetup, host: PluginHost) -> Check:
    name = f"frontend {setup.name}"
    table = host.table(setup.name)
    assert table is not None  # noqa: S101 - only a loaded plugin registers
    try:
        account = await checked(setup, table, host)
        hint = await _unnamed(setup, table, host)
    except PalaverError as error:
        return _failed(name, error)
    return Check(name, State.OK, f"{account.name} {account.link}".strip(), hint)


async def _unnamed(setup: FrontendSetup, table: BaseModel, host: PluginHost) -> str:
    """What to do to have it answer in more than private chats, where nothing else is set."""
    setting = setup.membership_setting
    if not setting or getattr(table, setting):
        return ""
    return memberships.unnamed(setup, await found_memberships(setup, table, host))


# --- the agent ----------------------------------------------------------------------------------


async def _agent(settings: Settings, host: PluginHost) -> list[Check]:
    """The agent of new sessions; and, with Claude Code, whether it asks before it acts."""
    name = settings.sessions.agent
    kind = host.agents().get(name)
    if kind is None:
        return []  # told with the configuration
    try:
        agent = kind(settings.table(kind.settings_model, "agents", name), settings.data_dir)
        checks = [_of(health) for health in await agent.examine()]
    except PalaverError as error:
        return [_failed(f"agent {name}", error)]
    if getattr(agent.settings, "permission_mode", "") == _NEVER_ASKS:
        hint = f"Set another permission_mode in [agents.{name}], unless the machine is made for it."
        checks.append(Check("permission mode", State.WARNING, "no tool ever asks", hint))
    if name == CLAUDE:
        checks.append(await _guarded("permission round trip", settings, permission_round_trip))
    return checks


def _of(health: Health) -> Check:
    states = {True: State.OK, False: State.FAILED, None: State.WARNING}
    hint = "" if health.ok else health.hint
    return Check(health.name, states[health.ok], health.detail, hint)


async def _guarded(
    name: str, settings: Settings, check: Callable[[Settings], Awaitable[str]]
) -> Check:
    try:
        return _ok(name, await check(settings))
    except PalaverError as error:
        return _failed(name, error)
