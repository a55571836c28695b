"""How requests bear a bad connection.

What must arrive is tried until it does: `deliver`. What is only nice to have is tried once:
`attempt`. The library waits for short rate limits by itself.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import discord

from palaver_discord.client import FIRST_PAUSE_S, LONGEST_PAUSE_S, UNREACHABLE, lacking, words_of
from palaver_discord.wire import GivenUpError, Request

log = logging.getLogger(__name__)

MISSING_PERMISSIONS, ARCHIVED, UNKNOWN_MESSAGE, DM_CLOSED = 50013, 50083, 10008, 50007
"""Error codes (API reference, "JSON Error Codes")."""
LAST_S = 2.0
"""Seconds that an orderly end waits for what is to be dealt with late."""

T = TypeVar("T")


class Delivery:
    """Requests of one client. Whoever waits for one may be cancelled, the request is not: see
    `palaver_discord.wire`.

    Args:
        timeout_s: seconds without an answer after which it is tried again.
    """

    def __init__(self, client: discord.Client, timeout_s: float) -> None:
        self._client = client
        self._timeout_s = timeout_s
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._requests: set[asyncio.Task[Any]] = set()
        self._late: set[asyncio.Task[Any]] = set()

    async def close(self) -> None:
        """Make no requests any more."""
        if self._late:
            await asyncio.wait(self._late, timeout=LAST_S)
        tasks = [*self._late, *self._requests]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def deliver(
        self,
        channel_id: int,
        *sends: Callable[[], Awaitable[T]],
        timeout_s: float | None = None,
    ) -> T:
        """Send until all has arrived, and nothing else in this channel between; the last answer.

        Args:
            sends: each makes a request; called again, it must not do the same thing twice.
            timeout_s: if one may take longer than other requests.

        Raises:
            discord.HTTPException: if Discord refuses one for good.
        """
        lock = self._locks.get(channel_id)
        if lock is None:
            lock = self._locks[channel_id] = asyncio.Lock()
        async with lock:
            try:
                *first, last = sends
                for send in first:
                    await self._deliver(channel_id, send, timeout_s)
                return await self._deliver(channel_id, last, timeout_s)
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
                return await self._make(send, timeout_s or self._timeout_s)
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

    async def attempt(
        self,
        channel_id: int,
        send: Callable[[], Awaitable[T]],
        *,
        late: Callable[[T], Awaitable[None]] | None = None,
    ) -> T:
        """Send once, at once.

        Args:
            late: deals with an answer that comes when nobody waits for it any more.

        Raises:
            Exception: if it failed.
        """
        try:
            return await self._make(send, self._timeout_s, late)
        except discord.HTTPException as error:
            self._explain(channel_id, error)
            raise

    async def _make(
        self,
        send: Callable[[], Awaitable[T]],
        timeout_s: float,
        late: Callable[[T], Awaitable[None]] | None = None,
    ) -> T:
        request = Request(timeout_s)
        task = _owned(request.make(send), self._requests)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            request.give_up()
            if late and not task.cancelled():
                _owned(_dealt_with(task, late), self._late)
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


def _owned(work: Coroutine[Any, Any, T], owner: set[asyncio.Task[Any]]) -> asyncio.Task[T]:
    task = asyncio.create_task(work)
    owner.add(task)
    task.add_done_callback(owner.discard)
    return task


async def _dealt_with(task: "asyncio.Task[T]", late: Callable[[T], Awaitable[None]]) -> None:
    try:
        await late(await task)
    except (GivenUpError, discord.DiscordException, *UNREACHABLE) as error:
        log.info("nobody waited for it any more, and it failed: %r", error)
