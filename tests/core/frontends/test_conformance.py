"""The conformance suite on the frontend in memory: once with everything, once with little."""

import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import ClassVar

import pytest

from palaver.config import Settings
from palaver.engine import open_engine
from palaver.frontends.contract import Capabilities
from palaver.hookspecs import hookimpl
from palaver.identity import ConversationId, Namespace
from palaver.plugins import PluginHost
from palaver.testing.frontends import (
    ChatDriver,
    FrontendConformance,
    MemoryFrontend,
    Shown,
    buttons,
    pretend_killed,
)


class Plain(MemoryFrontend):
    """Can send text, and nothing else."""

    capabilities: ClassVar[Capabilities] = Capabilities(max_text=500)


class MemoryDriver(ChatDriver):
    def __init__(self, data_dir: Path, frontend: MemoryFrontend) -> None:
        self.capabilities = frontend.capabilities
        self._data_dir = data_dir
        self._frontend = frontend
        self._keys = map(str, itertools.count())
        self._last: dict[str, tuple[str, str]] = {}
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        settings = Settings.model_validate(
            {
                "data_dir": self._data_dir,
                "sessions": {"agent": "scripted"},
                "access": {"members": ["memory:alice", "memory:bob"]},
            }
        )
        frontend = self._frontend

        class Plugin:
            @hookimpl
            def register_frontends(self) -> list[MemoryFrontend]:
                return [frontend]

        host = PluginHost(settings, [])
        host.add("memory", Plugin())
        engine = await self._stack.enter_async_context(open_engine(settings, host))
        [started] = host.frontends().values()
        await started.start(engine)
        self._stack.push_async_callback(started.stop)

    async def stop(self) -> None:
        await self._stack.aclose()

    async def restart(self) -> None:
        await self.stop()
        pretend_killed(self._data_dir)
        await self.start()

    async def say(self, user: str, text: str) -> None:
        self._last[user] = text, next(self._keys)
        await self._frontend.push(user, *self._last[user])

    async def again(self, user: str) -> None:
        await self._frontend.push(user, *self._last[user])

    async def press(self, user: str, label: str, *, of: str | None = None) -> None:
        owner = of or user
        for view in reversed(self._frontend.messages[ConversationId(owner)].values()):
            if button := buttons(view, Namespace("memory", owner)).get(label):
                await self._frontend.click(user, button, next(self._keys))
                return
        raise AssertionError(f"{owner} sees no button {label!r}")

    def shown(self, user: str) -> list[Shown]:
        views = self._frontend.messages.get(ConversationId(user), {}).values()
        owner = Namespace("memory", user)
        return [Shown(view.plain(commands=False), list(buttons(view, owner))) for view in views]


class TestMemoryFrontend(FrontendConformance):
    @pytest.fixture
    async def chat(self, tmp_path: Path) -> AsyncIterator[ChatDriver]:
        driver = MemoryDriver(tmp_path, MemoryFrontend())
        await driver.start()
        yield driver
        await driver.stop()


class TestPlainFrontend(FrontendConformance):
    @pytest.fixture
    async def chat(self, tmp_path: Path) -> AsyncIterator[ChatDriver]:
        driver = MemoryDriver(tmp_path, Plain())
        await driver.start()
        yield driver
        await driver.stop()
