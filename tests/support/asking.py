"""An agent that asks what the scripted one cannot: several choices, several questions, at length.

Its first word says what: `several`, `three`, `long`; all else is as the scripted agent does it.
"""

from collections.abc import AsyncIterator
from typing import ClassVar

from palaver.agents.contract import Agent, AgentProcess, Asker
from palaver.agents.scripted import ScriptedAgent, ScriptedProcess, ScriptedTranscripts
from palaver.events import AgentEvent, TextDelta
from palaver.hookspecs import hookimpl
from palaver.models import Choice, Prompt, Question, Session

COLOURS = tuple(Choice(label=name) for name in ("red", "green", "blue"))
LONG = "\n".join(f"rm file{number}" for number in range(400))


class AskingProcess(ScriptedProcess):
    """See the module."""

    async def _act(
        self, word: str, rest: str, prompt: Prompt, asker: Asker
    ) -> AsyncIterator[AgentEvent]:
        if word == "several":
            answers = await asker.ask((Question(text="Which?", choices=COLOURS, several=True),))
            yield TextDelta(text=f"You said: {answers}")
        elif word == "three":
            questions = (
                Question(text="Which colour?", choices=COLOURS),
                Question(text="Which others?", choices=COLOURS, several=True),
                Question(text="Whose?"),
            )
            yield TextDelta(text=f"You said: {await asker.ask(questions)}")
        elif word == "long":
            decision = await asker.approve(
                "Bash", {"command": LONG}, summary=LONG, detail=f"```bash\n{LONG}\n```"
            )
            yield TextDelta(text=f"You said: {decision}")
        else:
            async for event in super()._act(word, rest, prompt, asker):
                yield event


class AskingAgent(ScriptedAgent):
    """See the module."""

    name: ClassVar[str] = "asking"

    async def open(self, session: Session, *, resume: bool) -> AgentProcess:
        del resume
        assert isinstance(self.transcripts, ScriptedTranscripts)
        return AskingProcess(session, self.transcripts)


class AskingPlugin:
    """Brings it."""

    @hookimpl
    def register_agents(self) -> list[type[Agent]]:
        return [AskingAgent]
