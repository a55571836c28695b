"""What people send, read: is it for the bot, what does it say, what comes with it?"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from telegram import (
    Message,
    MessageEntity,
    MessageOriginChannel,
    MessageOriginChat,
    MessageOriginHiddenUser,
    MessageOriginUser,
)

from palaver import Incoming, MessageId, RemoteFile, speaker_name
from palaver_telegram.places import Spot, key_of, name_of, namespace
from palaver_telegram.text import MAX_TEXT

COMMAND = re.compile(r"/(?P<name>[A-Za-z0-9_]+)(@(?P<bot>\w+))?(\s+.*)?", re.DOTALL)
CUT_LENGTH = 4000
"""Characters from which on a text may be the first part of a longer one: clients cut at 4096,
before that at a line's end."""
_QUOTED = 1000
_ATTACHED = ("document", "audio", "video", "video_note", "animation", "voice")
_UNREADABLE = {
    "sticker": "stickers",
    "location": "locations",
    "venue": "locations",
    "contact": "contacts",
    "poll": "polls",
    "dice": "dice",
    "story": "stories",
    "paid_media": "paid media",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TelegramMessage(Incoming):
    """A message for the bot.

    Attributes:
        album: the album that it is a part of.
        forwarded: it is somebody else's message.
        followed: another one that goes on with it has come together with it.
        question: the bot's question that it answers.
    """

    message_id: int
    spot: Spot
    album: str | None = None
    forwarded: bool = False
    followed: bool = False
    question: MessageId | None = None

    @property
    def unfinished(self) -> bool:
        cut = len(self.text) >= CUT_LENGTH
        return bool(self.album or self.forwarded or self.followed or cut)

    def takes(self, other: Self) -> bool:
        if self.sender != other.sender:
            return False
        if self.command or other.command or self.unreadable or other.unreadable:
            return False
        if self.album or other.album:
            return self.album == other.album or other.forwarded or self.forwarded
        if other.forwarded or self.forwarded:
            return other.forwarded or not other.files
        return len(self.text) >= CUT_LENGTH and not other.files

    def gap(self, other: Self) -> str:
        """A text that a client has cut is put together as it was."""
        if self.forwarded or other.forwarded:
            return "\n\n"
        return "" if len(self.text) == MAX_TEXT else "\n"


def read(
    message: Message, bot_id: int, username: str, *, hears_all: bool, asked: str | None = None
) -> TelegramMessage | None:
    """The message, if it is for the bot.

    Args:
        hears_all: every message of its group is.
        asked: the command that it completes, since it answers a question of the bot's.
    """
    sender = message.from_user
    if sender is None or sender.is_bot or message.sender_chat is not None:
        return None  # channels and anonymous administrators have no namespace
    spot = Spot.of(message)
    said = message.text or message.caption or ""
    command = _command(message, username)
    if command is False or not (spot.private or hears_all or _addressed(message, bot_id, username)):
        return None
    unreadable = _unreadable(message)
    file = _file(message)
    if not (said or file or unreadable):
        return None  # a service message: a member has come, a topic was opened
    if asked:
        said, command = f"{asked} {said}", True
    elif command is None:
        said = _unmentioned(message, said, bot_id, username)
        command = _commands(message, said)
        said = said if command else _words(message, said, bot_id)
    return TelegramMessage(
        sender=namespace(sender.id),
        conversation=spot.conversation,
        key=key_of(message),
        text=said,
        files=(file,) if file else (),
        speaker=speaker_name(sender.full_name, f"Member {sender.id}"),
        private=spot.private,
        command=bool(command),
        unreadable=unreadable,
        sent=message.date,
        message_id=message.message_id,
        spot=spot,
        album=message.media_group_id,
        forwarded=message.forward_origin is not None,
        question=name_of(message.reply_to_message) if asked and message.reply_to_message else None,
    )


def _command(message: Message, username: str) -> bool | None:
    """True for a command, False for one of another bot's, None for all else."""
    match = COMMAND.fullmatch((message.text or "").strip())
    if not match or message.forward_origin:
        return None
    return match["bot"] is None or match["bot"].lower() == username.lower()


def _commands(message: Message, said: str) -> bool:
    """Whether what is said behind a mention is a command; below a file it is the file's caption."""
    return bool(message.text and not message.forward_origin and COMMAND.fullmatch(said))


def _addressed(message: Message, bot_id: int, username: str) -> bool:
    """Whether a message in a group speaks to the bot."""
    if _command(message, username):
        return True
    answered = message.reply_to_message
    mine = answered is not None and answered.from_user and answered.from_user.id == bot_id
    if mine and not (answered and answered.forum_topic_created):
        return True
    return any(True for _ in _mentions(message, bot_id, username))


def _mentions(message: Message, bot_id: int, username: str) -> Iterator[str]:
    kinds: list[str | None] = [MessageEntity.MENTION, MessageEntity.TEXT_MENTION]
    parse = message.parse_entities if message.text else message.parse_caption_entities
    for entity, words in parse(kinds).items():
        if words.lower() == f"@{username.lower()}" or (entity.user and entity.user.id == bot_id):
            yield words


def _unmentioned(message: Message, said: str, bot_id: int, username: str) -> str:
    for mention in _mentions(message, bot_id, username):
        said = said.replace(mention, "", 1)
    return said.strip()


def _words(message: Message, said: str, bot_id: int) -> str:
    """What the agent is to read."""
    parts = [_origin(message), _quotation(message, bot_id), said]
    return "\n\n".join(filter(None, parts))


def _origin(message: Message) -> str:
    match message.forward_origin:
        case MessageOriginUser(sender_user=user):
            name = user.full_name
        case MessageOriginHiddenUser(sender_user_name=name):
            pass
        case MessageOriginChat(sender_chat=chat) | MessageOriginChannel(chat=chat):
            name = chat.title or str(chat.id)
        case _:
            return ""
    return f"[Forwarded from {' '.join(name.split())}]"


def _quotation(message: Message, bot_id: int) -> str:
    """What the message answers, unless the session knows it: the bot has said it, all of it."""
    answered = message.reply_to_message
    quoted = message.quote.text if message.quote else ""
    if not quoted and answered and answered.from_user and answered.from_user.id != bot_id:
        quoted = answered.text or answered.caption or ""
    if len(quoted) > _QUOTED:
        quoted = quoted[:_QUOTED] + "…"
    return "\n".join(f"> {line}" for line in quoted.splitlines())


def _unreadable(message: Message) -> str:
    return next((words for name, words in _UNREADABLE.items() if getattr(message, name)), "")


def _file(message: Message) -> RemoteFile | None:
    if message.photo:
        photo = message.photo[-1]  # the largest
        name = f"photo-{message.message_id}.jpg"
        return RemoteFile(photo.file_id, name, "image/jpeg", photo.file_size or 0)
    for kind in _ATTACHED:
        if found := getattr(message, kind):
            duration = getattr(found, "duration", None)
            return RemoteFile(
                id=found.file_id,
                name=getattr(found, "file_name", None) or f"{kind}-{message.message_id}",
                media_type=getattr(found, "mime_type", None) or "application/octet-stream",
                size=found.file_size or 0,
                spoken=kind == "voice",
                duration_s=duration.total_seconds() if duration is not None else None,
            )
    return None
