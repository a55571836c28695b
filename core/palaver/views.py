"""A message described without any frontend's markup.

An action *is* a command: pressing a button and typing its command take the same way through the
engine. So a frontend without buttons just prints the commands, and a button still works after a
restart.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from palaver.identity import Namespace

MAX_BUTTON_BYTES = 64
"""The smallest limit of our platforms: Telegram's `callback_data` (Bot API: 1 to 64 bytes)."""

_BUTTON = re.compile(r"(?P<tag>[0-9a-f]{6})(?P<command>/[a-z].*)", re.DOTALL)


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Action(_Model):
    """Something the reader can do about a view.

    Attributes:
        label: the button's words.
        command: the chat command it stands for, for example `/switch 1f0c…`.
        style: `danger` for what destroys or grants, `primary` for what is usually wanted.
        input: if set, the command wants one more word from the user; this asks for it.
        choice: it can be chosen together with others of its kind: their commands differ in their
            last words, which joined with commas make one command. Pressed alone it is an answer.
    """

    label: str = Field(min_length=1, max_length=80)
    command: str = Field(min_length=2, pattern=r"^/[a-z]")
    style: Literal["default", "primary", "danger"] = "default"
    input: str | None = None
    choice: bool = False


class Item(_Model):
    """One row of a list: a session, a command, a plugin."""

    title: str
    text: str = ""
    marked: bool = False
    actions: tuple[Action, ...] = ()


class FieldRow(_Model):
    """A name and its value, shown side by side. `code` values are ids, paths and the like."""

    name: str
    value: str
    code: bool = False


class View(_Model):
    """A whole message.

    Attributes:
        title: one line, plain text; may begin with an emoji.
        text: Markdown (CommonMark with tables and fences), for answers and explanations.
        fields, items, footer: what follows the text, in this order.
        first: the number of the first item; a list's second page goes on counting.
        actions: buttons below the message, in rows of the frontend's choice.
        kind: lets a frontend choose its look; `private` views hold what only its reader may see.
        repeated: the message may have been delivered before.
        filed: all of its text comes as a file, too, so not all of it must be shown.
    """

    title: str = ""
    text: str = ""
    fields: tuple[FieldRow, ...] = ()
    items: tuple[Item, ...] = ()
    first: int = 1
    footer: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()
    kind: Literal["answer", "info", "progress", "notice", "approval", "question", "error"] = "info"
    private: bool = False
    repeated: bool = False
    filed: bool = False

    def typed(self) -> "View":
        """The view for a chat without buttons: its actions as commands to type, in the footer."""
        lines = tuple(_typed(self.actions))
        return self.model_copy(update={"footer": (*self.footer, *lines), "actions": ()})

    def plain(self, *, commands: bool = True) -> str:
        """The view as plain text; with `commands`, actions are shown as what can be typed."""
        lines = [*filter(None, [self.title, self.text])]
        lines += [f"{row.name}: {row.value}" for row in self.fields]
        for number, item in enumerate(self.items, self.first):
            mark = "👉 " if item.marked else ""
            text = f"\n   {item.text}" if item.text else ""
            lines.append(f"{mark}{number}. {item.title}{text}")
            lines += _typed(item.actions, indent="   ") if commands else []
        lines += self.footer
        lines += _typed(self.actions) if commands else []
        if self.repeated:
            lines.insert(0, "(you may have seen this before)")
        return "\n".join(lines)


def _typed(actions: Sequence[Action], indent: str = "") -> list[str]:
    return [f"{indent}{action.label}: {action.command}" for action in actions]


def owner_tag(owner: Namespace) -> str:
    """Six characters that tell one namespace's buttons from another's; no secret."""
    return hashlib.blake2s(str(owner).encode(), digest_size=3).hexdigest()


def encode_button(owner: Namespace, action: Action) -> str:
    """What a button carries: its owner and its command, at most 64 bytes.

    Raises:
        ValueError: if the command is too long for a button.
    """
    data = f"{owner_tag(owner)}{action.command}"
    if len(data.encode()) > MAX_BUTTON_BYTES:
        raise ValueError(f"the command of {action.label!r} is too long for a button: {data!r}")
    return data


def decode_button(data: str) -> tuple[str, str]:
    """The owner's tag and the command of a button.

    Raises:
        ValueError: if `data` was not made by `encode_button`.
    """
    match = _BUTTON.fullmatch(data)
    if match is None:
        raise ValueError(f"not a button of ours: {data!r}")
    return match["tag"], match["command"]
