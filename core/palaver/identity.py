"""Who speaks, where, and in which session: the keys of isolation."""

import uuid
from dataclasses import dataclass
from typing import NewType

from palaver.errors import InvalidNamespaceError, SessionNotFoundError

ConversationId = NewType("ConversationId", str)
"""The place in a frontend where messages flow: a chat, a topic, a thread, a working directory.

Opaque to the core; only its frontend knows how to read it."""

SessionId = uuid.UUID
"""A session's id is the agent's own id. As a `UUID` it can come near a path without harm."""

MAX_USER_LENGTH = 200
_FRONTEND_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


@dataclass(frozen=True, slots=True, order=True)
class Namespace:
    """The owner of sessions, written `telegram:12345`.

    Raises:
        InvalidNamespaceError: if the frontend is not `[a-z0-9_-]{1,32}`, or the user is empty,
            longer than 200 characters, or holds white space or unprintable characters.
    """

    frontend: str
    user: str

    def __post_init__(self) -> None:
        if not 1 <= len(self.frontend) <= 32 or not _FRONTEND_CHARACTERS.issuperset(self.frontend):
            raise InvalidNamespaceError(str(self))
        if not 1 <= len(self.user) <= MAX_USER_LENGTH:
            raise InvalidNamespaceError(str(self))
        if not self.user.isprintable() or any(map(str.isspace, self.user)):
            raise InvalidNamespaceError(str(self))

    def __str__(self) -> str:
        return f"{self.frontend}:{self.user}"

    @classmethod
    def parse(cls, text: str) -> "Namespace":
        """Read `frontend:user`; a user may itself contain colons.

        Raises:
            InvalidNamespaceError: if `text` is not of that form.
        """
        frontend, colon, user = text.partition(":")
        if not colon:
            raise InvalidNamespaceError(text)
        return cls(frontend, user)


def parse_session_id(text: str) -> SessionId:
    """Read a session id that a person or a program gave.

    Raises:
        SessionNotFoundError: if it is no UUID: the answer is that for an unknown one.
    """
    try:
        session_id = uuid.UUID(text.strip())
    except ValueError:
        raise SessionNotFoundError from None
    if text.strip().lower() != str(session_id):  # "{...}", "urn:uuid:..." and bare hex are not ids
        raise SessionNotFoundError
    return session_id
