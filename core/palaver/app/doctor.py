"""`palaver doctor`: what is wrong, and what to do."""

import sys
from typing import TYPE_CHECKING

import click

from palaver.app.runtime import Runtime, run

if TYPE_CHECKING:
    from palaver.app.checks import Check

_COLOURS = {"ok": "green", "warning": "yellow", "failed": "red"}


@click.command(short_help="Find out what is wrong, and what to do.")
@click.option("--json", "as_json", is_flag=True, help="One check a line, as JSON.")
@click.pass_obj
def doctor(runtime: Runtime, *, as_json: bool) -> None:
    """Look at all that Palaver needs, and say what to do about what is not well.

    It also makes one real request for permission: Claude Code runs a turn with a scripted model
    on this machine, which wants to write a file. The request must arrive here, and a denial must
    keep the file from being written. Nothing leaves this machine.

    The exit code is 1 if anything has failed; a warning alone leaves it at 0.
    """
    from palaver.app import logs

    if not runtime.verbose:
        logs.leave_plugins_out()
    if not run(_examine(runtime, as_json=as_json)):
        sys.exit(1)


async def _examine(runtime: Runtime, *, as_json: bool) -> bool:
    """Tell every check as it is done; whether none has failed."""
    from palaver.app.checks import State, examine
    from palaver.app.output import print_json

    well = True
    async for check in examine(runtime):
        well = well and check.state is not State.FAILED
        if as_json:
            print_json(
                {
                    "name": check.name,
                    "state": check.state.value,
                    "detail": check.detail,
                    "hint": check.hint,
                }
            )
        else:
            _tell(check)
    return well


def _tell(check: "Check") -> None:
    state = click.style(f"{check.state:<8}", fg=_COLOURS[check.state])
    detail = check.detail.replace("\n", f"\n{'':8}")
    click.echo(f"{state}{check.name}: {detail}")
    if check.hint:
        click.echo(f"{'':8}→ {check.hint}")
