"""Updates delivered to the bot's own URL."""

import asyncio
import re
from collections.abc import Callable
from urllib.parse import urlsplit

import aiohttp

from palaver.testing.telegram.updates import UpdateQueue
from palaver.testing.telegram.wire import Fields, JsonObject, bad_request

#: Source: setWebhook; the pattern is td::is_base64url_characters.
MAX_SECRET = 256
_SECRET = re.compile(r"[A-Za-z0-9_-]*")
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0


def check_webhook(given: Fields) -> None:
    """Raise ApiError 400 for what Telegram refuses.

    Plain http is taken for loopback addresses alone: the real server wants https.
    """
    url = urlsplit(given.text("url"))
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise bad_request("invalid webhook URL specified")
    if url.scheme == "http" and url.hostname not in _LOOPBACK:
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    secret = given.text("secret_token")
    if len(secret) > MAX_SECRET:
        raise bad_request("secret token is too long")
    if not _SECRET.fullmatch(secret):
        raise bad_request("secret token contains unallowed characters")


async def deliver(updates: UpdateQueue, settings: JsonObject, note: Callable[[str], None]) -> None:
    """Post the updates, one after the other, until cancelled.

    One that is not answered with 2xx is posted again after a pause. `note` is told what is wrong.
    """
    headers = {}
    if settings.get("secret_token"):
        headers["X-Telegram-Bot-Api-Secret-Token"] = str(settings["secret_token"])
    async with aiohttp.ClientSession(headers=headers) as session:
        pause = _FIRST_PAUSE
        while True:
            update = await updates.next_for_webhook()
            if await _post(session, str(settings["url"]), update.to_json(), note):
                updates.done(update)
                pause = _FIRST_PAUSE
            else:
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)


async def _post(
    session: aiohttp.ClientSession, url: str, body: JsonObject, note: Callable[[str], None]
) -> bool:
    try:
        async with session.post(url, json=body) as answer:
            text = await answer.text()
            if answer.ok and '"method"' in text:
                note("a method in the answer to a webhook is not run here")
            return answer.ok
    except (aiohttp.ClientError, OSError):
        return False
