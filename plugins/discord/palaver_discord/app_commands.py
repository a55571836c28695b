"""Palaver's commands as Discord's application commands, with names completed as one types."""

import logging
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import Choice

from palaver import SHARING, Command, Engine, Role
from palaver_discord.client import UNREACHABLE, words_of
from palaver_discord.interactions import Interactions

log = logging.getLogger(__name__)

MOST_CHOICES = 25
"""Of one completion (API reference, "Application Command Option Choice")."""
_LABEL = 100
_DESCRIPTION = 100
_STALE = (app_commands.CommandNotFound, app_commands.CommandSignatureMismatch)

_Made = app_commands.Command[Any, ..., None]


class Menu:
    """The commands that Discord shows.

    Args:
        interactions: carries them out.
    """

    def __init__(self, client: discord.Client, engine: Engine, interactions: Interactions) -> None:
        self._interactions = interactions
        self._tree = _Tree(client, interactions)
        self._add(_asking(interactions))
        for name, summary in SHARING.items():
            self._add(self._plain(name, summary))
        for command in engine.commands.shown(Role.OWNER):
            self._add(self._command(command))

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

    def _add(self, command: _Made) -> None:
        """What there is no room for, or whose name is taken, can still be typed."""
        try:
            self._tree.add_command(command)
        except (app_commands.CommandLimitReached, app_commands.CommandAlreadyRegistered) as error:
            log.warning("Discord cannot show /%s: %s", command.name, error)

    def _command(self, command: Command) -> _Made:
        if not command.argument:
            return self._plain(command.name, command.summary)
        interactions, optional = self._interactions, command.argument.startswith("[")

        async def required(interaction: discord.Interaction, argument: str) -> None:
            del argument  # an older version of the command may call it otherwise
            await interactions.command(interaction, _typed(interaction.data))

        async def perhaps(interaction: discord.Interaction, argument: str = "") -> None:
            if optional or " " in _typed(interaction.data):
                await required(interaction, argument)
            else:
                await interactions.want(interaction, command)

        callback = required if command.sessions and not optional else perhaps
        app_commands.describe(argument=command.argument[:_DESCRIPTION])(callback)
        app_commands.rename(argument=_option(command.argument))(callback)
        made: _Made = app_commands.Command(
            name=command.name, description=command.summary, callback=callback
        )
        if command.sessions:
            made.autocomplete("argument")(self._completing(command))
        return made

    def _plain(self, name: str, summary: str) -> _Made:
        async def callback(interaction: discord.Interaction) -> None:
            await self._interactions.command(interaction, f"/{name}")

        return app_commands.Command(name=name, description=summary, callback=callback)

    def _completing(
        self, command: Command
    ) -> Callable[[discord.Interaction, str], Coroutine[Any, Any, list[Choice[str]]]]:
        async def complete(interaction: discord.Interaction, current: str) -> list[Choice[str]]:
            text = f"/{command.name} {current}"
            found = await self._interactions.complete(interaction, text)
            return [
                Choice(name=one.description[:_LABEL] or "…", value=one.text.partition(" ")[2])
                for one in found[:MOST_CHOICES]
            ]

        return complete


class _Tree(app_commands.CommandTree[discord.Client]):
    """The library's, which would let those wait for nothing whose command fails."""

    def __init__(self, client: discord.Client, interactions: Interactions) -> None:
        super().__init__(client)
        self._interactions = interactions

    async def interaction_check(self, interaction: discord.Interaction, /) -> bool:
        return self._interactions.first(interaction)

    async def on_error(
        self, interaction: discord.Interaction, error: app_commands.AppCommandError
    ) -> None:
        if interaction.type is discord.InteractionType.autocomplete:
            log.info("a command could not be completed: %s", error)
        elif isinstance(error, _STALE):  # as Discord knew it before it changed
            await self._interactions.command(interaction, _typed(interaction.data))
        else:
            await self._interactions.failed(interaction, error)


def _asking(interactions: Interactions) -> _Made:
    @app_commands.describe(prompt="What the agent is to do")
    async def callback(interaction: discord.Interaction, prompt: str) -> None:
        await interactions.ask(interaction, prompt)

    summary = "Ask the agent; in a channel it answers in a new thread"
    return app_commands.Command(name="ask", description=summary, callback=callback)


def _typed(data: Any) -> str:
    """What somebody would have to type."""
    values = (str(option.get("value", "")) for option in data.get("options", ()))
    return " ".join([f"/{data.get('name', '')}", *values]).strip()


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
