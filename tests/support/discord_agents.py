"""An agent that does what a test has made up, word for word."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from palaver.agents.contract import Agent, AgentProcess, Asker
from palaver.agents.scripted import ScriptedAgent, ScriptedProcess, ScriptedTranscripts
from palaver.events import AgentEvent, TextDelta, ToolFinished, ToolStarted
from palaver.hookspecs import hookimpl
from palaver.models import Prompt, Question, Session

STEP_S = 0.03
"""Seconds between two pieces of an answer, so that it is seen growing."""


@dataclass(frozen=True)
class Made:
    """One turn. The answer comes in pieces, a tool before each; the request before all.

    Attributes:
        pieces: of the answer.
        tools: their names and summaries.
        detail: of a tool that needs a yes; None for no such tool.
        questions: that are asked.
        plan: that is proposed; None for none.
    """

    pieces: tuple[str, ...] = ("Done.",)
    tools: tuple[tuple[str, str], ...] = ()
    detail: str | None = None
    summary: str = ""
    questions: tuple[Question, ...] = ()
    plan: str | None = None

    @property
    def answer(self) -> str:
        return "".join(self.pieces)


class MadeProcess(ScriptedProcess):
    """See the module."""

    def __init__(self, session: Session, transcripts: ScriptedTranscripts, made: list[Made]):
        super().__init__(session, transcripts)
        self._made = made

    async def _act(
        self, word: str, rest: str, prompt: Prompt, asker: Asker
    ) -> AsyncIterator[AgentEvent]:
        del word, rest, prompt
        made = self._made[-1]
        if made.detail is not None:
            await asker.approve("Bash", {}, summary=made.summary, detail=made.detail)
        if made.questions:
            await asker.ask(made.questions)
        if made.plan is not None:
            await asker.propose(made.plan)
        for number, piece in enumerate(made.pieces):
            for tool, summary in made.tools[number : number + 1]:
                yield ToolStarted(tool_id=str(number), tool=tool, summary=summary)
            await asyncio.sleep(STEP_S)
            yield TextDelta(text=piece)
            if number < len(made.tools):
                yield ToolFinished(tool_id=str(number), ok=True)
            await asyncio.sleep(STEP_S)


class MadeAgent(ScriptedAgent):
    """See the module."""

    name: ClassVar[str] = "made"
    made: ClassVar[list[Made]] = []

    async def open(self, session: Session, *, resume: bool) -> AgentProcess:
        del resume
        assert isinstance(self.transcripts, ScriptedTranscripts)
        return MadeProcess(session, self.transcripts, self.made)


class MadePlugin:
    """Brings it; what is appended to `made` last is what the next turn does."""

    def __init__(self) -> None:
        self.made: list[Made] = []

    @hookimpl
    def register_agents(self) -> list[type[Agent]]:
        return [type("MadeAgentOfATest", (MadeAgent,), {"made": self.made})]
