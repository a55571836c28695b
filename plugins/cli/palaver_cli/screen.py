"""A terminal that is alive: above, what has been said; at the bottom, what changes.

What is finished is written once and then belongs to the terminal: it scrolls, it can be copied, it
is never drawn again. Below it prompt_toolkit keeps the end of the answer that is being written,
the question that waits, the line one types in, and the status.
"""

import asyncio
import contextlib
import logging
import math
from collections.abc import Sequence
from pathlib import Path

from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import ANSI, AnyFormattedText, StyleAndTextTuples
from prompt_toolkit.layout import Window
from prompt_toolkit.layout.controls import FormattedTextControl
from prompt_toolkit.styles import Style
from rich.console import RenderableType
from rich.text import Text

from palaver import View
from palaver_cli import asking, render
from palaver_cli.chat import Chat
from palaver_cli.completion import CommandCompleter
from palaver_cli.history import PrivateHistory
from palaver_cli.keys import bindings
from palaver_cli.layout import layout
from palaver_cli.logs import logs_to
from palaver_cli.markdown import Block
from palaver_cli.settings import CliSettings
from palaver_cli.surface import Key
from palaver_cli.terminal import SteadyOutput, Terminal
from palaver_cli.text import harmless

log = logging.getLogger(__name__)

_BEGIN_FRAME = "\x1b[?2026h"
_END_FRAME = "\x1b[?2026l"
"""Synchronised output: a terminal that knows it shows what is in between at once; others ignore it
(https://gist.github.com/christianparpart/d8a62cc1ab659194337d73e399004036)."""

_STYLE = Style.from_dict(
    {
        "completion-menu": "bg:default fg:default",
        "completion-menu.completion": "bg:default fg:default",
        "completion-menu.completion.current": "bold fg:ansicyan bg:default noreverse",
        "completion-menu.meta.completion": "dim bg:default fg:default",
        "completion-menu.meta.completion.current": "dim bg:default fg:default",
        "scrollbar.background": "bg:default",
        "scrollbar.button": "bg:default",
    }
)

_START_S = 0.2
"""Seconds after the first frame in which what was typed before it comes in."""

_SLOWEST_FRAME_S = 2.0
_READ_S = 0.02
"""Seconds in which keys that wait in the terminal are read, also after the program was busy."""

FRAME_S = 0.03
"""Seconds between two frames, at least."""


class Screen:
    """See `palaver_cli.surface.Surface`."""

    def __init__(
        self, chat: Chat, terminal: Terminal, settings: CliSettings, data_dir: Path
    ) -> None:
        self.brush = render.Brush(terminal.console, settings.code_theme)
        self._chat = chat
        self._bell = settings.bell
        self.question: asking.Question | None = None
        self.wording: str = ""
        self._printed: list[str] = []
        self._before = ""
        self._one_at_a_time = asyncio.Lock()
        self._answer: asyncio.Future[str] | None = None
        self._last_key = 0.0
        self._first_frame = math.inf
        self._frame = asyncio.Event()
        self._history = PrivateHistory(data_dir / "cli" / "history")
        self.buffer = Buffer(
            multiline=True,
            completer=CommandCompleter(chat.complete, chat.offered),
            complete_while_typing=Condition(self._completes),
            history=self._history,
        )
        self.question_window = Window(
            FormattedTextControl(self.question_text, focusable=True),
            dont_extend_height=True,
            wrap_lines=True,
        )
        self.app: Application[None] = Application(
            layout=layout(self),
            key_bindings=bindings(self),
            color_depth=terminal.color_depth,
            style=_STYLE,
            erase_when_done=True,
            min_redraw_interval=FRAME_S,
            input=terminal.input,
            output=terminal.output,
            before_render=lambda _: self._print(),
            after_render=lambda _: self._shown(),
        )
        self.app.ttimeoutlen = 0.1
        self.app.key_processor.before_key_press += self._pressed

    # --- its life -------------------------------------------------------------------------------

    async def run(self) -> None:
        """Take keys until the user leaves."""
        try:
            with logs_to(self.log):
                await self.app.run_async(handle_sigint=True)
        except EOFError:
            log.info("the terminal is gone")
        finally:
            self._history.close()
            self._let_go()
            self.flush()

    @property
    def starting(self) -> bool:
        """Whether what comes now was typed before `run`."""
        return self._first_frame + _START_S > asyncio.get_running_loop().time()

    def leave(self) -> None:
        """End `run`."""
        if self.app.is_running and self.app.future and not self.app.future.done():
            self.app.exit()

    # --- what is printed ------------------------------------------------------------------------

    def echo(self, text: str) -> None:
        self.print(render.echo(text))

    def answer(self, block: Block) -> None:
        self.print(self.brush.answer(block.source), joined=block.joined)

    def view(self, view: View) -> None:
        self.print(self.brush.view(view))

    def tool(self, tool: str, summary: str, *, ok: bool, output: str) -> None:
        self.print(render.tool_line(tool, summary, ok=ok, output=output), kind="tool")

    def note(self, text: str, *, joined: bool = False) -> None:
        self.print(Text(text, style="dim"), joined=joined, kind="note")

    def log(self, line: str) -> None:
        """A line of the program's log."""
        self.print(Text(harmless(line), style="dim red"), kind="log")

    def print(self, drawn: RenderableType, *, joined: bool = False, kind: str = "block") -> None:
        """Write above what is live, with a blank line before it unless it belongs to the last."""
        close = joined or (kind != "block" and kind == self._before)
        gap = "" if close or not self._before else "\n"
        self._before = kind
        self._printed.append(gap + self.brush.draw(drawn, self.width))
        self.changed()

    def changed(self) -> None:
        if self.app.is_running:
            self.app.invalidate()
        elif self._printed:
            self.flush()

    def flush(self) -> None:
        """Write what is to be written, where nothing is live."""
        self.app.output.write_raw("".join(self._printed))
        self._printed.clear()
        self.app.output.flush()

    @property
    def width(self) -> int:
        return self.app.output.get_size().columns

    def _print(self) -> None:
        """Just before a frame: take what is live away, write, and let it be drawn anew below."""
        if not self._printed:
            return
        output = self.app.output
        if isinstance(output, SteadyOutput):
            output.held = True
        output.write_raw(_BEGIN_FRAME)
        self.app.renderer.erase(leave_alternate_screen=False)
        self.flush()

    def _shown(self) -> None:
        self._first_frame = min(self._first_frame, asyncio.get_running_loop().time())
        self._frame.set()
        self._let_go()

    def _let_go(self) -> None:
        """The frame is complete: let the terminal have it."""
        output = self.app.output
        if isinstance(output, SteadyOutput) and output.held:
            output.held = False
            output.write_raw(_END_FRAME)
            output.flush()

    # --- what is drawn again and again ----------------------------------------------------------

    def live_text(self) -> AnyFormattedText:
        rows, columns = self.app.output.get_size()
        below = 5 + self.buffer.document.line_count
        return ANSI(self._chat.live(self.brush, columns, max(3, rows - below)))

    def question_text(self) -> StyleAndTextTuples:
        if self.question is None:
            return []
        parts: StyleAndTextTuples = [("bold", f"{self.question.text} ")]
        for key in self.question.keys:
            parts += [("ansicyan bold", f" {key.key}"), ("", f" {key.label} ")]
        return [*parts, ("", " "), ("ansicyan bold", "Enter"), ("", " no ")]

    def prompt_text(self, line_number: int, wrap_count: int) -> StyleAndTextTuples:
        if line_number or wrap_count:
            return [("", "  ")]
        if self.question is not None and self.question.armed:
            return [("dim", f"{render.MARK} ")]
        return [("ansiyellow bold" if self.wording else "ansicyan bold", f"{render.MARK} ")]

    def status_text(self) -> AnyFormattedText:
        return ANSI(self._chat.status(self.brush, self.width))

    # --- what the user does ---------------------------------------------------------------------

    def entered(self) -> None:
        """Enter: the line is an answer if one is wanted, else it is sent."""
        text = self.buffer.text
        if not text.strip():
            return
        if text.endswith("\\") and self.buffer.document.is_cursor_at_the_end:
            self.buffer.delete_before_cursor()
            self.buffer.insert_text("\n")
            return
        if self._answer and not self._answer.done() and not text.startswith("/"):
            self.buffer.reset()
            self._answer.set_result(text)
            return
        self.buffer.reset(append_to_history=True)
        self._chat.enter(text.strip())

    def interrupted(self) -> None:
        """Ctrl-C: stop what runs; if nothing does, empty the line."""
        if self._chat.interrupt():
            return
        if not self.buffer.text:
            self.note("Ctrl-D leaves.")
        self.buffer.reset()

    def left(self) -> None:
        """Ctrl-D on an empty line."""
        if self._chat.leave():
            self.leave()

    # --- what the user is asked -----------------------------------------------------------------

    async def key(self, question: str, keys: Sequence[Key]) -> str | None:
        async with self._one_at_a_time:
            self.question = waiting = asking.Question(question, keys)
            self._ring()
            try:
                return await asking.ask(waiting, self._quiet, self._arm, self.buffer.insert_text)
            finally:
                self._arm(False)
                self.question = None
                self.changed()

    async def words(self, question: str) -> str | None:
        async with self._one_at_a_time:
            self._ring()
            await self._quiet()
            draft = self.buffer.document
            self.buffer.reset()
            self.wording = question
            self._answer = asyncio.get_running_loop().create_future()
            self.changed()
            try:
                return await self._answer
            finally:
                self._answer, self.wording = None, ""
                self._restore(draft)
                self.changed()

    def _restore(self, draft: Document) -> None:
        """Give the user back what was being typed when the question came."""
        if draft.text:
            begun = self.buffer.text
            self.buffer.document = Document(draft.text + begun)

    def _ring(self) -> None:
        if self._bell:
            self.app.output.bell()
        self.changed()

    def _arm(self, armed: bool) -> None:
        if self.question is None:
            return
        self.question.armed = armed
        if armed:
            self.app.layout.focus(self.question_window)
        else:
            self.app.layout.focus(self.buffer)
        self.changed()

    def _completes(self) -> bool:
        return self.buffer.text.startswith("/") and "\n" not in self.buffer.text

    def _pressed(self, _: object) -> None:
        self._last_key = asyncio.get_running_loop().time()

    async def _quiet(self) -> None:
        """Wait until the screen shows what it should, and no key has come for a moment since."""
        loop = asyncio.get_running_loop()
        self._frame.clear()
        self.changed()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._frame.wait(), _SLOWEST_FRAME_S)
        last_key, self._last_key = 0.0, loop.time()
        while last_key != self._last_key:
            last_key = self._last_key
            await asyncio.sleep(max(0.0, last_key + asking.QUIET_S - loop.time()))
            await asyncio.sleep(_READ_S)
