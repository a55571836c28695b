"""`palaver init`: from nothing to a bot that knows its owner."""

from pathlib import Path

import click

from palaver.app.runtime import Runtime
from palaver.app.terminal import is_interactive


def _files(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> dict[str, Path]:
    files = {}
    for text in texts:
        name, equals, path = text.partition("=")
        if not (name and equals and path):
            raise click.BadParameter(f"{text!r} is not NAME=FILE, as in telegram=token.txt.")
        files[name] = Path(path).expanduser().absolute()
    return files


@click.command(short_help="Set up your chats, step by step.")
@click.option("--frontend", "frontends", multiple=True, metavar="NAME", help="Set up this one.")
@click.option(
    "--token-file",
    "token_files",
    multiple=True,
    metavar="NAME=FILE",
    callback=_files,
    help="Take a frontend's token from this file, and leave it there.",
)
@click.option("-y", "--yes", is_flag=True, help="Change an existing palaver.toml without asking.")
@click.option("--pair/--no-pair", default=True, help="Make a pairing code for the owner.")
@click.option("--wait/--no-wait", default=None, help="Run the bot until the code has been sent.")
@click.pass_obj
def init(
    runtime: Runtime,
    *,
    frontends: tuple[str, ...],
    token_files: dict[str, Path],
    yes: bool,
    pair: bool,
    wait: bool | None,
) -> None:
    """Set up your chats: ask for their tokens, try them, and let you in as the owner.

    It writes palaver.toml and, beside it, a file for each token; both only you can read. What is
    in an existing palaver.toml stays there. Without a terminal nothing is asked: name the
    frontends, and give their tokens in files or in the environment, as in
    PALAVER_PLUGINS__TELEGRAM__TOKEN.
    """
    from palaver.app import logs, wizard

    if not runtime.verbose:
        logs.leave_plugins_out()
    options = wizard.Options(frontends, token_files, yes=yes, pair=pair, wait=wait)
    if runtime.verbose or not is_interactive():
        wizard.Wizard(runtime, options).run()
        return
    with logs.aside() as log:
        wizard.Wizard(runtime, options, log).run()
