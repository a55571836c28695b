"""What was written while nobody listened: Discord tells nobody later, but its channels keep it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable

import discord

from palaver import Marks
from palaver_discord.admission import Admission
from palaver_discord.incoming import written
from palaver_discord.watermark import Watermark

log = logging.getLogger(__name__)

MOST_MESSAGES = 500
"""Of one channel that are looked at."""
MOST_THREADS = 100
"""Of one channel that were archived meanwhile."""
_AT_ONCE = 4

Spoken = discord.TextChannel | discord.Thread
Readable = Spoken | discord.DMChannel


class CatchingUp:
    """Reads what came since the watermark.

    Args:
        direct: the chats of users with the bot, by their ids: Discord has no list of them.
        users: those who may write without ever having done so.
    """

    def __init__(
        self,
        client: discord.Client,
        watermark: Watermark,
        admission: Admission,
        direct: Marks,
        users: Iterable[int],
    ) -> None:
        self._client = client
        self._watermark = watermark
        self._admission = admission
        self._direct = direct
        self._users = list(users)
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def missed(self) -> list[discord.Message]:
        """All that people wrote in places that the bot can read, the oldest first."""
        rooms = [room async for room in self._rooms()]
        found = await asyncio.gather(*(self._read(room) for room in rooms))
        messages = {one.id: one for several in found for one in several}
        return [messages[message_id] for message_id in sorted(messages)]

    async def _rooms(self) -> AsyncIterator[Readable]:
        for guild in self._client.guilds:
            rooms: list[Spoken] = [*guild.text_channels, *guild.threads]
            for room in rooms:
                if self._wanted(room):
                    yield room
            parents: list[discord.TextChannel | discord.ForumChannel]
            parents = [*guild.text_channels, *guild.forums]
            for parent in parents:
                if self._admission.heard_in(parent):
                    for thread in await self._archived(parent):
                        yield thread
        known = [await self._chat(int(channel_id)) for (channel_id,) in await self._direct.all()]
        others = [await self._chat_with(user_id) for user_id in self._users]
        for chat in {chat.id: chat for chat in (*known, *others) if chat}.values():
            yield chat

    def _wanted(self, room: Spoken) -> bool:
        newest = room.last_message_id
        new = newest is not None and newest > self._watermark.since.id
        return new and self._admission.heard_in(room)

    async def _archived(
        self, parent: discord.TextChannel | discord.ForumChannel
    ) -> list[discord.Thread]:
        """Threads that were archived since, after somebody wrote in them."""
        since = self._watermark.since.created_at
        threads = []
        try:
            async for thread in parent.archived_threads(limit=MOST_THREADS):
                if thread.archive_timestamp < since:
                    break
                if self._wanted(thread):
                    threads.append(thread)
        except discord.HTTPException as error:
            log.info("the archived threads of %s cannot be read: %s", parent.id, error)
        return threads

    async def _chat(self, channel_id: int) -> discord.DMChannel | None:
        try:
            chat = await self._client.fetch_channel(channel_id)
        except discord.HTTPException as error:
            log.info("the direct messages in %s cannot be read: %s", channel_id, error)
            return None
        return chat if isinstance(chat, discord.DMChannel) else None

    async def _chat_with(self, user_id: int) -> discord.DMChannel | None:
        try:
            return await self._client.create_dm(discord.Object(user_id))
        except discord.HTTPException as error:
            log.info("there are no direct messages with %s: %s", user_id, error)
            return None

    async def _read(self, room: Readable) -> list[discord.Message]:
        """What people wrote there since, but for what has been dealt with."""
        async with self._turns:
            try:
                return [
                    message
                    async for message in room.history(
                        limit=MOST_MESSAGES, after=self._watermark.since, oldest_first=True
                    )
                    if written(message)
                ]
            except discord.HTTPException as error:
                log.info("the messages in %s cannot be read: %s", room.id, error)
                return []
