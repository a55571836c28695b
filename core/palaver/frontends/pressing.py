"""Buttons that are pressed: answered where they were pressed, if that is enough."""

import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass

from palaver.engine import Engine
from palaver.errors import AccessDeniedError, CommandError, PalaverError
from palaver.frontends.admitting import UNSURE
from palaver.frontends.contract import Frontend, Place
from palaver.frontends.presenter import Presenter
from palaver.frontends.sharing import Shares
from palaver.identity import ConversationId, Namespace
from palaver.models import Prompt
from palaver.views import View, decode_button, owner_tag

log = logging.getLogger(__name__)

_IN_PLACE = frozenset({"sessions", "sessioninfo", "delete", "restore", "mode", "backlog"})
"""Commands whose answers take the place of the message with the button: lists and what is done to
their rows."""
_OF_REQUESTS = frozenset({"allow", "deny", "answer", "details"})
_ONCE = frozenset({"backlog", "retry"})
"""Commands that start turns, after which their buttons have had their day."""


@dataclass(frozen=True, slots=True)
class Press:
    """A press of a button.

    Attributes:
        sender: who pressed it, and `conversation` where.
        key: the chat's own id of the press.
        button: what it carries, as `encode_button` made it; perhaps with words at its end.
        private: nobody but its presser reads along.
        hidden: the button's message is seen by its presser alone, and so is what it answers.
    """

    sender: Namespace
    conversation: ConversationId
    key: str
    button: str
    private: bool = False
    hidden: bool = False


class PressSurface(ABC):
    """What can be shown where a button was pressed."""

    @abstractmethod
    async def say(self, words: str, *, alert: bool = False) -> None:
        """Show its presser a line, or that it has been taken if `words` is empty.

        Args:
            alert: it is a refusal or a failure, and must be noticed.
        """

    @abstractmethod
    async def replace(self, place: Place, view: View) -> bool:
        """Show a view in the place of the button's message; False if that cannot be."""

    @abstractmethod
    async def disarm(self) -> None:
        """Take the buttons away: they do nothing any more."""

    @abstractmethod
    async def privately(self, place: Place, view: View) -> None:
        """Show its presser what nobody else may see."""


class Pressing:
    """Takes presses; a room of `Reception`."""

    def __init__(
        self, engine: Engine, frontend: Frontend, presenter: Presenter, shares: Shares
    ) -> None:
        self._engine = engine
        self._frontend = frontend
        self._presenter = presenter
        self._shares = shares

    async def place(self, press: Press) -> Place:
        """For whom it is pressed: in a shared place its buttons are everybody's.

        Raises:
            AccessDeniedError, CommandError: as `Reception.pressing` does.
        """
        try:
            tag, _ = decode_button(press.button)
        except ValueError:
            raise CommandError("This button is too old.", hint="Send the command again.") from None
        shared = self._shares.owner(press.conversation)
        owner = shared if shared and owner_tag(shared) == tag else press.sender
        if tag != owner_tag(owner):
            raise CommandError("This button belongs to somebody else.", hint="See /help.")
        try:
            admitted = await self._engine.authorized(press.sender, press.conversation)
        except AccessDeniedError:
            raise
        except PalaverError as error:
            log.error("%s: who pressed is not known: %s", self._frontend.name, error)  # noqa: TRY400
            raise CommandError(UNSURE, hint="Press it again.") from error
        if not admitted:
            raise AccessDeniedError
        return Place(owner, self._shares.now(press.conversation))

    async def press(self, press: Press, surface: PressSurface) -> None:
        """As `Reception.press` says."""
        try:
            await self._press(press, surface)
        except PalaverError as error:
            await surface.say(f"{error.message} {error.hint}".strip(), alert=True)
        except Exception as error:  # a frontend may raise anything
            log.exception("%s: a press could not be taken", self._frontend.name)
            words = f"Something unexpected went wrong ({type(error).__name__}). Press it again."
            await surface.say(words, alert=True)

    async def _press(self, press: Press, surface: PressSurface) -> None:
        place = await self.place(press)
        prompt = Prompt(namespace=place.namespace, conversation=place.conversation, key=press.key)
        answer = _Answer(press, place, surface)
        submission = await self._presenter.press(prompt, press.button, answer=answer)
        if submission.turn_id is not None or submission.duplicate:
            await surface.say("")
            if answer.command in _ONCE:
                await surface.disarm()


class _Answer:
    """What a button's command answers, and where that is shown."""

    def __init__(self, press: Press, place: Place, surface: PressSurface) -> None:
        self._press = press
        self._shared = place.namespace != press.sender
        self._place = place
        self._surface = surface
        self.command = decode_button(press.button)[1][1:].partition(" ")[0]

    async def __call__(self, view: View) -> bool:
        """At the top of the chat, in place of the message, in private, or else as a new one."""
        words = "\n".join(filter(None, [view.title, view.text]))
        if view.kind == "error":
            await self._surface.say(words, alert=True)
            if self.command in _OF_REQUESTS:
                await self._surface.disarm()  # it decides nothing any more
            return True
        if view.kind == "notice" and not view.actions:
            await self._surface.say(words)  # a note of a prompt that waited goes by itself
            return True
        await self._surface.say("")
        hidden = self._press.hidden
        secret = view.private and not (self._press.private or self._shared)
        in_place = self.command in _IN_PLACE and (hidden or not secret)
        if in_place and await self._surface.replace(self._place, view):
            return True
        if secret or hidden:
            await self._surface.privately(self._place, view)
        return secret or hidden
