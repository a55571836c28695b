"""People who talk to an engine, and a way to start one."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from palaver.config import Settings
from palaver.engine import Engine, open_engine
from palaver.events import Event, Told, TurnFinished
from palaver.feeds import Submission
from palaver.identity import ConversationId, Namespace
from palaver.models import Prompt, Session
from palaver.plugins import PluginHost
from palaver.views import View

HOME = ConversationId("home")


@dataclass
class Person:
    """Somebody who writes in one conversation."""

    engine: Engine
    namespace: Namespace
    conversation: ConversationId = HOME
    heard: list[Event] = field(default_factory=list)

    def prompt(self, text: str, key: str | None = None) -> Prompt:
        return Prompt(
            namespace=self.namespace,
            conversation=self.conversation,
            text=text,
            key=key or uuid4().hex,
        )

    async def submit(self, text: str, key: str | None = None) -> Submission:
        return await self.engine.submit(self.prompt(text, key))

    async def say(self, text: str) -> list[Event]:
        """Everything that comes of a message."""
        return [event async for event in await self.submit(text)]

    async def ask(self, text: str) -> str:
        """The final answer to a prompt."""
        return (await self.end_of(text)).text

    async def end_of(self, text: str) -> TurnFinished:
        [finished] = [event for event in await self.say(text) if isinstance(event, TurnFinished)]
        return finished

    async def view(self, command: str) -> View:
        """The answer to a command."""
        [event] = await self.say(command)
        assert isinstance(event, Told)
        return event.view

    async def session(self) -> Session:
        """The current session."""
        current = await self.engine.sessions.current_id(self.namespace, self.conversation)
        return await self.engine.sessions.find(self.namespace, str(current))


OpenEngine = Callable[..., AbstractAsyncContextManager[Engine]]


def engine_starter(data_dir: Path, agent: str) -> OpenEngine:
    """Opens an engine on that data folder; call it again for the next life of Palaver."""

    @asynccontextmanager
    async def opened(
        plugins: dict[str, object] | None = None, **tables: Any
    ) -> AsyncIterator[Engine]:
        sessions = {"agent": agent, **tables.pop("sessions", {})}
        settings = Settings.model_validate(
            {
                "data_dir": data_dir,
                "sessions": sessions,
                "access": {"owners": ["chat:*", "other:*"]},
                **tables,
            }
        )
        host = PluginHost(settings, [])
        for name, plugin in (plugins or {}).items():
            host.add(name, plugin)
        host.frontends()
        async with open_engine(settings, host) as engine:
            yield engine

    return opened
