"""Updates that the library cannot read, of a Bot API newer than it: they hold up nothing."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from telegram import Update

from palaver.testing.telegram import BotApi, Chat, Person
from palaver_telegram.client import Client
from palaver_telegram.polling import Came, Poller
from palaver_telegram.settings import TelegramSettings
from support.served import serving, write_config

PATIENT_S = 15.0
SECRET = "X-Telegram-Bot-Api-Secret-Token"
GOOD = {
    "message_id": 1,
    "date": 1,
    "chat": {"id": 1, "type": "private", "first_name": "A"},
    "text": "readable",
}
NO_DATE = {"message_id": "no date, no chat"}
NO_OBJECT = "a text where an object should be"
NO_LIST = GOOD | {"entities": "none"}


class LaxApi:
    """A Bot API that sends what the strict one never would.

    Attributes:
        offsets: what it was asked for.
    """

    def __init__(self, updates: Mapping[int, object]) -> None:
        self.offsets: list[int] = []
        self._updates = updates

    async def answer(self, request: web.Request) -> web.Response:
        method, given = request.match_info["method"], await request.post()
        result: object = {"id": 5, "is_bot": True, "first_name": "B", "username": "b_bot"}
        if method == "getUpdates":
            offset, limit = int(str(given.get("offset", 0))), int(str(given.get("limit", 100)))
            self.offsets.append(offset)
            await asyncio.sleep(0.01)
            left = sorted(one for one in self._updates if one >= offset)
            result = [{"update_id": one, "message": self._updates[one]} for one in left][:limit]
        return web.json_response({"ok": True, "result": result})


@asynccontextmanager
async def lax(updates: Mapping[int, object]) -> AsyncIterator[tuple[LaxApi, Client]]:
    """That server, and a client of it."""
    api = LaxApi(updates)
    app = web.Application()
    app.router.add_post("/bot{token}/{method}", api.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}/bot"
    client = Client(TelegramSettings.model_validate({"token": "5:" + "A" * 35, "base_url": base}))
    await client.open()
    try:
        yield api, client
    finally:
        await client.close()
        await runner.cleanup()


@pytest.mark.parametrize(
    "updates",
    [
        {10: GOOD, 11: NO_DATE, 12: GOOD},
        {10: NO_DATE, 11: GOOD},
        {10: NO_OBJECT, 11: GOOD},
        {10: NO_LIST, 11: GOOD},
        {10: GOOD, 400: NO_DATE, 9000: GOOD},
        {10: NO_DATE},
    ],
    ids=["between", "first", "a text", "entities", "far apart", "alone"],
)
async def test_an_update_that_the_library_cannot_read_is_left_out(
    updates: Mapping[int, object],
) -> None:
    taken: list[int] = []

    async def keep(batch: Sequence[Update], came: Came) -> None:
        del came
        taken.extend(update.update_id for update in batch)

    async with lax(updates) as (api, client):
        poller = Poller(client, TelegramSettings(), keep)
        polling = asyncio.create_task(poller.run())
        try:
            async with asyncio.timeout(PATIENT_S):
                await poller.caught_up.wait()
        finally:
            polling.cancel()
            await asyncio.wait([polling])
    assert taken == [one for one, message in updates.items() if message is GOOD]
    assert api.offsets[-1] == max(updates) + 1
    assert len(api.offsets) <= 3


async def test_an_unreadable_post_is_taken_so_that_it_does_not_come_again(
    api: BotApi, alice: Person, chat: Chat, tmp_path: Path, unused_tcp_port: int
) -> None:
    listen = f"127.0.0.1:{unused_tcp_port}"
    url = f"http://{listen}/telegram"
    config = write_config(
        api, tmp_path, webhook_url=url, webhook_listen=listen, webhook_secret="s-3cret"
    )
    async with serving(config) as served, aiohttp.ClientSession() as session:
        await chat.wait_until(lambda: api.webhook)
        for message in (NO_DATE, NO_OBJECT, NO_LIST):
            body = {"update_id": 7, "message": message}
            async with session.post(url, json=body, headers={SECRET: "s-3cret"}) as answer:
                assert answer.status == 200
        await served.until_said("cannot be read")
        await alice.send("genuine")
        await chat.wait_for(lambda one: one.text.startswith("genuine"))
