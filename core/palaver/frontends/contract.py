"""What a frontend is to the engine: a translator, and no more."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NewType

from palaver.errors import PluginError
from palaver.frontends.incoming import Incoming, RemoteFile
from palaver.identity import ConversationId, Namespace
from palaver.models import Attachment
from palaver.views import View

if TYPE_CHECKING:
    from palaver.engine import Engine

MessageId = NewType("MessageId", str)
"""A sent message, as its frontend names it; opaque to the core."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a chat can do; the engine does without the rest. Proven by the conformance suite.

    Attributes:
        edit: a sent message can be changed, so there is one live message for a turn.
        actions: views' actions become buttons; without it their commands are printed.
        files: files can be sent.
        typing: "is typing" can be shown.
        max_text: characters in one message; longer answers are split. None for no limit.
        edit_interval_s: seconds to leave between two edits of one message.
        final_is_new: the answer comes as a message of its own, so that the phone rings.
        file_above: an answer of more characters than these comes as a file, too. With `files`;
            None for never.
    """

    edit: bool = False
    actions: bool = False
    files: bool = False
    typing: bool = False
    max_text: int | None = None
    edit_interval_s: float = 1.0
    final_is_new: bool = True
    file_above: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a view goes: a conversation, and whose it is.

    Attributes:
        answers: the chat's own id of the message or the press that the view comes of; empty if it
            comes of none. Where several people write, it can be sent as a reply to that.
    """

    namespace: Namespace
    conversation: ConversationId
    answers: str = field(default="", compare=False)


class Frontend(ABC):
    """A chat surface.

    A frontend receives messages, turns each into an `Incoming`, and hands it to its `Reception`;
    one for a single user may hand a `Prompt` to a `Presenter` instead. Both call back the methods
    below.

    Attributes:
        name: the first half of its namespaces.
        capabilities: which of the optional methods it has.
    """

    name: ClassVar[str]
    capabilities: ClassVar[Capabilities] = Capabilities()

    @abstractmethod
    async def start(self, engine: "Engine") -> None:
        """Begin to receive; return as soon as messages are taken.

        Raises:
            PalaverError: with what to do, if the chat cannot be reached or refuses.
        """

    @abstractmethod
    async def stop(self) -> None:
        """Receive no more, and let go of everything; safe to call twice."""

    async def run(self) -> None:
        """Return when the frontend has ended by itself, or raise why; by default never."""
        import asyncio

        await asyncio.Event().wait()

    @abstractmethod
    async def send(self, place: Place, view: View) -> MessageId:
        """Send a view as a new message; its text is at most `max_text` long.

        Raises:
            Exception: anything; the engine notes that the delivery is uncertain.
        """

    async def edit(self, place: Place, message: MessageId, view: View) -> None:
        """Change a sent message. With `edit`."""
        raise self._lacks("edit")

    async def remove(self, place: Place, message: MessageId) -> None:
        """Take a live message away once the answer has come. With `edit`."""
        raise self._lacks("edit")

    def edit_interval(self, place: Place) -> float:
        """Seconds to leave between two edits of a live message, where it depends on the place."""
        del place
        return self.capabilities.edit_interval_s

    async def progress(
        self, place: Place, message: MessageId | None, view: View
    ) -> MessageId | None:
        """Show a turn at work in its live message, new if `message` is None. With `edit`.

        Override it where the chat has something better than sending and editing.
        """
        if message is None:
            return await self.send(place, view)
        await self.edit(place, message, view)
        return message

    async def progress_over(self, place: Place, message: MessageId) -> None:
        """A live message changes no more: what came of its turn is sent next. With `edit`.

        By default nothing happens; `remove` takes it away once that has arrived.
        """
        del place, message

    async def typing(self, place: Place) -> None:
        """Show that the agent is at work; called every few seconds. With `typing`."""
        raise self._lacks("typing")

    async def send_file(self, place: Place, path: Path, caption: str) -> MessageId:
        """Send a file under the name it has; it may be gone once this returns. With `files`."""
        raise self._lacks("files")

    async def send_whole(self, place: Place, path: Path, caption: str) -> MessageId:
        """Send a long answer once more, as a file. With `files` and `file_above`.

        Override it where the chat can send without a sound: the answer has just been announced.
        """
        return await self.send_file(place, path, caption)

    # --- for a frontend with a `Reception` ------------------------------------------------------

    def heard(self, message: Incoming) -> None:
        """A message was taken; where several people write, what is said to its sender from now on
        may answer it. By default nothing happens."""
        del message

    async def acknowledge(self, message: Incoming) -> None:
        """Show that a message has been taken, for example by a reaction. By default nothing."""
        del message

    async def fetch(self, file: RemoteFile, folder: Path) -> Attachment:
        """Bring a file that came with a message into a folder; write it with `store_file`.

        Raises:
            PalaverError: if it cannot be had, in words for its sender.
        """
        raise self._lacks("files")

    async def send_privately(self, place: Place, view: View) -> None:
        """Show a view that only its reader may see, in a place where others read along."""
        await self.send(place, view)

    async def sharing_refused(self, message: Incoming) -> str:
        """Why the sender may not change who shares the place he writes in; empty if he may."""
        del message
        return "Nothing can be shared here."

    def _lacks(self, capability: str) -> Exception:
        return PluginError(self.name, f"it declares {capability!r} but does not have it")
