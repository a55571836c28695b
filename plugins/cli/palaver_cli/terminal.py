"""The terminal as it is handed in: the process's own, or a test's."""

import os
import sys
from dataclasses import dataclass
from typing import TextIO

from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import Input, create_input
from prompt_toolkit.output import ColorDepth, Output
from prompt_toolkit.output.vt100 import Vt100_Output
from rich.console import Console

_DUMB = frozenset({"", "dumb", "unknown"})
_DEPTHS = {
    "standard": ColorDepth.DEPTH_4_BIT,
    "256": ColorDepth.DEPTH_8_BIT,
    "truecolor": ColorDepth.DEPTH_24_BIT,
}


@dataclass(frozen=True, slots=True)
class Terminal:
    """Keys come in, characters go out. `console` is asked for the colours alone."""

    input: Input
    output: Output
    console: Console

    @property
    def color_depth(self) -> ColorDepth:
        """How many colours there are; one with `NO_COLOR`."""
        if self.console.no_color:
            return ColorDepth.DEPTH_1_BIT
        return _DEPTHS.get(self.console.color_system or "", ColorDepth.DEPTH_1_BIT)


def is_terminal() -> bool:
    """Whether somebody sits at this process's standard streams, with more than a typewriter."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "") not in _DUMB


def own_terminal() -> Terminal:
    """The process's standard streams."""
    return Terminal(create_input(sys.stdin), _output(sys.stdout), Console(file=sys.stdout))


class SteadyOutput(Vt100_Output):
    """Can hold back what is written until a frame is complete, so that nothing flickers."""

    held = False

    def flush(self) -> None:
        if not self.held:
            super().flush()


def _output(stream: TextIO) -> Output:
    def size() -> Size:
        try:
            columns, rows = os.get_terminal_size(stream.fileno())
        except OSError:
            columns, rows = 0, 0
        return Size(rows=rows or 24, columns=columns or 80)

    # Cursor position reports are answered through the keyboard, where they could be taken for
    # keys; drawing from the cursor down needs none.
    return SteadyOutput(stream, size, term=os.environ.get("TERM"), enable_cpr=False)
