"""The real Claude Code on the loopback model, and programs that only look like it."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest

from palaver.agents.claude.agent import ClaudeAgent
from palaver.agents.claude.processes import find_process
from palaver.agents.claude.settings import ClaudeSettings
from palaver.agents.contract import AgentProcess, PlanAnswer
from palaver.events import AgentEvent, AgentFinished
from palaver.identity import ConversationId, Namespace
from palaver.models import Attachment, Decision, Prompt, Question, Session, now
from palaver.testing.model import Fail, Hang, LoopbackModel, ModelRequest, Reply, Say, Use

ALICE = Namespace("cli", "alice")
HOME = ConversationId("home")

E = TypeVar("E")


def talk(request: ModelRequest) -> Reply:
    """Does what the newest line of the prompt says.

    use TOOL JSON    uses the tool, then repeats its result
    slow N           N words, 20 ms apart
    fail STATUS      refuses
    hang             says a word and then nothing
    recall           repeats all the user has said
    anything else    is repeated
    """
    if request.kind == "compact":
        return [Say("<summary>We talked.</summary>")]
    if request.tool_results:
        return [Say(f"It says: {request.tool_results[-1].text}")]
    words = request.prompt.strip().splitlines()[-1:] or [""]
    match words[0].split(" ", 2):
        case ["use", tool, given]:
            return [Say("Let me see."), Use(tool, json.loads(given))]
        case ["slow", count]:
            return [Say(" ".join(["word"] * int(count)), words_per_chunk=1, delay_s=0.02)]
        case ["fail", status]:
            return [Fail(int(status))]
        case ["hang"]:
            return [Say("Well"), Hang()]
        case ["recall"]:
            return [Say(" | ".join(text for role, text in request.history if role == "user"))]
    return [Say(f"You said: {words[0]}")]


def use(tool: str, **given: object) -> str:
    """A prompt that makes `talk` use this tool."""
    return f"use {tool} {json.dumps(given)}"


@dataclass
class Person:
    """Answers what the agent asks, and remembers it."""

    decision: Decision = Decision.ONCE
    answers: tuple[str, ...] | None = None
    plan: PlanAnswer = field(default_factory=lambda: PlanAnswer(accepted=True))
    thinks: bool = False
    approvals: list[dict[str, Any]] = field(default_factory=list)
    questions: list[tuple[Question, ...]] = field(default_factory=list)
    plans: list[str] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    withdrawn: bool = False

    async def approve(
        self,
        tool: str,
        tool_input: Mapping[str, object],
        *,
        summary: str,
        detail: str = "",
        reason: str = "",
        rememberable: bool = False,
    ) -> Decision:
        """Decide as set beforehand, or think for ever."""
        self.approvals.append(
            {
                "tool": tool,
                "input": dict(tool_input),
                "summary": summary,
                "detail": detail,
                "reason": reason,
                "rememberable": rememberable,
            }
        )
        self.asked.set()
        if self.thinks:
            try:
                await asyncio.Event().wait()
            finally:
                self.withdrawn = True
        return self.decision

    async def ask(self, questions: tuple[Question, ...]) -> tuple[str, ...] | None:
        """Answer as set beforehand."""
        self.questions.append(questions)
        return self.answers

    async def propose(self, plan: str) -> PlanAnswer:
        """Answer as set beforehand."""
        self.plans.append(plan)
        return self.plan


@dataclass
class Claude:
    """An agent on the loopback model, with a workspace; what it opens is closed in the end."""

    model: LoopbackModel
    home: Path
    workspace: Path
    opened: list[AgentProcess] = field(default_factory=list)

    def agent(self, **settings: Any) -> ClaudeAgent:
        return ClaudeAgent(ClaudeSettings(**settings), self.home / "data")

    def session(self, **changes: Any) -> Session:
        return Session(
            **{
                "id": uuid4(),
                "namespace": ALICE,
                "agent": "claude",
                "workspace": self.workspace,
                "created": now(),
                "modified": now(),
                **changes,
            }
        )

    async def open(
        self, session: Session | None = None, *, resume: bool = False, **settings: Any
    ) -> AgentProcess:
        session = session or self.session()
        process = await self.agent(**settings).open(session, resume=resume)
        self.opened.append(process)
        return process

    async def close(self) -> None:
        for process in self.opened:
            await process.close()
        left = [process.process for process in self.opened if find_process(process.process)]
        assert not left


def prompt(text: str, *attachments: Attachment) -> Prompt:
    return Prompt(namespace=ALICE, conversation=HOME, text=text, attachments=attachments)


async def say(
    process: AgentProcess,
    text: str,
    *attachments: Attachment,
    person: Person | None = None,
    turn_id: UUID | None = None,
) -> list[AgentEvent]:
    """Run one prompt; all its events."""
    turn = process.run(turn_id or uuid4(), prompt(text, *attachments), person or Person())
    return [event async for event in turn]


def finished(events: list[AgentEvent]) -> AgentFinished:
    last = events[-1]
    assert isinstance(last, AgentFinished)
    return last


def kinds(events: list[AgentEvent]) -> list[str]:
    """The types of the events, each run of equal ones once."""
    types = [event.type for event in events]
    return [kind for index, kind in enumerate(types) if types[index - 1 : index] != [kind]]


def only(events: list[AgentEvent], kind: type[E]) -> list[E]:
    return [event for event in events if isinstance(event, kind)]


async def until(condition: Callable[[], object], within_s: float = 10) -> None:
    """Wait for something that nothing tells of."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - it is outside of this process
            await asyncio.sleep(0.02)


@pytest.fixture
async def model() -> AsyncIterator[LoopbackModel]:
    async with LoopbackModel(talk) as model:
        yield model


@pytest.fixture
async def claude(
    model: LoopbackModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Claude]:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    for name, value in model.environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CLAUDE_CODE_MAX_RETRIES", "0")
    claude = Claude(model, tmp_path, workspace)
    yield claude
    await claude.close()


Impostor = Callable[[str], Path]

_IMPOSTOR = """#!{python}
import json, os, sys, time
if "--version" in sys.argv:
    print("9.9.9 (Claude Code)")
    sys.exit()
session = next(a.split("=", 1)[1] for a in sys.argv if a.startswith(("--session-id", "--resume")))
def say(**message):
    print(json.dumps(message), flush=True)
def result(**changes):
    say(**{{"type": "result", "subtype": "success", "duration_ms": 1, "duration_api_ms": 1,
           "is_error": False, "num_turns": 1, "session_id": session, "result": "fine",
           **changes}})
def text(words):
    say(type="assistant", session_id=session, user_message_uuid=prompt,
        message={{"model": "m", "content": [{{"type": "text", "text": words}}]}})
for line in sys.stdin:
    message = json.loads(line)
    if message["type"] == "control_request" and message["request"]["subtype"] == "initialize":
        say(type="control_response", response={{"subtype": "success", "response": {{}},
            "request_id": message["request_id"]}})
    if message["type"] == "user":
        prompt = message["uuid"]
{behaviour}
"""


@pytest.fixture
def impostor(tmp_path: Path) -> Impostor:
    """Makes a program that starts like Claude Code and then answers a prompt as it is told."""

    def make(behaviour: str) -> Path:
        program = tmp_path / "impostor"
        lines = "\n".join(f"        {line}" for line in behaviour.strip().splitlines())
        program.write_text(_IMPOSTOR.format(python=sys.executable, behaviour=lines))
        program.chmod(0o755)
        return program

    return make
