"""A bot on the real discord.py, for the server to be tried with."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import discord  # noqa: TID251 - the server is tried with the real library
from discord import app_commands  # noqa: TID251 - as above

from palaver.testing.discord import DiscordServer

__all__ = ["Bot", "Form", "app_commands", "ask", "connected", "discord"]


class Form(discord.ui.Modal, title="Rename"):
    """A modal with one field."""

    name: discord.ui.TextInput["Form"] = discord.ui.TextInput(label="New name", max_length=100)

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"renamed to {self.name.value}", ephemeral=True)


class Bot(discord.Client):
    """It hears everything, and has a command of each kind."""

    def __init__(self, intents: discord.Intents | None = None, **settings: Any) -> None:
        super().__init__(
            intents=intents or discord.Intents.all(),
            guild_ready_timeout=0.05,
            **settings,
        )
        self.heard: list[discord.Message] = []
        self.interactions: list[discord.Interaction] = []
        self.errors: list[discord.HTTPException] = []
        self.threads: list[discord.Thread] = []
        self.go_on = asyncio.Event()
        self.tree = app_commands.CommandTree(self)
        self._add_commands()

    @property
    def texts(self) -> list[str]:
        """What people said."""
        return [message.content for message in self.heard]

    async def before_identify_hook(self, _shard_id: int | None, *, initial: bool = False) -> None:
        # discord.py would wait for 5 s before it identifies itself anew.
        del initial

    async def setup_hook(self) -> None:
        await self.tree.sync()

    async def on_message(self, message: discord.Message) -> None:
        if message.author != self.user and not message.is_system():
            self.heard.append(message)

    async def on_thread_create(self, thread: discord.Thread) -> None:
        self.threads.append(thread)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        self.interactions.append(interaction)
        if interaction.type is discord.InteractionType.component:
            await self._tried(interaction.response.edit_message(content="pressed", view=None))

    async def _tried(self, doing: Any) -> None:
        try:
            await doing
        except discord.HTTPException as error:
            self.errors.append(error)

    def _add_commands(self) -> None:
        tree = self.tree

        @tree.command(name="echo", description="Say it again")
        async def echo(interaction: discord.Interaction, text: str, times: int = 1) -> None:
            await self._tried(interaction.response.send_message(text * times))

        @tree.command(name="whisper", description="Say it to one alone")
        async def whisper(interaction: discord.Interaction, text: str) -> None:
            await interaction.response.send_message(text, ephemeral=True)

        @tree.command(name="slow", description="Think first")
        async def slow(interaction: discord.Interaction) -> None:
            await interaction.response.defer(ephemeral=True, thinking=True)
            await self.go_on.wait()
            await self._tried(interaction.edit_original_response(content="thought"))
            await self._tried(interaction.followup.send("and more", ephemeral=True))

        @tree.command(name="rename", description="Ask for a name")
        async def rename(interaction: discord.Interaction) -> None:
            await interaction.response.send_modal(Form())

        @tree.command(name="use", description="Choose a session")
        async def use(interaction: discord.Interaction, session: str) -> None:
            await interaction.response.send_message(f"using {session}")

        group = app_commands.Group(name="session", description="One session")

        @group.command(name="share", description="Share it with somebody")
        async def share(
            interaction: discord.Interaction,
            who: discord.Member,
            where: discord.TextChannel | None = None,
            notes: discord.Attachment | None = None,
        ) -> None:
            read = (await notes.read()).decode() if notes else ""
            place = where.name if where else ""
            await interaction.response.send_message(f"{who.name} {place} {read}", ephemeral=True)

        tree.add_command(group)

        @use.autocomplete("session")
        async def sessions(
            _interaction: discord.Interaction, current: str
        ) -> list[app_commands.Choice[str]]:
            names = ["alpha", "alone", "beta"]
            fitting = [name for name in names if name.startswith(current)]
            return [app_commands.Choice(name=one.title(), value=one) for one in fitting]


@contextlib.asynccontextmanager
async def connected(server: DiscordServer, bot: Bot | None = None) -> AsyncIterator[Bot]:
    """A bot that is there and ready, and gone at the end."""
    client = bot or Bot()
    running = asyncio.create_task(client.start(server.token))
    ready = asyncio.create_task(server.gateway.wait_connected())
    try:
        await asyncio.wait([running, ready], return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        await ready
        await client.wait_until_ready()
        yield client
    finally:
        ready.cancel()
        await client.close()
        await asyncio.gather(running, ready, return_exceptions=True)


async def ask(
    server: DiscordServer, method: str, path: str, *, token: str | None = None, **details: Any
) -> tuple[int, Any]:
    """Status and body of an answer, asked for without any library: for what it won't send."""
    headers = {"Authorization": f"Bot {token or server.token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request(method, server.api_base + path, **details) as answer,
    ):
        return answer.status, await answer.json() if answer.content_length else None
