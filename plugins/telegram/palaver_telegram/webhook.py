"""Updates that Telegram posts to us, where it can reach us."""

import asyncio
import hmac
import json
import logging
import secrets
from types import TracebackType

from aiohttp import web
from telegram.error import TelegramError

from palaver import ConfigError, StoreError
from palaver_telegram.client import Client
from palaver_telegram.polling import KINDS, Came, Keep, read_update
from palaver_telegram.settings import TelegramSettings

log = logging.getLogger(__name__)

_SECRET = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - a header's name
_MAX_BYTES = 1 << 20
_RETRY_S = 5.0


class Webhook:
    """A small web server, and Telegram told of it.

    Each post is answered when its update is kept: till then Telegram sends it again.
    """

    def __init__(self, client: Client, settings: TelegramSettings, keep: Keep) -> None:
        self._client = client
        self._settings = settings
        self._keep = keep
        given = settings.webhook_secret
        self._secret = given.get_secret_value() if given else secrets.token_urlsafe(32)
        app = web.Application(client_max_size=_MAX_BYTES)
        app.router.add_post("/{path:.*}", self._take)
        self._runner = web.AppRunner(app, access_log=None)

    async def __aenter__(self) -> "Webhook":
        await self._runner.setup()
        host, _, port = self._settings.webhook_listen.rpartition(":")
        try:
            await web.TCPSite(self._runner, host, int(port)).start()
        except OSError as error:
            where = ["plugins", "telegram", "webhook_listen"]
            raise ConfigError(f"cannot be listened on: {error.strerror}", location=where) from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._runner.cleanup()

    @property
    def port(self) -> int:
        """Where it listens; of use where the settings leave that to the system."""
        return int(self._runner.addresses[0][1])

    async def run(self) -> None:
        """Tell Telegram, then serve for ever."""
        url = str(self._settings.webhook_url)
        told = False
        while not told:
            try:
                told = await self._client.bot.set_webhook(
                    url, secret_token=self._secret, allowed_updates=KINDS
                )
            except TelegramError as error:
                log.warning("the webhook could not be set, trying again: %s", error)
                await asyncio.sleep(_RETRY_S)
        await asyncio.Event().wait()

    async def _take(self, request: web.Request) -> web.Response:
        given = request.headers.get(_SECRET, "")
        if not hmac.compare_digest(given.encode(), self._secret.encode()):
            return web.Response(status=403)
        try:
            posted = json.loads(await request.read())
        except ValueError as error:
            log.warning("a post that is no update: %s", error)
            return web.Response(status=400)
        update = read_update(posted, self._client.bot) if isinstance(posted, dict) else None
        if update is None:
            return web.Response()  # else it would come again, and nothing behind it
        try:
            await self._keep([update], Came.NOW)
        except StoreError as error:
            log.error("an update could not be kept: %s", error)  # noqa: TRY400
            return web.Response(status=503)
        return web.Response()
