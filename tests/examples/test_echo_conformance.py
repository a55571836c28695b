"""The example passes the suite that every frontend has to pass."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest

import palaver_echo
from palaver import Capabilities, Namespace, Settings, hookimpl, open_engine
from palaver.plugins import PluginHost
from palaver.testing.frontends import ChatDriver, FrontendConformance, Shown, pretend_killed


class Chat(palaver_echo.EchoFrontend):
    """Believes a connection who it says it is: all users of this test are one to the kernel."""

    arriving = ""
    taken = 0

    def user(self, writer: asyncio.StreamWriter) -> str:
        assert super().user(writer)
        return self.arriving

    async def _take(self, namespace: Namespace, text: str) -> None:
        await super()._take(namespace, text)
        self.taken += 1


class Driver(ChatDriver):
    """Talks over real sockets."""

    capabilities = Capabilities()

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = AsyncExitStack()
        self._writers: dict[str, asyncio.StreamWriter] = {}
        self._seen: dict[str, str] = {}
        self._readers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        settings = Settings.model_validate(
            {
                "data_dir": self._folder,
                "sessions": {"agent": "scripted"},
                "access": {"members": ["echo:alice", "echo:bob"]},
            }
        )
        self._chat = Chat(palaver_echo.EchoSettings())
        host = PluginHost(settings, [])
        host.add("echo", self)
        host.frontends()
        engine = await self._stack.enter_async_context(open_engine(settings, host))
        await self._chat.start(engine)
        self._stack.push_async_callback(self._chat.stop)

    @hookimpl
    def register_frontends(self) -> list[Chat]:
        return [self._chat]

    async def stop(self) -> None:
        await self._stack.aclose()
        for writer in self._writers.values():
            writer.close()
        await asyncio.gather(*self._readers)
        self._writers.clear()

    async def restart(self) -> None:
        await self.stop()
        pretend_killed(self._folder)
        await self.start()
        for user in self._seen:
            await self._connect(user)

    async def say(self, user: str, text: str) -> None:
        if user not in self._writers:
            await self._connect(user)
        before = self._chat.taken
        self._writers[user].write(f"{text}\n".encode())
        await _until(lambda: self._chat.taken > before)

    async def again(self, user: str) -> None:
        """A stream delivers nothing twice."""

    async def press(self, user: str, label: str, *, of: str | None = None) -> None:
        raise AssertionError("there are no buttons")

    def shown(self, user: str) -> list[Shown]:
        return [Shown(text) for text in self._seen.get(user, "").split("\n\n") if text]

    async def _connect(self, user: str) -> None:
        self._chat.arriving = user
        reader, self._writers[user] = await asyncio.open_unix_connection(self._folder / "echo.sock")
        await _until(lambda: self._chat._writers.get(Namespace("echo", user)))
        self._seen.setdefault(user, "")
        self._readers.append(asyncio.create_task(self._read(user, reader)))

    async def _read(self, user: str, reader: asyncio.StreamReader) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                self._seen[user] += data.decode("utf-8", "replace")


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is looked at has no event to wait for
            await asyncio.sleep(0.005)


class TestEcho(FrontendConformance):
    @pytest.fixture
    async def chat(self, tmp_path: Path) -> AsyncIterator[ChatDriver]:
        driver = Driver(tmp_path)
        await driver.start()
        yield driver
        await driver.stop()
