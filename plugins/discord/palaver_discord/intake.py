"""Messages on their way in, from the gateway or from a channel's history."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from itertools import chain
from typing import TypeVar

import discord

from palaver import ConversationId, Marks, Reception
from palaver_discord.admission import Admission
from palaver_discord.catching_up import CatchingUp
from palaver_discord.delivery import Delivery
from palaver_discord.incoming import DiscordMessage, written
from palaver_discord.placing import Placing
from palaver_discord.threads import Threads
from palaver_discord.watermark import Watermark

log = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE_S = 2.0
"""Seconds that what was missed has to come into its order before what comes now: a file that is
fetched, or a thread that is opened, for longer holds up nobody else."""
LONGEST_HOLD_S = 10.0
"""Seconds that what comes now waits for what was missed, where Discord does not tell that."""
_REMEMBERED = 5000


class Intake:
    """Takes messages that are for the bot, each once."""

    def __init__(
        self,
        client: discord.Client,
        delivery: Delivery,
        reception: Reception,
        placing: Placing,
        threads: Threads,
        admission: Admission,
        watermark: Watermark,
        direct: Marks,
    ) -> None:
        self._client = client
        self._delivery = delivery
        self._reception = reception
        self._placing = placing
        self._threads = threads
        self._admission = admission
        self._watermark = watermark
        self._direct = direct
        self._passed: OrderedDict[int, None] = OrderedDict()
        self._edits: OrderedDict[int, int] = OrderedDict()
        self._caught_up = asyncio.Event()
        self._catching_up = asyncio.Lock()
        self._behind = False
        self._connections = self._losses = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Give up on what was missed and is not taken; it is found at the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def hold(self) -> None:
        """A connection is new: what was missed comes first."""
        self.lost()
        self._connections += 1
        self._caught_up.clear()

    def lost(self) -> None:
        """A server is out of order: what is written there is missed."""
        self._losses += 1
        self._watermark.hold()

    async def catch_up(self, users: Sequence[int]) -> None:
        """Take what was missed, then let in what has come meanwhile.

        All who want that while it is being done are served by doing it once more.
        """
        self._behind, connection = True, self._connections
        work = self._spawn(self._catch_up(users))
        try:
            await asyncio.wait({work}, timeout=LONGEST_HOLD_S)
        finally:
            if connection == self._connections:
                self._caught_up.set()

    async def take(self, message: discord.Message) -> None:
        """Take a message from the gateway."""
        if not written(message):
            return
        await self._caught_up.wait()
        if not self._watermark.claim(message.id):
            return
        await self._take(message)
        await self._done(message.id)

    async def edited(self, message: discord.Message) -> None:
        """A message was changed; that a link in it has got its preview is no change."""
        if not self._changed(message) or not written(message) or not self._placing.for_us(message):
            return
        if message.id in self._passed:  # it speaks to the bot only now
            del self._passed[message.id]
            await self._take(message)
        elif incoming := self._placing.as_it_is(message):
            await self._reception.edited(incoming)

    # --- how ------------------------------------------------------------------------------------

    async def _catch_up(self, users: Sequence[int]) -> None:
        async with self._catching_up:
            if not self._behind:
                return
            self._behind = False
            try:
                await self._find_missed(users)
            except Exception:  # it is looked for again at the next start
                log.exception("what was missed could not be found")

    async def _find_missed(self, users: Sequence[int]) -> None:
        losses = self._losses
        missed = await CatchingUp(
            self._client, self._delivery, self._watermark, self._admission, self._direct, users
        ).missed()
        fresh = [one for one in missed if self._watermark.claim(one.id)]
        out_of_order = any(guild.unavailable for guild in self._client.guilds)
        if losses == self._losses and not out_of_order:  # else more was missed meanwhile
            self._watermark.release()
        groups: dict[object, list[discord.Message]] = {}
        for message in fresh:
            groups.setdefault((message.author.id, message.channel.id), []).append(message)
        if tasks := [self._spawn(self._take_missed(group)) for group in groups.values()]:
            await asyncio.wait(tasks, timeout=PATIENCE_S)

    async def _take_missed(self, messages: Sequence[discord.Message]) -> None:
        """What one has written in one place: each command behind what was asked before it."""
        asked: dict[ConversationId, list[DiscordMessage]] = {}
        for message in messages:
            async with self._contained(message):
                self._admission.saw(message.author)
                incoming = await self._read(message)
                if incoming and not (incoming.command or incoming.unreadable):
                    asked.setdefault(incoming.conversation, []).append(incoming)
                    continue
                await self._offer(asked)
                if incoming:
                    await self._received(incoming)
            await self._done(message.id)
        await self._offer(asked)

    async def _offer(self, asked: dict[ConversationId, list[DiscordMessage]]) -> None:
        await asyncio.gather(*map(self._reception.take_missed, asked.values()))
        for incoming in chain(*asked.values()):
            await self._done(incoming.message_id)
        asked.clear()

    async def _take(self, message: discord.Message) -> None:
        async with self._contained(message):
            self._admission.saw(message.author)
            if incoming := await self._read(message):
                await self._received(incoming)

    @asynccontextmanager
    async def _contained(self, message: discord.Message) -> AsyncIterator[None]:
        """A message that nobody foresaw must not come again for ever; its author is told."""
        try:
            yield
        except Exception as error:
            log.exception("the message %s could not be taken", message.id)
            if incoming := self._placing.as_it_is(message):
                await self._reception.apologise(incoming, error)

    async def _done(self, message_id: int) -> None:
        try:
            await self._watermark.done(message_id)
        except OSError as error:  # then it is looked at again at the next start
            log.error("how far messages were read cannot be noted: %s", error)  # noqa: TRY400

    def _changed(self, message: discord.Message) -> bool:
        """Whether it was edited since it was last looked at.

        The preview of a link comes as another edit of the same moment, cut to milliseconds
        (discord/discord-api-docs, issue 8281).
        """
        if message.edited_at is None:
            return False
        moment = int(message.edited_at.timestamp() * 1000)
        changed = self._edits.get(message.id) != moment
        _keep(self._edits, message.id, moment)
        return changed

    async def _received(self, incoming: DiscordMessage) -> None:
        await self._reception.take(incoming)
        if incoming.command:
            place, command = incoming.conversation, incoming.command_name
            await self._threads.commanded(incoming.sender, place, command)

    async def _read(self, message: discord.Message) -> DiscordMessage | None:
        if self._placing.for_us(message):
            return await self._placing.placed(message)
        _keep(self._passed, message.id, None)
        return None

    def _spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _keep(known: OrderedDict[int, T], key: int, value: T) -> None:
    known[key] = value
    if len(known) > _REMEMBERED:
        known.popitem(last=False)
