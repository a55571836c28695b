"""Stricter than Telegram on purpose: what it ignores is refused here and noted."""

import aiohttp
import pytest
from aiohttp import FormData

from core.testing.telegram.bots import Bot, TelegramError, ask
from palaver.testing.telegram import BotApi, Chat
from palaver.testing.telegram.methods.registry import SIMULATED
from palaver.testing.telegram.schema import Mismatch, load, parse_field


async def test_an_unknown_parameter_is_refused_and_noted(api: BotApi, chat: Chat, bot: Bot) -> None:
    with pytest.raises(TelegramError):
        await bot.send_message(chat.id, "x", api_kwargs={"reply_to": 5})
    (problem,) = api.problems
    assert problem.method == "sendMessage"
    assert "unknown parameter 'reply_to'" in problem.text
    assert problem.telegram == "ignores parameters that it does not know"
    assert chat.messages == []


async def test_an_unknown_method_is_not_found(api: BotApi) -> None:
    answer = await ask(api, "sendNothing")
    assert answer == {
        "ok": False,
        "error_code": 404,
        "description": "Not Found: method not found",
    }
    assert [problem.method for problem in api.problems] == ["sendNothing"]


async def test_a_method_that_is_not_simulated_says_so(api: BotApi, chat: Chat) -> None:
    answer = await ask(api, "sendDice", chat_id=chat.id)
    assert answer["error_code"] == 501
    assert "does not simulate sendDice" in answer["description"]
    assert api.problems[0].method == "sendDice"


async def test_a_method_is_found_in_any_case(api: BotApi) -> None:
    assert (await ask(api, "GETME"))["result"]["username"] == "palaver_bot"
    assert api.calls[-1].method == "getMe"


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"disable_notification": "maybe"}, "'maybe' is not Boolean"),
        ({"message_thread_id": "five"}, "'five' is not Integer"),
        ({"text": 5}, "text is not String"),
        ({"entities": "{"}, "it is not JSON"),
        ({"entities": [{"type": "bold", "offset": 0}]}, "entities[0].length is missing"),
        (
            {"reply_markup": {"inline_keyboard": [[{"text": "a", "data": "b"}]]}},
            "reply_markup.inline_keyboard[0][0] (InlineKeyboardButton) has no field 'data'",
        ),
        ({"link_preview_options": {"is_disabled": "yes"}}, "is_disabled is not Boolean"),
    ],
)
async def test_a_value_of_a_wrong_kind_is_refused(
    api: BotApi, chat: Chat, wrong: dict[str, object], reason: str
) -> None:
    answer = await ask(api, "sendMessage", **({"chat_id": chat.id, "text": "x"} | wrong))
    assert answer["error_code"] == 400
    assert answer["description"].startswith("Bad Request: can't parse ")
    assert reason in answer["description"]
    assert len(api.problems) == 1


async def test_a_request_may_come_as_query_form_multipart_or_json(api: BotApi, chat: Chat) -> None:
    url = f"{api.base_url}{api.token}/sendMessage"
    fields = {"chat_id": str(chat.id), "text": "x", "disable_notification": "True"}
    multipart = FormData(default_to_multipart=True)
    for name, value in fields.items():
        multipart.add_field(name, value)
    async with aiohttp.ClientSession() as session:
        await (await session.get(url, params=fields)).read()
        await (await session.post(url, data=fields)).read()
        await (await session.post(url, data=multipart)).read()
        await (await session.post(url, json={"chat_id": chat.id, "text": "x"})).read()
        broken = await session.post(url, data=b"[", headers={"Content-Type": "application/json"})
        assert broken.status == 400
    assert [message.silent for message in chat.messages] == [True, True, True, False]


def test_the_description_is_of_the_version_that_is_said() -> None:
    schema = load()
    assert schema.version == "Bot API 10.1"
    assert schema.source == "https://core.telegram.org/bots/api"
    assert len(schema.methods) == 180


def test_every_simulated_method_is_in_the_description() -> None:
    assert set(load().methods) >= SIMULATED


def test_a_field_is_read_from_its_short_form() -> None:
    field = parse_field("!String=photo")
    assert (field.required, field.types, field.constant) == (True, ("String",), "photo")
    field = parse_field("Integer|String 1-64b")
    assert (field.types, field.low, field.high, field.in_bytes) == (
        ("Integer", "String"),
        1,
        64,
        True,
    )
    with pytest.raises(ValueError, match="not a field"):
        parse_field("")


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": 1, "is_bot": False},
        {"id": "1", "is_bot": False, "first_name": "A"},
        {"id": 1, "is_bot": False, "first_name": "A", "nick": "a"},
    ],
)
def test_an_answer_that_is_not_as_promised_is_found(wrong: dict[str, object]) -> None:
    with pytest.raises(Mismatch):
        load().check_answer("getMe", wrong)  # type: ignore[arg-type] # JSON all the same


async def test_a_parameter_that_is_not_simulated_says_so(api: BotApi, chat: Chat) -> None:
    answer = await ask(api, "sendMessage", chat_id=chat.id, text="x", business_connection_id="b")
    assert answer["error_code"] == 501
    assert api.problems[0].telegram == "has the parameter"
