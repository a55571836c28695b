"""Views as Discord's messages: answers as plain text, all else as embeds."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import discord

from palaver import FieldRow, View, plain_tables, tail_markdown
from palaver_discord.markdown import adapted, code, escape, pieces, sendable, visible

MAX_CONTENT = 2000
MAX_TITLE, MAX_DESCRIPTION, MAX_FOOTER = 256, 4096, 2048
MAX_FIELDS, MAX_NAME, MAX_VALUE = 25, 256, 1024
"""Characters, and fields, of an embed (API reference, "Embed Limits")."""
_EXTRAS = 1600
"""Characters of an embed that fields and footer may have: with a whole title and description that
makes under 6000, the most that all of it may have."""

LONG_ANSWER = 8000
"""Characters of an answer from which on it comes as a file, too: about four messages."""
TOO_MANY_PARTS = 30
"""Messages of one answer; beyond them its beginning is sent, and all of it as a file."""
_KEPT_PARTS = 10
_FILED = frozenset({"answer", "notice", "error"})
"""How a turn ends; its text is what comes as a file."""

NOTHING = "(nothing that could be shown)"
REPEATED = "(you may have seen this before)"
_TABLE_WIDTH = 56
"""Columns of code that a phone shows without breaking its lines."""
_LIVE_TAIL = 1500
"""Characters of a growing answer that are shown: its end, and room for all around it."""
_SHORT = 40
"""Characters of a field that may stand beside others."""
_COLOURS = {
    "info": discord.Colour.blurple(),
    "notice": discord.Colour.light_grey(),
    "approval": discord.Colour.gold(),
    "question": discord.Colour.fuchsia(),
    "error": discord.Colour.red(),
}


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent at once: a text or an embed, and what can be pressed below it.

    Attributes:
        passing: a live message, which never becomes an embed.
    """

    content: str | None = None
    embed: discord.Embed | None = None
    buttons: discord.ui.View | None = None
    passing: bool = False

    def as_message(self) -> dict[str, Any]:
        """Arguments of the library's methods that send.

        Links show no previews; but where a press may put an embed in the place of the text, that
        would hide the embed, too.
        """
        bare = not self.embed and (self.passing or not self.buttons)
        arguments: dict[str, Any] = {"content": self.content, "suppress_embeds": bare}
        if self.embed:
            arguments["embed"] = self.embed
        if self.buttons:
            arguments["view"] = self.buttons
        return arguments

    def as_edit(self) -> dict[str, Any]:
        """Arguments of those that edit: what it does not have is taken away."""
        embeds = [self.embed] if self.embed else []
        return {"content": self.content, "embeds": embeds, "view": self.buttons}


def messages(view: View) -> tuple[list[Message], bool]:
    """A view as messages, at least one; and whether some of its text was left out."""
    parts = _texts(view) if view.kind in {"answer", "progress"} else _embeds(view)
    if len(parts) <= TOO_MANY_PARTS or len(view.text) <= LONG_ANSWER or view.kind not in _FILED:
        return parts, False
    note = f"✂️ {len(parts) - _KEPT_PARTS} more messages: all of it is in the file."
    last = _joined([note, *_foot(view)])  # its receipt was in the rest
    return [*parts[:_KEPT_PARTS], Message(content=last[:MAX_CONTENT])], True


def live(view: View) -> Message:
    """A turn at work in one message: of a long text, its end."""
    head, foot = _head(view), _foot(view)
    for limit in (_LIVE_TAIL, _LIVE_TAIL // 2, _LIVE_TAIL // 4):
        source = _joined([*head, _adapted(tail_markdown(view.text, limit)), *foot])
        if len(found := pieces(source, MAX_CONTENT)) == 1:
            return Message(content=found[0], passing=True)
    return Message(content=found[-1] if found else NOTHING, passing=True)


def warm_up() -> None:
    """Load the parser of tables ahead of the first answer; the start does not wait for it."""
    _adapted("| a |\n|---|\n| b |")


def _texts(view: View) -> list[Message]:
    rows = [_row(row) for row in view.fields]
    parts = [*_head(view), _adapted(view.text), *_items(view), "\n".join(rows), *_foot(view)]
    return [Message(content=piece) for piece in pieces(_joined(parts), MAX_CONTENT) or [NOTHING]]


def _embeds(view: View) -> list[Message]:
    """The title on the first, fields and footer on the last."""
    title = escape(_line(view.title))
    title = title if visible(title) and len(title) <= MAX_TITLE else ""
    head = _head(view.model_copy(update={"title": ""}) if title else view)
    fields, footer, rest = _extras(view)
    source = _joined([*head, _adapted(view.text), *_items(view), *rest])
    found = pieces(source, MAX_DESCRIPTION)
    if not found and not title and not fields:
        found, footer = [escape(footer) or NOTHING], ""
    colour = _COLOURS.get(view.kind)
    made = [discord.Embed(description=piece, colour=colour) for piece in found]
    made = made or [discord.Embed(colour=colour)]
    made[0].title = title or None
    for name, value, inline in fields:
        made[-1].add_field(name=name, value=value, inline=inline)
    if footer:
        made[-1].set_footer(text=footer)
    return [Message(embed=embed) for embed in made]


def _extras(view: View) -> tuple[list[tuple[str, str, bool]], str, list[str]]:
    """Fields and footer of an embed, and as Markdown what of them does not fit in there."""
    fields = [(_name(row), _value(row), _beside(row)) for row in view.fields]
    footer = sendable("\n".join(line for line in view.footer if visible(line))).strip()
    rest = []
    size = sum(len(name) + len(value) for name, value, _ in fields)
    fit = all(len(name) <= MAX_NAME and len(value) <= MAX_VALUE for name, value, _ in fields)
    if not fit or size > _EXTRAS or len(fields) > MAX_FIELDS:
        rest.append("\n".join(_row(row) for row in view.fields))
        fields, size = [], 0
    if len(footer) + size > _EXTRAS:
        rest += _foot(view, mark="")
        footer = ""
    return fields, footer, rest


def _adapted(text: str) -> str:
    return adapted(plain_tables(text, _TABLE_WIDTH)) if text else ""


def _joined(parts: list[str]) -> str:
    return "\n\n".join(part for part in parts if part)


def _head(view: View) -> list[str]:
    title = escape(_line(view.title))
    lines = [f"*{REPEATED}*"] if view.repeated else []
    return ["\n".join([*lines, *([f"**{title}**"] if visible(title) else [])])]


def _foot(view: View, mark: str = "-# ") -> list[str]:
    """In small letters, which embeds do not have everywhere."""
    lines = (line for text in view.footer for line in text.splitlines() if visible(line))
    return ["\n".join(f"{mark}{escape(line.strip())}" for line in lines)]


def _items(view: View) -> Iterator[str]:
    lines = []
    for number, item in enumerate(view.items, view.first):
        lines.append(f"{'👉 ' if item.marked else ''}**{number}.** {escape(_line(item.title))}")
        lines += [escape(line.strip()) for line in item.text.splitlines() if visible(line)]
    yield "\n".join(lines)


def _row(row: FieldRow) -> str:
    return f"**{_name(row)}:** {_value(row)}"


def _name(row: FieldRow) -> str:
    return escape(_line(row.name)) if visible(row.name) else "–"


def _value(row: FieldRow) -> str:
    if not visible(row.value):
        return "–"
    return code(row.value) if row.code else escape(row.value.strip())


def _beside(row: FieldRow) -> bool:
    return not row.code and len(row.value) <= _SHORT


def _line(text: str) -> str:
    return " ".join(text.split())
