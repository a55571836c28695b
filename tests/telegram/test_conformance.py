"""The suite that every frontend has to pass, over sockets."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from palaver.testing.frontends import ChatDriver, FrontendConformance, Shown
from palaver.testing.telegram import BotApi, Message
from palaver_telegram.frontend import TelegramFrontend
from support.telegrams import ALICE, BOB, MALLORY, Palaver


class TelegramDriver(ChatDriver):
    capabilities = TelegramFrontend.capabilities

    def __init__(self, api: BotApi, data_dir: Path, **tables: Any) -> None:
        self._api = api
        self.palaver = Palaver(api, data_dir, **tables)
        ids = {"alice": ALICE, "bob": BOB, "mallory": MALLORY}
        self._people = {name: api.user(name.title(), id=ids[name]) for name in ids}
        self._chats = {name: api.private(person) for name, person in self._people.items()}

    async def say(self, user: str, text: str) -> None:
        await self._people[user].send(text)

    async def press(self, user: str, label: str, *, of: str | None = None) -> None:
        message = self._newest(of or user, label)
        await self._people[user].press(message, data=message.button(label).data)

    async def again(self, user: str) -> None:
        messages = self._chats[user].log
        last = [one for one in messages if one.sender == self._people[user].json][-1]
        self._api.tell("message", last.to_json())

    async def restart(self) -> None:
        await self.palaver.restart()

    def shown(self, user: str) -> list[Shown]:
        chat = self._chats[user]
        shown = [Shown(message.text, message.buttons) for message in chat.messages]
        draft = chat.shown_draft()
        return shown + ([Shown(draft.text)] if draft else [])

    def _newest(self, user: str, label: str) -> Message:
        messages = reversed(self._chats[user].messages)
        return next(message for message in messages if label in message.buttons)


class TestTelegram(FrontendConformance):
    @pytest.fixture
    async def chat(self, api: BotApi, tmp_path: Path) -> AsyncIterator[ChatDriver]:
        driver = TelegramDriver(api, tmp_path / "data")
        await driver.palaver.start()
        yield driver
        await driver.palaver.stop()
        assert [str(problem) for problem in api.problems] == []


class TestTelegramWithoutDrafts(FrontendConformance):
    @pytest.fixture
    async def chat(self, api: BotApi, tmp_path: Path) -> AsyncIterator[ChatDriver]:
        driver = TelegramDriver(api, tmp_path / "data", telegram={"drafts": False})
        await driver.palaver.start()
        yield driver
        await driver.palaver.stop()
        assert [str(problem) for problem in api.problems] == []
