"""Actions as buttons. What a button carries is all that is needed when it is pressed, even by
another life of Palaver:

    OWNER/command        runs the command
    ?OWNER/command       asks for a word, then runs the command with it
    !OWNER/command       marks or unmarks a choice, in the keyboard itself
    =OWNER/command       runs the command with the choices that are marked
"""

import re
from collections.abc import Sequence

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from palaver import Action, Namespace, View, encode_button
from palaver_telegram.text import plain

ASK, TOGGLE, SUBMIT = "?", "!", "="
ON, OFF, DONE = "☑ ", "☐ ", "✅ Done"
_ROW_WIDTH = 30
_ROW_BUTTONS = 3
_MAX_BYTES = 64
_MAX_BUTTONS = 100
"""Of one keyboard (telegram.constants.InlineKeyboardMarkupLimit)."""
_NUMBER = re.compile(r"^\d+ (?=\S)")
_STYLES = {"primary": "primary", "danger": "danger"}


def keyboard(view: View, owner: Namespace) -> tuple[InlineKeyboardMarkup | None, list[str]]:
    """A view's buttons, and as lines to type the commands that are too long for one."""
    rows: list[list[InlineKeyboardButton]] = []
    typed: list[str] = []
    for number, item in enumerate(view.items, view.first):
        row = []
        for action in item.actions:
            if button := _button(action, owner, label=f"{number} {action.label}"):
                row.append(button)
            else:
                typed.append(f"{action.label}: {action.command}")
        rows += [row] if row else []
    buttons = []
    for action in view.actions:
        if button := _button(action, owner):
            buttons.append(button)
        else:
            typed.append(f"{action.label}: {action.command}")
    rows += _rows(buttons)
    if done := _done(view, owner):
        rows.append([done])
    room = _MAX_BUTTONS
    kept = []
    for row in rows:
        room -= len(row)
        kept += [row] if room >= 0 else []
    return (InlineKeyboardMarkup(kept) if kept else None), typed


def toggled(shown: InlineKeyboardMarkup, data: str) -> InlineKeyboardMarkup:
    """The keyboard after a press on one of its choices."""
    return InlineKeyboardMarkup(
        [
            [_flipped(button) if button.callback_data == data else button for button in row]
            for row in shown.inline_keyboard
        ]
    )


def chosen(shown: InlineKeyboardMarkup) -> list[str]:
    """The last words of the commands that are marked: the numbers of the choices."""
    return [
        str(button.callback_data).rpartition(" ")[2]
        for row in shown.inline_keyboard
        for button in row
        if str(button.callback_data).startswith(TOGGLE) and button.text.startswith(ON)
    ]


def label_of(shown: InlineKeyboardMarkup | None, data: str) -> str:
    """What stands on a button, without the number of its row."""
    rows = shown.inline_keyboard if shown else ()
    found = (button.text for row in rows for button in row if button.callback_data == data)
    return _NUMBER.sub("", next(found, ""))


def _button(action: Action, owner: Namespace, *, label: str = "") -> InlineKeyboardButton | None:
    """None if the command does not fit."""
    sign = ASK if action.input else TOGGLE if _is_choice(action) else ""
    try:
        data = sign + encode_button(owner, action)
    except ValueError:
        return None
    if len(data.encode()) > _MAX_BYTES:
        return None
    words = plain(OFF + action.label if sign == TOGGLE else label or action.label)
    style = _STYLES.get(action.style)
    return InlineKeyboardButton(
        words.text if words.visible else "…", callback_data=data, style=style
    )


def _is_choice(action: Action) -> bool:
    return action.choice and " " in action.command  # there is a last word that can be joined


def _done(view: View, owner: Namespace) -> InlineKeyboardButton | None:
    """What sends the choices, if there are any; their commands differ in their last words."""
    commands = (action.command.rpartition(" ")[0] for action in view.actions if _is_choice(action))
    command = next((command for command in commands if command), None)
    if command is None:
        return None
    try:
        data = SUBMIT + encode_button(owner, Action(label="Done", command=command))
    except ValueError:  # too long: then so are its choices, and all are printed
        return None
    return InlineKeyboardButton(DONE, callback_data=data, style="primary")


def _rows(buttons: Sequence[InlineKeyboardButton]) -> list[list[InlineKeyboardButton]]:
    """As many in a row as a phone can show with all their words."""
    rows: list[list[InlineKeyboardButton]] = []
    width = _ROW_WIDTH
    for button in buttons:
        size = len(button.text) + 2
        if width + size > _ROW_WIDTH or len(rows[-1]) >= _ROW_BUTTONS:
            rows.append([])
            width = 0
        rows[-1].append(button)
        width += size
    return rows


def _flipped(button: InlineKeyboardButton) -> InlineKeyboardButton:
    on = button.text.startswith(OFF)
    words = button.text.removeprefix(ON).removeprefix(OFF)
    return InlineKeyboardButton((ON if on else OFF) + words, callback_data=button.callback_data)
