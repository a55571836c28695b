"""Finding plugins without importing them, loading those that are wanted, and saying what failed."""

import enum
import importlib
import importlib.metadata
import inspect
import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pluggy
from pydantic import BaseModel

import palaver.hookspecs as hookspecs
from palaver.agents import builtin
from palaver.config import Settings, SettingsModel
from palaver.dispatch import Hooks
from palaver.errors import ConfigError, PalaverError, PluginConflictError, PluginError

if TYPE_CHECKING:
    import click

    from palaver.agents.contract import Agent
    from palaver.commands.contract import Command
    from palaver.frontends.contract import Frontend
    from palaver.frontends.setup import FrontendSetup

log = logging.getLogger(__name__)

ENTRY_POINT_GROUP = "palaver"


class PluginState(enum.StrEnum):
    """How far a plugin has come."""

    LISTED = "listed"
    DISABLED = "disabled"
    LOADED = "loaded"
    FAILED = "failed"


@dataclass(slots=True)
class PluginInfo:
    """What is known of one plugin.

    Attributes:
        name: of its entry point, and of its table `[plugins.NAME]`.
        target: the module it names.
        distribution, version: what installed it; `extras` are those of that distribution.
        error, hint: why it failed, and what to do.
    """

    name: str
    target: str
    distribution: str = ""
    version: str = ""
    extras: tuple[str, ...] = ()
    state: PluginState = PluginState.LISTED
    error: str = ""
    hint: str = ""
    frontends: set[str] = field(default_factory=set)


def installed_plugins() -> list[PluginInfo]:
    """Every installed plugin, in the order of their names; nothing is imported."""
    found = []
    for entry in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP):
        extras = entry.dist.metadata.get_all("Provides-Extra") if entry.dist else None
        info = PluginInfo(entry.name, entry.value, extras=tuple(extras or ()))
        if entry.dist:
            info.distribution, info.version = entry.dist.name, entry.dist.version
        found.append(info)
    return sorted(found, key=lambda info: (info.name, info.distribution))


class PluginHost:
    """The plugins of one process. Make one and pass it on; there is no global.

    Attributes:
        plugins: all that are known, with what became of them.
        hooks: how the engine calls them.
    """

    def __init__(self, settings: Settings, listed: Iterable[PluginInfo] | None = None) -> None:
        self._settings = settings
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._tables: dict[str, BaseModel] = {}
        self._homes: dict[str, set[str]] = {}
        self.plugins: list[PluginInfo] = []
        self.hooks = Hooks(self._manager, self._homes, settings.hooks.timeout_s)
        self.add("agents", builtin)
        self.plugins += installed_plugins() if listed is None else listed
        self._refuse_duplicates()

    def load(self, names: Iterable[str] | None = None) -> None:
        """Load the named plugins, or all but the disabled; failures are recorded, not raised."""
        wanted = None if names is None else set(names)
        for info in self.plugins:
            if info.state is not PluginState.LISTED:
                continue
            if info.name in self._settings.plugins_disabled:
                info.state = PluginState.DISABLED
            elif wanted is None or info.name in wanted:
                self._load(info)

    def add(self, name: str, plugin: object) -> None:
        """Register a plugin that is already an object: a built-in one, or a test's.

        Raises:
            PluginError: if the name is taken or the object breaks the contract.
        """
        if any(info.name == name for info in self.plugins):
            raise PluginConflictError(name, "the name is taken")
        info = PluginInfo(name, target=repr(plugin))
        self._register(info, plugin)
        self.plugins.append(info)

    def get(self, name: str) -> PluginInfo | None:
        """The plugin of that name."""
        return next((info for info in self.plugins if info.name == name), None)

    def table(self, name: str) -> BaseModel | None:
        """A loaded plugin's own settings, checked."""
        return self._tables.get(name)

    # --- what the plugins add -------------------------------------------------------------------

    def frontends(self, wanted: Collection[str] | None = None) -> "dict[str, Frontend]":
        """The frontends of the loaded plugins, by name; a plugin that fails at it is recorded.

        Args:
            wanted: those that are to run. Plugins of these names are asked first, others only
                while one is missing: to make a frontend takes its library, time and memory.
        """
        frontends: dict[str, Frontend] = {}
        everybody = {info.name for info in self.plugins}
        likely = everybody if wanted is None else everybody.intersection(wanted)
        for asked in (likely, everybody - likely):
            if wanted is not None and frontends.keys() >= set(wanted):
                break
            named = self._named("register_frontends", frontends.values(), asked)
            for info, added in named:
                names = {frontend.name for frontend in added}
                info.frontends = self._homes[info.name] = names
                frontends |= {frontend.name: frontend for frontend in added}
        return frontends

    def setups(self) -> "dict[str, FrontendSetup]":
        """How frontends of the loaded plugins are set up, by their names."""
        return {one.name: one for _, added in self._named("register_setup") for one in added}

    def explain(self, name: str, error: Exception) -> tuple[str, str]:
        """What to tell of an error in this plugin: what is wrong, and what to do."""
        info = self.get(name) or PluginInfo(name, name)
        return _explained(info, error)

    def agents(self) -> "dict[str, type[Agent]]":
        """Every agent's class, by name."""
        return {one.name: one for _, added in self._named("register_agents") for one in added}

    def commands(self, reserved: "Iterable[Command]" = ()) -> "dict[str, Command]":
        """The plugins' chat commands, by name.

        Args:
            reserved: whose names and aliases are not to be had.
        """
        named = self._named("register_commands", reserved)
        return {one.name: one for _, added in named for one in added}

    def extend_cli(self, group: "click.Group") -> None:
        """Let the plugins add to the `palaver` program."""
        for implementation in self._manager.hook.register_cli.get_hookimpls():
            info = self.get(implementation.plugin_name)
            try:
                implementation.function(group=group)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - the program must start
                if info:
                    self._fail(info, error)

    def _named(
        self, hook: str, reserved: Iterable[Any] = (), asked: Collection[str] | None = None
    ) -> Iterable[tuple[PluginInfo, list[Any]]]:
        """What each plugin adds, if all of its names are free; else the plugin has failed."""
        taken = {name for one in reserved for name in _names(one)}
        for info, added in self._collect(hook, asked):
            names = [name for one in added for name in _names(one)]
            doubled = [name for name in names if name in taken or names.count(name) > 1]
            if doubled:
                problem = f"the name {doubled[0]!r} is taken"
                self._fail(info, PluginConflictError(info.name, problem))
                continue
            taken.update(names)
            yield info, added

    def _collect(
        self, hook: str, asked: Collection[str] | None
    ) -> Iterable[tuple[PluginInfo, list[Any]]]:
        for implementation in getattr(self._manager.hook, hook).get_hookimpls():
            info = self.get(implementation.plugin_name)
            assert info is not None  # noqa: S101 - only `_register` registers
            if asked is not None and info.name not in asked:
                continue
            arguments = {"settings": self._tables[info.name]}
            used = {name: arguments[name] for name in implementation.argnames}
            try:
                added = list(implementation.function(**used) or ())
            except (Exception, SystemExit) as error:  # noqa: BLE001 - the other plugins must run
                self._fail(info, error)
            else:
                yield info, added

    # --- loading --------------------------------------------------------------------------------

    def _load(self, info: PluginInfo) -> None:
        try:
            self._register(info, _imported(info))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - importing runs a plugin's code
            self._fail(info, error)

    def _register(self, info: PluginInfo, plugin: object) -> None:
        try:
            self._attach(info, plugin)
            self._check(info)
            self._tables[info.name] = self._table(info)
        except BaseException:
            self._detach(info)
            raise
        if hasattr(plugin, "register_frontends"):
            # until its frontends are known, it hears what one of its own name would hear
            self._homes[info.name] = {info.name}
        info.state = PluginState.LOADED

    def _attach(self, info: PluginInfo, plugin: object) -> None:
        try:
            self._manager.register(plugin, info.name)
        except (pluggy.PluginValidationError, ValueError) as error:
            raise PluginError(info.name, " ".join(str(error).split())) from error

    def _detach(self, info: PluginInfo) -> None:
        if self._manager.get_plugin(info.name) is not None:
            self._manager.unregister(name=info.name)

    def _check(self, info: PluginInfo) -> None:
        plugin = self._manager.get_plugin(info.name)
        for caller in self._manager.get_hookcallers(plugin) or ():
            for implementation in caller.get_hookimpls():
                if implementation.plugin is not plugin:
                    continue
                if not caller.has_spec() and not implementation.optionalhook:
                    problem = f"there is no hook {caller.name!r}{_nearest(caller.name)}"
                    raise PluginError(info.name, problem)
                if implementation.wrapper or implementation.hookwrapper:
                    problem = f"{caller.name} is a hook wrapper; wrappers are not supported"
                    raise PluginError(info.name, problem)
                at_once = caller.name.startswith("register_")
                if at_once and inspect.iscoroutinefunction(implementation.function):
                    problem = f"{caller.name} must be a plain def, not async"
                    raise PluginError(info.name, problem)

    def _table(self, info: PluginInfo) -> BaseModel:
        plugin = self._manager.get_plugin(info.name)
        register = getattr(plugin, "register_settings", None)
        model: type[BaseModel] = (register() if register else None) or SettingsModel
        return self._settings.table(model, "plugins", info.name)

    def _fail(self, info: PluginInfo, error: BaseException) -> None:
        info.state = PluginState.FAILED
        info.error, info.hint = _explained(info, error)
        self._detach(info)
        # without its extra a plugin is not wanted; if it is, whoever wants it says what is missing
        level = logging.INFO if isinstance(error, ModuleNotFoundError) else logging.ERROR
        log.log(level, "plugin %s: %s %s", info.name, info.error, info.hint)
        if not isinstance(error, PalaverError | ImportError):
            log.debug("plugin %s", info.name, exc_info=error)

    def _refuse_duplicates(self) -> None:
        seen: set[str] = set()
        for info in self.plugins:
            if info.name in seen:
                info.state = PluginState.FAILED
                info.error = f"the name {info.name!r} is taken by another plugin"
                info.hint = f"Uninstall one of them; this one is {info.target}."
            seen.add(info.name)


def _imported(info: PluginInfo) -> ModuleType:
    if ":" in info.target:
        problem = f"its entry point {info.target!r} does not name a module"
        raise PluginError(info.name, problem, hint="A module is written without a colon.")
    return importlib.import_module(info.target)


def _explained(info: PluginInfo, error: BaseException) -> tuple[str, str]:
    if isinstance(error, ModuleNotFoundError):
        if info.name in info.extras:
            hint = f"Install it with: pip install '{info.distribution}[{info.name}]'"
        else:
            hint = f"Install what {info.distribution or info.target} needs."
        return f"the package {error.name!r} is not installed.", hint
    if isinstance(error, ConfigError | PluginError):
        return error.message, error.hint
    return f"{type(error).__name__}: {error}", "Report it to the plugin's author."


def _nearest(name: str) -> str:
    import difflib

    known = [hook for hook in dir(hookspecs) if hook.startswith(("on_", "register_", "transcribe"))]
    matches = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {matches[0]!r}?" if matches else ""


def _names(added: Any) -> tuple[str, ...]:
    """What an agent, a frontend or a command claims."""
    return (added.name, *getattr(added, "aliases", ()))
