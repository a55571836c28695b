"""A message on its way in, as every chat has them."""

import re
import time
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from palaver.identity import ConversationId, Namespace

MAX_SPEAKER = 40
_COMMAND = re.compile(r"/(?P<name>[A-Za-z0-9_]+)")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that the chat keeps until it is fetched.

    Attributes:
        id: what the frontend fetches it by.
        name: as its sender calls it; perhaps without a suffix.
        size: in bytes; 0 if it is not told.
        spoken: a voice message: it is listened to, and not kept.
        duration_s: in seconds, of what can be played.
    """

    id: str
    name: str
    media_type: str
    size: int = 0
    spoken: bool = False
    duration_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A message for the bot. A frontend may subclass it for what is its chat's alone.

    Attributes:
        sender: who wrote it.
        conversation: where.
        key: the chat's own id of it; the same key twice runs once.
        text: as the agent is to see it: without the bot's name, with what is quoted.
        speaker: its sender's name, made harmless by `speaker_name`.
        private: nobody but its sender reads along.
        command: `text` is a chat command.
        unreadable: what it is, in the plural, if nothing can be made of it: "stickers".
        owner: whose session it is for: None for its sender's own. Set by `Reception`.
        sent: when it was, as the chat tells; None if it does not.
        came: when it did, in monotonic seconds.
    """

    sender: Namespace
    conversation: ConversationId
    key: str
    text: str = ""
    files: tuple[RemoteFile, ...] = ()
    speaker: str = ""
    private: bool = False
    command: bool = False
    unreadable: str = ""
    owner: Namespace | None = None
    sent: datetime | None = None
    came: float = field(default_factory=time.monotonic, compare=False)

    @property
    def namespace(self) -> Namespace:
        """Whose session it is for."""
        return self.owner or self.sender

    @property
    def shared(self) -> bool:
        """Whether it is for a session that others share."""
        return self.owner is not None

    @property
    def command_name(self) -> str:
        """Of a command, its name; else empty."""
        match = _COMMAND.match(self.text.strip()) if self.command else None
        return match["name"].lower() if match else ""

    @property
    def unfinished(self) -> bool:
        """Whether more that belongs to it may be on its way."""
        return False

    def takes(self, other: Self) -> bool:
        """Whether the next message, of the same conversation, goes on with this one."""
        del other
        return False

    def gap(self, other: Self) -> str:
        """What stands between its words and those of a later one that it takes."""
        del other
        return "\n\n"


def speaker_name(name: str, fallback: str) -> str:
    """A person's name as one line of at most 40 characters that can pass for nothing else.

    Args:
        fallback: for a name of which nothing is left.
    """
    kept = (one if _is_of_names(one) else " " for one in name)
    words = " ".join("".join(kept).split())[:MAX_SPEAKER].strip()
    return words if any(map(str.isalnum, words)) else fallback


def _is_of_names(character: str) -> bool:
    """Letters with their marks, digits, and what joins names."""
    return unicodedata.category(character)[0] in "LMN" or character in "'’-."


def attributed(message: Incoming, text: str) -> str:
    """What is said in a shared place, with who says it; the agent's own commands as they are."""
    if not message.shared or text.startswith("//"):
        return text
    return f"{message.speaker}: {text}".strip()
