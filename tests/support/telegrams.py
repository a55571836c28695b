"""Palaver on Telegram, end to end over sockets: a strict Bot API server and the real library."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from palaver.config import Settings
from palaver.engine import Engine, open_engine
from palaver.frontends.contract import Frontend
from palaver.plugins import PluginHost
from palaver.testing.telegram import BotApi, Chat, Message, Person

ALICE, BOB, MALLORY = 1001, 1002, 6666
DEAD_S = 1.0
"""Seconds without an answer after which the tests' bots give up on a connection."""


def settings_for(api: BotApi, data_dir: Path, **tables: Any) -> Settings:
    """As a palaver.toml would say it."""
    telegram = {
        "token": api.token,
        "base_url": api.base_url,
        "base_file_url": api.base_file_url,
        "poll_timeout_s": 1,
        "answer_timeout_s": DEAD_S,
        "coalesce_s": 0.15,
        **tables.pop("telegram", {}),
    }
    sessions = {"agent": "scripted", **tables.pop("sessions", {})}
    access = {"owners": [f"telegram:{ALICE}"], "members": [f"telegram:{BOB}"]}
    access |= tables.pop("access", {})
    return Settings.model_validate(
        {
            "data_dir": data_dir,
            "sessions": sessions,
            "access": access,
            "plugins": {"telegram": telegram},
            **tables,
        }
    )


@asynccontextmanager
async def opened(settings: Settings, plugins: dict[str, object]) -> AsyncIterator[Engine]:
    """An engine with Telegram's plugin, and others, but no frontend started."""
    import palaver_telegram.plugin as telegram_plugin

    host = PluginHost(settings, [])
    host.add("telegram", telegram_plugin)
    for name, plugin in plugins.items():
        host.add(name, plugin)
    async with open_engine(settings, host) as engine:
        yield engine


class Palaver:
    """One Palaver that can be stopped and started again."""

    engine: Engine
    frontend: Frontend

    def __init__(self, api: BotApi, data_dir: Path, **tables: Any) -> None:
        self.api = api
        self._data_dir = data_dir
        self._tables = tables
        self._stack = AsyncExitStack()

    async def start(self, plugins: dict[str, object] | None = None) -> None:
        """Start, and return when it takes messages."""
        settings = settings_for(self.api, self._data_dir, **self._tables)
        self.engine = await self._stack.enter_async_context(opened(settings, plugins or {}))
        [self.frontend] = self.engine.host.frontends().values()
        self._stack.push_async_callback(self.frontend.stop)
        await self.frontend.start(self.engine)

    async def stop(self) -> None:
        """An orderly end."""
        await self._stack.aclose()

    async def restart(self) -> None:
        """The next life: what the last one had taken belongs to a process that is gone."""
        await self.stop()
        self.bury()
        await self.start()

    def bury(self) -> None:
        """Both lives are one process here; the ledger must not take the first one for alive."""
        with sqlite3.connect(self._data_dir / "palaver.db") as connection:
            connection.execute("UPDATE turns SET runner = '1:0.00'")
        connection.close()


Launch = Callable[..., Palaver]
"""Makes a Palaver that is stopped at the end of the test, whatever happens."""


async def pressed(person: Person, chat: Chat, label: str) -> str:
    """Press the newest button of that label; what the person is told at the top."""
    press = await person.press(newest_with(chat, label), label)
    return (await press.answer()).text


def newest_with(chat: Chat, label: str) -> Message:
    """The newest message that has that button."""
    return next(one for one in reversed(chat.messages) if label in one.buttons)


async def button(chat: Chat, label: str) -> Message:
    """Wait until there is a message with that button."""
    return await chat.wait_for(lambda message: label in message.buttons)
