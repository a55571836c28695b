"""Places in which all who are let in work in one session: a topic, a thread, a group.

Such a place has a namespace of its own. Whoever speaks or presses there must be let in himself;
then he acts for that namespace.
"""

import logging
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from palaver.errors import StoreError
from palaver.frontends.incoming import Incoming
from palaver.frontends.marks import Marks
from palaver.frontends.moving import Moves
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
        self._moves = Moves(folder)
        self._owners: dict[ConversationId, Namespace] = {}

    async def open(self) -> None:
        """Read what is noted."""
        await self._moves.open()
        for (name,) in await self._marks.all():
            place = ConversationId(name)
            self._owners[place] = self._namespace(place)

    def owner(self, conversation: ConversationId) -> Namespace | None:
        """The namespace of a shared place; None if everybody has an own one there."""
        return self._owners.get(self.now(conversation))

    def now(self, conversation: ConversationId) -> ConversationId:
        """The conversation's id today, if it has moved."""
        return self._moves.now(conversation)

    def placed(self, message: Message) -> Message:
        """The message as one of the place and the namespace that it is for; its sender must be let
        in."""
        place = self.now(message.conversation)
        return replace(message, conversation=place, owner=self.owner(place))

    async def moved(self, before: ConversationId, after: ConversationId) -> None:
        """A place has got another id for good: it is shared as it was, by the namespace that it
        had. One that is shared by the new id already stays as it is.

        Raises:
            StoreError: if that cannot be noted.
        """
        try:
            await self._move(before, after)
        except OSError as error:
            raise StoreError(f"What is shared cannot be noted: {error.strerror}.") from error

    async def _move(self, before: ConversationId, after: ConversationId) -> None:
        if before == after or self.now(after) == before:
            return
        if self.now(before) != after:
            await self._moves.note(before, after, self._namespace_after(before, after).user)
        if before in self._owners:
            if after not in self._owners:
                await self._marks.add(after)
                self._owners[after] = self._namespace(after)
            await self._marks.drop(before)
            del self._owners[before]

    async def change(self, message: Incoming) -> View:
        """Carry `/share` or `/unshare` out; that its sender may is known.

        Raises:
            OSError: if that cannot be noted.
        """
        place = self.now(message.conversation)
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
        return True if self.owner(conversation) == namespace else None

    def _namespace(self, place: ConversationId) -> Namespace:
        user = self._moves.owner(place) or "shared." + place.replace(":", ".")
        return Namespace(self._frontend, user)

    def _namespace_after(self, before: ConversationId, after: ConversationId) -> Namespace:
        return self._owners.get(after) or self._namespace(before)
