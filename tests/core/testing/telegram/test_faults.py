"""Bad days: errors, delays, lost requests and answers, silence, dead connections, floods."""

import asyncio
import time
from datetime import timedelta

import pytest

from core.testing.telegram.bots import (
    Bot,
    Context,
    NetworkError,
    RetryAfter,
    TimedOut,
    Update,
    client,
    polling,
)
from palaver.testing.telegram import ApiError, BotApi, Chat, Person, Rate


async def test_an_error_strikes_as_often_as_asked(api: BotApi, chat: Chat, bot: Bot) -> None:
    fault = api.faults.add("sendMessage", error=502, times=2)
    for _ in range(2):
        with pytest.raises(NetworkError, match="Bad Gateway"):
            await bot.send_message(chat.id, "x")
    await bot.send_message(chat.id, "third time")
    assert chat.texts == ["third time"]
    assert (fault.hits, fault.spent) == (2, True)
    assert [call.fault for call in api.calls.of("sendMessage")] == ["error 502", "error 502", ""]
    assert api.problems == []


async def test_a_flood_wait_says_how_long(api: BotApi, chat: Chat, bot: Bot) -> None:
    api.faults.add("send*", error=429, retry_after=7)
    with pytest.raises(RetryAfter) as wait:
        await bot.send_message(chat.id, "x")
    assert _seconds(wait.value) == 7
    assert api.calls[-1].error == "Too Many Requests: retry after 7"


async def test_a_delay_delays(api: BotApi, chat: Chat, bot: Bot) -> None:
    api.faults.add("sendMessage", delay=0.2)
    began = time.monotonic()
    await bot.send_message(chat.id, "x")
    assert time.monotonic() - began >= 0.2
    assert chat.texts == ["x"]


async def test_a_request_that_is_lost_does_nothing(api: BotApi, chat: Chat, bot: Bot) -> None:
    api.faults.add("sendMessage", drop="before")
    with pytest.raises(NetworkError):
        await bot.send_message(chat.id, "x")
    assert chat.texts == []


async def test_an_answer_that_is_lost_leaves_the_message(api: BotApi, chat: Chat, bot: Bot) -> None:
    api.faults.add("sendMessage", drop="after")
    with pytest.raises(NetworkError):
        await bot.send_message(chat.id, "x")
    assert chat.texts == ["x"]
    assert (api.calls[-1].status, api.calls[-1].fault) == (0, "drop after")


async def test_silence_is_accepted_and_never_answered(api: BotApi, chat: Chat) -> None:
    async with client(api, timeout=0.2) as bot:
        api.faults.add("sendMessage", silence=True)
        with pytest.raises(TimedOut):
            await bot.send_message(chat.id, "x")
        await bot.send_message(chat.id, "y")
    assert chat.texts == ["y"]


async def test_a_fault_strikes_only_where_it_is_meant_to(
    api: BotApi, alice: Person, chat: Chat, bot: Bot
) -> None:
    bobs = api.private(api.user("Bob"))
    api.faults.add(
        "*", error=500, times=None, when=lambda given: given.number("chat_id") == bobs.id
    )
    await bot.send_message(chat.id, "x")
    for _ in range(2):
        with pytest.raises(NetworkError):
            await bot.send_message(bobs.id, "x")
    api.faults.clear()
    await bot.send_message(bobs.id, "y")
    assert bobs.texts == ["y"]


async def test_a_file_can_be_lost_too(api: BotApi, alice: Person, chat: Chat, bot: Bot) -> None:
    await alice.send_document(b"x", "x.txt")
    (update,) = await bot.get_updates()
    assert update.message is not None
    assert update.message.document is not None
    file = await update.message.document.get_file()
    api.faults.add("file", error=502)
    with pytest.raises(NetworkError, match="Bad Gateway"):
        await file.download_as_bytearray()
    assert await file.download_as_bytearray() == b"x"


async def test_a_duplicate_update_comes_again_after_its_acknowledgement(
    api: BotApi, alice: Person, chat: Chat, bot: Bot
) -> None:
    api.faults.duplicate_updates()
    await alice.send("twice")
    await alice.send("once")
    first, second = await bot.get_updates()
    again = await bot.get_updates(offset=second.update_id + 1)
    assert [update.update_id for update in again] == [first.update_id]
    assert await bot.get_updates(offset=second.update_id + 1) == ()


async def test_a_waiting_update_can_be_repeated(
    api: BotApi, alice: Person, chat: Chat, bot: Bot
) -> None:
    await alice.send("again")
    api.updates.repeat()
    (first,) = await bot.get_updates()
    (again,) = await bot.get_updates(offset=first.update_id + 1)
    assert again.update_id == first.update_id
    with pytest.raises(LookupError):
        api.updates.repeat()


async def test_a_late_update_comes_behind_younger_ones(
    api: BotApi, alice: Person, chat: Chat, bot: Bot
) -> None:
    api.faults.late_updates(0.1)
    await alice.send("late")
    await alice.send("in time")
    (first,) = await bot.get_updates()
    assert first.message is not None
    assert first.message.text == "in time"
    (late,) = await bot.get_updates(offset=first.update_id + 1, timeout=2)
    assert late.message is not None
    assert late.message.text == "late"
    assert late.message.message_id < first.message.message_id


async def test_connections_are_refused_for_a_while_on_the_same_port(
    api: BotApi, chat: Chat, bot: Bot
) -> None:
    url = api.url
    await bot.send_message(chat.id, "before")
    async with api.refused():
        with pytest.raises(NetworkError):
            await bot.send_message(chat.id, "while")
    assert api.url == url
    await bot.send_message(chat.id, "after")
    assert chat.texts == ["before", "after"]


async def test_a_half_open_connection_is_dead_and_a_new_one_works(api: BotApi, chat: Chat) -> None:
    async with client(api, timeout=0.2, connections=1) as bot:
        await bot.send_message(chat.id, "before")
        assert api.half_open() == 1
        with pytest.raises(TimedOut):
            await bot.send_message(chat.id, "into the void")
        await bot.send_message(chat.id, "after")
    assert chat.texts == ["before", "after"]


async def test_a_half_open_poll_loses_no_update(api: BotApi, alice: Person, chat: Chat) -> None:
    got: list[str | None] = []

    async def note(update: Update, _: Context) -> None:
        got.append(update.message.text if update.message else None)

    async with polling(api, note, read_timeout=0.3):
        await chat.wait_until(lambda: api.updates.polling)
        api.half_open()
        await alice.send("lost at first")
        await chat.wait_until(lambda: got, timeout=10)
    assert got == ["lost at first"]
    assert [call.status for call in api.calls.of("getUpdates")].count(0) >= 1


async def test_a_polling_bot_lives_through_lost_answers_and_502(
    api: BotApi, alice: Person, chat: Chat
) -> None:
    async def echo(update: Update, _: Context) -> None:
        assert update.message is not None
        await update.message.reply_text(update.message.text or "")

    async with polling(api, echo):
        await chat.wait_until(lambda: api.updates.polling)
        faults = [
            api.faults.add("getUpdates", drop="after"),
            api.faults.add("getUpdates", error=502),
        ]
        for text in ("one", "two", "three"):
            await alice.send(text)
            await chat.wait_for_text(text, timeout=10)
    assert [fault.hits for fault in faults] == [1, 1]
    assert chat.texts == ["one", "two", "three"]


async def test_flood_limits_hold_for_messages_and_edits_of_a_chat(
    api: BotApi, chat: Chat, bot: Bot
) -> None:
    api.limits.enable(per_chat=Rate(1, 1, burst=2))
    message = await bot.send_message(chat.id, "one")
    await message.edit_text("two")
    with pytest.raises(RetryAfter) as wait:
        await message.edit_text("three")
    assert _seconds(wait.value) == 1
    await bot.send_chat_action(chat.id, "typing")
    await bot.send_message_draft(chat.id, 1, "free")
    api.clock.advance(1)
    await message.edit_text("three")
    assert chat.last.texts == ["one", "two", "three"]


async def test_flood_limits_are_per_chat_and_tighter_in_a_group(
    api: BotApi, alice: Person, chat: Chat, bot: Bot
) -> None:
    api.limits.enable(per_chat=Rate(100, 1, 100), per_group=Rate(20, 60, 2))
    group = api.group("Team", members=[alice])
    await bot.send_message(group.id, "1")
    await bot.send_message(group.id, "2")
    with pytest.raises(RetryAfter) as wait:
        await bot.send_message(group.id, "3")
    assert _seconds(wait.value) == 3
    await bot.send_message(chat.id, "elsewhere")
    api.limits.disable()
    await bot.send_message(group.id, "3")


async def test_one_chat_can_be_flooded_for_a_time(
    api: BotApi, alice: Person, chat: Chat, bot: Bot
) -> None:
    api.limits.flood(chat.id, 40)
    with pytest.raises(RetryAfter) as wait:
        await bot.send_message(chat.id, "x")
    assert _seconds(wait.value) == 40
    api.clock.advance(41)
    await bot.send_message(chat.id, "x")


async def test_an_album_costs_as_much_as_its_files(api: BotApi) -> None:
    api.limits.enable(per_chat=Rate(1, 1, burst=5))
    api.limits.check("sendMediaGroup", 1, cost=4)
    api.limits.check("sendMessage", 1)
    with pytest.raises(ApiError, match="retry after 3"):
        api.limits.check("sendMediaGroup", 1, cost=3)


async def test_the_server_closes_while_requests_are_held() -> None:
    async with BotApi() as api, client(api, timeout=30) as bot:
        chat = api.private(api.user("Eve"))
        api.faults.add("sendMessage", silence=True)
        held = asyncio.create_task(bot.send_message(chat.id, "x"))
        polled = asyncio.create_task(bot.get_updates(timeout=30))
        await chat.wait_until(lambda: api.updates.polling and api.calls.of("sendMessage"))
        began = time.monotonic()
        await api.__aexit__(None, None, None)
        assert time.monotonic() - began < 2
        results = await asyncio.gather(held, polled, return_exceptions=True)
    assert isinstance(results[0], NetworkError)


def _seconds(wait: RetryAfter) -> float:
    given = wait.retry_after
    assert isinstance(given, timedelta)
    return given.total_seconds()
