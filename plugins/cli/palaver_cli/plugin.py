"""What the terminal adds to Palaver."""

from typing import TYPE_CHECKING

import click

from palaver import hookimpl

if TYPE_CHECKING:
    from palaver import ConversationId, Frontend, Namespace
    from palaver_cli.settings import CliSettings


@hookimpl
def register_settings() -> "type[CliSettings]":
    from palaver_cli.settings import CliSettings

    return CliSettings


@hookimpl
def register_frontends(settings: "CliSettings") -> "list[Frontend]":
    from palaver_cli.frontend import Repl

    return [Repl(settings)]


@hookimpl
def register_cli(group: click.Group) -> None:
    from palaver_cli.commands import ask, chat

    group.add_command(chat)
    group.add_command(ask)


@hookimpl
async def on_authorize(namespace: "Namespace", conversation: "ConversationId") -> bool | None:
    """Whoever could start this process may use it, under the name the system knows."""
    from palaver_cli.identity import namespace as own

    del conversation
    return True if namespace == own() else None
