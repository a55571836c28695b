"""That a message has been taken: one of the bot's eyes on it."""

import asyncio
import logging

from telegram import ReactionTypeEmoji
from telegram.error import BadRequest, TelegramError

from palaver import PalaverError
from palaver_telegram.client import HEAD_START_S, Client
from palaver_telegram.places import Spot

log = logging.getLogger(__name__)

_SEEN = "👀"
_FORBIDDEN = "reaction"
"""In what Telegram says where it allows none of these: REACTION_INVALID and its like (MTProto,
messages.sendReaction); of a message that is gone it says "message to react not found"."""


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

        async def react(chat_id: int) -> None:
            if chat_id == spot.chat_id:  # else it is out of reach
                eyes = ReactionTypeEmoji(_SEEN)
                await self._client.bot.set_message_reaction(chat_id, message_id, [eyes])

        try:
            await self._client.attempt(spot.chat_id, react)
        except (TelegramError, PalaverError) as error:
            log.info("no reaction in chat %s: %s", spot.chat_id, error)
            if isinstance(error, BadRequest) and _FORBIDDEN in error.message.lower():
                self._unreactive.add(spot.chat_id)
