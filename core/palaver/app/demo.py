"""`palaver demo`: everything is real but the model."""

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from palaver.app.demonstration.stage import Stage

_CHAT = "chat"

_WELCOME = """\
This is Claude Code itself, with a small scripted model in the place of the real one.
It needs no account, and all it leaves behind goes away in the end. Try:

  Remember the number 42.             then /newsession, and: What number did I tell you?
  Write a file hello.txt with hello   it asks you first
  run touch made.txt                  here, too
  count slowly                        Ctrl-C stops it
  /sessions   /help                   Ctrl-D leaves
"""


@click.command(short_help="Try it all, with no account and no network.")
@click.pass_context
def demo(ctx: click.Context) -> None:
    """Try Palaver with no account and no network.

    The agent is the real Claude Code: sessions, tools and approvals are what they always are.
    Only the model behind it is a small scripted one, in this very program. Everything is kept in
    a temporary folder, and nothing of yours is read or changed.

    In a terminal you can talk to it. Without one, a whole conversation is played and checked:
    the exit code is 0 if every step did what it should, else 1.
    """
    from palaver.app.demonstration.stage import stage

    with stage() as set_up:
        if sys.stdin.isatty() and sys.stdout.isatty():
            _chat(ctx, set_up)
        else:
            _perform(set_up)


def _chat(ctx: click.Context, set_up: "Stage") -> None:
    program = ctx.find_root()
    program.obj = set_up.runtime
    chat = (
        program.command.get_command(program, _CHAT)
        if isinstance(program.command, click.Group)
        else None
    )
    if chat is None:
        raise click.UsageError("the plugin `cli` is missing, which brings `palaver chat`", ctx)
    click.echo(_WELCOME)
    with chat.make_context(_CHAT, [], parent=program) as inner:
        chat.invoke(inner)


def _perform(set_up: "Stage") -> None:
    from palaver.app.demonstration.play import perform
    from palaver.app.runtime import run

    click.echo("Palaver's demo: the real Claude Code, with a small scripted model behind it.")
    run(perform(set_up, click.echo))
    click.echo("\nAll of it worked. Now run `palaver chat` with the model of your choice.")
