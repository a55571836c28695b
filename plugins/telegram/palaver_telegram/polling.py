"""The long poll: no update is acknowledged before it is kept, and no silence lasts.

Telegram forgets an update when it is asked for later ones, so each batch is handed over first.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum

from telegram import Update
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError

from palaver import ConfigError, PalaverError, StoreError
from palaver_telegram.client import FIRST_PAUSE_S, Client, seconds_of
from palaver_telegram.settings import TelegramSettings

log = logging.getLogger(__name__)

KINDS = ["message", "edited_message", "callback_query"]
MOST_UPDATES = 100
"""In one answer (Bot API, getUpdates)."""
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
        self._careful = 0
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
            except InvalidToken as error:
                raise _revoked() from error
            except Conflict as error:
                await self._conflict(error)
            except RetryAfter as error:
                await asyncio.sleep(seconds_of(error))
            except (KeyError, TypeError, ValueError):
                log.exception("an update cannot be read")
                await self._unreadable()
            except (TelegramError, StoreError) as error:
                log.warning("no updates, trying again: %s", error)
                await asyncio.sleep(self._pause)
                self._pause = min(self._pause * 2, LONGEST_PAUSE_S)
            else:
                self._pause = FIRST_PAUSE_S

    async def _poll(self) -> None:
        waiting = self._came is Came.NOW
        updates = await self._client.bot.get_updates(
            offset=self._offset,
            limit=1 if self._careful else None,
            timeout=self._settings.poll_timeout_s if waiting else 0,
            allowed_updates=KINDS,
            read_timeout=self._settings.answer_timeout_s,
        )
        if not updates:
            self._came = Came.NOW
            self.caught_up.set()
            return
        await self._keep(updates, self._came)
        self._offset = updates[-1].update_id + 1
        self._careful = max(0, self._careful - 1)

    async def _unreadable(self) -> None:
        """The library cannot read an update: find it, one by one, and do without it."""
        if self._careful and self._offset is not None:
            self._offset += 1
        self._careful = MOST_UPDATES
        await asyncio.sleep(self._pause)

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


def _revoked() -> ConfigError:
    return ConfigError(
        "Telegram does not accept this token any more",
        location=["plugins", "telegram", "token"],
        hint="It was revoked: ask @BotFather for the new one.",
    )
