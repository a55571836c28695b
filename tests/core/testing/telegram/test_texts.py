"""Texts: sent, edited, deleted, and refused in Telegram's words."""

import pytest

from core.testing.telegram.bots import BadRequest, Bot, Forbidden, ask, keyboard
from palaver.testing.telegram import BotApi, Chat, Entity, Person, tdlib

NOT_MODIFIED = (
    "Bad Request: message is not modified: specified new message content and reply markup are"
    " exactly the same as a current content and reply markup of the message"
)

needs_tdjson = pytest.mark.skipif(not tdlib.installed(), reason="tdjson is not installed")


async def refused(api: BotApi, method: str, **parameters: object) -> str:
    """The description that a request is refused with; it must be."""
    answer = await ask(api, method, **parameters)
    assert answer["ok"] is False, answer
    assert answer["error_code"] == 400
    return str(answer["description"])


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("", "message text is empty"),
        (" \n ", "text must be non-empty"),
        ("\u200b\u200d\u2060"[:2], "text must be non-empty"),
        ("x" * 4097, "message is too long"),
        ("\U0001f600" * 4097, "message is too long"),
        ("ж" * 16385, "text is too long"),
    ],
)
async def test_a_text_that_telegram_refuses_is_refused_in_its_words(
    api: BotApi, chat: Chat, text: str, refusal: str
) -> None:
    assert (
        await refused(api, "sendMessage", chat_id=chat.id, text=text) == f"Bad Request: {refusal}"
    )
    assert chat.messages == []
    assert [problem.refused for problem in api.problems] == [True]


@pytest.mark.parametrize("text", ["x", "x" * 4096, "\U0001f600" * 4096, "ж" * 4096])
async def test_the_limit_counts_characters_and_not_utf16_units(
    api: BotApi, chat: Chat, bot: Bot, text: str
) -> None:
    message = await bot.send_message(chat.id, text)
    assert message.text == text
    assert chat.texts == [text]
    assert api.problems == []


async def test_white_space_around_a_text_is_cut(chat: Chat, bot: Bot) -> None:
    await bot.send_message(chat.id, "\n  in the middle \n")
    assert chat.last.text == "in the middle"


async def test_control_characters_become_spaces_and_returns_go(chat: Chat, bot: Bot) -> None:
    await bot.send_message(chat.id, "a\tb\r\nc\u2028d")
    assert chat.last.text == "a b\ncd"


@pytest.mark.parametrize("chat_id", [1, -5, "@nobody_here", "nonsense"])
async def test_an_unknown_chat_is_not_found(api: BotApi, chat: Chat, chat_id: object) -> None:
    found = await refused(api, "sendMessage", chat_id=chat_id, text="x")
    assert found == "Bad Request: chat not found"


async def test_a_person_who_has_not_started_the_bot_is_not_found(api: BotApi) -> None:
    stranger = api.user("Stranger", id=4004)
    found = await refused(api, "sendMessage", chat_id=stranger.id, text="x")
    assert found == "Bad Request: chat not found"


async def test_a_blocked_bot_is_forbidden_until_it_is_unblocked(
    api: BotApi, alice: Person, chat: Chat, bot: Bot
) -> None:
    await alice.block()
    with pytest.raises(Forbidden, match="blocked by the user"):
        await bot.send_message(chat.id, "x")
    await alice.unblock()
    await bot.send_message(chat.id, "again")
    kinds = [update.my_chat_member is not None for update in await bot.get_updates()]
    assert kinds == [True, True]


async def test_an_edit_changes_a_message_and_keeps_its_history(
    api: BotApi, chat: Chat, bot: Bot
) -> None:
    message = await bot.send_message(chat.id, "first", reply_markup=keyboard({"A": "a"}))
    await message.edit_text("second", reply_markup=keyboard({"A": "a"}))
    edited = await message.edit_text("third")
    assert not isinstance(edited, bool)
    assert edited.edit_date is not None
    assert chat.last.texts == ["first", "second", "third"]
    assert [version.keyboard.rows != () for version in chat.last.history] == [True, True, False]


async def test_an_unchanged_edit_is_refused(api: BotApi, chat: Chat, bot: Bot) -> None:
    message = await bot.send_message(chat.id, "same", reply_markup=keyboard({"A": "a"}))
    with pytest.raises(BadRequest):
        await message.edit_text("same", reply_markup=keyboard({"A": "a"}))
    assert api.calls[-1].error == NOT_MODIFIED
    with pytest.raises(BadRequest):
        await message.edit_reply_markup(keyboard({"A": "a"}))
    await message.edit_text("same")
    assert chat.last.buttons == []


async def test_what_is_not_the_bots_or_not_there_cannot_be_edited(
    api: BotApi, alice: Person, chat: Chat, bot: Bot
) -> None:
    hers = await alice.send("mine")
    mine = await bot.send_message(chat.id, "x")
    edit = {"chat_id": chat.id, "text": "y"}
    assert (
        await refused(api, "editMessageText", message_id=hers.id, **edit)
        == "Bad Request: message can't be edited"
    )
    assert (
        await refused(api, "editMessageText", message_id=999, **edit)
        == "Bad Request: message to edit not found"
    )
    assert (
        await refused(api, "editMessageText", **edit)
        == "Bad Request: message identifier is not specified"
    )
    await mine.delete()
    assert (
        await refused(api, "editMessageText", message_id=mine.message_id, **edit)
        == "Bad Request: message to edit not found"
    )


async def test_a_message_is_deleted_within_two_days(api: BotApi, chat: Chat, bot: Bot) -> None:
    young = await bot.send_message(chat.id, "young")
    old = await bot.send_message(chat.id, "old")
    assert await young.delete()
    assert (
        await refused(api, "deleteMessage", chat_id=chat.id, message_id=young.message_id)
        == "Bad Request: message to delete not found"
    )
    api.clock.advance(48 * 3600 + 1)
    assert (
        await refused(api, "deleteMessage", chat_id=chat.id, message_id=old.message_id)
        == "Bad Request: message can't be deleted for everyone"
    )
    assert chat.texts == ["old"]
    assert await bot.delete_messages(chat.id, [young.message_id])


async def test_a_reply_needs_its_message_unless_it_may_go_without(
    api: BotApi, alice: Person, chat: Chat, bot: Bot
) -> None:
    hers = await alice.send("a question")
    await bot.send_message(chat.id, "an answer", reply_to_message_id=hers.id)
    assert chat.last.reply_to is hers
    parameters = {"message_id": 999}
    assert (
        await refused(api, "sendMessage", chat_id=chat.id, text="x", reply_parameters=parameters)
        == "Bad Request: message to be replied not found"
    )
    lenient = {**parameters, "allow_sending_without_reply": True}
    answer = await ask(api, "sendMessage", chat_id=chat.id, text="x", reply_parameters=lenient)
    assert answer["ok"]
    assert chat.last.reply_to is None


async def test_forwards_and_copies(api: BotApi, alice: Person, chat: Chat, bot: Bot) -> None:
    hers = await alice.send("to pass on")
    forwarded = await bot.forward_message(chat.id, chat.id, hers.id)
    assert forwarded.forward_origin is not None
    await bot.copy_message(chat.id, chat.id, hers.id)
    assert chat.texts == ["to pass on", "to pass on"]
    bobs = api.user("Bob")
    message = await bobs.send("from Bob", to=api.private(bobs))
    await alice.forward(message)
    update = (await bot.get_updates())[-1]
    assert update.message is not None
    assert update.message.forward_origin is not None
    assert update.message.forward_origin.to_dict()["sender_user"]["first_name"] == "Bob"


@needs_tdjson
@pytest.mark.parametrize(
    ("mode", "text", "plain", "bold"),
    [
        ("HTML", "<b>hi</b> &amp; bye", "hi & bye", ["hi"]),
        ("MarkdownV2", "*hi* _you_\\.", "hi you.", ["hi"]),
        ("Markdown", "*hi* you.", "hi you.", ["hi"]),
    ],
)
async def test_markup_is_parsed_as_telegram_does(
    chat: Chat, bot: Bot, mode: str, text: str, plain: str, bold: list[str]
) -> None:
    message = await bot.send_message(chat.id, text, parse_mode=mode)
    assert message.text == plain
    assert chat.last.marked("bold") == bold


@needs_tdjson
@pytest.mark.parametrize(
    ("mode", "text", "refusal"),
    [
        (
            "HTML",
            "<b>hi",
            "can't parse entities: Can't find end tag corresponding to start tag \"b\"",
        ),
        (
            "MarkdownV2",
            "a.b",
            "can't parse entities: Character '.' is reserved and must be escaped with the"
            " preceding '\\'",
        ),
        ("Markdown", "*a", "can't parse entities: Can't find end of the entity starting at byte"),
        ("BBCode", "[b]a[/b]", "unsupported parse_mode"),
        ("HTML", "<b> </b>", "text must be non-empty"),
    ],
)
async def test_markup_that_telegram_refuses_is_refused_in_its_words(
    api: BotApi, chat: Chat, mode: str, text: str, refusal: str
) -> None:
    found = await refused(api, "sendMessage", chat_id=chat.id, text=text, parse_mode=mode)
    assert found.startswith(f"Bad Request: {refusal}")


async def test_a_person_formats_pastes_and_sends_other_things(
    alice: Person, chat: Chat, bot: Bot
) -> None:
    await alice.send("run /this", entities=[Entity("code", 0, 3)])
    parts = await alice.send_long("x" * 5000)
    await alice.send_other({"location": {"latitude": 1.5, "longitude": 2.5}})
    said, first, second, place = [update.message for update in await bot.get_updates()]
    assert said is not None
    assert [entity.type for entity in said.entities] == ["code", "bot_command"]
    assert [len(part.text) for part in parts] == [4096, 904]
    assert first is not None
    assert second is not None
    assert first.date == second.date
    assert place is not None
    assert place.location is not None
    with pytest.raises(ValueError, match="5000 characters"):
        await alice.send("x" * 5000)
