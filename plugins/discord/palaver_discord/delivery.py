"""How requests bear a bad connection.

What must arrive is tried until it does: `deliver`. What is only nice to have is tried once:
`attempt`. The library waits for short rate limits by itself.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import discord

from palaver_discord.client import FIRST_PAUSE_S, LONGEST_PAUSE_S, UNREACHABLE, lacking, words_of

log = logging.getLogger(__name__)

MISSING_PERMISSIONS, ARCHIVED, UNKNOWN_MESSAGE, DM_CLOSED = 50013, 50083, 10008, 50007
"""Error codes (API reference, "JSON Error Codes")."""

T = TypeVar("T")


class Delivery:
    """Requests of one client.

    Args:
        timeout_s: seconds without an answer after which it is tried again.
    """

    def __init__(self, client: discord.Client, timeout_s: float) -> None:
        self._client = client
        self._timeout_s = timeout_s
        self._locks: dict[int, asyncio.Lock] = {}

    async def deliver(
        self, channel_id: int, send: Callable[[], Awaitable[T]], *, timeout_s: float | None = None
    ) -> T:
        """Send until it has arrived, one after the other in each channel.

        Args:
            send: makes the request; called again, it must not do the same thing twice.
            timeout_s: if it may take longer than other requests.

        Raises:
            discord.HTTPException: if Discord refuses it for good.
        """
        async with self._locks.setdefault(channel_id, asyncio.Lock()):
            try:
                return await self._deliver(channel_id, send, timeout_s)
            except discord.HTTPException as error:
                self._explain(channel_id, error)
                raise

    async def insist(
        self, send: Callable[[], Awaitable[T]], *, timeout_s: float | None = None
    ) -> T:
        """Send until there is an answer; as `deliver`, but for no channel.

        Raises:
            discord.HTTPException: if Discord refuses it for good.
        """
        pause = FIRST_PAUSE_S
        while True:
            try:
                async with asyncio.timeout(timeout_s or self._timeout_s):
                    return await send()
            except discord.RateLimited as error:
                await asyncio.sleep(error.retry_after)
                continue
            except UNREACHABLE as error:
                log.info("not sent, trying again: %s", words_of(error))
            except discord.HTTPException as error:
                if error.status != 429:
                    raise
                log.warning("Discord takes nothing from this address for now: %s", error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def wake(self, channel_id: int) -> None:
        """Reopen an archived thread: it takes new messages, but no changes of its old ones.

        Raises:
            discord.HTTPException: if Discord refuses it for good.
        """

        async def reopen() -> None:
            channel = await self._client.fetch_channel(channel_id)
            if isinstance(channel, discord.Thread) and channel.archived:
                await channel.edit(archived=False)

        await self.insist(reopen)

    async def attempt(self, channel_id: int, send: Callable[[], Awaitable[T]]) -> T:
        """Send once, at once.

        Raises:
            Exception: if it failed.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                return await send()
        except discord.HTTPException as error:
            self._explain(channel_id, error)
            raise

    async def _deliver(
        self, channel_id: int, send: Callable[[], Awaitable[T]], timeout_s: float | None
    ) -> T:
        try:
            return await self.insist(send, timeout_s=timeout_s)
        except discord.HTTPException as error:
            if error.code != ARCHIVED:
                raise
        await self.wake(channel_id)
        return await self.insist(send, timeout_s=timeout_s)

    def _explain(self, channel_id: int, error: discord.HTTPException) -> None:
        if error.code != MISSING_PERMISSIONS:
            return
        channel = self._client.get_channel(channel_id)
        names: list[str] = []
        if isinstance(channel, discord.abc.GuildChannel | discord.Thread):
            names = lacking(channel.permissions_for(channel.guild.me))
        what = ", ".join(names) or "perhaps it may not see the channel any more"
        log.warning("the bot lacks permissions in channel %s: %s", channel_id, what)
