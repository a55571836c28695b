"""Updates: fetched by a long poll, acknowledged by an offset, or posted to a webhook."""

import asyncio
import time

import pytest
from aiohttp import web

from core.testing.telegram.bots import (
    BadRequest,
    Bot,
    Conflict,
    Context,
    InvalidToken,
    TelegramError,
    Update,
    ask,
    client,
    polling,
)
from palaver.testing.telegram import BotApi, Chat, Person


async def echo(update: Update, _: Context) -> None:
    if update.message is not None:
        await update.message.reply_text(f"you said {update.message.text}")


async def test_a_polling_bot_hears_a_person_and_answers(
    api: BotApi, alice: Person, chat: Chat
) -> None:
    async with polling(api, echo):
        await alice.send("hello")
        answer = await chat.wait_for_text("you said hello")
    assert answer.from_bot
    assert answer.reply_to is None
    assert api.problems == []


async def test_asking_with_an_offset_acknowledges_all_before_it(
    api: BotApi, alice: Person, chat: Chat, bot: Bot
) -> None:
    for text in ("one", "two", "three"):
        await alice.send(text)
    first = await bot.get_updates(limit=2)
    assert [u.message.text for u in first if u.message] == ["one", "two"]
    again = await bot.get_updates()
    assert len(again) == 3
    rest = await bot.get_updates(offset=first[-1].update_id + 1)
    assert [u.message.text for u in rest if u.message] == ["three"]
    assert len(api.updates.pending) == 1


async def test_a_negative_offset_forgets_all_but_the_last(
    api: BotApi, alice: Person, chat: Chat, bot: Bot
) -> None:
    for text in ("one", "two", "three"):
        await alice.send(text)
    (last,) = await bot.get_updates(offset=-1)
    assert last.message is not None
    assert last.message.text == "three"
    assert len(api.updates.pending) == 1


async def test_an_offset_far_in_the_future_acknowledges_nothing(
    api: BotApi, alice: Person, chat: Chat, bot: Bot
) -> None:
    await alice.send("still here")
    (update,) = await bot.get_updates(offset=2_000_000_000)
    assert update.message is not None


async def test_a_poll_waits_for_an_update_and_no_longer(
    api: BotApi, alice: Person, chat: Chat, bot: Bot
) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=5))
    await chat.wait_until(lambda: api.updates.polling)
    began = time.monotonic()
    await alice.send("now")
    (update,) = await poll
    assert time.monotonic() - began < 1
    assert update.message is not None


async def test_a_poll_without_updates_ends_empty_after_its_timeout(bot: Bot) -> None:
    began = time.monotonic()
    assert await bot.get_updates(timeout=1) == ()
    assert time.monotonic() - began >= 0.9


async def test_a_second_poller_ends_the_first_with_a_conflict(
    api: BotApi, chat: Chat, alice: Person, bot: Bot
) -> None:
    first = asyncio.create_task(bot.get_updates(timeout=5))
    await chat.wait_until(lambda: api.updates.polling)
    async with client(api) as other:
        second = asyncio.create_task(other.get_updates(timeout=5))
        with pytest.raises(Conflict, match="terminated by other getUpdates request"):
            await first
        await alice.send("for the second")
        assert len(await second) == 1


async def test_an_application_is_told_of_a_second_poller(api: BotApi, chat: Chat) -> None:
    errors: list[TelegramError] = []
    async with polling(api, echo, errors=errors), client(api) as other:
        await chat.wait_until(lambda: api.updates.polling)
        await other.get_updates(timeout=1)
        await chat.wait_until(lambda: errors)
    assert isinstance(errors[0], Conflict)


async def test_a_limit_out_of_range_is_refused(api: BotApi) -> None:
    answer = await ask(api, "getUpdates", limit=101)
    assert answer["description"] == "Bad Request: can't parse limit: 101 is not within 1-100"
    assert api.problems[0].refused


async def test_a_long_timeout_is_clamped_and_noted(api: BotApi, alice: Person, chat: Chat) -> None:
    await alice.send("so that nobody waits")
    assert (await ask(api, "getUpdates", timeout=60))["ok"]
    (problem,) = api.problems
    assert (problem.refused, problem.telegram) == (False, "clamps it")


async def test_only_the_kinds_that_were_asked_for_come(
    api: BotApi, alice: Person, chat: Chat, bot: Bot
) -> None:
    await bot.get_updates(allowed_updates=["edited_message"])
    message = await alice.send("first")
    await alice.edit(message, "second")
    (update,) = await bot.get_updates()
    assert update.edited_message is not None
    assert update.edited_message.text == "second"
    assert update.edited_message.edit_date is not None


async def test_reactions_come_only_when_they_were_asked_for(
    api: BotApi, alice: Person, chat: Chat, bot: Bot
) -> None:
    message = await bot.send_message(chat.id, "like it?")
    sent = chat.last
    await alice.react(sent, "👍")
    assert await bot.get_updates() == ()
    await bot.get_updates(allowed_updates=["message_reaction"])
    await alice.react(sent)
    (update,) = await bot.get_updates()
    assert update.message_reaction is not None
    assert update.message_reaction.message_id == message.message_id
    assert update.message_reaction.new_reaction == ()


async def test_a_wrong_token_and_a_revoked_one_are_refused(api: BotApi) -> None:
    with pytest.raises(InvalidToken):
        async with client(api, token="123456789:" + "B" * 35):
            pass
    async with client(api) as bot:
        api.revoke_token()
        with pytest.raises(InvalidToken):
            await bot.get_me()


async def test_a_webhook_gets_the_updates_with_its_secret(
    api: BotApi, alice: Person, chat: Chat, bot: Bot
) -> None:
    got: list[tuple[str | None, object]] = []
    answers = iter([500, 200, 200])

    async def hook(request: web.Request) -> web.Response:
        body = await request.json()
        got.append((request.headers.get("X-Telegram-Bot-Api-Secret-Token"), body))
        return web.Response(status=next(answers))

    app = web.Application()
    app.router.add_post("/hook", hook)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        await alice.send("before")
        await bot.set_webhook(url, secret_token="s-e_C")
        await chat.wait_until(lambda: not api.updates.pending)
        with pytest.raises(Conflict, match="webhook is active"):
            await bot.get_updates()
        assert (await bot.get_webhook_info()).url == url
        await bot.delete_webhook()
    finally:
        await runner.cleanup()
    assert [secret for secret, _ in got] == ["s-e_C", "s-e_C"]
    assert got[0] == got[1]
    assert await bot.get_updates() == ()


@pytest.mark.parametrize(
    ("url", "secret", "refusal"),
    [
        ("ftp://127.0.0.1/x", "", "invalid webhook URL specified"),
        ("http://example.org/x", "", "bad webhook: An HTTPS URL must be provided for webhook"),
        ("https://example.org/x", "a b", "secret token contains unallowed characters"),
    ],
)
async def test_a_bad_webhook_is_refused(
    api: BotApi, bot: Bot, url: str, secret: str, refusal: str
) -> None:
    with pytest.raises(BadRequest):
        await bot.set_webhook(url, secret_token=secret or None)
    assert api.calls[-1].error.endswith(refusal)


async def test_setting_a_webhook_ends_a_poll(api: BotApi, bot: Bot, chat: Chat) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=5))
    await chat.wait_until(lambda: api.updates.polling)
    async with client(api) as other:
        await other.set_webhook("http://127.0.0.1:9/never")
    with pytest.raises(Conflict, match="setWebhook"):
        await poll


async def test_a_test_can_wait_until_the_bot_has_taken_all(
    api: BotApi, alice: Person, chat: Chat, bot: Bot
) -> None:
    api.faults.late_updates(0.1)
    await alice.send("late")
    await alice.send("now")
    with pytest.raises(TimeoutError, match="now"):
        await api.all_taken(timeout=0.05)

    async def ignore(_: Update, __: Context) -> None:
        return

    async with polling(api, ignore):
        await api.all_taken()
    assert chat.messages == []
