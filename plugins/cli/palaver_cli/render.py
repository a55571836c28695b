"""Views, answers and the user's own words, as they look in a terminal."""

import io
import re
from collections.abc import Iterator, Sequence
from typing import Literal

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.markdown import CodeBlock, Heading, ListItem, Markdown
from rich.padding import Padding
from rich.segment import Segment
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

from palaver import Action, FieldRow, View
from palaver_cli.text import harmless, one_line

THEME = Theme(
    {
        "markdown.code": "cyan",
        "markdown.h1": "bold underline",
        "markdown.h2": "bold",
        "markdown.h3": "bold",
        "markdown.h4": "italic",
        "markdown.block_quote": "dim",
        "markdown.item.bullet": "dim",
        "markdown.item.number": "dim",
        "markdown.table.border": "dim",
        "markdown.table.header": "bold",
        "markdown.link": "underline",
        "markdown.link_url": "dim underline",
    }
)
_TRAILING_SPACE = re.compile(r" +((?:\x1b\[[0-9;]*m)*)$", re.MULTILINE)
_EDGES = re.compile(r"\A(?:(?:\x1b\[[0-9;]*m)*\n)+|(?:\n(?:\x1b\[[0-9;]*m)*)+\Z")
_TITLES = {"error": "bold red", "approval": "bold yellow", "question": "bold yellow"}
_EMOJI_STYLE = "\ufe0f"
_COLUMN = " | "
MARK = "❯"


class Brush:
    """Draws for one terminal: as wide as it is at that moment, with the colours it has.

    Args:
        console: the terminal, for its colours.
        code_theme: Pygments' name.
    """

    def __init__(self, console: Console, code_theme: str) -> None:
        self._file = io.StringIO()
        self.code_theme = code_theme
        self._console = Console(
            file=self._file,
            force_terminal=True,
            color_system=_color_system(console.color_system),
            no_color=console.no_color,
            legacy_windows=False,
            highlight=False,
            markup=False,
            emoji=False,
            theme=THEME,
            width=80,
        )

    def draw(self, drawn: RenderableType, width: int) -> str:
        """The text with its escape sequences, each line ended, without blank lines around it.

        No line has blanks at its end: they would wrap when the window is made narrower.
        """
        self._console.width = max(20, width)
        self._console.print(drawn)
        text = self._file.getvalue()
        self._file.seek(0)
        self._file.truncate()
        return _EDGES.sub("", _TRAILING_SPACE.sub(r"\1", text)) + "\n"

    def answer(self, source: str) -> RenderableType:
        """Some Markdown."""
        return Answer(harmless(source), code_theme=self.code_theme, hyperlinks=False)

    def view(self, view: View) -> RenderableType:
        """A whole view."""
        return Group(*self._parts(view))

    def _parts(self, view: View) -> Iterator[RenderableType]:
        if view.repeated:
            yield Text("(you may have seen this before)", style="dim")
        if view.title:
            yield Text(harmless(view.title), style=_TITLES.get(view.kind, "bold"))
        if view.text:
            yield self.answer(view.text)
        if view.fields:
            yield _fields(view.fields)
        if view.items:
            yield _items(view)
        for line in view.footer:
            yield Text(harmless(line), style="dim")
        if hint := _pressed(view):
            yield hint


class Answer(Markdown):
    """Markdown as rich draws it, but for what fills the whole width or draws boxes."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        try:
            yield from list(super().__rich_console__(console, options))
        except Exception:  # noqa: BLE001 - no text of a model's may end the program
            yield Text(self.markup)


class _Heading(Heading):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        del console, options
        self.text.justify = "left"
        yield self.text


class _Code(CodeBlock):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        del console, options
        code = str(self.text).rstrip()
        syntax = Syntax(
            code, self.lexer_name, theme=self.theme, word_wrap=True, background_color="default"
        )
        yield Padding(syntax, (0, 0, 0, 2))


class _Item(ListItem):
    def render_number(
        self, console: Console, options: ConsoleOptions, number: int, last_number: int
    ) -> RenderResult:
        width = max(2, len(str(last_number))) + 3  # alike in all parts of a long list
        lines = console.render_lines(self.elements, options.update(width=options.max_width - width))
        style = console.get_style("markdown.item.number")
        for index, line in enumerate(lines):
            numeral = f"{number}. ".rjust(width) if not index else " " * width
            yield Segment(numeral, style)
            yield from line
            yield Segment.line()


Answer.elements = {
    **Markdown.elements,
    "heading_open": _Heading,
    "list_item_open": _Item,
    "fence": _Code,
    "code_block": _Code,
}


def _color_system(name: str | None) -> Literal["standard", "256", "truecolor"] | None:
    match name:
        case "standard" | "256" | "truecolor":
            return name
        case _:
            return None


def _fields(rows: Sequence[FieldRow]) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for row in rows:
        table.add_row(_cell(row.name), Text(_cell(row.value)))
    return table


def _items(view: View) -> RenderableType:
    """A table: the number if it is of use, the title, then what its text has between bars."""
    items = view.items
    cells = [_cell(item.text).split(_COLUMN) if item.text else [] for item in items]
    columns = max(map(len, cells))
    table = Table.grid(padding=(0, 2))
    table.add_column(style="green", no_wrap=True)
    table.add_column(justify="right", style="dim", no_wrap=True)
    table.add_column(overflow="ellipsis" if columns > 1 else "fold", no_wrap=columns > 1, ratio=1)
    for _ in range(columns):
        table.add_column(style="dim", overflow="fold", no_wrap=columns > 1)
    for number, (item, texts) in enumerate(zip(items, cells, strict=True), view.first):
        mark = "👉" if item.marked else ""
        numeral = f"{number}." if item.actions or view.kind == "question" else ""
        title = Text(_cell(item.title), style="bold" if item.marked else "")
        table.add_row(mark, numeral, title, *texts)
    return table


def _cell(text: str) -> str:
    """Text whose width all terminals agree on: they do not for signs that are made emoji."""
    return harmless(text).replace(_EMOJI_STYLE, "")


def _pressed(view: View) -> Text | None:
    """How to press the view's buttons: the Tab key offers them on an empty line."""
    labels = list(dict.fromkeys(action.label for _, action in actions_of(view)))
    if not labels:
        return None
    return Text("⇥ Tab: ", style="cyan") + Text(" · ".join(labels), style="dim")


def actions_of(view: View) -> list[tuple[str, Action]]:
    """Every button, the usual ones first and the dangerous ones last, with what it is about."""
    found = [("", action) for action in view.actions]
    found += [(item.title, action) for item in view.items for action in item.actions]
    order = {"primary": 0, "default": 1, "danger": 2}
    return sorted(found, key=lambda pair: order[pair[1].style])


def echo(text: str) -> RenderableType:
    """What the user has sent."""
    table = Table.grid(padding=(0, 1))
    table.add_column(style="cyan bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(MARK, Text(harmless(text), style="bold"))
    return table


def tool_line(tool: str, summary: str, *, ok: bool, output: str) -> RenderableType:
    """A use of a tool that is over, and the beginning of what came of it."""
    line = Text("● ", style="green" if ok else "red")
    line.append(harmless(tool), style="bold")
    line.append(f" {one_line(summary, 300)}" if summary else "")
    shown = [one for one in output.splitlines() if one.strip()]
    if not shown:
        return line
    others = len(shown) - 1
    more = f" … (+{others} line{'' if others == 1 else 's'})" if others else ""
    below = Text(f"  ⎿ {one_line(shown[0], 100)}{more}", style="dim" if ok else "red")
    below.no_wrap, below.overflow = True, "ellipsis"
    return Group(line, below)
