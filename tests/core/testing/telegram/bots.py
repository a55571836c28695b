"""Bots on the real python-telegram-bot, for the server to be tried with."""

import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import aiohttp
from telegram import (  # noqa: TID251 - the server is tried with the real library
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaDocument,
    InputMediaPhoto,
    Message,
    Update,
    constants,
)
from telegram.error import (  # noqa: TID251 - as above
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)
from telegram.ext import (  # noqa: TID251 - as above
    Application,
    ApplicationBuilder,
    ContextTypes,
    TypeHandler,
)
from telegram.request import HTTPXRequest  # noqa: TID251 - as above

from palaver.testing.telegram import BotApi

Context = ContextTypes.DEFAULT_TYPE
Handle = Callable[[Update, Context], Coroutine[Any, Any, Any]]
App = Application[Any, Any, Any, Any, Any, Any]

__all__ = [
    "App",
    "BadRequest",
    "Bot",
    "ChatMigrated",
    "Conflict",
    "Context",
    "Forbidden",
    "Handle",
    "InputMediaDocument",
    "InputMediaPhoto",
    "InvalidToken",
    "Message",
    "NetworkError",
    "RetryAfter",
    "TelegramError",
    "TimedOut",
    "Update",
    "ask",
    "client",
    "constants",
    "keyboard",
    "polling",
]


def keyboard(*rows: dict[str, str]) -> InlineKeyboardMarkup:
    """An inline keyboard from rows of label and data."""
    return InlineKeyboardMarkup(
        [
            [InlineKeyboardButton(label, callback_data=data) for label, data in row.items()]
            for row in rows
        ]
    )


async def ask(api: BotApi, method: str, **parameters: Any) -> dict[str, Any]:
    """The body of an answer, asked for without any library: for what the library won't send."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{api.base_url}{api.token}/{method}", json=parameters) as answer,
    ):
        body: dict[str, Any] = await answer.json()
        return body


@contextlib.asynccontextmanager
async def client(
    api: BotApi, *, token: str | None = None, timeout: float = 5.0, connections: int = 8
) -> AsyncIterator[Bot]:
    """A Bot that only sends; `timeout` in seconds for each answer."""
    request = HTTPXRequest(
        connection_pool_size=connections, read_timeout=timeout, write_timeout=timeout
    )
    bot = Bot(
        token or api.token,
        base_url=api.base_url,
        base_file_url=api.base_file_url,
        request=request,
        get_updates_request=HTTPXRequest(read_timeout=timeout),
    )
    async with bot:
        yield bot


@contextlib.asynccontextmanager
async def polling(
    api: BotApi,
    handle: Handle,
    *,
    errors: list[TelegramError] | None = None,
    allowed: list[str] | None = None,
    read_timeout: float = 5.0,
) -> AsyncIterator[App]:
    """An Application that polls and gives every update to `handle`."""
    builder = ApplicationBuilder().token(api.token)
    builder = builder.base_url(api.base_url).base_file_url(api.base_file_url)
    app: App = builder.get_updates_read_timeout(read_timeout).build()
    app.add_handler(TypeHandler(Update, handle))
    async with app:
        await app.start()
        assert app.updater is not None
        await app.updater.start_polling(
            poll_interval=0.0,
            timeout=2,
            allowed_updates=allowed,
            error_callback=(errors if errors is not None else []).append,
        )
        try:
            yield app
        finally:
            await app.updater.stop()
            await app.stop()
