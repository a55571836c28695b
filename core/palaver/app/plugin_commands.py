"""Which commands the plugins add to the program, found out in no time, for `palaver --help`.

The plugin host does it properly, with settings and with pydantic; that is too slow for a help
text. So here only those plugins are imported whose module speaks of the hook, and nothing else of
them is called.
"""

import importlib
import importlib.metadata
import importlib.util
import logging
import os
import tomllib
from collections.abc import Collection, Iterator
from pathlib import Path

import click

log = logging.getLogger(__name__)

_GROUP = "palaver"
_HOOK = "register_cli"


def listed_commands(config: Path | None) -> dict[str, click.Command]:
    """The commands that plugins would add, by name. One that fails adds nothing here."""
    added = click.Group("palaver")
    for target in _targets(_disabled(config)):
        try:
            register = getattr(importlib.import_module(target), _HOOK, None)
            if register is not None:
                register(group=added)
        except Exception as error:  # noqa: BLE001 - a broken plugin is no reason to show no help
            log.debug("the plugin %s adds no command: %s", target, error)
    return dict(added.commands)


def _targets(disabled: Collection[str]) -> Iterator[str]:
    entries = importlib.metadata.entry_points(group=_GROUP)
    for entry in sorted(entries, key=lambda entry: entry.name):
        if entry.name not in disabled and _speaks_of_hook(entry.value):
            yield entry.value


def _speaks_of_hook(module: str) -> bool:
    """Whether a module's text has the hook's name; the module itself is not imported."""
    try:
        spec = importlib.util.find_spec(module)
        return bool(spec and spec.origin) and _HOOK in Path(str(spec and spec.origin)).read_text()
    except Exception:  # noqa: BLE001 - to find a module, its packages are imported
        return False


def _disabled(config: Path | None) -> Collection[str]:
    """`plugins_disabled`, if it can be read; the command itself will tell if it cannot."""
    if named := os.environ.get("PALAVER_PLUGINS_DISABLED"):
        text = f"plugins_disabled = {named}"
    else:
        path = config or _usual_config()
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            return ()
    try:
        names = tomllib.loads(text).get("plugins_disabled", ())
    except tomllib.TOMLDecodeError:
        return ()
    return names if isinstance(names, list) else ()


def _usual_config() -> Path:
    if named := os.environ.get("PALAVER_CONFIG"):
        return Path(named).expanduser()
    import platformdirs

    return platformdirs.user_config_path("palaver", appauthor=False) / "palaver.toml"
