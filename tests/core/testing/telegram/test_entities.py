"""Entities: counted, cut and nested as Telegram does it, which TDLib itself attests."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.testing.telegram.bots import Bot, ask
from palaver.testing.telegram import BotApi, Chat, Entity, tdlib
from palaver.testing.telegram.entities import ASKED_TYPES, FormattedText, units
from palaver.testing.telegram.formatting import as_sent, found_in, normalise
from palaver.testing.telegram.wire import ApiError, JsonObject

needs_tdjson = pytest.mark.skipif(not tdlib.installed(), reason="tdjson is not installed")

_TDLIB = {
    "bold": "Bold",
    "italic": "Italic",
    "underline": "Underline",
    "strikethrough": "Strikethrough",
    "spoiler": "Spoiler",
    "code": "Code",
    "blockquote": "BlockQuote",
    "expandable_blockquote": "ExpandableBlockQuote",
    "text_link": "TextUrl",
    "text_mention": "MentionName",
    "custom_emoji": "CustomEmoji",
}


@st.composite
def formatted(draw: st.DrawFn) -> FormattedText:
    """A short text without Markdown, with entities that may be anything."""
    alphabet = string.ascii_letters + " \n\r\t\u200e\u200f\u2028\u0333é\U0001f600"
    text = draw(st.text(alphabet, max_size=14))
    kinds = st.sampled_from(sorted({*_TDLIB, "pre"}))
    entities = []
    for kind in draw(st.lists(kinds, max_size=6)):
        offset, length = draw(st.integers(-1, 15)), draw(st.integers(0, 8))
        entities.append(
            Entity(
                kind,
                offset,
                length,
                url="http://example.org/" if kind == "text_link" else "",
                language=draw(st.sampled_from(["", "py"])) if kind == "pre" else "",
                user_id=5 if kind == "text_mention" else 0,
                custom_emoji_id="77" if kind == "custom_emoji" else "",
            )
        )
    return FormattedText(text, tuple(entities))


def by_tdlib(text: FormattedText) -> FormattedText:
    """What TDLib makes of a text with entities."""
    entities: list[JsonObject] = []
    for entity in text.entities:
        kind: JsonObject = {"@type": f"textEntityType{_TDLIB.get(entity.type, 'Pre')}"}
        if entity.language:
            kind = {"@type": "textEntityTypePreCode", "language": entity.language}
        for name, value in (
            ("url", entity.url),
            ("user_id", entity.user_id),
            ("custom_emoji_id", entity.custom_emoji_id),
        ):
            if value:
                kind[name] = value
        entities.append({"offset": entity.offset, "length": entity.length, "type": kind})
    # The only synchronous request that mends given entities; it would read Markdown as well.
    asked = tdlib.ask(
        {"@type": "parseMarkdown", "text": {"text": text.text, "entities": [*entities]}}
    )
    return tdlib.formatted(asked)


def outcome(text: FormattedText) -> tuple[str, list[Entity]] | str:
    """A text to compare: TDLib leaves the order of what covers the same open."""
    return text.text, sorted(text.entities, key=lambda e: (e.offset, -e.length, e.type, e.language))


@needs_tdjson
@settings(max_examples=400, deadline=None)
@given(formatted())
def test_given_entities_end_as_tdlib_leaves_them(text: FormattedText) -> None:
    try:
        expected = outcome(by_tdlib(text))
    except ApiError as refusal:
        expected = str(refusal)
    try:
        found = outcome(normalise(text, empty=True, trim=False))
    except ApiError as refusal:
        found = str(refusal)
    assert found == expected


@pytest.mark.parametrize(
    ("text", "entity", "refusal"),
    [
        ("abc", (5, 1), "entity begins after the end of the text at UTF-16 offset 5"),
        (
            "abc",
            (1, 9),
            "entity beginning at UTF-16 offset 1 ends after the end of the text at UTF-16"
            " offset 10",
        ),
        (
            "a\U0001f600b",
            (2, 1),
            "entity begins in a middle of a UTF-16 symbol at byte offset 5",
        ),
        (
            "a\U0001f600b",
            (0, 2),
            "entity beginning at UTF-16 offset 0 ends in a middle of a UTF-16 symbol at byte"
            " offset 5",
        ),
        ("abc", (-1, 1), "receive an entity with incorrect offset -1"),
    ],
)
async def test_an_entity_outside_of_its_text_is_refused(
    api: BotApi, chat: Chat, text: str, entity: tuple[int, int], refusal: str
) -> None:
    offset, length = entity
    given = [{"type": "bold", "offset": offset, "length": length}]
    answer = await ask(api, "sendMessage", chat_id=chat.id, text=text, entities=given)
    assert answer["description"] == f"Bad Request: {refusal}"


@pytest.mark.parametrize(
    ("entity", "refusal"),
    [
        ({"type": "text_link"}, 'Can\'t find field "url"'),
        ({"type": "glitter"}, "Unsupported type specified"),
        ({"type": "text_mention"}, 'Can\'t find field "user"'),
    ],
)
async def test_an_entity_without_what_it_needs_is_refused(
    api: BotApi, chat: Chat, entity: dict[str, object], refusal: str
) -> None:
    given = [{**entity, "offset": 0, "length": 1}]
    answer = await ask(api, "sendMessage", chat_id=chat.id, text="abc", entities=given)
    assert answer["description"] == f"Bad Request: can't parse MessageEntity: {refusal}"


async def test_entities_move_with_a_text_that_is_trimmed(api: BotApi, chat: Chat) -> None:
    given = [{"type": "bold", "offset": 4, "length": 9}]
    await ask(api, "sendMessage", chat_id=chat.id, text="\n\U0001f600 abc   \n   ", entities=given)
    assert chat.last.text == "\U0001f600 abc"
    assert chat.last.marked("bold") == ["abc"]


async def test_a_text_keeps_a_hundred_entities_and_the_loss_of_more_is_noted(
    api: BotApi, chat: Chat
) -> None:
    given = [{"type": "bold", "offset": 2 * n, "length": 1} for n in range(103)]
    await ask(api, "sendMessage", chat_id=chat.id, text="x " * 110, entities=given)
    assert len(chat.last.marked("bold")) == 100
    (problem,) = api.problems
    assert (problem.refused, problem.text) == (False, "3 entities above 100 are lost")


async def test_links_are_found_in_what_the_bot_says(chat: Chat, bot: Bot) -> None:
    message = await bot.send_message(chat.id, "see https://example.org/x and @alice_a")
    assert list(message.parse_entities().values()) == ["https://example.org/x", "@alice_a"]


SAID = [
    "/start",
    "/start@palaver_bot now",
    "\U0001f600 /stop, please",
    "a/b /c/d",
    "see https://example.org/a?b=c. And mail me@example.org!",
    "@alice_a and @al",
    "#topic #1",
]


@pytest.mark.parametrize("text", SAID)
def test_what_people_say_is_marked_without_tdjson_as_with_it(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    if not tdlib.installed():
        pytest.skip("tdjson is not installed")
    with_tdlib = found_in(text)
    monkeypatch.setattr(tdlib, "installed", lambda: False)
    assert found_in(text) == with_tdlib


def test_offsets_are_in_utf16_units() -> None:
    said = as_sent("\U0001f600 /stop")
    assert [(e.type, e.offset, e.length) for e in said.entities] == [("bot_command", 3, 5)]
    assert said.pieces("bot_command") == ["/stop"]
    assert units("\U0001f600") == 2


def test_every_type_that_may_be_asked_for_is_tried() -> None:
    assert {*_TDLIB, "pre", "date_time"} == ASKED_TYPES


async def test_without_tdjson_markup_is_refused_and_named(
    api: BotApi, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tdlib, "installed", lambda: False)
    answer = await ask(api, "sendMessage", chat_id=chat.id, text="<b>x</b>", parse_mode="HTML")
    assert answer["error_code"] == 501
    assert "pip install tdjson" in answer["description"]
    assert len(api.problems) == 1
