"""The conversation: what the user enters goes to the engine, what comes of it to the surface."""

import asyncio
import importlib.metadata
import logging
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from uuid import UUID

from rich.console import Group
from rich.text import Text

from palaver import (
    Action,
    ApprovalAsked,
    Completion,
    Engine,
    Namespace,
    PalaverError,
    PlanProposed,
    Prompt,
    QuestionAsked,
    RequestSettled,
    Session,
    Submission,
    Told,
    TurnFinished,
    error_view,
    words,
)
from palaver_cli import identity, requests
from palaver_cli.render import Brush, actions_of
from palaver_cli.show import Show
from palaver_cli.surface import Surface
from palaver_cli.text import one_line

log = logging.getLogger(__name__)

_TICK_S = 0.1
_LONGEST_TAIL = 4000
"""Characters that are drawn of a paragraph that is being written; all of it at its end."""


class Chat:
    """One user, one conversation.

    Args:
        workspace: the working directory, absolute.
        namespace: instead of that of the process's user.

    Attributes:
        surface: where it shows; see `attach`.
    """

    surface: Surface

    def __init__(
        self,
        engine: Engine,
        workspace: Path,
        *,
        namespace: Namespace | None = None,
        show_thinking: bool = False,
    ) -> None:
        self._engine = engine
        self._workspace = workspace
        self._show_thinking = show_thinking
        self._namespace = namespace or identity.namespace()
        self._conversation = identity.conversation(workspace)
        self._session: Session | None = None
        self._inbox: asyncio.Queue[str] = asyncio.Queue()
        self._shows: dict[UUID, Show] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._questions: set[str] = set()
        self._no_question = asyncio.Event()
        self._no_question.set()
        self._at_work = asyncio.Event()
        self._offered: list[tuple[str, Action]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._leaving = False

    # --- its life -------------------------------------------------------------------------------

    def attach(self, surface: Surface, reader: Callable[[], Awaitable[None]]) -> None:
        """Show on this surface; `reader` hands over what the user enters, until the end of it."""
        self.surface = surface
        self._reader = reader

    async def run(self) -> None:
        """Talk until the user leaves, or his input ends."""
        await self._reader()

    async def begin(self) -> None:
        """Say where we are, show what was left, get ready for the first prompt."""
        await self.refresh()
        self.surface.note(self._greeting())
        self._spawn(self._recover())
        self._spawn(self._consume())
        self._spawn(self._tick())

    async def end(self) -> None:
        """Stop showing; turns are not touched."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def refresh(self) -> None:
        """Look up the current session, for the status."""
        self._session = await self._engine.current(self._namespace, self._conversation)
        self.surface.changed()

    async def complete(self, text: str) -> list[Completion]:
        """What a half-typed command can become."""
        return await self._engine.complete(self._namespace, self._conversation, text)

    # --- what the user does ---------------------------------------------------------------------

    def enter(self, text: str) -> None:
        """A text was sent."""
        self._leaving = False
        self._inbox.put_nowait(text)

    def interrupt(self) -> bool:
        """Ctrl-C: stop the turn that runs; False if none does."""
        for turn_id, show in self._shows.items():
            if not show.finished:
                self._spawn(self._stop(turn_id))
                return True
        return False

    def leave(self) -> bool:
        """Ctrl-D: leave, but not by accident in the middle of a turn."""
        if self.busy and not self._leaving:
            self._leaving = True
            self.surface.note(
                "The agent is at work. Ctrl-D again leaves and interrupts it; Ctrl-C stops it."
            )
            return False
        return True

    def offered(self) -> list[tuple[str, Action]]:
        """The buttons of the newest message, with what each is about."""
        return self._offered

    @property
    def busy(self) -> bool:
        """Whether a turn runs or waits."""
        return any(show.running or show.queued for show in self._shows.values())

    async def taken(self) -> None:
        """Return when all that was entered has reached the engine."""
        await self._inbox.join()

    async def idle(self) -> None:
        """Return when all that was entered is done."""
        await self.taken()
        while others := [task for task in self._tasks if task.get_name() == "show"]:
            await asyncio.wait(others)

    # --- the way in -----------------------------------------------------------------------------

    async def _consume(self) -> None:
        """One text after the other, in their order.

        The session is opened before the first one, so that both find the same.
        """
        await self._prewarm()
        while True:
            text = await self._inbox.get()
            try:
                await self._submit(text)
            except Exception:  # a mistake about one message is no end of the conversation
                log.exception("%r could not be sent", text[:100])
            finally:
                self._inbox.task_done()

    async def _submit(self, text: str) -> None:
        show = Show(self.surface, text, show_thinking=self._show_thinking)
        command = text.startswith("/") and not text.startswith("//")
        if command:
            show.echo()
        elif self._questions:  # or it would be taken for the answer
            self.surface.note("⏳ It is sent once the question is answered.")
            await self._no_question.wait()
        try:
            submission = await self._engine.submit(self._prompt(text))
        except PalaverError as error:
            show.echo()
            self.surface.view(error_view(error))
            return
        self._follow(submission, show)
        for other in submission.others:
            self._follow(other, Show(self.surface, show_thinking=self._show_thinking))

    def _prompt(self, text: str) -> Prompt:
        return identity.prompt(text, self._workspace, self._namespace)

    async def _stop(self, turn_id: UUID) -> None:
        if not await self._engine.stop(self._namespace, turn_id):
            self.surface.note("Nothing can be stopped.")

    async def _prewarm(self) -> None:
        try:
            await self._engine.prewarm(self._prompt(""))
        except (PalaverError, OSError) as error:  # the first prompt will say what is wrong
            log.info("not made ready: %s", error)

    async def _recover(self) -> None:
        def ours(prompt: Prompt) -> bool:
            return (prompt.namespace, prompt.conversation) == (self._namespace, self._conversation)

        async for turn, submission in self._engine.recover([identity.FRONTEND], ours):
            self.surface.note("From before Palaver was stopped:")
            show = Show(self.surface, turn.prompt.text, running=True)
            show.echo()
            self._follow(submission, show)

    # --- the way out ----------------------------------------------------------------------------

    def _follow(self, submission: Submission, show: Show) -> None:
        if submission.turn_id:
            self._shows[submission.turn_id] = show
            self._at_work.set()
        self._spawn(self._show(submission, show), name="show")

    async def _show(self, submission: Submission, show: Show) -> None:
        try:
            async for event in submission:
                if isinstance(event, ApprovalAsked | QuestionAsked | PlanProposed):
                    self._ask(event, show)
                    continue
                if isinstance(event, RequestSettled):
                    self._settled(event)
                if isinstance(event, Told):
                    self._offered = actions_of(event.view)
                if isinstance(event, TurnFinished):
                    await self._finish(event, show)
                else:
                    show.take(event)
        except Exception:  # the turn goes on, and so does the conversation
            log.exception("something could not be shown")
        finally:
            if submission.turn_id:
                self._shows.pop(submission.turn_id, None)
            if not self._shows:
                self._at_work.clear()
        await self.refresh()

    async def _finish(self, event: TurnFinished, show: Show) -> None:
        await self._engine.attempting(event.turn_id)
        show.take(event)
        self._offered = actions_of(words.finished(event))
        await self._engine.delivered(event.turn_id)
        await self.refresh()

    # --- what the agent asks --------------------------------------------------------------------

    def _ask(self, asked: requests.Asked, show: Show) -> None:
        request_id = asked.request.id
        show.waiting.add(request_id)
        if isinstance(asked, QuestionAsked):
            self._questions.add(request_id)
            self._no_question.clear()
        self._asking[request_id] = self._spawn(self._answer(asked))

    async def _answer(self, asked: requests.Asked) -> None:
        command, somebody = f"/deny {asked.request.id}", True
        try:
            command, somebody = await requests.answer(self.surface, asked)
        except Exception:  # whatever is wrong, the answer is no, and it is given
            log.exception("the question could not be asked")
        if not somebody:
            self.surface.view(requests.nobody(asked))
        submission = await self._engine.submit(self._prompt(command))
        async for event in submission:
            if isinstance(event, Told) and event.view.kind == "error":
                self.surface.view(event.view)

    def _settled(self, event: RequestSettled) -> None:
        self._questions.discard(event.request_id)
        if not self._questions:
            self._no_question.set()
        task = self._asking.pop(event.request_id, None)
        if task:
            task.cancel()
        self.surface.note(f"  ⎿ {one_line(event.outcome, 200)}", joined=True)

    # --- what is live ---------------------------------------------------------------------------

    def live(self, brush: Brush, width: int, height: int) -> str:
        """The end of what is being written, and what is at work, at most so high."""
        below = [drawn for show in self._shows.values() if (drawn := show.progress())]
        progress = brush.draw(Group(*below), width) if below else ""
        tail = next((tail for show in self._shows.values() if (tail := show.tail())), None)
        source = tail.source[-_LONGEST_TAIL:] if tail else ""
        lines = brush.draw(brush.answer(source), width).splitlines() if source else []
        room = max(1, height - progress.count("\n") - 3)
        written = "".join(f"{line}\n" for line in lines[-room:])
        gap = "" if tail and tail.joined else "\n"
        return (gap + written if written else "") + ("\n" + progress if progress else "")

    def status(self, brush: Brush, width: int) -> str:
        """Which session this is, and what is different about it."""
        session = self._session
        if session is None or not (session.turns or session.title):
            parts = ["new session"]
        else:
            turns = f"{session.turns} turn" + ("" if session.turns == 1 else "s")
            parts = [one_line(session.label, 40), turns]
            parts += ["resumes"] if session.turns else []
        if session and session.mode:
            parts.append(session.mode)
        if session and session.model:
            parts.append(session.model)
        text = Text("  " + " · ".join(parts), style="dim", no_wrap=True, overflow="ellipsis")
        return brush.draw(text, width).rstrip("\n")

    def _greeting(self) -> str:
        version = importlib.metadata.version("palaver")
        place = self._workspace
        if place.is_relative_to(Path.home()):
            place = Path("~") / place.relative_to(Path.home())
        session = self._session
        going = "A new session."
        if session and session.turns:
            going = f"Going on with “{one_line(session.label, 60)}”; /newsession begins afresh."
        return (
            f"Palaver {version} · {place}\n{going}\n"
            "/help shows the commands · Alt-Enter begins a line · Ctrl-D leaves"
        )

    async def _tick(self) -> None:
        """Keep the clock running while the agent works."""
        while True:
            await self._at_work.wait()
            await asyncio.sleep(_TICK_S)
            self.surface.changed()

    def _spawn(
        self, work: Coroutine[object, object, None], name: str | None = None
    ) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("something went wrong: %s", error, exc_info=error)
