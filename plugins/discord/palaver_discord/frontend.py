"""Discord as a frontend: everything that happens between its gateway and the engine."""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, ClassVar

import discord

from palaver import (
    Attachment,
    Capabilities,
    ConversationId,
    Engine,
    Frontend,
    Incoming,
    Marks,
    MessageId,
    Namespace,
    Place,
    Reception,
    RemoteFile,
    View,
)
from palaver_discord.admission import Admission
from palaver_discord.app_commands import Menu
from palaver_discord.bot import Bot
from palaver_discord.client import UNREACHABLE, explained, log_in, make_client, stay_connected
from palaver_discord.delivery import Delivery
from palaver_discord.files import fetch
from palaver_discord.incoming import DiscordMessage
from palaver_discord.intake import Intake
from palaver_discord.interactions import Interactions
from palaver_discord.live import EDIT_INTERVAL_S, HEAD_START_S, LiveMessages
from palaver_discord.places import FRONTEND, channel_of
from palaver_discord.placing import Placing
from palaver_discord.render import LONG_ANSWER, warm_up
from palaver_discord.sending import Sender
from palaver_discord.settings import DiscordSettings
from palaver_discord.threads import Threads
from palaver_discord.watermark import Watermark

log = logging.getLogger(__name__)

LAST_REMOVAL_S = 2.0
"""Seconds that an orderly end waits for a live message to go."""
_SEEN = "👀"
_NOBODY = Namespace(FRONTEND, "nobody")


class DiscordFrontend(Frontend):
    """One bot."""

    name: ClassVar[str] = FRONTEND
    capabilities: ClassVar[Capabilities] = Capabilities(
        edit=True,
        actions=True,
        files=True,
        typing=True,
        edit_interval_s=EDIT_INTERVAL_S,
        file_above=LONG_ANSWER,
    )

    def __init__(self, settings: DiscordSettings) -> None:
        self._settings = settings
        self._stack = contextlib.AsyncExitStack()
        self._connection: asyncio.Task[None] | None = None
        self._removals: set[asyncio.Task[None]] = set()

    async def start(self, engine: Engine) -> None:
        """Greet Discord, deliver what was left, take what was missed, and listen.

        Raises:
            ConfigError: without a token, or with one that is worth nothing, or if the bot may not
                read messages.
        """
        self._client = client = make_client(self._settings, Bot)
        self._stack.push_async_callback(client.close)
        await log_in(client, self._settings)
        self._delivery = Delivery(client, self._settings.answer_timeout_s)
        self._stack.push_async_callback(self._delivery.close)
        self._stack.push_async_callback(self._last_removals)
        folder = engine.settings.data_dir / FRONTEND / str(client.application_id)
        self._sender = Sender(client, self._delivery)
        self._live = LiveMessages(client, self._delivery, self._sender)
        self._marks = Marks(folder, "live")
        reception = Reception(engine, self, folder)
        await reception.open()
        self._stack.push_async_callback(reception.close)
        intake = await self._prepare(engine, client, reception, folder)
        left = await self._marks.all()
        self._connection = self._spawn(stay_connected(client))
        await self._until(client.there)
        self._spawn(self._clear(left))
        await reception.recover()
        await intake.catch_up(_users(engine))
        self._spawn(asyncio.to_thread(warm_up))

    async def stop(self) -> None:
        await self._stack.aclose()

    async def run(self) -> None:
        """Until the connection has become impossible.

        Raises:
            PalaverError: why.
        """
        if self._connection is None:
            return
        try:
            await asyncio.shield(self._connection)
        except (discord.DiscordException, *UNREACHABLE) as error:
            raise explained(error, self._client) from error

    # --- what the presenter asks for ------------------------------------------------------------

    async def send(self, place: Place, view: View) -> MessageId:
        return await self._sender.send(place, view)

    async def edit(self, place: Place, message: MessageId, view: View) -> None:
        await self._sender.edit(place, message, view)

    async def remove(self, place: Place, message: MessageId) -> None:
        removal = asyncio.create_task(self._remove(place, message))
        self._removals.add(removal)
        removal.add_done_callback(self._removals.discard)
        await asyncio.shield(removal)  # half done, it would be done again at the next start

    async def progress(
        self, place: Place, message: MessageId | None, view: View
    ) -> MessageId | None:
        shown = await self._live.show(place, message, view)
        if message is None:
            try:
                await self._marks.add(place.conversation, shown)
            except OSError as error:  # the next life would not know of it
                log.warning("a live message cannot be noted: %s", error)
        return shown

    async def typing(self, place: Place) -> None:
        await self._live.typing(place)

    async def send_file(self, place: Place, path: Path, caption: str) -> MessageId:
        return await self._sender.send_file(place, path, caption)

    # --- what the reception asks for ------------------------------------------------------------

    def heard(self, message: Incoming) -> None:
        """Where several members write, answers say to which message they belong."""
        if not isinstance(message, DiscordMessage) or message.private:
            return
        channel_id = channel_of(message.conversation)
        alone = str(self._threads.owner(channel_id)) == message.sender.user
        if message.channel_id == channel_id and not alone:
            place = Place(message.sender, message.conversation, answers=message.key)
            self._sender.remember(place, message.message_id)

    async def acknowledge(self, message: Incoming) -> None:
        if not self._settings.reactions or not isinstance(message, DiscordMessage):
            return
        await asyncio.sleep(3 * HEAD_START_S)
        if message.asleep:
            await self._delivery.wake(message.channel_id)
        channel = self._client.get_partial_messageable(message.channel_id)
        partial = channel.get_partial_message(message.message_id)
        await self._delivery.attempt(message.channel_id, lambda: partial.add_reaction(_SEEN))

    async def fetch(self, file: RemoteFile, folder: Path) -> Attachment:
        return await fetch(self._client, file, folder)

    async def send_privately(self, place: Place, view: View) -> None:
        await self._sender.send_privately(place, view)

    async def sharing_refused(self, message: Incoming) -> str:
        room = self._client.get_channel(channel_of(message.conversation))
        if not isinstance(room, discord.Thread):
            return "Only threads can be shared."
        owner = self._threads.owner(room.id) or room.owner_id
        if str(owner) != message.sender.user:
            return "Only the member who began this thread can do that."
        return ""

    # --- how ------------------------------------------------------------------------------------

    async def _prepare(
        self, engine: Engine, client: Bot, reception: Reception, folder: Path
    ) -> Intake:
        """All that must be there before the first event comes."""
        marks = Marks(folder, "thread")
        self._threads = threads = Threads(client, engine, self._delivery, marks, reception.acting)
        await threads.open()
        self._stack.push_async_callback(threads.close)
        admission = Admission(client, self._settings, self._delivery)
        engine.host.add("discord-threads", threads)
        engine.host.add("discord-admission", admission)
        watermark = Watermark(folder / "watermark")
        await watermark.open()
        direct = Marks(folder, "direct")
        for (channel_id,) in await direct.all():
            admission.direct(int(channel_id))
        placing = Placing(client, reception, self._settings, threads, admission, direct)
        intake = Intake(
            client, self._delivery, reception, placing, threads, admission, watermark, direct
        )
        self._stack.push_async_callback(intake.close)
        interactions = Interactions(reception, self._sender, threads, admission)
        menu = Menu(client, engine, interactions)

        async def again() -> None:
            await intake.catch_up(_users(engine))

        client.listen(intake, interactions, threads, again)
        self._spawn(menu.sync())
        return intake

    async def _remove(self, place: Place, message: MessageId) -> None:
        await self._live.end(place, message)
        await self._marks.drop(place.conversation, message)

    async def _last_removals(self) -> None:
        """Finish what is being taken away, but not at any price."""
        removals = list(self._removals)
        if removals:
            await asyncio.wait(removals, timeout=LAST_REMOVAL_S)
        for removal in removals:
            removal.cancel()
        await asyncio.gather(*removals, return_exceptions=True)

    async def _until(self, event: asyncio.Event) -> None:
        """Until it has come, or the connection is impossible: then it says why."""
        waiting = self._spawn(_wait(event))
        if self._connection:
            await asyncio.wait({waiting, self._connection}, return_when=asyncio.FIRST_COMPLETED)
            if self._connection.done():
                await self.run()

    async def _clear(self, left: Sequence[tuple[str, ...]]) -> None:
        """Take away what a Palaver that was killed has left at work."""
        for channel_id, message_id in left:
            place = Place(_NOBODY, ConversationId(channel_id))
            try:
                await self.remove(place, MessageId(message_id))
            except discord.HTTPException as error:
                log.info("a live message could not be removed: %s", error)
                await self._marks.drop(channel_id, message_id)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        self._stack.push_async_callback(_ended, task)
        return task


def _users(engine: Engine) -> list[int]:
    """Those on the access list who may write directly without ever having done so."""
    access = engine.settings.access
    mine = (name.removeprefix(f"{FRONTEND}:") for name in (*access.owners, *access.members))
    return [int(user) for user in mine if user.isdecimal()]


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


async def _ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait([task])
