"""Palaver's commands as Discord's application commands, with names completed as one types."""

import logging
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import Choice

from palaver import SHARING, Command, Engine, Role
from palaver_discord.client import UNREACHABLE, words_of
from palaver_discord.places import conversation, namespace

log = logging.getLogger(__name__)

MOST_CHOICES = 25
"""Of one completion (API reference, "Application Command Option Choice")."""
_LABEL = 100

Run = Callable[[discord.Interaction, str], Awaitable[None]]
"""Takes an interaction, and what it would be if it were typed."""


class Menu:
    """The commands that Discord shows.

    Args:
        run: carries one out.
        ask: takes `/ask`, and the prompt.
    """

    def __init__(self, client: discord.Client, engine: Engine, run: Run, ask: Run) -> None:
        self._engine = engine
        self._run = run
        self._tree: app_commands.CommandTree[discord.Client] = app_commands.CommandTree(client)
        self._tree.add_command(_asking(ask))
        for command in engine.commands.shown(Role.OWNER):
            self._tree.add_command(self._command(command))
        for name, summary in SHARING.items():
            self._tree.add_command(self._plain(name, summary))

    async def sync(self) -> None:
        """Tell Discord of them, if it knows others: it takes 200 new ones a day."""
        wanted = [one.to_dict(self._tree) for one in self._tree.get_commands()]
        try:
            known = await self._tree.fetch_commands()
            if _essence(wanted) == _essence([one.to_dict() for one in known]):
                return
            await self._tree.sync()
        except (discord.DiscordException, *UNREACHABLE) as error:  # all of them can be typed
            log.warning("Discord could not be told of the commands: %s", words_of(error))
        else:
            log.info("Discord has been told of %d commands", len(wanted))

    def _command(self, command: Command) -> app_commands.Command[Any, ..., None]:
        if not command.argument:
            return self._plain(command.name, command.summary)

        async def optional(interaction: discord.Interaction, argument: str = "") -> None:
            await self._run(interaction, f"/{command.name} {argument}".strip())

        async def required(interaction: discord.Interaction, argument: str) -> None:
            await self._run(interaction, f"/{command.name} {argument}".strip())

        callback = optional if command.argument.startswith("[") else required
        app_commands.describe(argument=command.argument)(callback)
        app_commands.rename(argument=_option(command.argument))(callback)
        made: app_commands.Command[Any, ..., None] = app_commands.Command(
            name=command.name, description=command.summary, callback=callback
        )
        if command.sessions:
            made.autocomplete("argument")(self._completing(command))
        return made

    def _plain(self, name: str, summary: str) -> app_commands.Command[Any, ..., None]:
        async def callback(interaction: discord.Interaction) -> None:
            await self._run(interaction, f"/{name}")

        return app_commands.Command(name=name, description=summary, callback=callback)

    def _completing(
        self, command: Command
    ) -> Callable[[discord.Interaction, str], Coroutine[Any, Any, list[Choice[str]]]]:
        async def complete(interaction: discord.Interaction, current: str) -> list[Choice[str]]:
            found = await self._engine.complete(
                namespace(interaction.user.id),
                conversation(interaction.channel_id or 0),
                f"/{command.name} {current}",
            )
            return [
                Choice(name=one.description[:_LABEL] or "…", value=one.text.partition(" ")[2])
                for one in found[:MOST_CHOICES]
            ]

        return complete


def _asking(ask: Run) -> app_commands.Command[Any, ..., None]:
    @app_commands.describe(prompt="What the agent is to do")
    async def callback(interaction: discord.Interaction, prompt: str) -> None:
        await ask(interaction, prompt)

    summary = "Ask the agent; in a channel it answers in a new thread"
    return app_commands.Command(name="ask", description=summary, callback=callback)


def _option(argument: str) -> str:
    """How an argument that help writes as `ID [NAME]` is called in Discord: `id-name`."""
    return "-".join(re.findall(r"[a-z]+", argument.lower()))[:32] or "argument"


def _essence(commands: Sequence[Mapping[str, Any]]) -> Sequence[object]:
    """What makes a difference to those who see them."""
    return sorted(
        (
            str(one["name"]),
            str(one["description"]),
            [
                (
                    option["name"],
                    option["description"],
                    bool(option.get("required")),
                    bool(option.get("autocomplete")),
                )
                for option in one.get("options") or []
            ],
        )
        for one in commands
    )
