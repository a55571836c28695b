"""Starting, listening, and ending: with a good token and with a bad one."""

import asyncio
import contextlib
import logging
from pathlib import Path

import pytest

from palaver.errors import ConfigError, PalaverError
from palaver.testing.telegram import BotApi, Chat, Person
from support.telegrams import Launch, Palaver


async def fails_to_start(palaver: Palaver) -> ConfigError:
    try:
        with pytest.raises(ConfigError) as caught:
            await palaver.start()
    finally:
        await palaver.stop()
    return caught.value


async def test_without_a_token_it_says_which_setting_is_missing(
    launch: Launch, api: BotApi, tmp_path: Path
) -> None:
    palaver = launch(tmp_path, telegram={"token": None})
    error = await fails_to_start(palaver)
    assert error.location == ("plugins", "telegram", "token")
    assert "BotFather" in error.hint
    assert list(api.calls) == []


@pytest.mark.parametrize("token", ["123456789:" + "B" * 35, "no token at all"])
async def test_a_wrong_token_is_said_and_never_shown(
    launch: Launch, api: BotApi, tmp_path: Path, token: str
) -> None:
    error = await fails_to_start(launch(tmp_path, telegram={"token": token}))
    assert "Telegram does not know this token" in str(error)
    assert token not in str(error)


async def test_a_token_may_come_from_a_file(
    launch: Launch, api: BotApi, alice: Person, chat: Chat, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(f"{api.token}\n")
    palaver = launch(tmp_path, telegram={"token": None, "token_file": str(file)})
    await palaver.start()
    await alice.send("hello")
    await chat.wait_for_text("hello")
    await palaver.stop()


async def test_a_revoked_token_ends_the_frontend_with_a_word(
    api: BotApi, palaver: Palaver, chat: Chat
) -> None:
    await chat.wait_until(lambda: api.updates.polling)
    api.revoke_token()
    with pytest.raises(ConfigError, match="does not accept this token any more"):
        async with asyncio.timeout(10):
            await palaver.frontend.run()


async def test_another_poller_ends_the_frontend_with_a_word(
    launch: Launch, api: BotApi, palaver: Palaver, tmp_path: Path
) -> None:
    api.updates.conflict_pause = 0.1
    other = launch(tmp_path / "other")
    await other.start()
    with pytest.raises(PalaverError, match="Another program fetches this bot's messages"):
        async with asyncio.timeout(20):
            await asyncio.gather(palaver.frontend.run(), other.frontend.run())
    await other.stop()


async def test_a_poll_that_a_dead_process_left_behind_is_no_conflict(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await chat.wait_until(lambda: api.updates.polling)
    api.faults.add("getUpdates", error=409, times=1)
    await alice.send("are you there?")
    await chat.wait_for_text("are you there?")


async def test_a_webhook_that_was_left_is_removed(
    launch: Launch, api: BotApi, alice: Person, chat: Chat, tmp_path: Path
) -> None:
    api.webhook = {"url": "https://example.org/hook"}
    palaver = launch(tmp_path)
    await palaver.start()
    await alice.send("hello")
    await chat.wait_for_text("hello")
    assert api.webhook == {}
    await palaver.stop()


async def test_an_orderly_stop_leaves_nothing_running(
    launch: Launch, api: BotApi, alice: Person, chat: Chat, tmp_path: Path
) -> None:
    before = asyncio.all_tasks()
    palaver = launch(tmp_path)
    await palaver.start()
    await alice.send("wait 30")
    await chat.wait_for_text("session")
    await palaver.stop()
    with contextlib.suppress(TimeoutError):
        await chat.wait_until(lambda: not _tasks_of_palaver(before), timeout=2)
    assert _tasks_of_palaver(before) == []


def _tasks_of_palaver(before: "set[asyncio.Task[object]]") -> list[str]:
    tasks = asyncio.all_tasks() - before
    return [str(task) for task in tasks if "palaver/testing" not in str(task.get_coro())]


async def test_the_menu_of_commands_is_told_to_telegram(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    group = api.group("Team", members=[alice])
    await chat.wait_until(lambda: api.menu(alice, group))
    assert {"sessions", "newsession", "cleansessions", "sessioninfo", "start"} <= set(
        api.menu(alice)
    )
    assert "start" not in api.menu(alice, group)
    assert "allow" not in api.menu(alice)


async def test_telegram_may_be_down_when_it_starts(
    launch: Launch, api: BotApi, alice: Person, chat: Chat, tmp_path: Path
) -> None:
    palaver = launch(tmp_path)
    async with api.refused():
        starting = asyncio.create_task(palaver.start())
        await asyncio.sleep(0.5)
        assert not starting.done()
    await starting
    await alice.send("hello")
    await chat.wait_for_text("hello")
    await palaver.stop()


async def test_the_token_is_in_no_log(
    launch: Launch,
    api: BotApi,
    alice: Person,
    chat: Chat,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # as `palaver serve` does
    palaver = launch(tmp_path)
    await palaver.start()
    api.faults.add("getUpdates", error=502, times=1)
    await alice.send("crash")
    await chat.wait_for_text("failed")
    await palaver.stop()
    assert api.token not in caplog.text


async def test_a_webhook_takes_updates_only_with_its_secret(
    api: BotApi, alice: Person, chat: Chat, tmp_path: Path, unused_tcp_port: int
) -> None:
    import aiohttp

    url = f"http://127.0.0.1:{unused_tcp_port}/telegram"
    listen = f"127.0.0.1:{unused_tcp_port}"
    palaver = Palaver(
        api,
        tmp_path,
        telegram={"webhook_url": url, "webhook_listen": listen, "webhook_secret": "s-3cret"},
    )
    await palaver.start()
    await chat.wait_until(lambda: api.webhook)
    await alice.send("by post")
    await chat.wait_for_text("by post")
    async with aiohttp.ClientSession() as session:
        headers = {"X-Telegram-Bot-Api-Secret-Token": "guessed"}
        async with session.post(url, json={"update_id": 1}, headers=headers) as answer:
            assert answer.status == 403
    await palaver.stop()
    assert len(api.calls.of("getUpdates")) == 0
