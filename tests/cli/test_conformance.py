"""The REPL passes the suite that every frontend has to pass.

Each user has a REPL of their own, drawn on a terminal in memory, with keys that come from a pipe.
"""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.input.base import PipeInput
from prompt_toolkit.output.vt100 import Vt100_Output
from rich.console import Console

from palaver import (
    Capabilities,
    Engine,
    Namespace,
    PluginHost,
    Settings,
    View,
    open_engine,
)
from palaver.testing.frontends import ChatDriver, FrontendConformance, Shown, pretend_killed
from palaver_cli.chat import Chat
from palaver_cli.frontend import Repl
from palaver_cli.markdown import Block
from palaver_cli.screen import Screen
from palaver_cli.settings import CliSettings
from palaver_cli.terminal import Terminal

KEYS = {"Allow once": "y", "Deny": "\r"}


class RecordingScreen(Screen):
    """Keeps what it prints as messages."""

    messages: list[Shown]
    times_entered = 0
    asked = False

    @property
    def ready(self) -> bool:
        """A question that wants words takes them a moment after it is shown."""
        return bool(self.wording) or not self.asked

    def entered(self) -> None:
        super().entered()
        self.times_entered += 1

    async def words(self, question: str) -> str | None:
        self.asked = True
        try:
            return await super().words(question)
        finally:
            self.asked = False

    def view(self, view: View) -> None:
        self.messages.append(Shown(view.plain()))
        super().view(view)

    def answer(self, block: Block) -> None:
        self.messages.append(Shown(block.source))
        super().answer(block)


class RecordedRepl(Repl):
    def screen(self, chat: Chat, terminal: Terminal, data_dir: Path) -> Screen:
        screen = RecordingScreen(chat, terminal, self._settings, data_dir)
        screen.messages = self.messages
        self.drawn = screen
        return screen

    messages: list[Shown]
    drawn: RecordingScreen


class User:
    """One person's keyboard and REPL."""

    def __init__(self, name: str, folder: Path, keys: PipeInput) -> None:
        self.keys = keys
        output = Vt100_Output(io.StringIO(), lambda: Size(rows=40, columns=100), enable_cpr=False)
        self.terminal = Terminal(keys, output, Console(file=io.StringIO(), force_terminal=True))
        self.repl = RecordedRepl(
            CliSettings(bell=False),
            terminal=self.terminal,
            workspace=folder / name,
            namespace=Namespace("cli", name),
        )
        self.repl.messages = []
        self.running: asyncio.Task[None] | None = None

    @property
    def drawn(self) -> RecordingScreen:
        return self.repl.drawn

    @property
    def chat(self) -> Chat:
        assert self.repl.chat
        return self.repl.chat

    async def start(self, engine: Engine) -> None:
        await self.repl.start(engine)
        self.running = asyncio.create_task(self.repl.run())

    async def stop(self) -> None:
        self.drawn.leave()
        if self.running:
            await self.running
        await self.repl.stop()


class TerminalDriver(ChatDriver):
    capabilities = Capabilities(edit=True)  # a turn at work shows, though not as a message

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._users: dict[str, User] = {}
        self._pipes = AsyncExitStack()
        self._running = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for name in ("alice", "bob", "mallory"):
            keys = self._pipes.enter_context(create_pipe_input())
            self._users[name] = User(name, self._folder, keys)
        await self._start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._running.aclose()
        await self._pipes.aclose()

    async def _start(self) -> None:
        access = {"owners": [], "members": ["cli:alice", "cli:bob"]}
        settings = Settings.model_validate(
            {"data_dir": self._folder, "sessions": {"agent": "scripted"}, "access": access}
        )
        engine = await self._running.enter_async_context(
            open_engine(settings, PluginHost(settings, []))
        )
        for user in self._users.values():
            with create_app_session(user.terminal.input, user.terminal.output):
                await user.start(engine)
            self._running.push_async_callback(user.stop)

    async def restart(self) -> None:
        await self._running.aclose()
        self._running = AsyncExitStack()
        pretend_killed(self._folder)
        await self._start()

    async def say(self, user: str, text: str) -> None:
        one = self._users[user]
        await self.until(user, lambda _: one.drawn.ready)
        entered = one.drawn.times_entered
        one.keys.send_text(text + "\r")
        await self.until(user, lambda _: one.drawn.times_entered > entered)
        await one.chat.taken()

    async def press(self, user: str, label: str, *, of: str | None = None) -> None:
        raise AssertionError("there are no buttons in a terminal")

    async def allow(self, user: str, label: str) -> None:
        await self.until(user, lambda _: self._is_asked(user))
        self._users[user].keys.send_text(KEYS[label])
        await self.until(user, lambda _: not self._is_asked(user))

    def _is_asked(self, user: str) -> bool:
        question = self._users[user].drawn.question
        return question is not None and question.armed

    def shown(self, user: str) -> list[Shown]:
        one = self._users[user]
        live = one.chat.live(one.drawn.brush, 100, 20)
        return [*one.repl.messages, Shown(live)]

    async def again(self, user: str) -> None:
        """A keyboard delivers nothing twice."""


class TestTerminal(FrontendConformance):
    @pytest.fixture
    async def chat(self, tmp_path: Path) -> AsyncIterator[ChatDriver]:
        async with TerminalDriver(tmp_path) as chat:
            yield chat
