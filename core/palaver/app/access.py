"""`palaver access`: who may talk to Palaver."""

from typing import TYPE_CHECKING

import click

from palaver.app.runtime import Runtime, run

if TYPE_CHECKING:
    from palaver.identity import Namespace


def _namespace(_: click.Context, __: click.Parameter, text: str) -> "Namespace":
    from palaver.errors import InvalidNamespaceError
    from palaver.identity import Namespace

    try:
        return Namespace.parse(text)
    except InvalidNamespaceError as error:
        raise click.BadParameter(str(error)) from None


_who = click.argument("namespace", callback=_namespace)
_owner = click.option("--owner", is_flag=True, help="With full power, not as a member.")


@click.group(short_help="Say who may talk to Palaver; pair people.")
def access() -> None:
    """Say who may talk to Palaver.

    Everybody whom neither palaver.toml nor this lets in is refused. What you change here holds
    at once, also in a `palaver serve` that runs. People are named as in telegram:12345.
    """


@access.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One entry a line, as JSON.")
@click.pass_obj
def list_(runtime: Runtime, *, as_json: bool) -> None:
    """List who is let in, and by what."""
    from palaver.app import access_work

    run(access_work.show(runtime, as_json=as_json))


@access.command()
@_who
@_owner
@click.pass_obj
def allow(runtime: Runtime, *, namespace: "Namespace", owner: bool) -> None:
    """Let somebody in: as a member, who has their own sessions in the modes that ask."""
    from palaver.app import access_work

    run(access_work.allow(runtime, namespace, owner=owner))


@access.command()
@_who
@click.pass_obj
def revoke(runtime: Runtime, *, namespace: "Namespace") -> None:
    """Shut somebody out again; a turn of theirs that runs is stopped.

    It takes back what `allow` or `pair` has granted. Their sessions are kept; see
    `palaver sessions list --namespace`.
    """
    from palaver.app import access_work

    run(access_work.revoke(runtime, namespace))


@access.command()
@_owner
@click.option("--frontend", default="", metavar="NAME", help="Good for this frontend alone.")
@click.option("--cancel", is_flag=True, help="Take back all codes that wait, and make none.")
@click.pass_obj
def pair(runtime: Runtime, *, owner: bool, frontend: str, cancel: bool) -> None:
    """Show a code that lets in the one who sends it to the bot.

    It is good for one person and one hour. Nobody but you sees it: tell it only to whom you want
    to let in.
    """
    from palaver.app import access_work

    if cancel:
        run(access_work.cancel_codes(runtime))
    else:
        run(access_work.pair(runtime, owner=owner, frontend=frontend))
