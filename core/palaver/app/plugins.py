"""`palaver plugins`: what is installed, and how it fares."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from palaver.app.runtime import Runtime

if TYPE_CHECKING:
    from palaver.plugins import PluginInfo


@click.command(short_help="Show the plugins and how they fare.")
@click.option("--json", "as_json", is_flag=True, help="One plugin a line, as JSON.")
@click.pass_obj
def plugins(runtime: Runtime, *, as_json: bool) -> None:
    """Load all plugins and show what became of them.

    The exit code is 1 if any has failed. A plugin that is not wanted is switched off by
    plugins_disabled = ["NAME"] in palaver.toml.
    """
    from palaver.app import logs
    from palaver.commands.registry import BUILT_IN
    from palaver.plugins import PluginState

    if not runtime.verbose:
        logs.leave_plugins_out()
    host = runtime.host()
    host.agents()
    host.commands(BUILT_IN)
    found = sorted(host.plugins, key=lambda info: info.name)
    if as_json:
        _print_lines(found)
    else:
        _print_all(found)
    if any(info.state is PluginState.FAILED for info in found):
        sys.exit(1)


def _print_all(found: "Sequence[PluginInfo]") -> None:
    from palaver.app.output import print_table

    rows = [
        (info.name, info.state.value, f"{info.distribution} {info.version}".strip() or "built in")
        for info in found
    ]
    print_table(("NAME", "STATE", "FROM"), rows)
    for info in found:
        if info.error:
            click.secho(f"\n{info.name}: {info.error}", err=True, fg="red")
            click.echo(info.hint, err=True)


def _print_lines(found: "Sequence[PluginInfo]") -> None:
    from palaver.app.output import print_json

    for info in found:
        print_json(
            {
                "name": info.name,
                "state": info.state.value,
                "distribution": info.distribution,
                "version": info.version,
                "module": info.target,
                "error": info.error,
                "hint": info.hint,
            }
        )
