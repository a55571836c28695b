"""Messages that this life of Palaver has taken, to tell whether one is new, or was changed."""

from collections import OrderedDict
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from palaver.frontends.incoming import Incoming
from palaver.models import now

_REMEMBERED = 2000

Message = TypeVar("Message", bound=Incoming)


class Known:
    """The newest messages that were taken, as they are now."""

    def __init__(self) -> None:
        self._taken: OrderedDict[object, Incoming] = OrderedDict()
        self._edits: dict[object, Incoming] = {}
        self._complete_since = now()

    def current(self, message: Message) -> Message:
        """The message as its sender has changed it, if he has already."""
        edit = self._edits.get(_key(message))
        if edit and edit.sender == message.sender:
            message = replace(message, text=edit.text, files=edit.files)
        return message

    def take(self, *messages: Incoming) -> None:
        """They are taken from now on. Only of those who are let in: strangers must not fill it."""
        for message in messages:
            self._taken[_key(message)] = message
        while len(self._taken) > _REMEMBERED:
            _, forgotten = self._taken.popitem(last=False)
            sent: datetime = forgotten.sent or now()
            self._complete_since = max(self._complete_since, sent)

    def get(self, message: Incoming) -> Incoming | None:
        """The message as it was taken, or last changed; None if it was not taken, as far as is
        known."""
        return self._taken.get(_key(message))

    def edit(self, message: Incoming) -> None:
        """It was changed, and perhaps has not even been taken."""
        self._edits[_key(message)] = message

    def edited(self, message: Incoming) -> None:
        """All that was to be done about a change is done."""
        if self._edits.get(_key(message)) is message:
            del self._edits[_key(message)]

    def change(self, message: Incoming) -> None:
        """It is now what its sender has made of it."""
        self._taken[_key(message)] = message

    def missed(self, message: Incoming) -> bool:
        """Whether it is certain that a message which is not known was never taken: not so if it
        was sent before this life, or in its first second where the chat tells no fractions."""
        return message.sent is not None and message.sent > self._complete_since


def same(one: Incoming, other: Incoming) -> bool:
    """Whether two versions of a message say the same."""
    return one.text == other.text and _files(one) == _files(other)


def _files(message: Incoming) -> list[tuple[str, int]]:
    return [(file.name, file.size) for file in message.files]  # a file's id may change


def _key(message: Incoming) -> object:
    return message.conversation, message.key
