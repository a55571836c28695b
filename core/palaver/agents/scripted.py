"""An agent without a model and without a process, for tests of plugins and of the engine.

It does what the first words of a prompt say, and remembers what was said in its session:

    remember N            I will remember N.
    what number           what it was asked to remember, if anything
    run COMMAND           asks for approval, then says what it (did not) run
    ask QUESTION|A|B      asks the user and repeats the answer
    plan TEXT             proposes a plan
    stream N              answers with N words, one event each
    wait S                says a word, then works for S seconds; can be stopped
    go on                 does again what it was last told to run, ask or plan
    fail                  fails in an orderly way
    crash                 breaks down
    anything else         is repeated
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import ClassVar
from uuid import UUID, uuid4

import palaver.processes as processes
from palaver.agents.contract import (
    Agent,
    AgentProcess,
    Asker,
    Health,
    Transcripts,
)
from palaver.agents.disk import move_transcript, scan_transcripts
from palaver.config import PoolSettings
from palaver.errors import AgentCrashedError, SessionLostError
from palaver.events import (
    AgentEvent,
    AgentFinished,
    AgentReported,
    Compacted,
    TextDelta,
    ToolFinished,
    ToolStarted,
)
from palaver.identity import SessionId
from palaver.models import Decision, Prompt, Question, Session, Stamp, Usage

_ASKING = frozenset({"run", "ask", "plan"})


class ScriptedSettings(PoolSettings):
    """`[agents.scripted]`. `start_s`: seconds that opening a session takes."""

    start_s: float = 0.0


class ScriptedTranscripts(Transcripts):
    """One JSON line for each message: `{"turn", "role", "text"}`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, session_id: SessionId) -> Path:
        return self.folder / f"{session_id}.jsonl"

    async def locate(self, session: Session) -> Path | None:
        path = self.path(session.id)
        return path if await asyncio.to_thread(path.is_file) else None

    async def home(self, session: Session) -> Path:
        del session
        return self.folder

    async def answer(self, session: Session, turn_id: UUID) -> str | None:
        try:
            lines = await asyncio.to_thread(self.read, session.id)
        except SessionLostError:
            return None
        for line in lines:
            if line["turn"] == str(turn_id) and line["role"] == "assistant":
                return line["text"]
        return None

    async def fork(self, session: Session) -> tuple[SessionId, Path]:
        copy = uuid4()
        text = await asyncio.to_thread(self._text, session.id)
        await asyncio.to_thread(self.path(copy).write_text, text, "utf-8")
        return copy, self.path(copy)

    async def messages(self, session: Session) -> list[tuple[str, str]]:
        lines = await asyncio.to_thread(self.read, session.id)
        return [(line["role"], line["text"]) for line in lines]

    async def move(self, transcript: Path, folder: Path) -> Path:
        return await asyncio.to_thread(move_transcript, transcript, folder)

    def scan(self, known: Iterable[tuple[str, int, int]]) -> Iterable[tuple[str, Stamp | None]]:
        return scan_transcripts(known)

    def read(self, session_id: SessionId) -> list[dict[str, str]]:
        lines = []
        for line in self._text(session_id).splitlines():
            try:
                lines.append(json.loads(line))
            except ValueError:
                continue
        return lines

    def append(self, session_id: SessionId, turn_id: UUID, role: str, text: str) -> None:
        line = json.dumps({"turn": str(turn_id), "role": role, "text": text})
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.path(session_id).open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def _text(self, session_id: SessionId) -> str:
        try:
            return self.path(session_id).read_text("utf-8", errors="replace")
        except FileNotFoundError:
            raise SessionLostError(session_id) from None


class ScriptedProcess(AgentProcess):
    """Holds a session open, in memory."""

    def __init__(self, session: Session, transcripts: ScriptedTranscripts) -> None:
        self.session_id = session.id
        self.process = processes.identity()
        self.model = session.model
        self.mode = session.mode
        self._transcripts = transcripts
        self._stop = asyncio.Event()
        self._open = True

    @property
    def alive(self) -> bool:
        return self._open

    async def interrupt(self) -> None:
        self._stop.set()

    async def configure(self, *, model: str | None, mode: str | None) -> None:
        self.model, self.mode = model, mode

    async def close(self) -> None:
        self._open = False
        self._stop.set()

    async def run(self, turn_id: UUID, prompt: Prompt, asker: Asker) -> AsyncIterator[AgentEvent]:
        self._stop.clear()
        yield AgentReported(session_id=self.session_id, model=self.model or "scripted")
        await self._write(turn_id, "user", prompt.text)
        word, _, rest = prompt.text.partition(" ")
        text = ""
        async for event in self._act(word.lower(), rest, prompt, asker):
            if isinstance(event, AgentFinished):
                yield event
                return
            text += event.text if isinstance(event, TextDelta) else ""
            yield event
        await self._write(turn_id, "assistant", text)
        words = len(prompt.text.split()), len(text.split())
        usage = Usage(input_tokens=words[0], output_tokens=words[1], cost_usd=0.001)
        yield AgentFinished(text=text, usage=usage, context_tokens=sum(words))

    async def _act(
        self, word: str, rest: str, prompt: Prompt, asker: Asker
    ) -> AsyncIterator[AgentEvent]:
        if (word, rest[:2]) == ("go", "on"):
            word, rest = await self._unfinished()
        match word:
            case "/compact":
                yield Compacted(automatic=False)
                yield AgentFinished()
            case "run":
                async for event in self._run_command(rest, asker):
                    yield event
            case "stream":
                for number in range(int(rest)):
                    yield TextDelta(text=f"word{number} ")
            case "wait":
                async for event in self._wait(float(rest)):
                    yield event
            case "fail":
                yield AgentFinished(error="The script says so. Try another prompt.")
            case "crash":
                self._open = False
                raise AgentCrashedError("The agent's process ended in the middle of its work.")
            case _:
                yield TextDelta(text=await self._answer(word, rest, prompt, asker))

    async def _answer(self, word: str, rest: str, prompt: Prompt, asker: Asker) -> str:
        match word:
            case "remember":
                return f"I will remember {rest}."
            case "what":
                return await self._recall()
            case "ask":
                text, *choices = rest.split("|")
                question = Question.model_validate(
                    {"text": text, "choices": [{"label": choice} for choice in choices]}
                )
                answers = await asker.ask((question,))
                return f"You said: {answers[0]}" if answers else "You did not say."
            case "plan":
                answer = await asker.propose(rest)
                return "It is done." if answer.accepted else f"To change: {answer.remark}"
            case _:
                names = [attachment.name for attachment in prompt.attachments]
                return prompt.text + (f" (with {', '.join(names)})" if names else "")

    async def _unfinished(self) -> tuple[str, str]:
        for line in reversed(await asyncio.to_thread(self._transcripts.read, self.session_id)):
            word, _, rest = line["text"].partition(" ")
            if line["role"] == "user" and word.lower() in _ASKING:
                return word.lower(), rest
        return "", "nothing"

    async def _recall(self) -> str:
        for line in reversed(await asyncio.to_thread(self._transcripts.read, self.session_id)):
            found = re.match(r"remember (.+)", line["text"], re.IGNORECASE)
            if found and line["role"] == "user":
                return f"You told me {found[1]}."
        return "You have told me no number."

    async def _run_command(self, command: str, asker: Asker) -> AsyncIterator[AgentEvent]:
        yield ToolStarted(tool_id="tool", tool="Bash", summary=command)
        decision = await asker.approve(
            "Bash", {"command": command}, summary=command, rememberable=True
        )
        allowed = decision is not Decision.DENY
        yield ToolFinished(tool_id="tool", ok=allowed)
        yield TextDelta(text=f"I ran {command}." if allowed else f"I did not run {command}.")

    async def _wait(self, seconds: float) -> AsyncIterator[AgentEvent]:
        yield TextDelta(text="Working. ")
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            yield TextDelta(text="Done.")
        else:
            yield AgentFinished(text="Working. ", stopped=True)

    async def _write(self, turn_id: UUID, role: str, text: str) -> None:
        await asyncio.to_thread(self._transcripts.append, self.session_id, turn_id, role, text)


class ScriptedAgent(Agent):
    """See the module."""

    name: ClassVar[str] = "scripted"
    settings_model: ClassVar[type[PoolSettings]] = ScriptedSettings
    settings: ScriptedSettings

    def __init__(self, settings: PoolSettings, data_dir: Path) -> None:
        super().__init__(settings, data_dir)
        self.transcripts: ScriptedTranscripts = ScriptedTranscripts(data_dir / "scripted")

    async def open(self, session: Session, *, resume: bool) -> AgentProcess:
        if resume and await self.transcripts.locate(session) is None:
            raise SessionLostError(session.id)
        await asyncio.sleep(self.settings.start_s)
        return ScriptedProcess(session, self.transcripts)

    async def settle(self, process: str, *, limit_s: float) -> None:
        """Nothing outlives Palaver: there is no process."""
        del process, limit_s

    async def examine(self) -> list[Health]:
        return [Health("agent", ok=True, detail="scripted: no model, nothing to install")]
