"""What people are told besides what comes of their prompts; a mute chat ends nothing."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from palaver.frontends.contract import Frontend, Place
from palaver.frontends.incoming import Incoming
from palaver.frontends.presenter import AnswerTaker
from palaver.views import View

log = logging.getLogger(__name__)


class Saying:
    """Speaks to the senders of messages; a room of `Reception`."""

    def __init__(self, frontend: Frontend) -> None:
        self._frontend = frontend
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Acknowledge nothing more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @asynccontextmanager
    async def contained(
        self, message: Incoming, answer: AnswerTaker | None = None
    ) -> AsyncIterator[None]:
        """What nobody foresaw is told to the sender, and ends no other message."""
        try:
            yield
        except Exception as error:  # a frontend may raise anything
            log.exception("%s: a message could not be taken", self._frontend.name)
            await self.tell(message, unexpected(error), answer)

    async def tell(self, message: Incoming, view: View, answer: AnswerTaker | None) -> None:
        """Say it, if the sender has not an `answer` of his own."""
        if answer is None or not await answer(view):
            await self.say(message, view)

    async def say(self, message: Incoming, view: View) -> None:
        """Say it where the message was sent."""
        try:
            await self._frontend.send(_place(message), view)
        except Exception:  # a frontend may raise anything; what was said of matters more
            log.warning("%s: a word could not be said", self._frontend.name, exc_info=True)

    def privately(self, message: Incoming) -> AnswerTaker:
        """What only its reader may see goes to the reader's own chat; what is all's stays."""

        async def answer(view: View) -> bool:
            if message.private or message.shared or not view.private:
                return False
            await self._frontend.send_privately(_place(message), view)
            return True

        return answer

    def acknowledge(self, message: Incoming) -> None:
        """Show at once, and beside all else, that the message has been taken."""
        task = asyncio.create_task(self._acknowledge(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _acknowledge(self, message: Incoming) -> None:
        try:
            await self._frontend.acknowledge(message)
        except Exception as error:  # noqa: BLE001 - a frontend may raise anything; it is a courtesy
            log.info("%s: a message was not acknowledged: %s", self._frontend.name, error)


def unexpected(error: Exception) -> View:
    """An error that nobody foresaw as a message."""
    words = f"Something unexpected went wrong ({type(error).__name__}). Send it again."
    return View(title="⚠️ That could not be taken", text=words, kind="error")


def _place(message: Incoming) -> Place:
    return Place(message.namespace, message.conversation)
