"""Palaver on Telegram, end to end over sockets: a strict Bot API server and the real library."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from palaver.config import Settings
from palaver.testing.telegram import BotApi, Message, Person, Place
from support.palavers import Lives

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
            "plugins": {"telegram": telegram, **tables.pop("plugins", {})},
            **tables,
        }
    )


class Palaver(Lives):
    """One Palaver on that server."""

    def __init__(self, api: BotApi, data_dir: Path, **tables: Any) -> None:
        super().__init__("telegram", lambda: settings_for(api, data_dir, **tables))
        self.api = api


Launch = Callable[..., Palaver]
"""Makes a Palaver that is stopped at the end of the test, whatever happens."""


async def pressed(person: Person, chat: Place, label: str) -> str:
    """Press the newest button of that label; what the person is told at the top."""
    press = await person.press(newest_with(chat, label), label)
    return (await press.answer()).text


def newest_with(chat: Place, label: str) -> Message:
    """The newest message that has that button."""
    return next(one for one in reversed(chat.messages) if label in one.buttons)


async def button(chat: Place, label: str) -> Message:
    """Wait until there is a message with that button."""
    return await chat.wait_for(lambda message: label in message.buttons)
