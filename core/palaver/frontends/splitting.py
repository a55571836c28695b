"""Cutting a long answer into messages, so that nothing is lost and no code block is broken."""

import re

_FENCE = re.compile(r"^ {0,3}(?P<fence>`{3,}|~{3,})(?P<info>[^`\n]*)$")
_SMALLEST = 64


def split_markdown(text: str, limit: int) -> list[str]:
    """Cut Markdown into parts of at most `limit` characters, at paragraphs, lines, words.

    A fenced code block that must be cut is closed in one part and opened again in the next, with
    its language. All of the text is in the parts, but for white space at the cuts.

    Raises:
        ValueError: if `limit` is under 64.
    """
    if limit < _SMALLEST:
        raise ValueError(f"a limit of {limit} characters leaves no room")
    parts: list[str] = []
    opened = ""
    while len(text) + len(opened) > limit:
        head, text, reopened = _cut(text, limit, opened)
        if head.strip():
            parts.append(head)
        opened = reopened
    rest = opened + text if text.strip() else ""
    return [*parts, rest.rstrip("\n")] if rest.strip() else parts


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
    head = (opened + text[:place]).rstrip("\n")
    rest = text[place:]
    if not fence:
        return head, rest.lstrip("\n"), ""
    reopened = fence if len(fence) < limit // 2 else _marker(fence)
    return f"{head}\n{_marker(fence)}", rest.removeprefix("\n"), f"{reopened}\n"


def _place(text: str, room: int, *, hard: bool = False) -> int:
    """Where to cut: after a paragraph, a line, a word, if one ends in the second half."""
    if not hard:
        for mark in ("\n\n", "\n", " "):
            place = text.rfind(mark, room // 2, room)
            if place > 0:
                return place + len(mark) if mark != "\n\n" else place + 1
    return room


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


def _marker(fence: str) -> str:
    return fence[: len(fence) - len(fence.lstrip(fence[0]))]
