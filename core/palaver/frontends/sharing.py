"""Places in which all who are let in work in one session: a topic, a thread, a group.

Such a place has a namespace of its own. Whoever speaks or presses there must be let in himself;
then he acts for that namespace.
"""

import logging
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from palaver.frontends.incoming import Incoming
from palaver.frontends.marks import Marks
from palaver.identity import ConversationId, Namespace
from palaver.markers import hookimpl
from palaver.views import View

log = logging.getLogger(__name__)

SHARING = {
    "share": "Let all members who may use me work in one session here.",
    "unshare": "Let everybody here have sessions of their own again.",
}
"""The commands that change it, with their summaries. They are not the engine's: only a frontend
knows whose a place is."""

Message = TypeVar("Message", bound=Incoming)


class Shares:
    """Which places are shared. As a plugin, lets their namespaces in, each in its own place.

    Args:
        frontend: the name of the places' frontend. None of its users may be called `shared.…`.
        folder: where it is noted which they are.
    """

    def __init__(self, frontend: str, folder: Path) -> None:
        self._frontend = frontend
        self._marks = Marks(folder, "shared")
        self._owners: dict[ConversationId, Namespace] = {}

    async def open(self) -> None:
        """Read what is noted."""
        for (name,) in await self._marks.all():
            place = ConversationId(name)
            self._owners[place] = self._namespace(place)

    def owner(self, conversation: ConversationId) -> Namespace | None:
        """The namespace of a shared place; None if everybody has an own one there."""
        return self._owners.get(conversation)

    def placed(self, message: Message) -> Message:
        """The message as one of the namespace that it is for; its sender must be let in."""
        return replace(message, owner=self.owner(message.conversation))

    async def change(self, message: Incoming) -> View:
        """Carry `/share` or `/unshare` out; that its sender may is known.

        Raises:
            OSError: if that cannot be noted.
        """
        place = message.conversation
        wanted = message.command_name == "share"
        if (place in self._owners) == wanted:
            title = "This is shared already." if wanted else "This is not shared."
            return View(title=title, kind="notice")
        log.info("%s: /%s by %s", place, message.command_name, message.sender)
        if wanted:
            await self._marks.add(place)
            self._owners[place] = self._namespace(place)
            return View(
                title=f"👥 Shared by {message.speaker}",
                text=(
                    "All members who may use me now work in one session here, and each of them "
                    "may decide what it asks. /unshare ends that."
                ),
            )
        await self._marks.drop(place)
        del self._owners[place]
        return View(
            title=f"👤 Not shared any more: {message.speaker} has ended it",
            text="Everybody here has sessions of their own again. /share brings back the others.",
        )

    @hookimpl
    async def on_authorize(self, namespace: Namespace, conversation: ConversationId) -> bool | None:
        return True if self._owners.get(conversation) == namespace else None

    def _namespace(self, place: ConversationId) -> Namespace:
        return Namespace(self._frontend, "shared." + place.replace(":", "."))
