"""Text from elsewhere, made harmless for a terminal."""

import re

_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_SGR = re.compile(r"\x1b\[[0-9;:]*m")

_HARMLESS = (
    {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\n\t"}
    | dict.fromkeys(range(128, 160), "�")
    | {0x7F: 0x2421}
    | {ord(mark): f"<U+{ord(mark):04X}>" for mark in _BIDI}
)


def harmless(text: str) -> str:
    """The text with its control characters shown and not obeyed.

    A model's answer or a file could otherwise move the cursor, recolour the screen or set the
    clipboard. Marks that turn the direction of writing are spelt out: they could show one command
    where another one runs.
    """
    if text.isprintable():
        return text
    return text.replace("\r\n", "\n").translate(_HARMLESS)


def colourless(text: str) -> str:
    """A program's output: as `harmless`, and its colours taken out."""
    return harmless(_SGR.sub("", text))


def one_line(text: str, limit: int) -> str:
    """The text on one line, at most `limit` characters of it."""
    line = " ".join(harmless(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def squeezed(text: str) -> str:
    """The text without white space, to tell whether it was shown, however it was laid out."""
    return "".join(text.split())
