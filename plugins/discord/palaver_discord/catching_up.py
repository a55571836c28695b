"""What was written while nobody listened: Discord tells nobody later, but its channels keep it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

import discord

from palaver import Marks
from palaver_discord.admission import Admission
from palaver_discord.delivery import Delivery
from palaver_discord.incoming import written
from palaver_discord.watermark import Watermark

log = logging.getLogger(__name__)

PAGE = 100
"""Messages, or threads, that Discord gives at once."""
MOST_MESSAGES = 10_000
"""Of one channel that are looked at."""
PATIENCE_S = 60.0
"""Seconds for which a place that cannot be read now is tried again; what was missed elsewhere
waits for it."""
_AT_ONCE = 4

Parent = discord.TextChannel | discord.ForumChannel
Spoken = discord.TextChannel | discord.Thread
Readable = Spoken | discord.DMChannel
T = TypeVar("T")


class CatchingUp:
    """Reads what came since the watermark.

    Args:
        direct: the chats of users with the bot, by their ids: Discord has no list of them.
        users: those who may write without ever having done so.
    """

    def __init__(
        self,
        client: discord.Client,
        delivery: Delivery,
        watermark: Watermark,
        admission: Admission,
        direct: Marks,
        users: Iterable[int],
    ) -> None:
        self._client = client
        self._delivery = delivery
        self._since = watermark.since
        self._admission = admission
        self._direct = direct
        self._users = list(users)
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def missed(self) -> list[discord.Message]:
        """All that people wrote in places that the bot can read, the oldest first."""
        rooms = [*self._open(), *await self._archived(), *await self._chats()]
        found = await self._all(self._read(room) for room in rooms)
        messages = {one.id: one for several in found for one in several}
        return [messages[message_id] for message_id in sorted(messages)]

    # --- where ----------------------------------------------------------------------------------

    def _open(self) -> Iterator[Readable]:
        for guild in self._client.guilds:
            rooms: list[Spoken] = [*guild.text_channels, *guild.threads]
            yield from filter(self._wanted, rooms)

    def _wanted(self, room: Spoken) -> bool:
        newest = room.last_message_id
        return newest is not None and newest > self._since.id and self._readable(room)

    def _readable(self, room: Parent | discord.Thread) -> bool:
        if not self._admission.heard_in(room) or (
            isinstance(room, discord.Thread) and room.parent is None  # it may not see the channel
        ):
            return False
        may = room.permissions_for(room.guild.me)
        return may.view_channel and may.read_message_history

    async def _archived(self) -> list[discord.Thread]:
        """Threads that were archived after somebody wrote in them."""
        asked = []
        for guild in self._client.guilds:
            parents: list[Parent] = [*guild.text_channels, *guild.forums]
            for parent in filter(self._readable, parents):
                asked.append(self._archived_in(parent))
                if isinstance(parent, discord.TextChannel):
                    asked.append(self._archived_in(parent, private=True))
        return [thread for found in await self._all(asked) for thread in found]

    async def _archived_in(self, parent: Parent, *, private: bool = False) -> list[discord.Thread]:
        """Those of one channel, the last ones archived first; private ones by their ages."""
        since = self._since.created_at

        async def ask() -> list[discord.Thread]:
            found = []
            threads = parent.archived_threads(limit=PAGE)
            if private and isinstance(parent, discord.TextChannel):
                threads = parent.archived_threads(limit=PAGE, private=True, joined=True)
            async for thread in threads:
                if thread.archive_timestamp >= since:
                    found.append(thread)
                elif not private:
                    break
            return found

        threads = await self._insist(f"the archived threads of {parent.id}", ask) or []
        return [thread for thread in threads if self._wanted(thread)]

    async def _chats(self) -> list[discord.DMChannel]:
        ids = [int(channel_id) for (channel_id,) in await self._direct.all()]
        known = [chat for chat in await self._all(map(self._chat, ids)) if chat]
        met = {chat.recipient.id for chat in known if chat.recipient}
        others = (user_id for user_id in self._users if user_id not in met)
        opened = [chat for chat in await self._all(map(self._chat_with, others)) if chat]
        return [*known, *opened]

    async def _chat(self, channel_id: int) -> discord.DMChannel | None:
        what = f"the direct messages in {channel_id}"
        chat = await self._insist(what, lambda: self._client.fetch_channel(channel_id))
        return chat if isinstance(chat, discord.DMChannel) else None

    async def _chat_with(self, user_id: int) -> discord.DMChannel | None:
        user = discord.Object(user_id)
        what = f"the direct messages with {user_id}"
        return await self._insist(what, lambda: self._client.create_dm(user))

    # --- what -----------------------------------------------------------------------------------

    async def _read(self, room: Readable) -> list[discord.Message]:
        """What people wrote there since."""
        found: list[discord.Message] = []
        read, after = 0, self._since

        async def ask() -> list[discord.Message]:
            page = room.history(limit=PAGE, after=after, oldest_first=True)
            return [message async for message in page]

        while page := await self._insist(f"the messages in {room.id}", ask):
            found += filter(written, page)
            read, after = read + len(page), discord.Object(page[-1].id)
            if len(page) < PAGE:
                break
            if read >= MOST_MESSAGES:
                log.warning("too much was written in %s: not all of it is looked at", room.id)
                break
        return found

    # --- how ------------------------------------------------------------------------------------

    async def _all(self, asked: Iterable[Awaitable[T]]) -> list[T]:
        """All answers in their order; a few are asked for at once."""

        async def one(work: Awaitable[T]) -> T:
            async with self._turns:
                return await work

        return await asyncio.gather(*map(one, asked))

    async def _insist(self, what: str, ask: Callable[[], Awaitable[T]]) -> T | None:
        """The answer; None if it is refused, or does not come."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._delivery.insist(ask)
        except discord.HTTPException as error:
            log.info("%s cannot be read: %s", what, error)
        except TimeoutError:
            log.warning("%s cannot be read, so something may have been missed", what)
        return None
