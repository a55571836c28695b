"""The demo without a terminal: a whole conversation, told as it goes and checked at every step."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from palaver.app.demonstration.stage import Stage
from palaver.engine import Engine, open_engine
from palaver.errors import PalaverError
from palaver.events import ApprovalAsked, Event, Told, TurnFinished
from palaver.identity import ConversationId, Namespace, SessionId
from palaver.models import Prompt, Session, TurnState, now
from palaver.plugins import PluginHost

NUMBER = "42"
FILE = "greeting.txt"
GREETING = "Hello from the demo"
_AGE_DAYS = 40
"""More than the 30 days after which a session counts as old."""

Tell = Callable[[str], None]


class DemoFailedError(PalaverError):
    """Raised when a step of the demo does not do what it should."""

    hint = "`palaver doctor` looks for what may be wrong."

    def __init__(self, step: str, problem: str) -> None:
        self.step = step
        super().__init__(f"the demo's step “{step}” failed: {problem}")


@dataclass(slots=True)
class Play:
    """One performance.

    Attributes:
        asked: the tools that asked for approval, in order.
    """

    engine: Engine
    stage: Stage
    tell: Tell
    namespace: Namespace = field(default_factory=lambda: Namespace("cli", "demo"))
    step: str = ""
    asked: list[str] = field(default_factory=list)
    first: SessionId | None = None
    second: SessionId | None = None

    async def say(self, text: str) -> str:
        """Send a message as the user; what is said to it, as plain text."""
        self.tell(f"  › {text}")
        conversation = ConversationId(str(self.stage.workspace))
        prompt = Prompt(
            namespace=self.namespace,
            conversation=conversation,
            text=text,
            workspace=self.stage.workspace,
        )
        answer = ""
        submission = await self.engine.submit(prompt)
        async for event in submission:
            answer = await self._hear(event) or answer
        if submission.turn_id:
            await self.engine.delivered(submission.turn_id)
        return answer

    async def _hear(self, event: Event) -> str:
        match event:
            case ApprovalAsked(request=request):
                self.asked.append(request.tool)
                self._quote(f"🔐 May I use {request.tool}? {request.summary}")
                await self.say(f"/allow {request.id}")
            case Told(view=view):
                self._quote(text := view.plain(commands=False))
                return text
            case TurnFinished():
                self._quote(text := event.text or event.error)
                self.check(event.state is TurnState.DONE, event.error or "the turn did not end")
                return text
        return ""

    def _quote(self, text: str) -> None:
        for line in text.splitlines():
            self.tell(f"    {line}".rstrip())

    def check(self, held: bool, problem: str) -> None:
        """Raise a `DemoFailedError` unless it held."""
        if not held:
            raise DemoFailedError(self.step, problem)

    async def current(self) -> Session:
        """The session that the conversation is in."""
        here = ConversationId(str(self.stage.workspace))
        current = await self.engine.sessions.current_id(self.namespace, here)
        self.check(current is not None, "there is no current session")
        return await self.engine.sessions.find(self.namespace, str(current))


async def remembers(play: Play) -> None:
    """a session remembers"""
    answer = await play.say(f"Remember the number {NUMBER}.")
    play.check(NUMBER in answer, "the agent did not take note of the number")
    session = await play.current()
    transcript = session.transcript or play.stage.folder / "none"
    play.check(await asyncio.to_thread(transcript.is_file), "Claude Code has written no transcript")
    play.first = session.id


async def forgets(play: Play) -> None:
    """a new session knows nothing of it"""
    await play.say("/newsession")
    answer = await play.say("What number did I tell you?")
    play.check(NUMBER not in answer, "the new session knows what was said in the other")
    play.second = (await play.current()).id
    play.check(play.second != play.first, "the session is still the first one")


async def returns(play: Play) -> None:
    """the first session still does"""
    await play.say(f"/switch {play.first}")
    answer = await play.say("What number did I tell you?")
    play.check(NUMBER in answer, "the session has forgotten the number")


async def writes(play: Play) -> None:
    """the agent asks before it writes a file"""
    path = play.stage.workspace / FILE
    await play.say(f"Write a file {FILE} with {GREETING}")
    play.check("Write" in play.asked, "the agent did not ask")
    play.check(await asyncio.to_thread(path.is_file), f"{FILE} is not on the disk")
    content = (await asyncio.to_thread(path.read_text, "utf-8")).strip()
    play.check(content == GREETING, f"{FILE} has {content!r} in it")
    play.tell(f"    ({FILE} is on the disk, with: {content})")


async def lists(play: Play) -> None:
    """both sessions are in the list"""
    listed = await play.say("/sessions")
    for session_id in (play.first, play.second):
        play.check(str(session_id)[:8] in listed, f"session {session_id} is missing")


async def cleans_up(play: Play) -> None:
    """an old session is cleaned up, the current one is not"""
    old = await play.engine.sessions.find(play.namespace, str(play.second))
    await _set_back(old)
    play.tell(f"  (session {str(old.id)[:8]} is now {_AGE_DAYS} days old)")
    await play.say("/cleansessions")
    listed = await play.say("/sessions")
    play.check(str(play.second)[:8] not in listed, "the old session is still listed")
    play.check(str(play.first)[:8] in listed, "the current session was cleaned up, too")
    trashed = [one.id for one in await play.engine.trash.trashed(play.namespace)]
    play.check(play.second in trashed, "the old session cannot be restored from the trash")


STEPS: tuple[Callable[[Play], Awaitable[None]], ...] = (
    remembers,
    forgets,
    returns,
    writes,
    lists,
    cleans_up,
)


async def perform(stage: Stage, tell: Tell) -> None:
    """Play the whole conversation.

    Raises:
        DemoFailedError: naming the step that did not do what it should.
    """
    settings = stage.runtime.settings()
    async with open_engine(settings, PluginHost(settings, [])) as engine:
        play = Play(engine, stage, tell)
        for number, step in enumerate(STEPS, 1):
            play.step = (step.__doc__ or "").strip()
            tell(f"\n{number}. {play.step.capitalize()}")
            try:
                await step(play)
            except DemoFailedError:
                raise
            except PalaverError as error:
                raise DemoFailedError(play.step, str(error)) from error
            tell("  ✓")
        play.check(not stage.model.problems, f"the model was asked wrongly: {stage.model.problems}")


async def _set_back(session: Session) -> None:
    """Set a session back in time, as if it had been left alone: by its transcript's own time."""
    then = (now() - timedelta(days=_AGE_DAYS)).timestamp()
    if session.transcript:
        await asyncio.to_thread(os.utime, session.transcript, (then, then))
