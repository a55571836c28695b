"""Strangers at the door: told once that they are, or made welcome with a pairing code."""

import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from palaver.engine import Engine
from palaver.errors import AccessDeniedError
from palaver.frontends.hearing import as_prompt
from palaver.frontends.incoming import Incoming
from palaver.frontends.presenter import AnswerTaker, Presenter
from palaver.identity import Namespace
from palaver.views import View

log = logging.getLogger(__name__)

Tell = Callable[[Incoming, View, AnswerTaker | None], Awaitable[None]]

UNSURE = "I cannot look up just now whether you are let in."
TELL_EVERY_S = 60.0
"""Seconds before it is told again to the same sender."""
_STRANGERS = 10_000


class Admitting:
    """Who is let in; a room of `Reception`.

    Args:
        tell: tells a message's sender something.
    """

    def __init__(self, engine: Engine, presenter: Presenter, tell: Tell) -> None:
        self._engine = engine
        self._presenter = presenter
        self._tell = tell
        self._strangers: OrderedDict[str, None] = OrderedDict()
        self._unsure: OrderedDict[Namespace, tuple[str, float]] = OrderedDict()

    async def admitted(self, message: Incoming, answer: AnswerTaker | None) -> bool:
        """As `Reception.admitted` says.

        Raises:
            AccessUnknownError, StoreError: if it cannot be found out now.
        """
        admitted = await self._engine.authorized(message.sender, message.conversation)
        self._unsure.pop(message.sender, None)
        if admitted:
            return True
        if message.private and await self._paired(message, answer):
            return False
        await self._turn_away(message, answer)
        return False

    async def unsure(self, message: Incoming, what_now: str) -> None:
        """Tell the sender that it cannot be found out now: once a minute, until it is."""
        told, at = self._unsure.get(message.sender, ("", 0.0))
        if told == what_now and time.monotonic() - at < TELL_EVERY_S:
            return
        self._unsure[message.sender] = what_now, time.monotonic()
        if len(self._unsure) > _STRANGERS:
            self._unsure.popitem(last=False)
        view = View(title=f"⚠️ {UNSURE}", text=what_now, kind="notice")
        await self._tell(message, view, None)

    async def vouch(self, message: Incoming) -> None:
        """The engine lets a shared place in; its speaker must be let in, too, to the last.

        Raises:
            AccessDeniedError: if he is not any more.
            StoreError: if it cannot be found out now.
        """
        conversation = message.conversation
        if message.shared and not await self._engine.authorized(message.sender, conversation):
            raise AccessDeniedError

    async def _paired(self, message: Incoming, answer: AnswerTaker | None) -> bool:
        """Whether a stranger's message was a pairing code; then its sender is made welcome."""
        try:
            await self._presenter.take(as_prompt(message), answer=answer)
        except AccessDeniedError:
            return False
        return True

    async def _turn_away(self, message: Incoming, answer: AnswerTaker | None) -> None:
        """One short line, then silence, if the chat allows it; the log knows who it was."""
        view = View(title=f"This bot is private. (You are {message.sender}.)", kind="notice")
        if message.sender.user in self._strangers:
            if answer:
                await answer(view)
            return
        self._strangers[message.sender.user] = None
        if len(self._strangers) > _STRANGERS:
            self._strangers.popitem(last=False)
        log.info(
            "a stranger: %s, who goes by %r, wrote in %s",
            message.sender,
            message.speaker,
            message.conversation,
        )
        await self._tell(message, view, answer)
