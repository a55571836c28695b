"""Keyboards under messages."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from palaver.testing.telegram.wire import ApiError, Fields, Json, JsonObject, bad_request

#: Bytes of `callback_data`. Source: InlineKeyboardButton in the Bot API.
MAX_CALLBACK_DATA = 64
#: Buttons of one keyboard. Source: `telegram.constants.InlineKeyboardMarkupLimit`.
MAX_BUTTONS = 100
#: Characters of `copy_text`. Source: CopyTextButton in the Bot API.
MAX_COPY_TEXT = 256

_OTHER_ACTIONS = (
    "callback_game",
    "pay",
    "switch_inline_query",
    "switch_inline_query_chosen_chat",
    "switch_inline_query_current_chat",
    "login_url",
    "web_app",
)
_SCHEMES = {"http", "https", "tg", "ton"}


@dataclass(frozen=True)
class Button:
    """A button of an inline keyboard; `data` is empty unless pressing it asks the bot."""

    text: str
    data: str = ""
    url: str = ""
    copy_text: str = ""
    style: str = ""


@dataclass(frozen=True)
class Keyboard:
    """A keyboard as Telegram took it: inline rows, or one of the other kinds in `other`."""

    rows: tuple[tuple[Button, ...], ...] = ()
    inline: JsonObject = field(default_factory=dict)
    other: JsonObject = field(default_factory=dict)

    @property
    def buttons(self) -> tuple[Button, ...]:
        """All inline buttons, row by row."""
        return tuple(button for row in self.rows for button in row)

    def __bool__(self) -> bool:
        return bool(self.rows or self.other)


def read_keyboard(given: Fields | None) -> Keyboard:
    """The keyboard of a request; empty when there is none or nothing in it.

    Raises ApiError 400 in Telegram's words.
    """
    if given is None:
        return Keyboard()
    if given.array("keyboard"):
        _check_reply_buttons(given)
        return Keyboard(other=given.values)
    rows = tuple(
        tuple(_button(Fields(button)) for button in row if isinstance(button, dict))
        for row in given.array("inline_keyboard")
        if isinstance(row, list)
    )
    rows = tuple(row for row in rows if row)
    if sum(map(len, rows)) > MAX_BUTTONS:
        raise bad_request("reply markup is too long")
    if rows:
        shown: list[Json] = [row for row in given.array("inline_keyboard") if row]
        return Keyboard(rows=rows, inline={"inline_keyboard": shown})
    if given.flag("remove_keyboard") or given.flag("force_reply"):
        return Keyboard(other=given.values)
    return Keyboard()


def _check_reply_buttons(given: Fields) -> None:
    for row in given.array("keyboard"):
        for button in row if isinstance(row, list) else []:
            text = button.get("text") if isinstance(button, dict) else button
            if not text:
                raise bad_request("keyboard button text must be non-empty")


def _button(given: Fields) -> Button:
    text, data, url = given.text("text"), given.text("callback_data"), given.text("url")
    copied = given.nested("copy_text")
    if not text:
        raise bad_request("inline keyboard button text must be non-empty")
    if not (data or url or copied or any(name in given for name in _OTHER_ACTIONS)):
        raise _refused("Text buttons are unallowed in the inline keyboard")
    if len(data.encode()) > MAX_CALLBACK_DATA:
        raise bad_request("BUTTON_DATA_INVALID")
    if url and (urlsplit(url).scheme or "http") not in _SCHEMES:
        raise bad_request(f"inline keyboard button URL '{url}' is invalid: unsupported protocol")
    style = given.text("style")
    if style not in {"", "default", "primary", "danger", "success"}:
        raise _refused("invalid button style specified")
    copy_text = copied.text("text") if copied else ""
    if copied and not 1 <= len(copy_text) <= MAX_COPY_TEXT:
        raise bad_request("BUTTON_COPY_TEXT_INVALID")
    return Button(text=text, data=data, url=url, copy_text=copy_text, style=style)


def _refused(reason: str) -> ApiError:
    return bad_request(f"can't parse inline keyboard button: {reason}")
