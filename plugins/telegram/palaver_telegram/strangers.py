"""Those who are not on the access list: one short line, then silence."""

import logging
from collections import OrderedDict

from telegram import User
from telegram.error import TelegramError

from palaver import Engine, Place, View
from palaver_telegram.incoming import Incoming
from palaver_telegram.sending import Sender

log = logging.getLogger(__name__)

_REMEMBERED = 10_000


class Strangers:
    """Turns them away."""

    def __init__(self, engine: Engine, sender: Sender) -> None:
        self._engine = engine
        self._sender = sender
        self._told: OrderedDict[str, None] = OrderedDict()

    async def turn_away(self, message: Incoming, user: User | None) -> None:
        """Say so the first time, and let the log know who it was."""
        if message.owner.user in self._told:
            return
        self._told[message.owner.user] = None
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        name = " ".join(user.full_name.split())[:100] if user else ""
        log.info(
            "a stranger: %s, who goes by %r, wrote in %s",
            message.owner,
            name,
            message.spot.conversation,
        )
        title = f"This bot is private. (You are {message.owner}.)"
        place = Place(message.owner, message.spot.conversation)
        try:
            await self._sender.send(place, View(title=title, kind="notice"))
        except TelegramError as error:
            log.info("a stranger could not be answered: %s", error)
