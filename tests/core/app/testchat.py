"""A plugin with frontends that do as its settings say, and write down what happens to them.

It is copied into a folder of its own and found there as an installed distribution.
"""

import asyncio
import time
from pathlib import Path

from pydantic import Field

from palaver import (
    AgentError,
    Capabilities,
    ConversationId,
    Engine,
    Frontend,
    MessageId,
    Namespace,
    Place,
    Presenter,
    Prompt,
    SettingsModel,
    View,
    hookimpl,
)


class TestchatSettings(SettingsModel):
    """`[plugins.testchat]`.

    Attributes:
        does: what a frontend does besides working: `refuse`, `crash` or `hang` when it starts,
            `stay` when it is to stop, `end` or `break` on its own after a moment.
        prompt: what its user says as soon as it has started.
    """

    journal: Path
    does: dict[str, str] = Field(default={"alpha": "", "beta": ""})
    prompt: str = ""


class Testchat(Frontend):
    """One of them."""

    capabilities = Capabilities()

    def __init__(self, name: str, settings: TestchatSettings) -> None:
        self.name = name  # type: ignore[misc]  # as many of one class as the settings want
        self._settings = settings
        self._does = settings.does[name]
        self._presenter: Presenter | None = None

    async def start(self, engine: Engine) -> None:
        self._note("starts")
        match self._does:
            case "refuse":
                raise AgentError("the chat has refused.", hint="Ask it nicely.")
            case "crash":
                raise RuntimeError("no network 123456789:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
            case "hang":
                await asyncio.sleep(60)
        self._presenter = Presenter(engine, self)
        await self._presenter.recover()
        if self._settings.prompt:
            prompt = Prompt(
                namespace=Namespace(self.name, "user"),
                conversation=ConversationId("chat"),
                text=self._settings.prompt,
                key="only once",
            )
            await self._presenter.take(prompt)
        self._note("started")

    async def stop(self) -> None:
        if self._does == "stay":
            self._note("stays")
            time.sleep(60)  # noqa: ASYNC251 - as a frontend would that blocks all
        if self._presenter:
            await self._presenter.close()
        self._note("stopped")

    async def run(self) -> None:
        if self._does in ("end", "break"):
            await asyncio.sleep(0.2)
        match self._does:
            case "end":
                return
            case "break":
                raise AgentError("the line is dead.", hint="Mend it.")
        await super().run()

    async def send(self, place: Place, view: View) -> MessageId:
        self._note(f"shows {view.plain(commands=False)}")
        return MessageId("1")

    def _note(self, text: str) -> None:
        note(self._settings, f"{self.name} {text}")


def note(settings: TestchatSettings, text: str) -> None:
    with settings.journal.open("a", encoding="utf-8") as journal:
        journal.write(text.replace("\n", " ") + "\n")


@hookimpl
def register_settings() -> type[TestchatSettings]:
    return TestchatSettings


@hookimpl
def register_frontends(settings: TestchatSettings) -> list[Testchat]:
    return [Testchat(name, settings) for name in settings.does]


@hookimpl
def on_shutdown(engine: Engine) -> None:
    table = engine.settings.table(TestchatSettings, "plugins", "testchat")
    note(table, "shutdown")
