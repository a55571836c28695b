"""Telegram's own parser, where the package `tdjson` is installed.

TDLib answers these requests without a network, an account or a client. It is an oracle for the
tests of this package, and the only parser of `parse_mode` that a strict server may use: a second
one written here would be wrong exactly where a bot is.
"""

import functools
import importlib
import json
import logging
from collections.abc import Callable

from palaver.testing.telegram.entities import Entity, FormattedText
from palaver.testing.telegram.wire import Fields, JsonObject, bad_request

logger = logging.getLogger(__name__)

_MODES: dict[str, JsonObject] = {
    "html": {"@type": "textParseModeHTML"},
    "markdownv2": {"@type": "textParseModeMarkdown", "version": 2},
    "markdown": {"@type": "textParseModeMarkdown", "version": 1},
}

#: The Bot API's names for TDLib's entity types.
_TYPES = {
    "Mention": "mention",
    "Hashtag": "hashtag",
    "Cashtag": "cashtag",
    "BotCommand": "bot_command",
    "Url": "url",
    "EmailAddress": "email",
    "PhoneNumber": "phone_number",
    "BankCardNumber": "bank_card_number",
    "Bold": "bold",
    "Italic": "italic",
    "Underline": "underline",
    "Strikethrough": "strikethrough",
    "Spoiler": "spoiler",
    "Code": "code",
    "Pre": "pre",
    "PreCode": "pre",
    "BlockQuote": "blockquote",
    "ExpandableBlockQuote": "expandable_blockquote",
    "TextUrl": "text_link",
    "MentionName": "text_mention",
    "CustomEmoji": "custom_emoji",
    "DateTime": "date_time",
}


@functools.cache
def _execute() -> Callable[[bytes], bytes | None] | None:
    try:
        module = importlib.import_module("tdjson")
    except ImportError:
        return None
    execute: Callable[[bytes], bytes | None] = module.td_execute
    execute(b'{"@type":"setLogVerbosityLevel","new_verbosity_level":0}')
    return execute


def installed() -> bool:
    """Whether `tdjson` can be used here."""
    return _execute() is not None


def ask(request: JsonObject) -> Fields:
    """TDLib's answer to a synchronous request.

    Raises ApiError with TDLib's own words when it refuses, RuntimeError without `tdjson`.
    """
    execute = _execute()
    if execute is None:
        raise RuntimeError("tdjson is not installed: pip install tdjson")
    # Lone surrogates can't be said in UTF-8; they reach TDLib as escapes and are refused there.
    answer = Fields(json.loads(execute(json.dumps(request).encode()) or b"{}"))
    if answer.text("@type") == "error":
        raise bad_request(answer.text("message"))
    return answer


def parse(text: str, parse_mode: str) -> FormattedText:
    """The text behind a markup. Raises ApiError 400 ("can't parse entities: ...")."""
    mode = _MODES.get(parse_mode.lower())
    if mode is None:
        raise bad_request("unsupported parse_mode")
    return formatted(ask({"@type": "parseTextEntities", "text": text, "parse_mode": mode}))


def find(text: str) -> list[Entity]:
    """What Telegram finds in a text by itself: mentions, commands, links, hashtags ..."""
    answer = ask({"@type": "getTextEntities", "text": text})
    return [found for found in map(_entity, answer.items("entities")) if found is not None]


def formatted(answer: Fields) -> FormattedText:
    """The text of a `formattedText`."""
    entities = [found for found in map(_entity, answer.items("entities")) if found is not None]
    return FormattedText(answer.text("text"), tuple(entities))


def _entity(given: Fields) -> Entity | None:
    kind = given.nested("type")
    if kind is None:
        return None
    name = _TYPES.get(kind.text("@type").removeprefix("textEntityType"))
    if name is None:
        # A media timestamp, for instance: the Bot API does not show it.
        return None
    return Entity(
        type=name,
        offset=given.number("offset"),
        length=given.number("length"),
        url=kind.text("url") if name == "text_link" else "",
        language=kind.text("language"),
        user_id=kind.number("user_id"),
        custom_emoji_id=kind.text("custom_emoji_id") if name == "custom_emoji" else "",
        unix_time=kind.number("unix_time"),
    )
