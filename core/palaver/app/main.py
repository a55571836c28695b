"""The `palaver` command: what it is called with, and how it ends.

A command is imported when it is called. The help is read from the table below, so that
`palaver --help` does not have to wait for what the commands need.
"""

import errno
import importlib
import io
import sys
from pathlib import Path
from typing import Any, NamedTuple

import click

from palaver.app.runtime import Runtime
from palaver.errors import PalaverError

EXIT_UNEXPECTED = 70
"""EX_SOFTWARE of sysexits.h: a mistake of Palaver's own."""
EXIT_STOPPED = 130
"""128 and the number of SIGINT, as shells count it."""


class Entry(NamedTuple):
    """Where a command is, and what it is for."""

    target: str
    help: str


COMMANDS = {
    "access": Entry("palaver.app.access:access", "Say who may talk to Palaver; pair people."),
    "config": Entry("palaver.app.config:config", "Show or check the configuration."),
    "demo": Entry("palaver.app.demo:demo", "Try it all, with no account and no network."),
    "doctor": Entry("palaver.app.doctor:doctor", "Find out what is wrong, and what to do."),
    "init": Entry("palaver.app.init:init", "Set up your chats, step by step."),
    "plugins": Entry("palaver.app.plugins:plugins", "Show the plugins and how they fare."),
    "serve": Entry("palaver.app.serve:serve", "Run the configured chats until stopped."),
    "sessions": Entry("palaver.app.sessions:sessions", "List, show, export and remove sessions."),
}


class Program(click.Group):
    """A group that imports a command when it is called, and turns errors into words."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*COMMANDS, *self._plugins_help(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if entry := COMMANDS.get(cmd_name):
            module, _, attribute = entry.target.partition(":")
            command: click.Command = getattr(importlib.import_module(module), attribute)
            return command
        if ctx.resilient_parsing:  # the shell completes a word
            return self._plugins_help(ctx).get(cmd_name)
        added = click.Group()
        ctx.obj.host().extend_cli(added)
        return added.commands.get(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        helps = {name: entry.help for name, entry in COMMANDS.items()}
        for name, command in self._plugins_help(ctx).items():
            helps.setdefault(name, command.get_short_help_str(limit=80))
        with formatter.section("Commands"):
            formatter.write_dl(sorted(helps.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            message = error.format_message() + _failures(ctx.obj)
            raise click.UsageError(message, ctx) from None

    def invoke(self, ctx: click.Context) -> Any:
        ctx.obj = runtime = Runtime(ctx.params["config"], verbose=ctx.params["verbose"])
        _prepare_streams(runtime)
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit):
            raise
        except (KeyboardInterrupt, click.Abort):
            click.echo(err=True)
            ctx.exit(EXIT_STOPPED)
        except PalaverError as error:
            _tell(error.message, error.hint)
            ctx.exit(error.exit_code)
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # click ends it without a word, as a pipe's end should be
            _tell_unexpected(error, verbose=runtime.verbose)
            ctx.exit(EXIT_UNEXPECTED)

    def _plugins_help(self, ctx: click.Context) -> dict[str, click.Command]:
        from palaver.app.plugin_commands import listed_commands

        return listed_commands(ctx.params.get("config"))


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="palaver", message="palaver %(version)s")
@click.option(
    "--config",
    metavar="FILE",
    type=click.Path(path_type=Path),
    is_eager=True,
    help="Use this palaver.toml; else that of PALAVER_CONFIG, else the user's own.",
)
@click.option("-v", "--verbose", is_flag=True, help="Log what happens, to standard error.")
def cli(**_: object) -> None:
    """One agent, every chat: talk to a coding agent from wherever you are.

    Begin with `palaver demo`; then talk with `palaver chat`, or run your chats with
    `palaver serve`.
    """


def _tell(message: str, hint: str) -> None:
    """Say what went wrong, and what to do."""
    from palaver.app.logs import mask

    click.secho(f"Error: {mask(message)}", err=True, fg="red")
    if hint:
        click.echo(hint, err=True)


def _prepare_streams(runtime: Runtime) -> None:
    import logging

    from palaver.app.logs import set_up

    # a terminal that cannot show a letter is no reason to end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    level = logging.DEBUG if runtime.verbose else logging.WARNING
    set_up(level, short=not runtime.verbose)


def _tell_unexpected(error: Exception, *, verbose: bool) -> None:
    import logging

    if verbose:
        logging.getLogger(__name__).error("this should not have happened", exc_info=error)
        return
    hint = "This should not have happened. With -v before the command you see more."
    _tell(f"{type(error).__name__}: {error}", hint)


def _failures(runtime: Runtime) -> str:
    """A plugin that could not be loaded may be the one that has the command."""
    failed = [info for info in runtime.host().plugins if info.error]
    return "".join(f"\nplugin {info.name}: {info.error} {info.hint}" for info in failed)
