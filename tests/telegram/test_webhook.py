"""Updates that Telegram posts: end to end, with the secret that only Telegram knows."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from palaver.testing.telegram import BotApi, Chat, Person
from support.served import begun, serving, write_config

pytestmark = pytest.mark.usefixtures("killed")

SECRET = "X-Telegram-Bot-Api-Secret-Token"


@pytest.fixture
def url(unused_tcp_port: int) -> str:
    return f"http://127.0.0.1:{unused_tcp_port}/telegram"


@pytest.fixture
def config(api: BotApi, tmp_path: Path, url: str, unused_tcp_port: int) -> Path:
    listen = f"127.0.0.1:{unused_tcp_port}"
    return write_config(
        api, tmp_path, webhook_url=url, webhook_listen=listen, webhook_secret="s-3cret"
    )


def forged(api: BotApi, alice: Person, text: str) -> dict[str, object]:
    """An update as Telegram would post it."""
    chat = {"id": alice.id, "type": "private", "first_name": "Alice"}
    message = {"message_id": 9000, "date": 1, "chat": chat, "from": alice.json, "text": text}
    return {"update_id": 999_999_999, "message": message}


async def test_prompts_buttons_and_edits_come_by_post_and_nothing_is_polled(
    api: BotApi, config: Path, alice: Person, chat: Chat
) -> None:
    async with serving(config) as served:
        await chat.wait_until(lambda: api.webhook)
        await alice.send("run ls")
        asked = await chat.wait_for(lambda message: "Allow once" in message.buttons)
        answer = await (await alice.press(asked, "Allow once")).answer()
        assert "Allowed once" in answer.text
        await chat.wait_for_text("I ran ls.")
        message = await alice.send("hello")
        await chat.wait_for(lambda one: one.text.startswith("hello"))
        await alice.edit(message, "good bye")
        await chat.wait_for_text("send it again")
        assert await served.terminate() == 0
    assert api.calls.of("getUpdates") == []
    assert api.updates.empty
    assert api.calls.of("setWebhook")[0].parameters["secret_token"] == "s-3cret"
    assert "s-3cret" not in served.log


async def test_a_post_without_the_right_secret_is_refused_and_reaches_nothing(
    api: BotApi, config: Path, url: str, alice: Person, chat: Chat
) -> None:
    async with serving(config), aiohttp.ClientSession() as session:
        await chat.wait_until(lambda: api.webhook)
        for headers in ({}, {SECRET: "guessed"}, {SECRET: ""}, {SECRET: "s-3cret "[:-2]}):
            body = forged(api, alice, "forged")
            async with session.post(url, json=body, headers=headers) as answer:
                assert (answer.status, await answer.text()) == (403, "")
        async with session.post(url, data=b"[nothing", headers={SECRET: "s-3cret"}) as answer:
            assert answer.status == 400
        await alice.send("genuine")
        await chat.wait_for_text("genuine")
        assert not [text for text in chat.texts if "forged" in text]
        assert api.webhook


async def test_without_a_secret_in_the_settings_there_is_one_all_the_same(
    api: BotApi, config: Path, url: str, alice: Person, chat: Chat
) -> None:
    text = await asyncio.to_thread(config.read_text)
    kept = [line for line in text.splitlines() if "webhook_secret" not in line]
    await asyncio.to_thread(config.write_text, "\n".join(kept))
    async with serving(config), aiohttp.ClientSession() as session:
        await chat.wait_until(lambda: api.webhook)
        assert len(str(api.webhook["secret_token"])) >= 32
        async with session.post(url, json=forged(api, alice, "forged")) as answer:
            assert answer.status == 403
        await alice.send("genuine")
        await chat.wait_for_text("genuine")


async def test_what_is_posted_twice_runs_once_also_over_a_kill_9(
    api: BotApi, config: Path, alice: Person, chat: Chat
) -> None:
    async with serving(config) as served:
        await chat.wait_until(lambda: api.webhook)
        api.faults.duplicate_updates()
        await alice.send("remember 42")
        await chat.wait_for_text("I will remember 42.")
        await chat.wait_until(lambda: api.updates.empty)
        await served.kill()
        await alice.send("remember 7")
    async with serving(config):
        await chat.wait_for_text("I will remember 7.")
        await alice.send("/sessioninfo")
        await chat.wait_for_text("Turns: 2")


async def test_a_port_that_is_taken_is_said(api: BotApi, config: Path, chat: Chat) -> None:
    async with serving(config):
        await chat.wait_until(lambda: api.webhook)
        text = await asyncio.to_thread(config.read_text)
        other = config.with_name("other.toml")
        await asyncio.to_thread(other.write_text, text.replace("/palaver", "/other"))
        async with begun(other) as second:
            assert await second.ended() == 78
        assert "plugins -> telegram -> webhook_listen" in second.log
        assert "Traceback" not in second.log
