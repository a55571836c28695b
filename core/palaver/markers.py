"""The decorators of pluggy's for Palaver's hooks, apart from the hooks: a plugin needs no more.

A plugin's module is imported for `palaver --help`, which must not wait for pydantic.
"""

import pluggy

PROJECT = "palaver"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""The decorator for a plugin's hooks: `from palaver import hookimpl`."""
