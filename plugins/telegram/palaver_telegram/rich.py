"""Markdown as a rich message: headings, nested lists and tables that Telegram itself lays out.

It is sent as HTML that is written here, and never as the Markdown that an agent wrote: Telegram's
Markdown would take the words between two dollar signs for a formula, leave out tags that it does
not know, load pictures from any address, and obey all HTML in it (Bot API, "Rich Markdown style").
"""

import html
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from palaver import View
from palaver_telegram.settings import RichUse
from palaver_telegram.text import REPEATED, named, plain, sendable

if TYPE_CHECKING:  # the parser takes a while to load, and the start does not wait for it
    from markdown_it.token import Token

log = logging.getLogger(__name__)

MAX_TEXT = 32_768
"""Characters of a rich message; markup is counted too, to be safe (Bot API, "Rich message limits").
"""
MAX_BLOCKS = 500
"""Blocks: paragraphs, list items, rows and whatever holds them (the same)."""
MAX_DEPTH = 16
"""Blocks and marks inside of each other (the same)."""
MAX_COLUMNS = 20
"""Columns of a table (the same)."""

_REPEATED = f"<p><i>{REPEATED}</i></p>"
_BLOCKS = {
    "blockquote": "blockquote",
    "bullet_list": "ul",
    "ordered_list": "ol",
    "list_item": "li",
    "table": "table",
    "tr": "tr",
}
_CELLS = {"th": "th", "td": "td"}
_MARKS = {"strong": "b", "em": "i", "s": "s"}
_ALIGNED = {f"text-align:{side}": f' align="{side}"' for side in ("left", "center", "right")}


def may_be_rich(view: View, use: RichUse) -> bool:
    """Whether it is worth a closer look: an answer that is short enough and may hold a table."""
    if use == "never" or view.kind != "answer" or view.fields or view.items:
        return False
    if len(view.text) > MAX_TEXT or not plain(view.text).visible:
        return False
    return use == "always" or ("|" in view.text and "-" in view.text)


def rich(view: View, use: RichUse) -> str | None:
    """An answer as the HTML of a rich message; None if it does not want or cannot be one."""
    try:
        whole = _written(view, use)
    except RecursionError:  # the usual way shows it as it is, and says so
        return None
    except Exception:  # the parser's mistake must not cost the user the answer
        log.exception("Markdown that cannot be parsed is no rich message")
        return None
    return marked_as_repeated(whole) if whole and view.repeated else whole


def marked_as_repeated(whole: str) -> str:
    """The message, saying that it may have come before."""
    return _REPEATED + whole


def _written(view: View, use: RichUse) -> str | None:
    from palaver_telegram.markdown import parse

    tokens = parse(view.text)
    if use == "tables" and not any(token.type == "table_open" for token in tokens):
        return None
    out = _Html()
    if view.title:
        out.block("p", f"<b>{_named(view.title)}</b>")
    _Writer(out).run(tokens)
    if view.footer:
        out.block("footer", "<br>".join(map(_named, view.footer)))
    return out.done() if out.fits else None


class _Html:
    """HTML in the making, and how much of Telegram's limits it takes."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._blocks = 1  # room for the mark of what is repeated
        self._depth = 0
        self._deepest = 0
        self.length = 0
        self.columns = 0

    @property
    def fits(self) -> bool:
        """Whether Telegram takes it."""
        return (
            0 < self.length <= MAX_TEXT - len(_REPEATED)
            and self._blocks <= MAX_BLOCKS
            and self._deepest <= MAX_DEPTH
            and self.columns <= MAX_COLUMNS
        )

    def write(self, markup: str) -> None:
        self._pieces.append(markup)
        self.length += len(markup)

    def open(self, tag: str, attributes: str = "", *, block: bool = False) -> None:
        self._blocks += block
        self._depth += 1
        self._deepest = max(self._deepest, self._depth)
        self.write(f"<{tag}{attributes}>")

    def close(self, tag: str) -> None:
        self._depth -= 1
        self.write(f"</{tag}>")

    def rule(self) -> None:
        """A line across."""
        self._blocks += 1
        self.write("<hr/>")

    def block(self, tag: str, inside: str) -> None:
        """A block that holds no other one."""
        self.open(tag, block=True)
        self.write(inside)
        self.close(tag)

    def done(self) -> str:
        return "".join(self._pieces)


@dataclass(frozen=True, slots=True)
class _Link:
    """A link that is open: its address, whether it can be tapped, and where its words begin."""

    url: str
    tag: bool
    start: int


class _Writer:
    """Walks the tokens of one text."""

    def __init__(self, out: _Html) -> None:
        self._out = out
        self._lists = 0
        self._cells = 0
        self._links: list[_Link] = []  # those that are open

    def run(self, tokens: "Sequence[Token]") -> None:
        for token in tokens:
            self._block(token)

    def _block(self, token: "Token") -> None:
        name = token.type.removesuffix("_open").removesuffix("_close")
        match token.type:
            case "inline":
                self._paragraph(token)
            case "paragraph_open" | "paragraph_close" if token.hidden:
                pass
            case "paragraph_open" | "heading_open":
                self._out.open(token.tag, block=True)
            case "paragraph_close" | "heading_close":
                self._out.close(token.tag)
            case "fence" | "code_block":
                self._code(token)
            case "hr":
                self._out.rule()
            case "html_block":
                self._out.block("p", _lines(token.content.strip("\n")))
            case _ if name in _CELLS:
                self._cell(token)
            case _ if name in _BLOCKS:
                self._container(token, _BLOCKS[name])
            case _:
                pass

    def _container(self, token: "Token", tag: str) -> None:
        self._lists += token.nesting if tag in ("ul", "ol") else 0
        if token.nesting < 0:
            self._out.close(tag)
            return
        self._cells = 0
        attributes = " bordered striped" if tag == "table" else ""
        if tag == "ol" and (start := token.attrGet("start")) is not None:
            attributes = f' start="{start}"'
        self._out.open(tag, attributes, block=True)

    def _cell(self, token: "Token") -> None:
        if token.nesting < 0:
            self._out.close(token.tag)
            return
        self._cells += 1
        self._out.columns = max(self._out.columns, self._cells)
        self._out.open(token.tag, _ALIGNED.get(str(token.attrGet("style")), ""))

    def _code(self, token: "Token") -> None:
        from palaver_telegram.markdown import language_of

        code = _escaped(token.content.rstrip("\n") or " ")
        if language := language_of(token):
            code = f'<code class="language-{_escaped(language)}">{code}</code>'
        self._out.block("pre", code)

    # --- inside of a paragraph ------------------------------------------------------------------

    def _paragraph(self, token: "Token") -> None:
        from palaver_telegram.markdown import with_box

        children = token.children or []
        if self._lists and children and children[0].type == "text":
            children = [with_box(children[0]), *children[1:]]
        for child in children:
            self._inline(child)

    def _inline(self, token: "Token") -> None:
        mark = _MARKS.get(token.type.removesuffix("_open").removesuffix("_close"))
        match token.type:
            case "softbreak" | "hardbreak":
                self._out.write("<br>")
            case "code_inline":
                self._out.open("code")
                self._out.write(_escaped(token.content))
                self._out.close("code")
            case "image":
                self._image(token)
            case "link_open":
                self._open_link(str(token.attrGet("href") or ""))
            case "link_close":
                self._close_link()
            case _ if mark and token.nesting > 0:
                self._out.open(mark)
            case _ if mark:
                self._out.close(mark)
            case _:
                self._out.write(_escaped(token.content))

    def _image(self, token: "Token") -> None:
        """A link to it: that Telegram loads it is for the reader to decide."""
        self._open_link(str(token.attrGet("src") or ""))
        self._out.write(_escaped(f"🖼 {token.content}".strip()))
        self._close_link()

    def _open_link(self, url: str) -> None:
        from palaver_telegram.markdown import is_link

        tag = is_link(url) and not any(link.tag for link in self._links)
        if tag:
            self._out.open("a", f' href="{_escaped(url)}"')
        self._links.append(_Link(url, tag, self._out.length))

    def _close_link(self) -> None:
        link = self._links.pop()
        if self._out.length == link.start:
            self._out.write(_escaped(link.url))
        elif link.url and not link.tag and not link.url.startswith("#"):
            self._out.write(f" ({_escaped(link.url)})")  # a path is no link for a phone
        if link.tag:
            self._out.close("a")


def _escaped(text: str) -> str:
    return html.escape(sendable(text))


def _named(words: str) -> str:
    """Words of Palaver's own, with the names of files in them as code."""
    found = ((_lines(piece), is_name) for piece, is_name in named(words))
    return "".join(f"<code>{piece}</code>" if is_name else piece for piece, is_name in found)


def _lines(text: str) -> str:
    return "<br>".join(map(_escaped, text.split("\n")))
