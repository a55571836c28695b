"""From events to messages: what every frontend would otherwise write again.

A live message shows the turn at work, as fast as the chat allows; the answer comes as its own
message, split where it is too long, and its delivery is written down before and after.
"""

import asyncio
import contextlib
import logging
import tempfile
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path

from palaver.engine import Engine
from palaver.events import (
    ApprovalAsked,
    Compacted,
    Event,
    FileSent,
    PlanProposed,
    QuestionAsked,
    RateLimited,
    RequestSettled,
    Retrying,
    TextBlock,
    TextDelta,
    Told,
    ToolFinished,
    ToolStarted,
    TurnFinished,
    TurnQueued,
    TurnStarted,
)
from palaver.feeds import Submission
from palaver.frontends import words
from palaver.frontends.contract import Frontend, MessageId, Place
from palaver.frontends.splitting import split_markdown
from palaver.models import Prompt, QuestionRequest
from palaver.views import View

log = logging.getLogger(__name__)

TYPING_INTERVAL_S = 4.0
"""Telegram shows "typing" for 5 seconds (Bot API, sendChatAction), Discord for 10."""

LAST_PAINT_S = 2.0
"""Seconds that an answer waits for a live message that is being sent at that moment: were it to
arrive after the answer, nobody would take it away."""

_SEND_AGAIN_S = (0.0, 2.0, 10.0, 60.0)
"""Seconds before each try to send an answer."""

_RETRY = "retry"  # what the live message knows it by, among the tools

_OVERHEAD = 200
"""Characters left free in a split message, for its title, receipt and markup."""

_DETAIL = 1500
"""Characters of an approval that are shown at once; all of it is behind a button."""

AnswerTaker = Callable[[View], Awaitable[bool]]
"""Shows a command's answer in a way of the frontend's own; False to have it sent."""


class Presenter:
    """Shows one frontend's submissions. Make one when the frontend starts."""

    def __init__(self, engine: Engine, frontend: Frontend) -> None:
        self._engine = engine
        self._frontend = frontend
        self._tasks: set[asyncio.Task[None]] = set()

    async def take(self, prompt: Prompt, *, answer: AnswerTaker | None = None) -> Submission:
        """Submit a message and show what comes of it; on return it can be acknowledged.

        Args:
            answer: gets a command's answer before it is sent.

        Raises:
            AccessDeniedError, StoreError: as `Engine.submit` does; nothing has been shown.
        """
        return self._begin(prompt, await self._engine.submit(prompt), answer)

    async def press(
        self, prompt: Prompt, button: str, *, answer: AnswerTaker | None = None
    ) -> Submission:
        """Submit a click on a button and show what comes of it.

        Args:
            answer: as in `take`: a click is often better answered where it was made.

        Raises:
            AccessDeniedError, CommandError: as `Engine.press` does; nothing has been shown.
        """
        return self._begin(prompt, await self._engine.press(prompt, button), answer)

    async def offer(self, prompts: Sequence[Prompt]) -> Submission:
        """Submit what came while nobody listened: see `Engine.offer`."""
        return self._begin(prompts[0], await self._engine.offer(prompts))

    async def recover(self) -> None:
        """Show what was left by a crash or a shutdown. Call it once the frontend can send."""
        async for turn, submission in self._engine.recover([self._frontend.name]):
            self._begin(turn.prompt, submission)

    async def close(self) -> None:
        """Stop showing; turns are not touched."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(
        self, prompt: Prompt, submission: Submission, answer: AnswerTaker | None = None
    ) -> Submission:
        place = Place(prompt.namespace, prompt.conversation)
        for one in (submission, *submission.others):
            if not one.duplicate:
                taker = answer if one.turn_id is None else None
                show = _Show(self._engine, self._frontend, place, taker)
                self._spawn(show.run(one))
        return submission

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Show:
    """One submission in one place.

    Args:
        answer: gets what is told; for a command's answer.
    """

    def __init__(
        self,
        engine: Engine,
        frontend: Frontend,
        place: Place,
        answer: AnswerTaker | None = None,
    ) -> None:
        self._engine = engine
        self._frontend = frontend
        self._can = frontend.capabilities
        self._place = place
        self._answer = answer
        self._live = _Live(frontend, place)
        self._queued: MessageId | None = None
        self._requests: dict[str, list[tuple[MessageId, View]]] = {}

    async def run(self, submission: Submission) -> None:
        try:
            async for event in submission:
                await self._contained(event)
        finally:
            await self._live.end()

    async def _contained(self, event: Event) -> None:
        try:
            await self._take(event)
        except Exception:  # a frontend may raise anything; what comes next must be shown
            log.exception("%s: %s could not be shown", self._frontend.name, event.type)

    async def _take(self, event: Event) -> None:
        match event:
            case TurnQueued(ahead=ahead) if ahead:
                self._queued = await self._send(words.queued(ahead, event.turn_id))
            case TurnStarted():
                self._live.begin(resumed=event.resumed)
                await self._unqueue()
            case Retrying():
                self._live.tool(_RETRY, words.retrying(event))
            case TextDelta():
                self._live.tool(_RETRY, None)
                self._live.add(event.text)
            case TextBlock():
                self._live.settle(event.text)
            case ToolStarted():
                self._live.tool(event.tool_id, f"{event.tool} {event.summary}".strip())
            case ToolFinished():
                self._live.tool(event.tool_id, None)
            case ApprovalAsked():
                view = words.approval(event.request, limit=_DETAIL)
                await self._ask(event.request.id, view)
            case QuestionAsked():
                alike = words.questions if self._can.actions else _as_one
                await self._ask(event.request.id, *alike(event.request))
            case PlanProposed():
                await self._ask(event.request.id, words.plan(event.request))
            case RequestSettled():
                await self._settled(event)
            case FileSent():
                await self._file(event)
            case RateLimited(reached=True):
                await self._send(View(title="⏳ The account's limit is reached.", kind="notice"))
            case Compacted(automatic=True):
                await self._send(View(title="🗜️ Session auto-compacted", kind="notice"))
            case Told():
                if self._answer is None or not await self._answer(event.view):
                    await self._send(event.view)
            case TurnFinished():
                await self._finish(event)
            case _:
                pass

    async def _finish(self, event: TurnFinished) -> None:
        await self._live.pause()
        await self._harmlessly(self._unqueue())
        await self._harmlessly(self._engine.attempting(event.turn_id))
        if not await self._deliver(words.finished(event)):
            self._live.leave()  # the next start sends it again
            return
        await self._harmlessly(self._engine.delivered(event.turn_id))
        await self._live.end()
        if self._can.files and self._can.file_above and len(event.text) > self._can.file_above:
            await self._whole(event.text)

    async def _deliver(self, view: View) -> bool:
        """Send an answer, again if need be, and then marked, for half of it may have arrived."""
        for pause in _SEND_AGAIN_S:
            await asyncio.sleep(pause)
            if await self._harmlessly(self._send(view)):
                return True
            view = view.model_copy(update={"repeated": True})
        return False

    async def _harmlessly(self, work: Coroutine[object, object, object]) -> bool:
        """Whether it went well; if not it is logged, and what comes next must go on."""
        try:
            await work
        except Exception:  # a frontend may raise anything
            log.exception("%s: a message could not be shown", self._frontend.name)
            return False
        return True

    async def _whole(self, answer: str) -> None:
        """A long answer once more, as a file: many messages are hard to keep or to search."""
        with tempfile.TemporaryDirectory(prefix="palaver-") as folder:
            file = Path(folder) / "answer.md"
            await asyncio.to_thread(file.write_text, answer, "utf-8", "replace")
            await self._frontend.send_file(self._place, file, "All of it in one file")

    async def _unqueue(self) -> None:
        """It waits no longer, so what was said of its waiting goes."""
        message, self._queued = self._queued, None
        if message and self._can.edit:
            await self._frontend.remove(self._place, message)

    async def _send(self, view: View) -> MessageId:
        """Send a view, in several messages if its text is too long for one."""
        limit = self._can.max_text
        parts = [view.text]
        if limit and len(view.text) > limit - _OVERHEAD:
            parts = split_markdown(view.text, limit - _OVERHEAD)
        message = MessageId("")
        for number, part in enumerate(parts, 1):
            message = await self._send_one(_part(view, part, number, len(parts)))
        return message

    async def _send_one(self, view: View) -> MessageId:
        shown = view if self._can.actions else view.typed()
        return await self._frontend.send(self._place, shown)

    async def _ask(self, request_id: str, *views: View) -> None:
        asked = self._requests.setdefault(request_id, [])
        for view in views:
            asked.append((await self._send(view), view))

    async def _settled(self, event: RequestSettled) -> None:
        """Take the buttons away, and say in their place what was decided."""
        for message, view in self._requests.pop(event.request_id, []):
            if self._can.edit:
                changed = words.settled(view, event.outcome)
                await self._harmlessly(self._frontend.edit(self._place, message, changed))

    async def _file(self, event: FileSent) -> None:
        if self._can.files:
            await self._frontend.send_file(self._place, Path(event.path), event.caption)
        else:
            text = "\n".join(filter(None, [f"`{event.path}`", event.caption]))
            await self._send(View(title="📎 A file for you", text=text, kind="notice"))


def _as_one(request: QuestionRequest) -> list[View]:
    return [words.question(request)]


def _part(view: View, text: str, number: int, count: int) -> View:
    """One of several messages: the title stands on the first, all else on the last."""
    changes: dict[str, object] = {"text": text}
    if number > 1:
        changes["title"] = ""
    if number < count:
        changes |= {"fields": (), "items": (), "footer": (), "actions": ()}
    return view.model_copy(update=changes)


class _Live:
    """The message that shows a turn at work. Its failures are logged and change nothing."""

    def __init__(self, frontend: Frontend, place: Place) -> None:
        self._frontend = frontend
        self._can = frontend.capabilities
        self._place = place
        self._text = ""
        self._settled = ""
        self._tools: dict[str, str] = {}
        self._drawn = False  # some text is shown
        self._resumed = False
        self._message: MessageId | None = None
        self._changed = asyncio.Event()
        self._spoken = asyncio.Event()  # or over
        self._ended = asyncio.Event()
        self._painter: asyncio.Task[None] | None = None
        self._typist: asyncio.Task[None] | None = None

    def begin(self, *, resumed: bool) -> None:
        self._resumed = resumed
        self._changed.set()
        if self._can.typing:
            self._typist = asyncio.create_task(self._type())
        if self._can.edit:
            self._painter = asyncio.create_task(self._paint())

    def add(self, text: str) -> None:
        self._text += text
        self._spoken.set()
        self._changed.set()

    def settle(self, text: str) -> None:
        """A block is whole, and is the truth: a stream that broke may have said something else."""
        self._settled += f"{text}\n\n" if text else ""
        self._text = self._settled
        self._changed.set()

    def tool(self, tool_id: str, summary: str | None) -> None:
        if summary is None:
            self._tools.pop(tool_id, None)
        else:
            self._tools[tool_id] = summary
        self._changed.set()

    async def pause(self) -> None:
        """Show nothing more; what is being sent is waited for, but not for long."""
        self._ended.set()
        self._spoken.set()
        self._changed.set()
        if self._painter:
            await asyncio.wait([self._painter], timeout=LAST_PAINT_S)
        tasks = [task for task in (self._painter, self._typist) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._painter = self._typist = None

    def leave(self) -> None:
        """Let the live message stand: nothing has come in its place."""
        self._message = None

    async def end(self) -> None:
        """Take the live message away: the answer stands for itself."""
        await self.pause()
        message, self._message = self._message, None
        if message:
            await self._harmlessly(self._frontend.remove(self._place, message))

    async def _paint(self) -> None:
        """Show the newest state, then leave the chat alone for its interval."""
        while True:
            await self._changed.wait()
            if self._ended.is_set():
                return
            self._changed.clear()
            await self._harmlessly(self._draw())
            await self._rest()

    async def _rest(self) -> None:
        """Until the next paint may come; the turn's first text, and its end, cut it short."""
        sooner = self._ended if self._drawn else self._spoken
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(sooner.wait(), self._frontend.edit_interval(self._place))

    async def _draw(self) -> None:
        limit = self._can.max_text and self._can.max_text - _OVERHEAD
        tools = list(self._tools.values())
        self._drawn = bool(self._text)
        view = words.progress(self._text, tools, resumed=self._resumed, limit=limit)
        view = view if self._can.actions else view.typed()
        self._message = await self._frontend.progress(self._place, self._message, view)

    async def _type(self) -> None:
        while True:
            await self._harmlessly(self._frontend.typing(self._place))
            await asyncio.sleep(TYPING_INTERVAL_S)

    async def _harmlessly(self, work: Coroutine[object, object, None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - the answer matters, not its progress
            log.info("%s: progress could not be shown: %s", self._frontend.name, error)
