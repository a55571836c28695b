"""Buttons: pressed, answered in time, and refused when they are wrong."""

import pytest

from core.testing.telegram.bots import BadRequest, Bot, Context, Update, ask, keyboard, polling
from palaver.testing.telegram import BotApi, Chat, Person
from palaver.testing.telegram.presses import ANSWER_SECONDS

TOO_OLD = "Bad Request: query is too old and response timeout expired or query ID is invalid"


async def test_a_press_reaches_the_bot_and_its_answer_the_person(
    api: BotApi, alice: Person, chat: Chat, bot: Bot
) -> None:
    async def handle(update: Update, _: Context) -> None:
        query = update.callback_query
        assert query is not None
        await query.answer(f"got {query.data}", show_alert=True)
        await query.edit_message_text("done")

    async with polling(api, handle):
        await bot.send_message(chat.id, "choose", reply_markup=keyboard({"Yes": "y", "No": "n"}))
        assert chat.last.rows == [["Yes", "No"]]
        press = await alice.press(chat.last, "No")
        answer = await press.answer()
        assert (answer.text, answer.alert) == ("got n", True)
        await chat.wait_for_text("done")
    assert chat.last.buttons == []
    assert api.problems == []


async def test_an_answer_that_comes_late_twice_or_for_nothing_is_refused(
    api: BotApi, alice: Person, chat: Chat, bot: Bot
) -> None:
    await bot.send_message(chat.id, "choose", reply_markup=keyboard({"Yes": "y"}))
    press = await alice.press(chat.last, "Yes")
    late = await alice.press(chat.last, data="y")
    await bot.answer_callback_query(press.id)
    with pytest.raises(BadRequest):
        await bot.answer_callback_query(press.id)
    assert api.calls[-1].error == TOO_OLD
    api.clock.advance(ANSWER_SECONDS + 1)
    with pytest.raises(BadRequest):
        await bot.answer_callback_query(late.id)
    with pytest.raises(BadRequest):
        await bot.answer_callback_query("77")
    assert late.answered is None


async def test_an_answer_has_200_characters_at_most(
    api: BotApi, alice: Person, chat: Chat, bot: Bot
) -> None:
    await bot.send_message(chat.id, "choose", reply_markup=keyboard({"Yes": "y"}))
    press = await alice.press(chat.last, "Yes")
    with pytest.raises(BadRequest):
        await bot.answer_callback_query(press.id, "x" * 201)
    await bot.answer_callback_query(press.id, "x" * 200)


async def test_a_press_without_an_answer_times_out(alice: Person, chat: Chat, bot: Bot) -> None:
    await bot.send_message(chat.id, "choose", reply_markup=keyboard({"Yes": "y"}))
    press = await alice.press(chat.last, "Yes")
    with pytest.raises(TimeoutError, match="'choose' was pressed"):
        await press.answer(timeout=0.05)


async def test_only_a_button_that_is_there_can_be_pressed_by_its_label(
    alice: Person, chat: Chat, bot: Bot
) -> None:
    await bot.send_message(chat.id, "choose", reply_markup=keyboard({"Yes": "y"}))
    with pytest.raises(LookupError, match=r"no button 'Maybe'; there are \['Yes'\]"):
        await alice.press(chat.last, "Maybe")


async def test_an_old_button_can_be_pressed_by_its_data_after_the_message_is_gone(
    alice: Person, chat: Chat, bot: Bot
) -> None:
    sent = await bot.send_message(chat.id, "choose", reply_markup=keyboard({"Yes": "y"}))
    shown = chat.last
    await sent.delete()
    await alice.press(shown, data="y")
    (update,) = await bot.get_updates()
    assert update.callback_query is not None
    assert update.callback_query.message is not None
    assert not update.callback_query.message.is_accessible


@pytest.mark.parametrize(
    ("button", "refusal"),
    [
        ({"text": "a", "callback_data": "x" * 65}, "BUTTON_DATA_INVALID"),
        ({"text": "a", "callback_data": "ж" * 33}, "BUTTON_DATA_INVALID"),
        (
            {"text": "a"},
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        (
            {"text": "a", "callback_data": ""},
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        ({"text": "", "callback_data": "x"}, "inline keyboard button text must be non-empty"),
        ({"text": "a", "copy_text": {"text": "x" * 257}}, "BUTTON_COPY_TEXT_INVALID"),
        (
            {"text": "a", "callback_data": "x", "style": "loud"},
            "can't parse inline keyboard button: invalid button style specified",
        ),
    ],
)
async def test_a_button_that_telegram_refuses_is_refused_in_its_words(
    api: BotApi, chat: Chat, button: dict[str, object], refusal: str
) -> None:
    markup = {"inline_keyboard": [[button]]}
    answer = await ask(api, "sendMessage", chat_id=chat.id, text="x", reply_markup=markup)
    assert answer["description"] == f"Bad Request: {refusal}"


async def test_a_keyboard_has_100_buttons_at_most(chat: Chat, bot: Bot) -> None:
    rows = [{f"{row}.{column}": f"{row}.{column}" for column in range(5)} for row in range(20)]
    await bot.send_message(chat.id, "many", reply_markup=keyboard(*rows))
    assert len(chat.last.buttons) == 100
    with pytest.raises(BadRequest, match=r"(?i)reply markup is too long"):
        await bot.send_message(chat.id, "more", reply_markup=keyboard(*rows, {"one": "more"}))


async def test_a_message_with_a_reply_keyboard_cannot_be_edited(api: BotApi, chat: Chat) -> None:
    markup = {"keyboard": [[{"text": "a"}]]}
    sent = await ask(api, "sendMessage", chat_id=chat.id, text="x", reply_markup=markup)
    message_id = sent["result"]["message_id"]
    answer = await ask(api, "editMessageText", chat_id=chat.id, message_id=message_id, text="y")
    assert answer["description"] == "Bad Request: message can't be edited"
