"""Markdown as text with marks, readable on a phone.

What Telegram has no mark for is said in characters: bullets, rules, tables. Whatever the
Markdown, its words are all there: a text that cannot be parsed is shown as it is.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markdown_it.token import Token
from rich.cells import cell_len

from palaver import markdown_parser
from palaver_telegram.text import Builder, Mark, Text, plain

log = logging.getLogger(__name__)

PHONE_COLUMNS = 36
"""Characters of fixed width that a phone shows in one line; a wider table becomes a list."""

_MARKS = {"strong": "bold", "em": "italic", "s": "strikethrough"}
_LINK = re.compile(r"(https?|tg|ton|mailto):", re.IGNORECASE)
_LANGUAGE = re.compile(r"[\w+#.-]{1,30}")
_TASK = re.compile(r"\[([ xX])\] ")


def parse(source: str) -> list[Token]:
    """The tokens of a piece of Markdown.

    Raises:
        RecursionError: if it is nested too deeply.
    """
    return markdown_parser().parse(source.replace("\x00", "\ufffd"))


def markdown(source: str) -> Text:
    """The text and the marks of a piece of Markdown (CommonMark, tables, strikethrough)."""
    try:
        return _Renderer(parse(source)).run()
    except RecursionError:  # hundreds of quotes or lists inside of each other
        log.info("Markdown that is nested too deeply is shown as it is")
    except Exception:  # the parser's mistake must not cost the user the answer
        log.exception("Markdown that cannot be parsed is shown as it is")
    return plain(source)


@dataclass(slots=True)
class _List:
    """A list that is open: its next number, or None for bullets."""

    number: int | None = None


class _Renderer:
    """Walks the tokens of one text, block by block."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._out = Builder()
        self._lists: list[_List] = []
        self._quotes: list[int] = []
        self._started = False  # the next block begins where we are
        self._opened: list[tuple[str, int]] = []

    def run(self) -> Text:
        place = 0
        while place < len(self._tokens):
            token = self._tokens[place]
            if token.type == "table_open":
                end = _closing(self._tokens, place)
                self._table(self._tokens[place:end])
                place = end
            else:
                self._block(token)
            place += 1
        return self._out.done()

    def _block(self, token: Token) -> None:
        match token.type:
            case "inline":
                self._inline(token)
            case "paragraph_open":
                self._begin(tight=token.hidden)
            case "heading_open":
                self._begin()
                self._opened.append(("bold", self._out.length))
            case "heading_close":
                self._out.mark(*self._opened.pop())
            case "bullet_list_open" | "ordered_list_open":
                self._open_list(token)
            case "bullet_list_close" | "ordered_list_close":
                self._lists.pop()
                self._started = False
            case "list_item_open":
                self._item()
            case "blockquote_open":
                self._begin()
                self._started = True
                self._quotes.append(self._out.length)
            case "blockquote_close":
                self._close_quote()
            case "fence" | "code_block":
                self._code(token)
            case "hr":
                self._begin()
                self._out.write("———")
            case "html_block":
                self._begin()
                self._out.write(token.content.strip("\n"))
            case _:
                pass

    def _begin(self, *, tight: bool = False) -> None:
        """A block: leave a line free before it, unless it belongs to what stands there."""
        if not self._started and self._out.length:
            self._out.write("\n" if tight or self._lists else "\n\n")
            self._out.write(self._indent())
        self._started = False

    def _indent(self) -> str:
        return "  " * len(self._lists)

    def _open_list(self, token: Token) -> None:
        if not self._lists and not self._started and self._out.length:
            self._out.write("\n")  # together with its first item's: a free line
        start = token.attrGet("start")
        number = int(start if start is not None else 1)
        self._lists.append(_List(number if token.type.startswith("ordered") else None))

    def _item(self) -> None:
        current = self._lists[-1]
        if not self._started and self._out.length:
            self._out.write("\n")
        elif self._started and len(self._lists) > 1:
            self._out.write("\n")  # a list right behind its item's bullet
        self._out.write("  " * (len(self._lists) - 1))
        if current.number is None:
            self._out.write("• " if len(self._lists) % 2 else "◦ ")
        else:
            self._out.write(f"{current.number}. ")
            current.number += 1
        self._started = True

    def _close_quote(self) -> None:
        start = self._quotes.pop()
        self._started = False
        if not self._quotes:  # Telegram's quotes do not nest
            self._out.mark("blockquote", start)

    def _code(self, token: Token) -> None:
        if self._lists and self._out.length:  # from the first column on, whatever the list
            self._out.write("\n")
            self._started = True
        self._begin()
        with self._out.marked("pre", language=language_of(token)):
            self._out.write(token.content.rstrip("\n") or " ")

    # --- inside of a paragraph ------------------------------------------------------------------

    def _inline(self, token: Token) -> None:
        children = token.children or []
        if self._lists and children and children[0].type == "text":
            children = [with_box(children[0]), *children[1:]]
        write_inline(self._out, children, line="\n" + self._indent())

    # --- tables ---------------------------------------------------------------------------------

    def _table(self, tokens: Sequence[Token]) -> None:
        rows = list(_rows(tokens))
        cells = [[_cell(children) for children in row] for row in rows]
        columns = max(map(len, cells))
        widths = [0] * columns
        for row in cells:
            for number, cell in enumerate(row):
                widths[number] = max(widths[number], cell_len(cell.text))
        linked = any(_links(cell) for row in cells for cell in row)  # code would kill them
        self._begin()
        if not linked and sum(widths) + 3 * (columns - 1) <= PHONE_COLUMNS:
            self._grid(cells, widths)
        else:
            self._records(cells)

    def _grid(self, cells: list[list[Text]], widths: list[int]) -> None:
        """Columns in fixed width, the way it was drawn."""
        lines = []
        for row in cells:
            padded = (
                cell.text + " " * (width - cell_len(cell.text))
                for cell, width in zip(row, widths, strict=False)
            )
            lines.append(" │ ".join(padded).rstrip())
        lines.insert(1, "─┼─".join("─" * width for width in widths))
        with self._out.marked("pre"):
            self._out.write("\n".join(lines) or " ")

    def _records(self, cells: list[list[Text]]) -> None:
        """A row as a short list: each cell behind its heading, the first ones in bold."""
        head, *rows = cells
        names = [
            Text(name.text, _links(name)) for name in head
        ]  # other marks are dear: see fitting
        for number, row in enumerate(rows or [[Text()] * len(head)]):
            if number:
                self._out.write("\n")
            with self._out.marked("bold"):
                self._record(names[0], row[0])
            for name, cell in zip(names[1:], row[1:], strict=True):
                if name.text or cell.text:
                    self._out.write("\n  ")
                    self._record(name, cell)

    def _record(self, name: Text, cell: Text) -> None:
        if name.text:
            self._out.add(name)
            self._out.write(": ")
        self._out.add(cell if cell.text else Text("—"))


def write_inline(out: Builder, tokens: Sequence[Token], *, line: str = "\n") -> None:
    """Write what stands in a paragraph; `line` is written for a new line."""
    opened: list[tuple[str, int, str]] = []
    for token in tokens:
        name = token.type.removesuffix("_open").removesuffix("_close")
        match token.type:
            case "text" | "html_inline" | "text_special":
                out.write(token.content)
            case "softbreak" | "hardbreak":
                out.write(line)
            case "code_inline":
                with out.marked("code"):
                    out.write(token.content)
            case "image":
                _image(out, token)
            case "link_open":
                opened.append((name, out.length, str(token.attrGet("href") or "")))
            case "link_close":
                _, start, url = opened.pop()
                _link(out, start, url)
            case "strong_open" | "em_open" | "s_open":
                opened.append((name, out.length, ""))
            case "strong_close" | "em_close" | "s_close":
                _, start, _ = opened.pop()
                out.mark(_MARKS[name], start)
            case _:
                out.write(token.content)


def _link(out: Builder, start: int, url: str) -> None:
    if out.length == start:
        out.write(url)
    elif is_link(url):
        out.mark("text_link", start, url=url)
    elif url and not url.startswith("#"):
        out.write(f" ({url})")  # a path is no link for a phone


def _image(out: Builder, token: Token) -> None:
    start = out.length
    out.write(f"🖼 {token.content}".strip())
    _link(out, start, str(token.attrGet("src") or ""))


def is_link(url: str) -> bool:
    """Whether Telegram takes this address as a link."""
    return bool(_LINK.match(url)) and len(url) <= 2000


def language_of(fence: Token) -> str | None:
    """The programming language of a code block, if it has a name that Telegram takes."""
    words = fence.info.split(maxsplit=1)
    return words[0] if words and _LANGUAGE.fullmatch(words[0]) else None


def with_box(token: Token) -> Token:
    """A list item's first text, with a box for `[ ]` and `[x]`."""
    match = _TASK.match(token.content)
    if not match:
        return token
    box = "☐ " if match[1] == " " else "☑ "
    return token.copy(content=box + token.content[match.end() :])


def _closing(tokens: Sequence[Token], place: int) -> int:
    level = tokens[place].level
    for number in range(place + 1, len(tokens)):
        if tokens[number].type == "table_close" and tokens[number].level == level:
            return number
    return len(tokens) - 1


def _rows(tokens: Sequence[Token]) -> Iterator[list[Sequence[Token]]]:
    row: list[Sequence[Token]] = []
    for token in tokens:
        if token.type == "tr_open":
            row = []
        elif token.type == "inline":
            row.append(token.children or [])
        elif token.type == "tr_close":
            yield row


def _cell(children: Sequence[Token]) -> Text:
    out = Builder()
    write_inline(out, children, line=" ")
    return out.done()


def _links(text: Text) -> tuple[Mark, ...]:
    return tuple(mark for mark in text.marks if mark.kind == "text_link")
