"""What an approval looks like: the command as code, and once."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import ClassVar

import pytest

from palaver.agents.contract import Agent, AgentProcess, Asker
from palaver.agents.scripted import ScriptedAgent, ScriptedProcess, ScriptedTranscripts
from palaver.events import AgentEvent, TextDelta
from palaver.hookspecs import hookimpl
from palaver.models import Prompt, Session
from palaver.testing.telegram import BotApi, Chat, Person
from support.telegrams import Palaver, button


class DetailedProcess(ScriptedProcess):
    """Asks as Claude Code does: with all of the command as a block of code."""

    async def _act(
        self, word: str, rest: str, prompt: Prompt, asker: Asker
    ) -> AsyncIterator[AgentEvent]:
        if word != "run":
            async for event in super()._act(word, rest, prompt, asker):
                yield event
            return
        detail = f"```bash\n{rest}\n```\nWhat it is for"
        decision = await asker.approve("Bash", {"command": rest}, summary=rest, detail=detail)
        yield TextDelta(text=f"You said: {decision}")


class DetailedAgent(ScriptedAgent):
    name: ClassVar[str] = "detailed"

    async def open(self, session: Session, *, resume: bool) -> AgentProcess:
        del resume
        assert isinstance(self.transcripts, ScriptedTranscripts)
        return DetailedProcess(session, self.transcripts)


class Plugin:
    @hookimpl
    def register_agents(self) -> list[type[Agent]]:
        return [DetailedAgent]


@pytest.fixture
async def palaver(api: BotApi, tmp_path: Path) -> AsyncIterator[Palaver]:
    palaver = Palaver(api, tmp_path / "data", sessions={"agent": "detailed"})
    await palaver.start({"detailed": Plugin()})
    yield palaver
    await palaver.stop()


async def test_a_command_is_shown_once_and_as_code(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send("run touch ran.txt")
    asked = await button(chat, "Allow once")
    assert asked.text == "🔐 Bash\n\ntouch ran.txt\n\nWhat it is for"
    assert asked.marked("pre") == ["touch ran.txt"]
