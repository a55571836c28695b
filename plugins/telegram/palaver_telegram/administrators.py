"""Who may say that a group, or a topic of it, is shared."""

import logging

from telegram import ChatMember
from telegram.error import TelegramError

from palaver import Namespace, PalaverError
from palaver_telegram.client import Client
from palaver_telegram.places import Spot

log = logging.getLogger(__name__)

_ADMINISTRATORS = frozenset({ChatMember.OWNER, ChatMember.ADMINISTRATOR})


async def sharing_refused(client: Client, spot: Spot, sender: Namespace) -> str:
    """Why this member may not; empty if he may."""
    if spot.private:
        return "Only groups and their topics can be shared."
    try:
        administers = await _administers(client, spot, sender)
    except (TelegramError, PalaverError) as error:
        log.warning("the administrators of %d are not known: %s", spot.chat_id, error)
        return "Telegram does not tell who administers this group. Try again."
    return "" if administers else "Only administrators of this group can do that."


async def _administers(client: Client, spot: Spot, sender: Namespace) -> bool:
    """As Telegram has it now. Bots are told the administrators of every group of theirs;
    `getChatMember` is sure to work only for bots that are administrators themselves.
    """
    members = await client.attempt(spot.chat_id, client.bot.get_chat_administrators)
    found = (one.status for one in members if str(one.user.id) == sender.user)
    return next(found, "") in _ADMINISTRATORS
