"""One turn as it happens: what is finished is printed, the rest is live."""

import time
from dataclasses import dataclass, field

from rich.console import Group, RenderableType
from rich.text import Text

from palaver import (
    Compacted,
    Event,
    FileSent,
    RateLimited,
    RequestSettled,
    TextBlock,
    TextDelta,
    ThinkingDelta,
    Told,
    ToolFinished,
    ToolStarted,
    TurnFinished,
    TurnQueued,
    TurnStarted,
    View,
    words,
)
from palaver_cli.markdown import Block, Blocks
from palaver_cli.surface import Surface
from palaver_cli.text import colourless, one_line, squeezed

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_TAIL = 10
"""Lines that stay live of a long block that is being written."""


@dataclass
class Show:
    """Draws a submission's events on a surface.

    Attributes:
        words: the prompt; printed when its turn begins, so that the answer follows it.
        echoed: they are printed already.
        waiting: requests that wait for the user, by their ids.
    """

    surface: Surface
    words: str = ""
    echoed: bool = False
    show_thinking: bool = False
    running: bool = False
    queued: bool = False
    finished: TurnFinished | None = None
    tools: dict[str, ToolStarted] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)
    _blocks: Blocks = field(default_factory=Blocks)
    _thinking: Blocks = field(default_factory=Blocks)
    _doing: str = "Working"
    _streamed: str = ""
    _started: float = field(default_factory=time.monotonic)

    def take(self, event: Event) -> None:
        """Draw one event. Requests to the user are the caller's."""
        match event:
            case TurnQueued(ahead=ahead):
                self.queued = ahead > 0
            case TurnStarted():
                self.begin()
            case TextDelta(text=text):
                self._add(text)
            case TextBlock(text=text):
                self._text_ended(text)
            case ThinkingDelta(text=text):
                self._think(text)
            case ToolStarted():
                self._settle()
                self.tools[event.tool_id] = event
            case ToolFinished():
                self._tool_finished(event)
            case RequestSettled(request_id=request_id):
                self.waiting.discard(request_id)
            case TurnFinished():
                self._finish(event)
            case _:
                self._beside(event)
        self.surface.changed()

    def begin(self) -> None:
        """The agent has the prompt."""
        self.queued, self.running, self._started = False, True, time.monotonic()
        self.echo()

    def echo(self) -> None:
        """Print the user's words, once."""
        if self.words and not self.echoed:
            self.surface.echo(self.words)
        self.echoed = True

    # --- what is said ---------------------------------------------------------------------------

    def _add(self, text: str) -> None:
        self._doing = "Writing"
        self._streamed += text
        for block in self._blocks.feed(text):
            self.surface.answer(block)
        if part := self._blocks.cut(_TAIL):
            self.surface.answer(part)

    def _text_ended(self, text: str) -> None:
        if text and not self._streamed.endswith(text):
            self._add(text)
        self._settle()
        if not text:
            self.surface.note("The answer was cut off, and begins anew.")

    def _think(self, text: str) -> None:
        self._doing = "Thinking"
        if self.show_thinking:
            for block in self._thinking.feed(text):
                self.surface.note(block.source)

    def _settle(self) -> None:
        """What was being written is complete."""
        for block in self._thinking.end():
            self.surface.note(block.source)
        for block in self._blocks.end():
            self.surface.answer(block)
        if self._streamed and not self._streamed.endswith("\n"):
            self._streamed += "\n"
        self._doing = "Working"

    def _tool_finished(self, event: ToolFinished) -> None:
        started = self.tools.pop(event.tool_id, None)
        self._settle()
        if started:
            output = colourless(event.output)
            self.surface.tool(started.tool, started.summary, ok=event.ok, output=output)

    def _finish(self, event: TurnFinished) -> None:
        self.echo()
        self._settle()
        self.running = self.queued = False
        self.tools.clear()
        self.finished = event
        said = bool(event.text) and squeezed(event.text) in squeezed(self._streamed)
        view = words.finished(event)
        if said:
            view = view.model_copy(update={"text": event.error or ""})
        receipt, view = view.footer, view.model_copy(update={"footer": ()})
        if view.title or view.text or view.repeated:
            self._finished_view(view)
        for line in receipt:
            self.surface.note(line)

    def _finished_view(self, view: View) -> None:
        if view.kind == "answer" and not view.repeated:
            self.surface.answer(Block(view.text))
        else:
            self.surface.view(view)

    def _beside(self, event: Event) -> None:
        match event:
            case Told(view=view):
                self.surface.view(view)
            case Compacted(automatic=True):
                self.surface.view(View(title="🗜️ Session auto-compacted", kind="notice"))
            case RateLimited(reached=True):
                self.surface.view(View(title="⏳ The account's limit is reached.", kind="notice"))
            case FileSent(path=path, caption=caption):
                self.surface.note(f"📎 {path}" + (f"  {caption}" if caption else ""))
            case _:
                pass

    # --- what is live ---------------------------------------------------------------------------

    def tail(self) -> Block | None:
        """The end of the answer, as far as it is not printed."""
        block = self._blocks.tail
        return block if block.source.strip() else None

    def progress(self) -> RenderableType | None:
        """The tools in use, and that the agent is at work."""
        if self.queued:
            return Text(f"⏳ Queued: {one_line(self.words, 60)}", style="dim")
        if not self.running:
            return None
        lines: list[RenderableType] = []
        for tool in self.tools.values():
            line = Text("○ ", style="yellow") + Text(tool.tool, style="bold")
            lines.append(line.append(f" {one_line(tool.summary, 300)}"))
        if not self.waiting:
            lines.append(self._clock())
        return Group(*lines) if lines else None

    def _clock(self) -> Text:
        seconds = time.monotonic() - self._started
        sign = _SPINNER[int(seconds * 10) % len(_SPINNER)]
        text = Text(f"{sign} ", style="cyan")
        return text.append(f"{self._doing} · {seconds:.0f} s · Ctrl-C stops", style="dim")
