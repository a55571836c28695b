"""Tables for chats that have none: a block of code where it fits, else a list."""

import functools
import logging
import re
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len

if TYPE_CHECKING:  # the parser takes a while to load
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.token import Token

log = logging.getLogger(__name__)

_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+\Z")
_LIST_SIGN = re.compile(r"[^\s>]")
_BACKTICKS = re.compile(r"`+")
_LOOSE = re.compile(r"[\\`*_~\[\]<|]")
_URL_OR_SIGN = re.compile(r"(https?://\S+)|([\\`*_~\[\]<|&])")
_NOTHING = "—"


@functools.cache
def markdown_parser() -> "MarkdownIt":
    """What an answer's Markdown is parsed with: CommonMark, tables, strikethrough; made once.

    A row may have more cells than its table has headings. GitHub's rules drop those; here they
    stand at the end of the row's last cell, so that no word is lost.
    """
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"maxNesting": 10_000}).enable(["table", "strikethrough"])
    parser.block.ruler.at("table", _whole_table, {"alt": ["paragraph", "reference"]})
    return parser


def plain_tables(markdown: str, width: int) -> str:
    """Markdown without tables: each becomes a block of code, or a list if that is too wide.

    The list has an item for each row, and in it a line for each cell, behind its heading. No cell
    or heading is lost, and what is no table stays as it was.

    Args:
        width: columns of fixed width that fit in one line of the chat.
    """
    if "|" not in markdown or "-" not in markdown:
        return markdown
    try:
        tokens = markdown_parser().parse(markdown)
    except Exception:  # the parser's mistake, or too deeply nested: it must not cost the text
        log.info("Markdown that cannot be parsed keeps its tables", exc_info=True)
        return markdown
    lines = _LINE.findall(markdown)
    written: list[str] = []
    done = 0
    for table in _tables(tokens):
        written += lines[done : table.start]
        written += _replaced(table, lines, width)
        done = table.end
    return "".join([*written, *lines[done:]])


# --- reading ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Cell:
    """A cell's Markdown, and its words without marks.

    Attributes:
        loose: it has signs that together with another cell's could become markup.
    """

    source: str
    plain: str
    linked: bool
    loose: bool


_EMPTY = _Cell("", "", linked=False, loose=False)


@dataclass(frozen=True, slots=True)
class _Table:
    """A table, from line `start` up to line `end`.

    Attributes:
        before: what stands before its first line: signs of quotes and lists, and blanks.
    """

    start: int
    end: int
    before: str
    rows: list[list[_Cell]]


def _whole_table(state: "StateBlock", start: int, end: int, silent: bool) -> bool:
    """The parser's rule for tables; it keeps all cells, and notes what stands before the table."""
    from markdown_it.rules_block import table
    from markdown_it.rules_block.table import escapedSplit, getLine

    first = len(state.tokens)
    found = table(state, start, end, silent)
    if not found or silent:
        return found
    place = state.bMarks[start] + state.tShift[start]
    state.tokens[first].meta = {"before": state.src[state.src.rfind("\n", 0, place) + 1 : place]}
    row: list[Token] = []
    for token in state.tokens[first:]:
        if token.type == "tr_open":
            row = []
        elif token.type == "inline":
            row.append(token)
        elif token.type == "tr_close" and row[0].map:
            cells = escapedSplit(getLine(state, row[0].map[0]).strip(string.whitespace))
            last, *more = cells[len(row) - bool(cells[0]) :] or [""]
            if any(map(str.strip, more)):
                row[-1].content = "|".join([last, *more]).strip(" |")
    return True


def _tables(tokens: "Sequence[Token]") -> Iterator[_Table]:
    rows: list[list[_Cell]] = []
    opened: Token | None = None
    for token in tokens:
        if token.type == "table_open":
            opened, rows = token, []
        elif opened is None:
            continue
        elif token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(_cell(token))
        elif token.type == "table_close":
            start, end = opened.map or (0, 0)
            yield _Table(start, end, opened.meta["before"], rows)
            opened = None


def _cell(token: "Token") -> _Cell:
    words: list[str] = []
    urls: list[str] = []
    linked = loose = False
    for child in token.children or []:
        words.append(child.content)
        loose = loose or (child.type == "text" and bool(_LOOSE.search(child.content)))
        if child.type == "image":
            words.append(f" ({child.attrGet('src')})")
        elif child.type == "link_open":
            urls.append(str(child.attrGet("href")))
        elif child.type == "link_close":
            words.append(f" ({urls.pop()})")
        linked = linked or child.type in ("image", "link_open")
    return _Cell(token.content, "".join(words).replace("\t", " ").strip(), linked, loose)


# --- writing ------------------------------------------------------------------------------------


def _replaced(table: _Table, lines: Sequence[str], width: int) -> list[str]:
    """The lines that stand in a table's place, each with its end."""
    first, others = table.before, _LIST_SIGN.sub(" ", table.before)
    written = _grid(table.rows, width - cell_len(others)) or [
        *_records(table.rows),
        *([""] if table.end < len(lines) and lines[table.end].strip() else []),
    ]
    written = [(first if not number else others) + line for number, line in enumerate(written)]
    body, last = lines[table.start], lines[table.end - 1]
    ends = [_end(body)] * (len(written) - 1) + [_end(last)]
    return [line.rstrip() + end for line, end in zip(written, ends, strict=True)]


def _end(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]


def _grid(rows: Sequence[Sequence[_Cell]], width: int) -> list[str]:
    """Columns in a block of code; empty if it is too wide, or would kill a link."""
    widths = [max(cell_len(cell.plain) for cell in column) for column in zip(*rows, strict=True)]
    linked = any(cell.linked for row in rows for cell in row)
    if linked or sum(widths) + 3 * (len(widths) - 1) > width:
        return []
    lines = [
        " │ ".join(
            cell.plain + " " * (size - cell_len(cell.plain))
            for cell, size in zip(row, widths, strict=True)
        )
        for row in rows
    ]
    lines.insert(1, "─┼─".join("─" * size for size in widths))
    longest = max((len(run) for line in lines for run in _BACKTICKS.findall(line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence, *lines, fence]


def _records(rows: Sequence[Sequence[_Cell]]) -> Iterator[str]:
    """An item for each row, which its first cell names, and in it one for each other cell."""
    head, *body = rows
    said = [row for row in body if any(cell.plain for cell in row)]
    for row in said or [[_EMPTY] * len(head)]:
        for number, (name, cell) in enumerate(zip(head, row, strict=True)):
            bullet = "  - " if number else "- "
            value = _escaped(cell.plain) if cell.loose else cell.source
            if name.plain:
                yield f"{bullet}**{_escaped(name.plain)}:** {value or _NOTHING}"
            elif not number:
                yield f"- **{_escaped(cell.plain) or _NOTHING}**"
            elif value:
                yield f"{bullet}**{_NOTHING}:** {value}"


def _escaped(text: str) -> str:
    return _URL_OR_SIGN.sub(lambda match: match[1] or f"\\{match[2]}", text)
