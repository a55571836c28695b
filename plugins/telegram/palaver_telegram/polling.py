"""The long poll: no update is acknowledged before it is kept, and no silence lasts.

Telegram forgets an update when it is asked for later ones, so each batch is handed over first.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from typing import Any

from telegram import Bot, Update
from telegram.error import Conflict, EndPointNotFound, InvalidToken, RetryAfter, TelegramError

from palaver import ConfigError, PalaverError, StoreError
from palaver_telegram.client import FIRST_PAUSE_S, Client, seconds_of
from palaver_telegram.settings import TelegramSettings

log = logging.getLogger(__name__)

KINDS = ["message", "edited_message", "callback_query"]
_GET_UPDATES = "get_Updates"
"""getUpdates, written as the library does not know it: its own method reads all updates of an
answer or none, and does not tell which one it cannot read."""
CONFLICTS = 3
"""Polls within `CONFLICTS_WITHIN_S` seconds that another poller may end before we believe that it
is there to stay: one that has just been stopped leaves its last poll behind."""
CONFLICTS_WITHIN_S = 60.0
CONFLICT_PAUSE_S = 1.0
LONGEST_PAUSE_S = 15.0


class PollConflictError(PalaverError):
    """Raised when another program polls for the same bot."""

    hint = "Stop the other one; a bot has one program at a time. Or make another bot."

    def __init__(self) -> None:
        super().__init__("Another program fetches this bot's messages.")


class Came(Enum):
    """When updates came: while nobody listened, or just now."""

    BEFORE = "before"
    NOW = "now"


Keep = Callable[[Sequence[Update], Came], Awaitable[None]]


class Poller:
    """Fetches updates until it is cancelled.

    Args:
        keep: takes a batch; on return each update of it may be forgotten by Telegram.

    Attributes:
        caught_up: all that came while nobody listened has been taken.
    """

    def __init__(self, client: Client, settings: TelegramSettings, keep: Keep) -> None:
        self._client = client
        self._settings = settings
        self._keep = keep
        self._offset: int | None = None
        self._came = Came.BEFORE
        self._pause = FIRST_PAUSE_S
        self._conflicts: list[float] = []
        self.caught_up = asyncio.Event()

    async def run(self) -> None:
        """Poll.

        Raises:
            ConfigError: if the token has been revoked.
            PollConflictError: if another program polls, too.
        """
        while True:
            try:
                await self._poll()
            except (InvalidToken, EndPointNotFound) as error:
                raise _revoked() from error
            except Conflict as error:
                await self._conflict(error)
            except RetryAfter as error:
                await asyncio.sleep(seconds_of(error))
            except (TelegramError, StoreError) as error:
                log.warning("no updates, trying again: %s", error)
                await asyncio.sleep(self._pause)
                self._pause = min(self._pause * 2, LONGEST_PAUSE_S)
            else:
                self._pause = FIRST_PAUSE_S

    async def _poll(self) -> None:
        updates = await self._fetch()
        if not updates:
            self._came = Came.NOW
            self.caught_up.set()
            return
        read = [read_update(update, self._client.bot) for update in updates]
        if readable := [update for update in read if update]:
            await self._keep(readable, self._came)
        self._offset = updates[-1]["update_id"] + 1

    async def _fetch(self) -> list[dict[str, Any]]:
        timeout = self._settings.poll_timeout_s if self._came is Came.NOW else 0
        asked = {"timeout": timeout, "allowed_updates": KINDS}
        if self._offset is not None:
            asked["offset"] = self._offset
        updates: list[dict[str, Any]] = await self._client.bot.do_api_request(
            _GET_UPDATES,
            api_kwargs=asked,
            read_timeout=timeout + self._settings.answer_timeout_s,
        )
        return updates

    async def _conflict(self, error: Conflict) -> None:
        if "webhook" in error.message.lower():
            log.warning("a webhook was set for this bot; it is removed, since we poll")
            await self._remove_webhook()
            return
        now = time.monotonic()
        self._conflicts = [one for one in self._conflicts if one > now - CONFLICTS_WITHIN_S]
        self._conflicts.append(now)
        count = len(self._conflicts)
        if count >= CONFLICTS:
            raise PollConflictError from error
        log.warning("another program polls for this bot (%d of %d)", count, CONFLICTS)
        await asyncio.sleep(CONFLICT_PAUSE_S * count)

    async def _remove_webhook(self) -> None:
        try:
            await self._client.bot.delete_webhook(drop_pending_updates=False)
        except TelegramError as error:
            log.warning("the webhook could not be removed: %s", error)
            await asyncio.sleep(self._pause)


def read_update(update: dict[str, Any], bot: Bot) -> Update | None:
    """An update, or None for one that the library cannot read, as the log then says.

    A Bot API that is newer than the library may send such; asked for again, it would be the same.
    """
    try:
        return Update.de_json(update, bot)
    except Exception:  # the library lets out whatever its parsing has raised
        log.exception("update %s cannot be read, and is left out", update.get("update_id"))
        return None


def _revoked() -> ConfigError:
    return ConfigError(
        "Telegram does not accept this token any more",
        location=["plugins", "telegram", "token"],
        hint="It was revoked: ask @BotFather for the new one.",
    )
