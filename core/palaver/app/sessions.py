"""`palaver sessions`: list, show, export, remove, restore, clean up."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from palaver.app.runtime import Runtime, run

if TYPE_CHECKING:
    from palaver.identity import Namespace

F = TypeVar("F", bound=Callable[..., Any])


def _namespace(_: click.Context, __: click.Parameter, text: str | None) -> "Namespace":
    from palaver.app.terminal import terminal_namespace
    from palaver.errors import InvalidNamespaceError
    from palaver.identity import Namespace

    if text is None:
        return terminal_namespace()
    try:
        return Namespace.parse(text)
    except InvalidNamespaceError as error:
        raise click.BadParameter(str(error)) from None


def _whose(function: F) -> F:
    return click.option(
        "--namespace",
        metavar="FRONTEND:USER",
        callback=_namespace,
        help="Whose sessions, as in telegram:12345; by default this terminal's user's.",
    )(function)


_json = click.option("--json", "as_json", is_flag=True, help="One session a line, as JSON.")
_session = click.argument("session")
_sessions = click.argument("session", nargs=-1, required=True)


@click.group(short_help="List, show, export and remove sessions.")
def sessions() -> None:
    """List, show, export and remove sessions.

    A SESSION is named by its id, the beginning of it, its name, or its number in the list.
    """


@sessions.command(name="list")
@_whose
@_json
@click.option("--trash", is_flag=True, help="Those in the trash.")
@click.pass_obj
def list_(runtime: Runtime, *, namespace: "Namespace", as_json: bool, trash: bool) -> None:
    """List sessions, the most recent first; * marks the current one of this directory."""
    from palaver.app import session_work

    run(session_work.show_list(runtime, namespace, as_json=as_json, trashed=trash))


@sessions.command()
@_session
@_whose
@_json
@click.pass_obj
def show(runtime: Runtime, *, session: str, namespace: "Namespace", as_json: bool) -> None:
    """Show all about one session."""
    from palaver.app import session_work

    run(session_work.show_one(runtime, namespace, session, as_json=as_json))


@sessions.command()
@_session
@_whose
@click.option("--json", "as_json", is_flag=True, help="As JSON instead of Markdown.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write to this file instead of standard output; an existing one is kept.",
)
@click.pass_obj
def export(
    runtime: Runtime, *, session: str, namespace: "Namespace", as_json: bool, output: Path | None
) -> None:
    """Write out a session's whole conversation, as Markdown."""
    from palaver.app import session_work

    text = run(session_work.export(runtime, namespace, session, as_json=as_json))
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise click.FileError(str(output), error.strerror) from error


@sessions.command()
@_sessions
@_whose
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def rm(runtime: Runtime, *, session: tuple[str, ...], namespace: "Namespace", yes: bool) -> None:
    """Move sessions to the trash, from where they can be restored for some days."""
    from palaver.app import session_work
    from palaver.app.terminal import is_interactive

    if not yes and not is_interactive():
        raise click.UsageError("There is nobody to ask here. To remove all the same, add --yes.")
    found = run(session_work.find_all(runtime, namespace, session))
    if not yes and not session_work.ask_to_remove(found):
        sys.exit(1)
    if not run(session_work.remove(runtime, namespace, found)):
        sys.exit(1)


@sessions.command()
@_sessions
@_whose
@click.pass_obj
def restore(runtime: Runtime, *, session: tuple[str, ...], namespace: "Namespace") -> None:
    """Bring sessions back from the trash; `sessions list --trash` shows what is there."""
    from palaver.app import session_work

    run(session_work.restore(runtime, namespace, session))


@sessions.command()
@_whose
@click.option("--all", "everybody", is_flag=True, help="Everybody's sessions.")
@click.pass_obj
def clean(runtime: Runtime, *, namespace: "Namespace", everybody: bool) -> None:
    """Move sessions that are too old to the trash, and purge what lay there long enough.

    How old that is, is set by retention_days and trash_days below [sessions]. Sessions that are
    current somewhere are kept.
    """
    from palaver.app import session_work

    if not run(session_work.clean(runtime, None if everybody else namespace)):
        sys.exit(1)
