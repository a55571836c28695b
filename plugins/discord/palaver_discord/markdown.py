"""Markdown as Discord reads it, so that all of what was written is seen.

Discord hides `||spoilers||`, turns `<@1>`, `<#1>`, `<t:1>` and `<:a:1>` into something else, knows
fences of three backticks only, and no indented code. An agent writes CommonMark: what differs is
escaped or written anew.

Code is never changed, for people copy it. So a text that was contrived to let bold words or a link
begin before code and end within it can still show a part of that code as a spoiler: a bar that
opens on a click.
"""

import re
import unicodedata
from collections import deque

from palaver import split_markdown

_UNSENDABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_WORDLESS = frozenset("\u2800\ufffc\u3164\uffa0\u115f\u1160")

_REPLACED = r"<(?=[@#:/]|a:|t:|id:)"
"""What the API reference, "Message Formatting", lists as formats."""

_SPECIAL = re.compile(
    r"(?P<kept>\\[^0-9A-Za-z\s]"
    r"|(?<!`)```(?!`)[\s\S]*?[^`]```(?!`)"  # a code block
    r"|(?<!`)(?P<ticks>``?)(?!`)[\s\S]*?[^`](?P=ticks)(?!`)"  # code in a line
    r"|https?://[^\s<>()|`]+)"
    rf"|(?P<escaped>`+|\|\|+|(?<=[^\W_])__+(?=[^\W_])|{_REPLACED})"
)
_MARKUP = re.compile(
    rf"(?P<kept>https?://[^\s<>()|`*~\[\]\\]+)|(?P<escaped>[\\*_~|`\[\]]|{_REPLACED})"
)
_BLOCK_START = re.compile(
    r"^(?P<before>[ \t]*(?=>|#{1,3}[ \t]|-#|[-+][ \t])|[ \t]*\d+(?=\.[ \t]))", re.MULTILINE
)
_OPENING = re.compile(
    r"(?P<quotes>(?:(?:[ \t]*>)+ ?)?)(?P<indent>[ \t]*)(?P<fence>`{3,}(?=[^`]*$)|~{3,})(?P<info>.*)"
)
_QUOTE = re.compile(r"[ \t]*> ?")
_LANGUAGE = re.compile(r"[\w+\-.#]+", re.ASCII)
_LIST = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]")
_INDENTED = re.compile(r" {4}|\t")
_LINE_START = re.compile(r"^(?P<space>[ \t]*)(?=>>>[ \t]|-#[ \t])")
_DEEP_HEADING = re.compile(r"^ {0,3}#{4,6}(?=[ \t])")
_SMALLEST = 64
"""Characters that `split_markdown` takes at least."""


def sendable(text: str) -> str:
    """Without what Discord refuses or drops: control characters, halves of surrogate pairs."""
    return _UNSENDABLE.sub("\ufffd", text.replace("\r\n", "\n"))


def visible(text: str) -> bool:
    """Whether there is anything to see; a message needs it."""
    return any(
        unicodedata.category(character)[0] in "LNPS" and character not in _WORDLESS
        for character in text
    )


def escape(text: str) -> str:
    """Plain text as Markdown that shows just this; links stay links.

    `discord.utils.escape_markdown` leaves alone what is between the brackets of `[a](b) ||c|| (d)`.
    """

    def escaped(match: re.Match[str]) -> str:
        return match["kept"] or f"\\{match['escaped']}"

    return _BLOCK_START.sub(r"\g<before>\\", _MARKUP.sub(escaped, sendable(text)))


def code(text: str) -> str:
    """Plain text as code in a line."""
    text = sendable(text)
    if "`" not in text:
        return f"`{text}`"
    return escape(text) if "``" in text else f"`` {text} ``"


def pieces(source: str, limit: int) -> list[str]:
    """Markdown as messages of at most `limit` characters (128 at least), code blocks whole.

    Characters are code points: so Discord's API, which is written in Python 3, counts them
    (github.com/discord/discord-api-docs/issues/1315). Pieces without anything to see are left out.

    Args:
        source: what `adapted` or `escape` have made.
    """
    found = (
        shown
        for part in split_markdown(source, limit)
        for shown in _fitting(part, limit, len(part))
    )
    return [piece if _shows(piece) else escape(piece) for piece in found if visible(piece)]


def guarded(text: str) -> str:
    """Escape what would be hidden or replaced outside of code."""

    def escaped(match: re.Match[str]) -> str:
        return match["kept"] or "".join(f"\\{character}" for character in match["escaped"])

    return _SPECIAL.sub(escaped, text)


def adapted(source: str) -> str:
    """CommonMark with its code blocks and headings as Discord reads them."""
    lines = deque(sendable(source).split("\n"))
    out: list[str] = []
    blank, listing = True, False  # of the line before
    while lines:
        line = lines.popleft()
        if opening := _OPENING.fullmatch(line):
            out += _block(_fenced(opening, lines), opening["info"])
        elif blank and not listing and _INDENTED.match(line) and line.strip():
            out += _block(_indented(line, lines))
        else:
            further = listing and (not line.strip() or line[0] in " \t" or not blank)
            listing = further or bool(_LIST.match(line))
            out.append(_LINE_START.sub(r"\g<space>\\", _DEEP_HEADING.sub("###", line)))
        blank = not line.strip()
    return "\n".join(out)


def _fenced(opening: re.Match[str], lines: deque[str]) -> list[str]:
    """The content of a fence; its lines, and the closing one if it comes, are taken."""
    fence, depth = opening["fence"], opening["quotes"].count(">")
    taken = []
    while lines and (not depth or lines[0].lstrip().startswith(">")):
        line = _unquoted(lines.popleft(), depth)
        closing = line.strip()
        if closing.startswith(fence) and not closing.strip(fence[0]):
            break
        taken.append(_dedented(line, len(opening["indent"].expandtabs(4))))
    return taken


def _unquoted(line: str, depth: int) -> str:
    """Without the signs of so many quotations in each other; what follows is the line's own."""
    for _ in range(depth):
        if not (quote := _QUOTE.match(line)):
            break
        line = line[quote.end() :]
    return line


def _indented(line: str, lines: deque[str]) -> list[str]:
    """The content of an indented block; the blank lines after it are left."""
    taken, blanks = [line], 0
    while blanks < len(lines) and (not lines[blanks].strip() or _INDENTED.match(lines[blanks])):
        blanks += 1
        if lines[blanks - 1].strip():
            taken += [lines.popleft() for _ in range(blanks)]
            blanks = 0
    return [_dedented(line, 4) for line in taken]


def _block(content: list[str], info: str = "") -> list[str]:
    """A code block that Discord takes: not an empty one, nor one with a fence in it.

    Args:
        info: what stands behind the fence: a language, and perhaps more, which is shown.
    """
    first, _, rest = info.strip().partition(" ")
    language, title = (first, rest) if _LANGUAGE.fullmatch(first) else ("", info.strip())
    content = [title, *content] if title else content
    content = content if any(map(str.strip, content)) else [" "]
    inner = [re.sub("`(?=``)", "`\u200b", line) for line in content]
    return [f"```{language}", *inner, "```"]


def _dedented(line: str, width: int) -> str:
    if line.startswith("\t") and width >= 4:
        return line[1:]
    return line[min(width, len(line) - len(line.lstrip(" "))) :]


def _shows(piece: str) -> bool:
    """Whether something is seen of it: `** **` is blank to Discord."""
    return visible(re.sub(r"[*_~\\]", "", piece))


def _fitting(part: str, limit: int, room: int) -> list[str]:
    """A part with its escapes, cut again if they have made it too long; they double it at most."""
    shown = guarded(part)
    if len(shown) <= limit:
        return [shown]
    room = max(room // 2, _SMALLEST)
    cut = split_markdown(part, room)
    return [piece for again in cut for piece in _fitting(again, limit, room)]
