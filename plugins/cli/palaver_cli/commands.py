"""`palaver chat` and `palaver ask`. Only click is imported until one of them is called."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from palaver import Runtime


@click.command(short_help="Talk to the agent in this terminal.")
@click.pass_obj
def chat(runtime: "Runtime") -> None:
    """Talk to the agent in this terminal.

    The agent works in the current directory, and the conversation of this directory goes on where
    it was left. Ctrl-C stops what the agent does, Ctrl-D leaves, /help shows the commands.

    Without a terminal every line of standard input is a message, one after the other; what the
    agent wants approved is denied.
    """
    from palaver_cli import typeahead

    with typeahead.kept():
        from palaver import run
        from palaver_cli.talk import talk

        run(talk(runtime.settings(), runtime.host()))


@click.command(short_help="Ask the agent one thing, for scripts.")
@click.argument("prompt", nargs=-1)
@click.option("--new", is_flag=True, help="Begin a new session instead of going on.")
@click.option("--json", "as_json", is_flag=True, help="Print every event as a line of JSON.")
@click.pass_context
def ask(ctx: click.Context, prompt: tuple[str, ...], *, new: bool, as_json: bool) -> None:
    """Ask the agent one thing and print its answer.

    The PROMPT may come as arguments, from a pipe, or both: then the pipe's text follows the
    arguments' after a blank line. The session of the current directory goes on.

    The exit code is 0 if the agent answered, 1 if it failed, 2 if the command was wrong, 3 if
    something it wanted was denied because nobody could be asked, and 130 after Ctrl-C.
    """
    from palaver import run
    from palaver_cli.ask import ask_once, read_prompt

    text = read_prompt(prompt)
    if not text.strip():
        raise click.UsageError("what do you want to ask? Give a prompt, or pipe one in.", ctx)
    runtime: Runtime = ctx.obj
    code = run(ask_once(runtime.settings(), runtime.host(), text, new=new, as_json=as_json))
    ctx.exit(code)
