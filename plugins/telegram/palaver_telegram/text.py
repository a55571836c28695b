"""Text with marks: what Telegram calls entities, so that no text can ever fail to parse.

Marks count characters, as Python does; Telegram counts UTF-16 units, so `entities` converts.
"""

import itertools
import re
import unicodedata
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from telegram import MessageEntity

MAX_TEXT = 4096
"""Characters in one message (Bot API, sendMessage)."""
MAX_CAPTION = 1024
"""Characters in a file's caption (Bot API, sendDocument)."""
MAX_MARKS = 100
"""Entities in one message; Telegram drops the rest without a word (telegram.constants)."""

REPEATED = "(you may have seen this before)"
"""Stands above what nobody knows to have arrived, when it is sent again."""
ROOM = len(REPEATED) + 1
"""Characters that are left free for that in every message."""

_FILE = re.compile(
    r"""(?<![^\s(\[“"'`])[^\s()\[\]“”"'`:@]*\w\.[^\W\d_]\w+(?=[.,;:!?…]*(?:[\s)\]”"'`]|$))"""
)
_INLINE = frozenset({"bold", "italic", "strikethrough"})
_UNSENDABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_WORDLESS = frozenset("\u2800\ufffc\u3164\uffa0\u115f\u1160")


@dataclass(frozen=True, slots=True)
class Mark:
    """Characters from `start` up to `end` are of this kind (MessageEntity's `type`)."""

    kind: str
    start: int
    end: int
    url: str | None = None
    language: str | None = None

    def within(self, start: int, end: int) -> "Mark | None":
        """What of it lies there, counted from `start`; None if nothing does."""
        low, high = max(self.start, start) - start, min(self.end, end) - start
        return replace(self, start=low, end=high) if low < high else None


@dataclass(frozen=True, slots=True)
class Text:
    """A text and its marks, in the order of their starts."""

    text: str = ""
    marks: tuple[Mark, ...] = ()

    def __len__(self) -> int:
        return len(self.text)

    @property
    def visible(self) -> bool:
        """Whether there is anything to see: Telegram refuses a message without."""
        return any(_shows(character) for character in self.text)

    def part(self, start: int, end: int) -> "Text":
        """A piece of it with its marks."""
        cut = (mark.within(start, end) for mark in self.marks)
        return Text(self.text[start:end], tuple(mark for mark in cut if mark))

    def entities(self) -> list[MessageEntity]:
        """The marks as Telegram counts them."""
        places = sorted({edge for mark in self.marks for edge in (mark.start, mark.end)})
        units = _units_at(self.text, places)
        return [
            MessageEntity(
                mark.kind,
                offset=units[mark.start],
                length=units[mark.end] - units[mark.start],
                url=mark.url,
                language=mark.language,
            )
            for mark in fitting(self.marks)
        ]


def utf16_length(text: str) -> int:
    """Length in UTF-16 units: a character outside of the basic plane counts twice."""
    return len(text) + sum(character > "\uffff" for character in text)


def sendable(text: str) -> str:
    """Without what Telegram refuses or drops: control characters, halves of surrogate pairs."""
    text = text.replace("\r\n", "\n").replace("\t", "    ")
    return _UNSENDABLE.sub("\ufffd", text)


def fitting(marks: Sequence[Mark]) -> list[Mark]:
    """As many marks as a message may have.

    Telegram cuts bold and its kin at the edges of other marks, and counts the pieces; so do we,
    and leave out such marks first.
    """
    whole = [mark for mark in marks if mark.kind not in _INLINE][:MAX_MARKS]
    inline = [mark for mark in marks if mark.kind in _INLINE]
    edges = sorted(edge for mark in marks for edge in (mark.start, mark.end))
    room = MAX_MARKS - len(whole)
    kept = list(whole)
    for mark in inline:
        room -= 1 + sum(mark.start < edge < mark.end for edge in edges)
        if room < 0:
            break
        kept.append(mark)
    return sorted(kept, key=lambda mark: (mark.start, -mark.end))


def split(text: Text, limit: int = MAX_TEXT) -> list[Text]:
    """Cut it into messages; marks that are cut go on in the next one, so code stays code.

    Cuts are made before a code block, or after a paragraph, a line, a word; but not between a
    heading, or another bold line, and what stands below it. All of the text is in the parts, but
    for line breaks and spaces at the cuts. Parts without anything to see are left out.
    """
    parts: list[Text] = []
    start, end = 0, len(text.text)
    near = _Near(text)
    while start < end:
        room = _room(text.text, start, limit)
        stop = end if start + room >= end else _cut(near, start, start + room)
        part = near.part(start, stop)
        while stop - start > limit // 8 and _crowded(part):
            stop = _cut(near, start, start + (stop - start) // 2)
            part = near.part(start, stop)
        if part.visible:
            parts.append(_trimmed(part))
        start = stop
        near.forget(start)
    return parts


class _Near:
    """A long text that is cut from its beginning on, without a look at all marks each time."""

    def __init__(self, whole: Text) -> None:
        self.text = whole.text
        self._marks = deque(whole.marks)
        self._open: list[Mark] = []

    def marks(self, stop: int) -> list[Mark]:
        """Those that begin before `stop` and may still be of interest."""
        return [*self._open, *itertools.takewhile(lambda mark: mark.start < stop, self._marks)]

    def part(self, start: int, stop: int) -> Text:
        cut = (mark.within(start, stop) for mark in self.marks(stop))
        return Text(self.text[start:stop], tuple(mark for mark in cut if mark))

    def forget(self, start: int) -> None:
        """Nothing before this is asked for again."""
        while self._marks and self._marks[0].start < start:
            self._open.append(self._marks.popleft())
        self._open = [mark for mark in self._open if mark.end > start]


class Builder:
    """Writes a `Text` from its beginning to its end."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._marks: list[Mark] = []
        self.length = 0

    def write(self, text: str) -> None:
        """More text; what cannot be sent is replaced."""
        text = sendable(text)
        self._pieces.append(text)
        self.length += len(text)

    def mark(self, kind: str, start: int, **details: str | None) -> None:
        """Mark what has been written since `start`."""
        if start < self.length:
            self._marks.append(Mark(kind, start, self.length, **details))

    @contextmanager
    def marked(self, kind: str, **details: str | None) -> Iterator[None]:
        """Mark what is written inside."""
        start = self.length
        yield
        self.mark(kind, start, **details)

    def add(self, text: Text) -> None:
        """Write a text with its marks."""
        start = self.length
        self._pieces.append(text.text)
        self.length += len(text.text)
        for one in text.marks:
            self._marks.append(replace(one, start=one.start + start, end=one.end + start))

    def done(self) -> Text:
        """All of it."""
        marks = sorted(self._marks, key=lambda mark: (mark.start, -mark.end))
        return Text("".join(self._pieces), tuple(marks))


def repeated(text: Text) -> Text:
    """The same, saying that it may have come before; a text that says so stays as it is."""
    if text.text.startswith(REPEATED):
        return text
    out = Builder()
    with out.marked("italic"):
        out.write(REPEATED)
    out.write("\n" if text.text else "")
    out.add(text)
    return out.done()


def named(words: str) -> Iterator[tuple[str, bool]]:
    """The words in pieces, and whether each is a file's name: those Telegram would take for web
    addresses, were they not marked as code."""
    done = 0
    for name in _FILE.finditer(words):
        yield words[done : name.start()], False
        yield name[0], True
        done = name.end()
    yield words[done:], False


def plain(source: str) -> Text:
    """A text as it is."""
    builder = Builder()
    builder.write(source)
    return builder.done()


def _shows(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNPS" and character not in _WORDLESS


def _units_at(text: str, places: Sequence[int]) -> dict[int, int]:
    units: dict[int, int] = {}
    done = total = 0
    for place in places:
        total += utf16_length(text[done:place])
        done = place
        units[place] = total
    return units


def _room(text: str, start: int, limit: int) -> int:
    """Characters from `start` on that fit, be they counted in characters or in UTF-16 units."""
    room = min(limit, len(text) - start)
    while (units := utf16_length(text[start : start + room])) > limit:
        room = min(room - 1, room * limit // units)
    return room


def _cut(text: _Near, start: int, stop: int) -> int:
    """Where a part that begins at `start` and may reach to `stop` had better end."""
    place = _gap(text, start + (stop - start) // 2, stop)
    return _before_headings(text, start + (stop - start) // 4, place)


def _gap(text: _Near, low: int, stop: int) -> int:
    for mark in text.marks(stop):
        if mark.kind == "pre" and low <= mark.start < stop < mark.end:
            return mark.start
    for gap in ("\n\n", "\n", " "):
        place = text.text.rfind(gap, low, stop)
        if place >= 0:
            return place + len(gap)
    return stop


def _before_headings(text: _Near, low: int, place: int) -> int:
    """The same place, or an earlier one if headings would be the last that stands before it."""
    bold = [mark for mark in text.marks(place) if mark.kind == "bold"]
    start = place
    while True:
        end = len(text.text[low:start].rstrip()) + low
        line = text.text.rfind("\n", low, end) + 1
        if not any(mark.start <= line < end <= mark.end for mark in bold):
            return start
        if line <= low:
            return place
        start = line


def _crowded(part: Text) -> bool:
    return len(fitting(part.marks)) < len(part.marks)


def _trimmed(part: Text) -> Text:
    """Without line breaks at its ends; inside of code, spaces in front are kept."""
    head = len(part.text) - len(part.text.lstrip("\n"))
    return part.part(head, len(part.text.rstrip()))
