"""Writes docs/reference/cli.md from the help of the program `palaver`.

    python docs/generate_cli.py

A test compares the page with what this would write.
"""

import importlib
from collections.abc import Iterator
from pathlib import Path

import click

from palaver.app.main import COMMANDS, EXIT_STOPPED, EXIT_UNEXPECTED, cli
from palaver.errors import CommandError, ConfigError, PalaverError, StoreError
from palaver_cli.exits import Exit
from palaver_cli.plugin import register_cli

PAGE = Path(__file__).parent / "reference" / "cli.md"
_WIDTH = 90
_NOTE = "<!-- Written by docs/generate_cli.py from the program's help; change it there. -->"

_EXITS = {
    Exit.DONE: "all went well",
    PalaverError.exit_code: "it failed; standard error says why and what to do",
    CommandError.exit_code: "the command line is wrong",
    Exit.DENIED: "of `ask`: an answer, but something the agent wanted was denied",
    EXIT_UNEXPECTED: "a mistake of Palaver's own; `palaver -v …` shows more",
    StoreError.exit_code: "the database cannot be used",
    ConfigError.exit_code: "the configuration does not hold",
    EXIT_STOPPED: "stopped with Ctrl-C",
}


def commands() -> dict[str, click.Command]:
    """The commands of core and of the terminal's plugin, by name."""
    added = click.Group()
    register_cli(added)
    found = dict(added.commands)
    for name, entry in COMMANDS.items():
        module, _, attribute = entry.target.partition(":")
        found[name] = getattr(importlib.import_module(module), attribute)
    return dict(sorted(found.items()))


def page() -> str:
    """The whole page."""
    rows = (f"| {code:d} | {meaning} |" for code, meaning in sorted(_EXITS.items()))
    parts = [
        _NOTE,
        "# The program `palaver`",
        "`palaver [--config FILE] [-v] COMMAND`\n"
        "has these commands, and those that other plugins add.",
        *_whole_program(),
        "## Exit codes",
        "\n".join(["| code | meaning |", "|---|---|", *rows]),
        "After another signal, 128 and the signal's number; "
        "`palaver serve` leaves with 0 after SIGTERM and Ctrl-C.",
    ]
    return "\n\n".join(parts) + "\n"


def _whole_program() -> Iterator[str]:
    program = click.Group("palaver", dict(commands()), params=cli.params, help=cli.help)
    program.context_settings = cli.context_settings
    yield from _sections(program, None)


def _sections(command: click.Command, parent: click.Context | None) -> Iterator[str]:
    """A heading and the help of a command, and of all below it."""
    context = click.Context(command, parent, command.name, terminal_width=_WIDTH)
    context.help_option_names = ["-h", "--help"]
    yield f"## {context.command_path}"
    yield f"```text\n{command.get_help(context).strip()}\n```"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            yield from _sections(command.commands[name], context)


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), "utf-8")
