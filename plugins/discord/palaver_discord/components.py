"""Actions as buttons and menus. What one carries is all that is needed when it is used, even by
another life of Palaver. Its custom_id, or the value that is chosen in a menu, is

    OWNER/command               runs the command
    ?LABEL?OWNER/command        asks for a word under this label, then runs the command with it
    =OWNER/command              a menu: runs the command with the values that are chosen
    #NUMBER                     a menu: does what the value that is chosen says

The limits are those of Discord's API reference, "Component Reference".
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import discord

from palaver import Action, Item, Namespace, View, encode_button
from palaver_discord.markdown import sendable, visible

ASK, SUBMIT, MENU = "?", "=", "#"
MAX_ROWS, MAX_BUTTONS, MAX_OPTIONS = 5, 5, 25
MAX_LABEL, MAX_ID, MAX_OPTION, MAX_PLACEHOLDER, MAX_TITLE, MAX_INPUT = 80, 100, 100, 150, 45, 4000
_STYLES = {
    "default": discord.ButtonStyle.secondary,
    "primary": discord.ButtonStyle.primary,
    "danger": discord.ButtonStyle.danger,
}
_Menu = discord.ui.Select[discord.ui.View]


@dataclass(frozen=True, slots=True)
class Pressed:
    """What somebody has done with a button or a menu.

    Attributes:
        kind: `press` runs a command; `ask` wants a word first, which `modal` asks for.
        button: for `Engine.press`: the owner's tag and the command.
        asked: what the word is, for `ask`.
        custom_id: what a modal has to carry, for `ask`.
    """

    kind: Literal["press", "ask"]
    button: str
    asked: str = ""
    custom_id: str = ""

    def with_word(self, word: str) -> str:
        """The button for `Engine.press` once the word is known."""
        return f"{self.button} {word.strip()}"


def components(view: View, owner: Namespace) -> tuple[discord.ui.View | None, list[str]]:
    """A view's buttons and menus, and as lines to type the commands for which there is no room.

    Nobody listens for them in the library: presses are taken from its event `interaction`.
    """
    choices = [action for action in view.actions if _is_choice(action)]
    others = [action for action in view.actions if not _is_choice(action)]
    buttons, typed = _buttons(others, owner)
    menus = [*_choices(choices, owner, typed), *_menus(view, owner, typed)]
    room = MAX_ROWS - bool(buttons)
    for menu in menus[room:]:
        typed += menu.typed
    menus = menus[:room]
    room = (MAX_ROWS - len(menus)) * MAX_BUTTONS
    typed += [_typed(action) for action, _ in buttons[room:]]
    shown = discord.ui.View(timeout=None)
    for row, one in enumerate(menus):
        shown.add_item(one.made(row))
    for place, (_, button) in enumerate(buttons[:room]):
        button.row = len(menus) + place // MAX_BUTTONS
        shown.add_item(button)
    shown.stop()
    return (shown if shown.children else None), typed


def pressed(custom_id: str, values: Sequence[str] = ()) -> Pressed:
    """Read what `components` wrote; what others wrote comes out as a button that nobody has.

    Args:
        values: what is chosen in the menu.
    """
    if custom_id.startswith(SUBMIT):
        return Pressed("press", f"{custom_id[1:]} {','.join(values)}")
    if custom_id.startswith(MENU):
        custom_id = next(iter(values), "")
    if custom_id.startswith(ASK):
        asked, _, button = custom_id[1:].partition(ASK)
        return Pressed("ask", button, asked, custom_id)
    return Pressed("press", custom_id)


def modal(ask: Pressed, title: str) -> discord.ui.Modal:
    """The window that asks for a word.

    Args:
        title: what stood on the button.
    """
    made = discord.ui.Modal(title=_words(title, MAX_TITLE), custom_id=ask.custom_id)
    field = discord.ui.TextInput[discord.ui.Modal](
        style=discord.TextStyle.paragraph, max_length=MAX_INPUT, custom_id="word"
    )
    made.add_item(discord.ui.Label(text=_words(ask.asked, MAX_TITLE), component=field))
    made.stop()
    return made


def submitted(data: Any) -> str:
    """The word that a modal brings: `Interaction.data` of its submission."""
    found = _inputs(data.get("components", ()))
    return next(found, "")


def label_of(message: discord.Message | None, custom_id: str) -> str:
    """What stands on a button."""
    rows = message.components if message else []
    buttons = (one for row in rows if isinstance(row, discord.ActionRow) for one in row.children)
    labels = (
        one.label or ""
        for one in buttons
        if isinstance(one, discord.Button) and one.custom_id == custom_id
    )
    return next(labels, "")


@dataclass(slots=True)
class _Draft:
    """A menu, before it is known whether there is room for it."""

    custom_id: str
    placeholder: str
    options: list[discord.SelectOption]
    typed: list[str]
    several: bool = False

    def made(self, row: int) -> _Menu:
        return _Menu(
            custom_id=self.custom_id,
            placeholder=_words(self.placeholder, MAX_PLACEHOLDER),
            max_values=len(self.options) if self.several else 1,
            options=self.options,
            row=row,
        )


def _buttons(
    actions: Iterable[Action], owner: Namespace
) -> tuple[list[tuple[Action, discord.ui.Button[discord.ui.View]]], list[str]]:
    """Those that fit, each with a custom_id of its own, and the rest to be typed."""
    made: dict[str, tuple[Action, discord.ui.Button[discord.ui.View]]] = {}
    typed = []
    for action in actions:
        data = _data(action, owner)
        if data is None or data in made:
            typed.append(_typed(action))
            continue
        label, style = _words(action.label, MAX_LABEL), _STYLES[action.style]
        made[data] = action, discord.ui.Button(label=label, custom_id=data, style=style)
    return list(made.values()), typed


def _choices(actions: Iterable[Action], owner: Namespace, typed: list[str]) -> Iterator[_Draft]:
    """A menu of all that can be chosen together: their commands differ in their last words."""
    drafts: dict[str, _Draft] = {}
    for action in actions:
        command, _, word = action.command.rpartition(" ")
        data = _data(Action(label="Done", command=command), owner)
        draft = drafts.get(command) or _Draft(f"{SUBMIT}{data}", "Choose one or more", [], [], True)
        if data is None or not _add(draft, action, word, action.label):
            typed.append(_typed(action))
            continue
        drafts[command] = draft
    yield from drafts.values()


def _menus(view: View, owner: Namespace, typed: list[str]) -> Iterator[_Draft]:
    """A menu for each thing that can be done with the items of a list."""
    drafts: dict[str, list[_Draft]] = {}
    for number, item in enumerate(view.items, view.first):
        for action in item.actions:
            data = _data(action, owner)
            words = f"{number}. {item.title}"
            if data is None or not _add_to(drafts, action, data, words, item):
                typed.append(_typed(action, f"{number} "))
    for place, draft in enumerate(draft for same in drafts.values() for draft in same):
        draft.custom_id = f"{MENU}{place}"
        yield draft


def _add_to(
    drafts: dict[str, list[_Draft]], action: Action, data: str, words: str, item: Item
) -> bool:
    """Whether it has found a place in a menu of its kind."""
    same = drafts.setdefault(action.label, [])
    if not same or len(same[-1].options) == MAX_OPTIONS:
        same.append(_Draft("", f"{action.label} …", [], []))
    return _add(same[-1], action, data, words, item.text)


def _add(draft: _Draft, action: Action, value: str, label: str, more: str = "") -> bool:
    """Whether there is room for it; two options must not have the same value."""
    taken = {option.value for option in draft.options}
    if len(taken) == MAX_OPTIONS or not 0 < len(value) <= MAX_OPTION or value in taken:
        return False
    description = _words(more, MAX_OPTION) if visible(more) else None
    option = discord.SelectOption(
        label=_words(label, MAX_OPTION), value=value, description=description
    )
    draft.options.append(option)
    draft.typed.append(_typed(action))
    return True


def _data(action: Action, owner: Namespace) -> str | None:
    """What the action carries; None if it is too long, or nothing that Discord keeps as it is."""
    try:
        button = encode_button(owner, action)
    except ValueError:
        return None
    if button != sendable(button).strip():
        return None
    if action.input is None:
        return button
    room = MAX_ID - len(button) - 2 * len(ASK)
    asked = _words(action.input.replace(ASK, " "), min(room, MAX_TITLE))
    return f"{ASK}{asked}{ASK}{button}"


def _is_choice(action: Action) -> bool:
    return action.choice and " " in action.command  # there is a last word that can be joined


def _words(text: str, limit: int) -> str:
    """One line that is short enough and not blank."""
    line = " ".join(sendable(text).split())
    line = line if visible(line) else "…"
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def _typed(action: Action, prefix: str = "") -> str:
    return f"{prefix}{action.label}: {action.command}"


def _inputs(rows: Iterable[Any]) -> Iterator[str]:
    for row in rows:
        if "value" in row:
            yield str(row["value"])
        yield from _inputs([*row.get("components", ()), *filter(None, [row.get("component")])])
