"""`palaver ask`: one prompt, its answer, and an exit code that says how it went."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from palaver import (
    ApprovalAsked,
    Engine,
    Event,
    PalaverError,
    PlanProposed,
    PluginHost,
    Prompt,
    QuestionAsked,
    RequestSettled,
    Settings,
    Submission,
    TextBlock,
    TextDelta,
    Told,
    ToolStarted,
    TurnFinished,
    TurnState,
    View,
    open_engine,
)
from palaver_cli import identity, requests
from palaver_cli.exits import Exit
from palaver_cli.surface import Surface
from palaver_cli.text import harmless, one_line, squeezed


def read_prompt(words: Sequence[str], stdin: TextIO | None = None) -> str:
    """The arguments, then what is piped in, with a blank line between them."""
    stdin = sys.stdin if stdin is None else stdin
    piped = "" if stdin is None or stdin.isatty() else stdin.read().strip("\n")
    return "\n\n".join(part for part in (" ".join(words), piped) if part.strip())


async def ask_once(
    settings: Settings, host: PluginHost, text: str, *, new: bool, as_json: bool
) -> Exit:
    """Open an engine, ask, close it.

    Raises:
        PalaverError: if the settings do not hold, or the database cannot be used.
    """
    host.frontends(["cli"])  # so that their plugins hear of nobody else
    async with open_engine(settings, host) as engine:
        return await run_ask(engine, text, new=new, json=as_json, surface=_somebody())


def _somebody() -> Surface | None:
    """Whoever sees standard error, if it is a terminal."""
    if not sys.stderr.isatty():
        return None
    from palaver_cli.tty import asker  # late: it draws, and a script has nobody to draw for

    return asker()


async def run_ask(
    engine: Engine,
    text: str,
    *,
    new: bool = False,
    json: bool = False,
    workspace: Path | None = None,
    out: TextIO | None = None,
    err: TextIO | None = None,
    surface: Surface | None = None,
) -> Exit:
    """Ask one thing and print what comes of it.

    Args:
        new: begin a new session first.
        json: print every event as one line; else the answer, as it comes.
        workspace: instead of the working directory.
        surface: who can be asked what the agent wants to know; None for nobody.

    Raises:
        AccessDeniedError, StoreError: as `Engine.submit` does.
    """
    here = (workspace or Path.cwd()).absolute()
    asking = _Ask(engine, here, out or sys.stdout, err or sys.stderr, surface, json=json)
    if new:
        await asking.quietly("/newsession")
    with _stopping(asking):
        return await asking.run(text)


class _Ask:
    """One prompt on its way."""

    def __init__(
        self,
        engine: Engine,
        workspace: Path,
        out: TextIO,
        err: TextIO,
        surface: Surface | None,
        *,
        json: bool,
    ) -> None:
        self._engine = engine
        self._workspace = workspace
        self._out = out
        self._err = err
        self._surface = surface
        self._json = json
        self._streamed = ""
        self._denied = False
        self._exit = Exit.DONE
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[object]] = set()
        self._submission: Submission | None = None

    async def run(self, text: str) -> Exit:
        submission = await self._engine.submit(self._prompt(text))
        for one in (submission, *submission.others):
            await self._follow(one)
        if self._exit is Exit.DONE and self._denied:
            return Exit.DENIED
        return self._exit

    async def _follow(self, submission: Submission) -> None:
        self._submission = submission
        try:
            async for event in submission:
                if self._json:
                    self._write(event.model_dump_json() + "\n")
                await self._take(event)
        finally:
            for task in self._asking.values():
                task.cancel()

    async def quietly(self, command: str) -> None:
        async for _ in await self._engine.submit(self._prompt(command)):
            pass

    def interrupt(self) -> None:
        """Ctrl-C: stop the turn; its end is still told."""
        if self._submission and self._submission.turn_id:
            namespace, turn_id = identity.namespace(), self._submission.turn_id
            task: asyncio.Task[object] = asyncio.create_task(self._engine.stop(namespace, turn_id))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _prompt(self, text: str) -> Prompt:
        return identity.prompt(text, self._workspace)

    # --- events ---------------------------------------------------------------------------------

    async def _take(self, event: Event) -> None:
        match event:
            case ApprovalAsked() | QuestionAsked() | PlanProposed():
                task = asyncio.create_task(self._answer(event))
                self._asking[event.request.id] = task
            case RequestSettled(request_id=request_id):
                if asked := self._asking.pop(request_id, None):
                    asked.cancel()
            case Told(view=view):
                self._told(view)
            case TurnFinished():
                await self._finish(event)
            case _ if not self._json:
                self._stream(event)
            case _:
                pass

    def _stream(self, event: Event) -> None:
        match event:
            case TextDelta(text=text):
                self._say(text)
            case TextBlock(text=text):
                if not self._streamed.endswith(text):
                    self._say(text)
                self._end_line()
            case ToolStarted(tool=tool, summary=summary):
                self._end_line()
                if self._err.isatty():
                    self._tell(f"● {tool} {one_line(summary, 200)}".rstrip())

    def _told(self, view: View) -> None:
        """A command's answer is what was asked for; in a turn it is a word beside the answer."""
        command = self._submission is not None and self._submission.turn_id is None
        if view.kind == "error":
            self._tell(view.plain())
            self._exit = Exit.USAGE
        elif self._json:
            return
        elif command:
            self._say(view.plain() + "\n")
        else:
            self._tell(view.plain(commands=False))

    async def _finish(self, event: TurnFinished) -> None:
        await self._engine.attempting(event.turn_id)
        if not self._json:
            if squeezed(event.text) not in squeezed(self._streamed):
                self._end_line()
                self._say(event.text)
            self._end_line()
        await self._engine.delivered(event.turn_id)
        match event.state:
            case TurnState.DONE:
                return
            case TurnState.STOPPED:
                self._tell("Stopped.")
                self._exit = Exit.STOPPED
            case _:
                self._tell(f"Error: {event.error}")
                self._exit = Exit.FAILED

    # --- what the agent asks --------------------------------------------------------------------

    async def _answer(self, asked: requests.Asked) -> None:
        command, somebody = f"/deny {asked.request.id}", False
        if self._surface:
            command, somebody = await requests.answer(self._surface, asked)
        if not somebody:
            self._denied = True
            self._tell(requests.nobody(asked).plain())
        with contextlib.suppress(PalaverError):  # it was settled in the meantime
            await self.quietly(command)

    # --- writing --------------------------------------------------------------------------------

    def _say(self, text: str) -> None:
        self._streamed += text
        self._write(harmless(text) if self._out.isatty() else text)

    def _end_line(self) -> None:
        if self._streamed and not self._streamed.endswith("\n"):
            self._say("\n")

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()

    def _tell(self, text: str) -> None:
        self._err.write(harmless(text) + "\n")
        self._err.flush()


@contextlib.contextmanager
def _stopping(asking: _Ask) -> Iterator[None]:
    """Ctrl-C stops the turn, and its end is told; a second one ends the program."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    seen: list[int] = []

    def interrupted() -> None:
        seen.append(signal.SIGINT)
        if len(seen) == 1:
            asking.interrupt()
        elif task:
            task.cancel()

    before = signal.getsignal(signal.SIGINT)
    loop.add_signal_handler(signal.SIGINT, interrupted)
    try:
        yield
    except asyncio.CancelledError:
        if seen:
            raise KeyboardInterrupt from None
        raise
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)
