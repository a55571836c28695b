"""The bot: one client of the Bot API, and how it bears a bad connection.

What must arrive is tried until it does: `deliver`. What is only nice to have is tried once:
`attempt`. A flood limit holds up the one chat that it is for.
"""

import asyncio
import contextlib
import logging
import math
import os
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from telegram import Bot
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from palaver import ConfigError, PalaverError
from palaver_telegram.settings import TelegramSettings
from palaver_telegram.wire import Request, may_have_arrived, passes

log = logging.getLogger(__name__)

os.environ.setdefault("PTB_TIMEDELTA", "true")  # else the library warns about its own RetryAfter

CONNECTIONS = 64
"""Requests under way at one time, besides the one that waits for updates."""
CONNECT_S = 5.0
HEAD_START_S = 0.03
"""Seconds that a prompt has on its way to the agent before what is only shown takes its time: a
request to Telegram takes milliseconds of this process."""
MUTED_S = 30.0
"""Seconds for which a chat that has thrown the bot out is not shown any progress."""
SILENT_S = 5.0
"""The same for a chat that has left a request without an answer."""
ATTEMPTS = 4
"""Requests under way in one chat for what is only nice to have: a chat that never answers must
leave connections to the others."""
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 30.0
TRIES = 6
"""Of what the server refuses to take for no reason that passes; they take some six seconds."""
UPLOAD_S = 120.0
"""Seconds without an answer that a file may take: all of it is stored before there is one."""
UPLOAD_TRIES = 3
"""Of a file that may have arrived."""

T = TypeVar("T")


class ChatClosedError(PalaverError):
    """Raised for what is only nice to have while a chat's flood limit holds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Telegram takes nothing for this chat for {seconds:.0f} s.")


class Gate:
    """One chat: whose turn it is to send, and when Telegram takes something again.

    Attributes:
        muted: until when (monotonic seconds) the chat gets nothing that is only nice to have.
    """

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.attempts = asyncio.Semaphore(ATTEMPTS)
        self._opens = 0.0
        self.muted = 0.0

    def wait(self) -> float:
        """Seconds until it is open; 0 if it is."""
        return max(0.0, self._opens - time.monotonic())

    def close(self, seconds: float) -> None:
        self._opens = max(self._opens, time.monotonic() + seconds)


class Client:
    """The bot and its chats.

    Attributes:
        bot: python-telegram-bot's client; for what needs neither `deliver` nor `attempt`.
    """

    def __init__(self, settings: TelegramSettings) -> None:
        self._settings = settings
        self._gates: dict[int, Gate] = {}
        self._moved: dict[int, int] = {}
        self.bot = _bot(settings)

    @property
    def id(self) -> int:
        return self.bot.id

    @property
    def username(self) -> str:
        """Without the @."""
        return self.bot.username

    async def open(self) -> None:
        """Say hello to Telegram, and wait for it where the network is down.

        Raises:
            ConfigError: if the token is worth nothing.
        """
        pause = FIRST_PAUSE_S
        while True:
            try:
                await self.bot.initialize()
            except InvalidToken as error:
                raise _refused() from error
            except RetryAfter as error:
                await asyncio.sleep(seconds_of(error))
            except TelegramError as error:
                log.warning("Telegram cannot be reached, trying again: %s", error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_S)
            else:
                return

    async def close(self) -> None:
        """Let go of all connections."""
        with contextlib.suppress(TelegramError, RuntimeError):  # never opened, or half of it
            await self.bot.shutdown()

    async def deliver(self, chat_id: int, send: Callable[[int, bool], Awaitable[T]]) -> T:
        """Send until it has arrived, one after the other in each chat.

        Args:
            send: gets the chat's id, and whether it may have arrived before, so that it can say
                so. The id changes when a group becomes a supergroup: ids of messages mean other
                ones there.

        Raises:
            TelegramError: if Telegram refuses it for good, or a server does again and again.
        """
        async with self._gate(chat_id).lock:
            return await self._insist(chat_id, send)

    async def upload(self, chat_id: int, send: Callable[[int, bool], Awaitable[T]]) -> T:
        """As `deliver`, for a file: nothing else in its chat waits for it, and as it takes its time
        to arrive, one that may have is not sent for ever.

        Raises:
            TelegramError: if Telegram refuses it for good, or a last time leaves it open whether it
                has arrived: then `may_have_arrived` says so of the error.
        """
        return await self._insist(chat_id, send, uncertain_tries=UPLOAD_TRIES)

    async def _insist(
        self,
        chat_id: int,
        send: Callable[[int, bool], Awaitable[T]],
        *,
        uncertain_tries: float = math.inf,
    ) -> T:
        gate = self._gate(chat_id)
        pause, uncertain, refused = FIRST_PAUSE_S, 0, 0
        while True:
            await asyncio.sleep(gate.wait())
            try:
                return await send(self._moved.get(chat_id, chat_id), uncertain > 0)
            except (BadRequest, Forbidden, InvalidToken):
                raise
            except ChatMigrated as error:
                self._moved[chat_id] = error.new_chat_id
            except RetryAfter as error:
                gate.close(seconds_of(error))
            except NetworkError as error:
                uncertain += may_have_arrived(error)
                refused += not passes(error)
                if refused >= TRIES or uncertain >= uncertain_tries:
                    raise
                log.info("not sent, trying again: %s", error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_S)

    async def attempt(self, chat_id: int, send: Callable[[int], Awaitable[T]]) -> T:
        """Send once, at once.

        Args:
            send: gets the chat's id, which may change as in `deliver`.

        Raises:
            ChatClosedError: if the chat takes nothing now.
            TelegramError: if it failed.
        """
        gate = self._gate(chat_id)
        async with gate.attempts:
            if (seconds := max(gate.wait(), gate.muted - time.monotonic())) > 0:
                raise ChatClosedError(seconds)
            try:
                try:
                    return await send(self._moved.get(chat_id, chat_id))
                except ChatMigrated as error:
                    self._moved[chat_id] = error.new_chat_id
                    return await send(error.new_chat_id)
            except RetryAfter as error:
                gate.close(seconds_of(error))
                raise
            except Forbidden:
                gate.muted = time.monotonic() + MUTED_S
                raise
            except TimedOut:
                gate.muted = time.monotonic() + SILENT_S
                raise

    def _gate(self, chat_id: int) -> Gate:
        return self._gates.setdefault(chat_id, Gate())


def seconds_of(error: RetryAfter) -> float:
    """How long Telegram asks to wait."""
    wait = error.retry_after
    return float(wait) if isinstance(wait, int) else wait.total_seconds()


def _bot(settings: TelegramSettings) -> Bot:
    token = settings.secret()
    if token is None:
        hint = "Write the one that @BotFather gave you, or its file as token_file."
        raise ConfigError("is missing", location=["plugins", "telegram", "token"], hint=hint)
    context = ssl.create_default_context()  # one for both: each takes 20 ms to make

    def request(connections: int) -> Request:
        return Request(
            connection_pool_size=connections,
            connect_timeout=CONNECT_S,
            read_timeout=settings.answer_timeout_s,
            write_timeout=settings.answer_timeout_s,
            pool_timeout=settings.answer_timeout_s,
            httpx_kwargs={"verify": context},
        )

    try:
        return Bot(
            token.get_secret_value(),
            base_url=settings.base_url,
            base_file_url=settings.base_file_url,
            request=request(CONNECTIONS),
            get_updates_request=request(2),
        )
    except InvalidToken as error:
        raise _refused() from error


def _refused() -> ConfigError:
    return ConfigError(
        "Telegram does not know this token",
        location=["plugins", "telegram", "token"],
        hint="Ask @BotFather for the bot's token; /revoke there makes a new one.",
    )
