"""The suite that every frontend has to pass, over sockets: in direct messages, and in threads."""

from pathlib import Path

import pytest

from palaver.testing.discord import Channel, Guild, Message
from palaver.testing.frontends import ChatDriver, FrontendConformance, Shown
from palaver_discord.frontend import DiscordFrontend
from support.discords import HOSTILE, MEMBER, OWNER, Launch, Palaver


class DirectMessages(ChatDriver):
    """Each user writes directly to the bot."""

    capabilities = DiscordFrontend.capabilities

    def __init__(self, guild: Guild, palaver: Palaver) -> None:
        self.palaver = palaver
        ids = {"alice": OWNER, "bob": MEMBER, "mallory": HOSTILE}
        self._people = {name: guild.member(name, id=ids[name]) for name in ids}

    async def say(self, user: str, text: str) -> None:
        await self._people[user].dm(text)

    async def press(self, user: str, label: str, *, of: str | None = None) -> None:
        message = self._newest(of or user, label)
        try:
            await self._people[user].press(message, label)
        except PermissionError:
            assert of  # Discord itself lets nobody press what he does not see

    async def again(self, user: str) -> None:
        author = str(self._people[user].id)
        gateway = self.palaver.server.gateway
        gateway.repeat("MESSAGE_CREATE", lambda body: body["author"]["id"] == author)

    async def restart(self) -> None:
        await self.palaver.restart()

    def shown(self, user: str) -> list[Shown]:
        return [Shown(message.text, message.buttons) for message in self._messages(user)]

    def _messages(self, user: str) -> list[Message]:
        return self._people[user].direct.messages

    def _newest(self, user: str, label: str) -> Message:
        messages = reversed(self._messages(user))
        return next(message for message in messages if label in message.buttons)


class Threads(DirectMessages):
    """Each user has a thread that all can see; what is private comes as a direct message."""

    def __init__(self, guild: Guild, palaver: Palaver) -> None:
        super().__init__(guild, palaver)
        self._threads: dict[str, Channel] = {}

    async def say(self, user: str, text: str) -> None:
        person = self._people[user]
        if user not in self._threads:
            self._threads[user] = await person.open_thread(user)
        await person.say(f"<@{self.palaver.server.bot_id}> {text}", to=self._threads[user])

    def _messages(self, user: str) -> list[Message]:
        thread = self._threads.get(user)
        messages = [*(thread.messages if thread else []), *self._people[user].direct.messages]
        return sorted(messages, key=lambda message: message.id)


class TestDirectMessages(FrontendConformance):
    @pytest.fixture
    async def chat(self, guild: Guild, launch: Launch, tmp_path: Path) -> ChatDriver:
        driver = DirectMessages(guild, launch(tmp_path / "data"))
        await driver.palaver.start()
        return driver


class TestThreads(FrontendConformance):
    @pytest.fixture
    async def chat(self, guild: Guild, launch: Launch, tmp_path: Path) -> ChatDriver:
        driver = Threads(guild, launch(tmp_path / "data"))
        await driver.palaver.start()
        return driver
