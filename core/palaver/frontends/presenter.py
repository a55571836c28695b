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
from palaver.frontends.asked import Asked
from palaver.frontends.contract import Frontend, MessageId, Place
from palaver.frontends.live import OVERHEAD, Live
from palaver.frontends.order import Order, Part
from palaver.frontends.splitting import split_markdown
from palaver.models import Prompt, QuestionRequest
from palaver.views import View

log = logging.getLogger(__name__)

_SEND_AGAIN_S = (0.0, 2.0, 10.0, 60.0)
"""Seconds before each try to send an answer, or what the agent asks."""

LAST_WORDS_S = 1.0
"""Seconds for which an orderly end waits until an answer has arrived, and that is noted."""

_RETRY = "retry"  # what the live message knows it by, among the tools

_DETAIL = 1500
"""Characters of an approval that are shown at once; all of it is behind a button."""

_UNDECIDED = "Nobody decided before Palaver ended"

AnswerTaker = Callable[[View], Awaitable[bool]]
"""Shows a command's answer in a way of the frontend's own; False to have it sent."""


class Presenter:
    """Shows one frontend's submissions. Make one when the frontend starts."""

    def __init__(self, engine: Engine, frontend: Frontend) -> None:
        self._engine = engine
        self._frontend = frontend
        self._tasks: set[asyncio.Task[None]] = set()
        self._order = Order()
        self._asked = Asked(engine.settings.data_dir / frontend.name)

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
        self._spawn(self._disarm(await self._asked.left()))
        async for turn, submission in self._engine.recover([self._frontend.name]):
            self._begin(turn.prompt, submission)

    async def close(self) -> None:
        """Stop showing; turns are not touched.

        An answer that is on its way is waited for, a little: it would come again at the next start.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_S):
                await self._order.quiet()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(
        self, prompt: Prompt, submission: Submission, answer: AnswerTaker | None = None
    ) -> Submission:
        place = Place(prompt.namespace, prompt.conversation, answers=prompt.key)
        for one in (submission, *submission.others):
            if not one.duplicate:
                taker = answer if one.turn_id is None else None
                show = _Show(self._engine, self._frontend, self._order, self._asked, place, taker)
                self._spawn(show.run(one))
        return submission

    async def _disarm(self, left: Sequence[tuple[Place, MessageId, View]]) -> None:
        """What was asked in earlier lives cannot be decided any more."""
        for place, message, over in left:
            try:
                await self._frontend.edit(place, message, over)
            except Exception as error:  # noqa: BLE001 - a frontend may raise anything
                log.info("%s: a request keeps its buttons: %s", self._frontend.name, error)
            await self._asked.drop(place, message)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Show:
    """One submission in one place.

    Args:
        order: of all that is shown.
        asked: notes the requests that wait.
        answer: gets what is told; for a command's answer.
    """

    def __init__(
        self,
        engine: Engine,
        frontend: Frontend,
        order: Order,
        asked: Asked,
        place: Place,
        answer: AnswerTaker | None = None,
    ) -> None:
        self._engine = engine
        self._frontend = frontend
        self._can = frontend.capabilities
        self._place = place
        self._answer = answer
        self._order = order
        self._asked = asked
        self._part = Part(place)
        self._live = Live(frontend, place)
        self._queued: MessageId | None = None
        self._requests: dict[str, list[tuple[MessageId, View]]] = {}

    async def run(self, submission: Submission) -> None:
        try:
            async for event in submission:
                await self._contained(event)
        finally:
            self._part.over.set()
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
                self._order.begin(self._part, event.session_id)
                self._live.begin(event)
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
                await self._ask(event.request.id, *words.plans(event.request))
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
        async with self._order.ending(self._part):
            await self._end(event)

    async def _end(self, event: TurnFinished) -> None:
        await self._harmlessly(self._engine.attempting(event.turn_id))
        view = words.finished(event)
        limit = self._can.file_above if self._can.files else None
        is_long = limit is not None and len(event.text) > limit
        # why a turn has failed is not in the file
        view = view.model_copy(update={"filed": is_long and view.text == event.text})
        if await self._insist(view) is None:
            self._live.leave()  # the next start sends it again
            return
        if is_long:  # not delivered before all of it is; the live message need not wait for that
            await self._live.end()
            await self._harmlessly(self._whole(event.text))
        await self._harmlessly(self._engine.delivered(event.turn_id))
        await self._live.end()

    async def _insist(self, view: View) -> MessageId | None:
        """Send what must be read, again if need be, and then marked, for half of it may have
        arrived; None if it cannot be sent."""
        for pause in _SEND_AGAIN_S:
            await asyncio.sleep(pause)
            try:
                return await self._send(view)
            except Exception:  # a frontend may raise anything
                log.exception("%s: a message could not be shown", self._frontend.name)
            view = view.model_copy(update={"repeated": True})
        return None

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
            await self._frontend.send_whole(self._place, file, "All of it in one file")

    async def _unqueue(self) -> None:
        """It waits no longer, so what was said of its waiting goes."""
        message, self._queued = self._queued, None
        if message and self._can.edit:
            await self._frontend.remove(self._place, message)

    async def _send(self, view: View) -> MessageId:
        """Send a view, in several messages if its text is too long for one; nothing else that is
        shown comes between them."""
        limit = self._can.max_text
        parts = [view.text]
        if limit and len(view.text) > limit - OVERHEAD:
            parts = split_markdown(view.text, limit - OVERHEAD)
        message = MessageId("")
        async with self._order.sending(self._place):
            for number, part in enumerate(parts, 1):
                message = await self._send_one(_part(view, part, number, len(parts)))
        return message

    async def _send_one(self, view: View) -> MessageId:
        shown = view if self._can.actions else view.typed()
        return await self._frontend.send(self._place, shown)

    async def _ask(self, request_id: str, *views: View) -> None:
        asked = self._requests.setdefault(request_id, [])
        for view in views:
            message = await self._insist(view)
            if message is None or not view.actions:
                continue  # nothing of it is to be settled
            asked.append((message, view))
            if self._can.edit:
                await self._asked.add(self._place, message, words.settled(view, _UNDECIDED))

    async def _settled(self, event: RequestSettled) -> None:
        """Take the buttons away, and say in their place what was decided."""
        for message, view in self._requests.pop(event.request_id, []):
            if self._can.edit:
                changed = words.settled(view, event.outcome)
                await self._harmlessly(self._frontend.edit(self._place, message, changed))
                await self._asked.drop(self._place, message)

    async def _file(self, event: FileSent) -> None:
        if self._can.files:
            path = Path(event.copied_to or event.path)
            await self._frontend.send_file(self._place, path, event.caption)
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
