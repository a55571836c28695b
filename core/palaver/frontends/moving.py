"""Conversations that have got another id for good, as a Telegram group that becomes a supergroup.

What was known of a conversation by its old id goes on under the new one, in this life and the next.
"""

import logging
from pathlib import Path

from palaver.frontends.marks import Marks
from palaver.identity import ConversationId

log = logging.getLogger(__name__)


class Moves:
    """Which conversations have moved, and who owns them where they are shared.

    Args:
        folder: where it is noted.
    """

    def __init__(self, folder: Path) -> None:
        self._marks = Marks(folder, "moved")
        self._after: dict[ConversationId, ConversationId] = {}
        self._owners: dict[ConversationId, str] = {}

    async def open(self) -> None:
        """Read what is noted."""
        for before, after, owner in await self._marks.all():
            self._know(ConversationId(before), ConversationId(after), owner)

    def now(self, conversation: ConversationId) -> ConversationId:
        """The conversation's id today."""
        while moved := self._after.get(conversation):
            conversation = moved
        return conversation

    def owner(self, conversation: ConversationId) -> str | None:
        """The user in whose name it is shared; None if it has the name of its own id."""
        return self._owners.get(conversation)

    async def note(self, before: ConversationId, after: ConversationId, owner: str) -> None:
        """It has moved; if it did already nothing happens.

        Args:
            owner: the user in whose name it is shared, if it is or ever will be.

        Raises:
            OSError: if that cannot be noted.
        """
        await self._marks.add(before, after, owner)
        self._know(before, after, owner)
        log.info("the conversation %s is %s now", before, after)

    def _know(self, before: ConversationId, after: ConversationId, owner: str) -> None:
        self._after[before] = after
        self._owners[after] = owner
