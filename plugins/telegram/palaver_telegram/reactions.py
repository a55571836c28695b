"""That a message has been taken: one of the bot's eyes on it."""

import asyncio
import logging

from telegram import ReactionTypeEmoji
from telegram.error import TelegramError

from palaver import PalaverError
from palaver_telegram.client import HEAD_START_S, Client
from palaver_telegram.places import Spot

log = logging.getLogger(__name__)

_SEEN = "👀"


class Reactions:
    """Sets them where the chat allows it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._unreactive: set[int] = set()

    async def seen(self, spot: Spot, message_id: int) -> None:
        """Show it; in a chat that forbids reactions only once in vain."""
        if spot.chat_id in self._unreactive:
            return
        await asyncio.sleep(3 * HEAD_START_S)
        try:
            await self._client.attempt(
                spot.chat_id,
                lambda chat_id: self._client.bot.set_message_reaction(
                    chat_id, message_id, [ReactionTypeEmoji(_SEEN)]
                ),
            )
        except (TelegramError, PalaverError) as error:
            log.info("no reactions in chat %s: %s", spot.chat_id, error)
            self._unreactive.add(spot.chat_id)
