"""Palaver: one agent, every chat.

This module is the public surface: a plugin imports from here, and from `palaver.testing` in its
tests, and from nowhere else. The names are those of `palaver.api`, which is imported when the
first of them is used, so that `palaver --help` need not wait for a database library.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from palaver.api import *  # noqa: F403


def __getattr__(name: str) -> object:
    if name == "hookimpl":  # all that a plugin's module needs to be imported for
        return importlib.import_module("palaver.markers").hookimpl
    api = None if name.startswith("__") else importlib.import_module("palaver.api")
    if api is None or name not in api.__all__:
        raise AttributeError(f"module 'palaver' has no attribute {name!r}")
    value: object = getattr(api, name)
    return value
