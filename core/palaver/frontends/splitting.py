"""Cutting a long answer into messages, so that nothing is lost and no code block is broken."""

import re

_FENCE = re.compile(r"^ {0,3}(?P<fence>`{3,}|~{3,})(?P<info>[^`\n]*)$")
_HEADING = re.compile(r" {0,3}(?:#{1,6}[ \t].*|(\*\*|__)\S.*\1:?)\s*")
_SMALLEST = 64


def split_markdown(text: str, limit: int) -> list[str]:
    """Cut Markdown into parts of at most `limit` characters, at paragraphs, lines, words.

    A heading, or a bold line, is not cut off from what stands below it.
    A fenced code block that must be cut is closed in one part and opened again in the next, with
    its language. All of the text is in the parts, but for white space at the cuts.

    Raises:
        ValueError: if `limit` is under 64.
    """
    _check(limit)
    parts: list[str] = []
    opened = ""
    while len(text) + len(opened) > limit:
        head, text, reopened = _cut(text, limit, opened)
        if head.strip():
            parts.append(head)
        opened = reopened
    rest = opened + text if text.strip() else ""
    return [*parts, rest.rstrip("\n")] if rest.strip() else parts


def tail_markdown(text: str, limit: int) -> str:
    """The end of a growing text: at most `limit` characters, from the beginning of a line or word.

    What is cut off is an "…"; a fenced code block that it was cut off in is opened again.

    Raises:
        ValueError: if `limit` is under 64.
    """
    _check(limit)
    if len(text) <= limit:
        return text
    earliest = len(text) - limit
    while True:
        place = _beginning(text, earliest, earliest + limit // 2)
        fence = _open_fence(text[: text.rfind("\n", 0, place) + 1])
        lead = f"…\n{_reopened(fence, limit)}\n" if fence else "… "
        if len(lead) + len(text) - place <= limit:
            return lead + text[place:]
        earliest = max(earliest + 1, len(text) - limit + len(lead))


def _check(limit: int) -> None:
    if limit < _SMALLEST:
        raise ValueError(f"a limit of {limit} characters leaves no room")


def _beginning(text: str, earliest: int, latest: int) -> int:
    """Where a line begins, or else a word, between these places; else the earliest."""
    for mark in ("\n", " "):
        place = text.find(mark, earliest - 1, latest)
        if place >= 0:
            return place + 1
    return earliest


def _cut(text: str, limit: int, opened: str) -> tuple[str, str, str]:
    """A part, what is left, and the fence that the rest begins with."""
    room = limit - len(opened)
    place = _place(text, room)
    fence = _open_fence(opened + text[:place])
    if fence:
        closing = "\n" + _marker(fence)
        place = _place(text, room - len(closing))
        fence = _open_fence(opened + text[:place])
        if fence and (opened + text[:place]).rstrip("\n") == fence:  # nothing but the fence itself
            place, fence = _place(text, room - len(closing), hard=True), fence
    if not fence:
        place = _before_headings(text, place, room // 4)
    head = (opened + text[:place]).rstrip("\n")
    rest = text[place:]
    if not fence:
        return head, rest.lstrip("\n"), ""
    return f"{head}\n{_marker(fence)}", rest.removeprefix("\n"), f"{_reopened(fence, limit)}\n"


def _place(text: str, room: int, *, hard: bool = False) -> int:
    """Where to cut: after a paragraph, a line, a word, if one ends in the second half."""
    if not hard:
        for mark in ("\n\n", "\n", " "):
            place = text.rfind(mark, room // 2, room)
            if place > 0:
                return place + len(mark) if mark != "\n\n" else place + 1
    return room


def _before_headings(text: str, place: int, lowest: int) -> int:
    """The same place, or an earlier one if headings would be the last that stands before it."""
    start = place
    while True:
        above = text[:start].rstrip()
        line = above.rfind("\n") + 1
        if not _HEADING.fullmatch(above, line):
            return start
        if line <= lowest:
            return place
        start = line


def _open_fence(text: str) -> str:
    """The opening line of the code block that `text` ends in; empty if it ends outside of one."""
    opened = ""
    for line in text.splitlines():
        match = _FENCE.match(line)
        if not match:
            continue
        if not opened:
            opened = line.strip()
        elif match["fence"].startswith(_marker(opened)) and not match["info"].strip():
            opened = ""
    return opened


def _reopened(fence: str, limit: int) -> str:
    """The line that opens a code block again: with its language, if that leaves room."""
    return fence if len(fence) < limit // 2 else _marker(fence)


def _marker(fence: str) -> str:
    return fence[: len(fence) - len(fence.lstrip(fence[0]))]
