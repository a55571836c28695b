"""What the gateway tells, handed to those who deal with it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import discord

from palaver_discord.intake import Intake
from palaver_discord.interactions import Interactions
from palaver_discord.threads import Threads

log = logging.getLogger(__name__)


class Bot(discord.Client):
    """The library's client; it calls the methods below, each in a task of its own.

    Attributes:
        there: the servers are known, so all can begin.
    """

    there: asyncio.Event
    _intake: Intake
    _interactions: Interactions
    _threads: Threads
    _again: Callable[[], Awaitable[None]]

    def listen(
        self,
        intake: Intake,
        interactions: Interactions,
        threads: Threads,
        again: Callable[[], Awaitable[None]],
    ) -> None:
        """Say who deals with what; before it connects.

        Args:
            again: what is to be done when a new connection has taken the place of a lost one.
        """
        self.there = asyncio.Event()
        self._intake = intake
        self._interactions = interactions
        self._threads = threads
        self._again = again

    async def on_connect(self) -> None:
        self._intake.hold()

    async def on_ready(self) -> None:
        if self.there.is_set():
            await self._again()
        self.there.set()

    async def on_guild_available(self, guild: discord.Guild) -> None:
        """A server that was out of order, or slow, has messages that were missed, too."""
        if self.is_ready():
            log.info("the server %s is there again", guild.id)
            await self._again()

    async def on_guild_unavailable(self, guild: discord.Guild) -> None:
        log.info("the server %s is out of order", guild.id)
        self._intake.lost()

    async def on_message(self, message: discord.Message) -> None:
        await self._intake.take(message)

    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        await self._intake.edited(payload.message)

    async def on_raw_thread_delete(self, payload: discord.RawThreadDeleteEvent) -> None:
        await self._threads.forget(payload.thread_id)

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        await self._threads.forget(channel.id)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        kinds = {
            discord.InteractionType.component: self._interactions.component,
            discord.InteractionType.modal_submit: self._interactions.modal,
        }
        take = kinds.get(interaction.type)  # the menu takes the others
        if take and self._interactions.first(interaction):
            await take(interaction)
