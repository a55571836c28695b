"""Telegram as a frontend: everything that happens between the Bot API and the engine."""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, ClassVar

from telegram import (
    BotCommand,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    Update,
)
from telegram.constants import ChatAction
from telegram.error import TelegramError

from palaver import (
    SHARING,
    Attachment,
    Capabilities,
    Engine,
    Frontend,
    Incoming,
    Marks,
    MessageId,
    Place,
    Reception,
    RemoteFile,
    Role,
    View,
)
from palaver_telegram.administrators import sharing_refused
from palaver_telegram.client import HEAD_START_S, Client
from palaver_telegram.files import fetch
from palaver_telegram.incoming import TelegramMessage
from palaver_telegram.intake import Intake
from palaver_telegram.journal import Journal
from palaver_telegram.live import LiveMessages
from palaver_telegram.places import FRONTEND, Spot
from palaver_telegram.polling import Came, Poller
from palaver_telegram.reactions import Reactions
from palaver_telegram.render import warm_up
from palaver_telegram.sending import Sender
from palaver_telegram.settings import TelegramSettings

log = logging.getLogger(__name__)

LONG_ANSWER = 16_000
"""Characters of an answer from which on it comes as a file, too: about four messages."""
_PRIVATE_ONLY = frozenset({"start"})


class TelegramFrontend(Frontend):
    """One bot."""

    name: ClassVar[str] = FRONTEND
    capabilities: ClassVar[Capabilities] = Capabilities(
        edit=True,
        actions=True,
        files=True,
        typing=True,
        file_above=LONG_ANSWER,
    )

    def __init__(self, settings: TelegramSettings) -> None:
        self._settings = settings
        self._stack = contextlib.AsyncExitStack()
        self._receiving: asyncio.Task[None] | None = None

    async def start(self, engine: Engine) -> None:
        """Greet Telegram, deliver what was left, and listen.

        Raises:
            ConfigError: without a token, or with one that is worth nothing.
        """
        self._client = client = Client(self._settings)
        self._stack.push_async_callback(client.close)
        await client.open()
        folder = engine.settings.data_dir / "telegram" / str(client.id)
        self._live = LiveMessages(client, Marks(folder, "live"), drafts=self._settings.drafts)
        self._stack.push_async_callback(self._live.close)
        self._sender = Sender(client, rich=self._settings.rich, said=self._live.covered)
        self._reactions = Reactions(client)
        reception = Reception(engine, self, folder, coalesce_s=self._settings.coalesce_s)
        await reception.open()
        journal = Journal(folder)
        intake = Intake(reception, client, self._sender, self._settings, journal)
        self._stack.push_async_callback(reception.close)
        self._stack.push_async_callback(intake.close)
        await self._clear_up()
        await reception.recover()
        left = await intake.open()
        await intake.keep([Update.de_json(one, client.bot) for one in left], Came.BEFORE)
        await self._listen(intake)
        self._spawn(asyncio.to_thread(warm_up))
        self._spawn(self._tell_commands(engine))

    async def stop(self) -> None:
        await self._stack.aclose()

    async def run(self) -> None:
        """Until listening has become impossible.

        Raises:
            PalaverError: why.
        """
        if self._receiving:
            await asyncio.shield(self._receiving)

    # --- what the presenter asks for ------------------------------------------------------------

    async def send(self, place: Place, view: View) -> MessageId:
        return await self._sender.send(place, view)

    async def edit(self, place: Place, message: MessageId, view: View) -> None:
        await self._sender.edit(place, message, view)

    async def remove(self, place: Place, message: MessageId) -> None:
        del place
        if not await self._live.end(message):
            await self._sender.remove(message)

    def edit_interval(self, place: Place) -> float:
        return self._live.interval(Spot.parse(place.conversation))

    async def progress(
        self, place: Place, message: MessageId | None, view: View
    ) -> MessageId | None:
        if message is None:
            return await self._live.begin(place, view)
        await self._live.change(place, message, view)
        return message

    async def progress_over(self, place: Place, message: MessageId) -> None:
        del place
        await self._live.conclude(message)

    async def typing(self, place: Place) -> None:
        spot = Spot.parse(place.conversation)
        await asyncio.sleep(2 * HEAD_START_S)
        await self._client.attempt(
            spot.chat_id,
            lambda chat_id: self._client.bot.send_chat_action(
                chat_id, ChatAction.TYPING, message_thread_id=spot.topic_id
            ),
        )
        await self._live.refresh(spot)

    async def send_file(self, place: Place, path: Path, caption: str) -> MessageId:
        return await self._sender.send_file(place, path, caption)

    async def send_whole(self, place: Place, path: Path, caption: str) -> MessageId:
        return await self._sender.send_file(place, path, caption, quiet=True)

    # --- what the reception asks for ------------------------------------------------------------

    def heard(self, message: Incoming) -> None:
        if isinstance(message, TelegramMessage):
            self._sender.remember(message.sender, message.spot, message.message_id)

    async def acknowledge(self, message: Incoming) -> None:
        if self._settings.reactions and isinstance(message, TelegramMessage):
            await self._reactions.seen(message.spot, message.message_id)

    async def fetch(self, file: RemoteFile, folder: Path) -> Attachment:
        return await fetch(self._client, file, folder)

    async def send_privately(self, place: Place, view: View) -> None:
        await self._sender.send_privately(place, view)

    async def sharing_refused(self, message: Incoming) -> str:
        spot = Spot.parse(message.conversation)
        return await sharing_refused(self._client, spot, message.sender)

    # --- how ------------------------------------------------------------------------------------

    async def _clear_up(self) -> None:
        """What is to go is known before anything new is shown; that it goes may take its time."""
        left = await self._live.left()
        self._spawn(self._live.clear(left))

    async def _listen(self, intake: Intake) -> None:
        if self._settings.webhook_url is None:
            poller = Poller(self._client, self._settings, intake.keep)
            self._receiving = self._spawn(poller.run())
            await self._until(poller.caught_up)
            return
        from palaver_telegram.webhook import Webhook

        webhook = Webhook(self._client, self._settings, intake.keep)
        await self._stack.enter_async_context(webhook)
        self._receiving = self._spawn(webhook.run())

    async def _until(self, event: asyncio.Event) -> None:
        """Until it has come, or listening has failed: `run` then says why."""
        waiting = self._spawn(_wait(event))
        if self._receiving:
            await asyncio.wait({waiting, self._receiving}, return_when=asyncio.FIRST_COMPLETED)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        self._stack.push_async_callback(_ended, task)
        return task

    async def _tell_commands(self, engine: Engine) -> None:
        """The menu of commands, in private chats and in groups."""
        commands = engine.commands.shown(Role.MEMBER)
        private = [BotCommand(one.name, one.summary) for one in commands]
        group = [one for one in private if one.command not in _PRIVATE_ONLY]
        sharing = [BotCommand(name, summary) for name, summary in SHARING.items()]
        menus = {
            BotCommandScopeAllPrivateChats(): private,
            BotCommandScopeAllGroupChats(): group,
            BotCommandScopeAllChatAdministrators(): group + sharing,
        }
        for scope, menu in menus.items():
            try:
                await self._client.bot.set_my_commands(menu, scope)
            except TelegramError as error:  # a menu is only nice to have
                log.info("the menu of commands could not be set: %s", error)


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


async def _ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait([task])
