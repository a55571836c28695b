"""What people write, read: is it for the bot, what does it say, what comes with it?"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import discord

from palaver import Incoming, RemoteFile, speaker_name
from palaver_discord.places import conversation, namespace

KINDS = frozenset({discord.MessageType.default, discord.MessageType.reply})
"""Of messages that people write; the others are Discord's own."""
COMMAND = re.compile(r"/[A-Za-z0-9_]+(@\w+)?(\s.*)?", re.DOTALL)
_QUOTED = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscordMessage(Incoming):
    """A message for the bot.

    Attributes:
        asleep: the thread that it is in was archived after it was written.
    """

    message_id: int
    channel_id: int
    asleep: bool = False


def written(message: discord.Message) -> bool:
    """Whether a person wrote it."""
    return message.type in KINDS and not message.author.bot and message.webhook_id is None


def addressed(message: discord.Message, me: discord.ClientUser) -> bool:
    """Whether it speaks to the bot: by a mention, or as a reply to it."""
    return bool(_mentions(message, me)) or _answered(message) == me.id


def meant_for_others(message: discord.Message, me: discord.ClientUser) -> bool:
    """Whether it speaks to other people, and not to the bot."""
    if addressed(message, me):
        return False
    others = {user.id for user in message.mentions} | {_answered(message)}
    return bool(others - {None, message.author.id})


def read(
    message: discord.Message, me: discord.ClientUser, *, in_channel: int | None = None
) -> DiscordMessage | None:
    """The message, or None if nothing is in it.

    Args:
        in_channel: the thread that was opened for it.
    """
    files = tuple(_files(message))
    own = _own_words(message, me)
    command = not files and COMMAND.fullmatch(own) is not None  # else it is said of the files
    said = own if command else _words(message, own, me)
    unreadable = _unreadable(message)
    if not (said or files or unreadable):
        return None
    place = in_channel or message.channel.id
    return DiscordMessage(
        sender=namespace(message.author.id),
        conversation=conversation(place),
        key=str(message.id),
        text=said,
        files=files,
        speaker=speaker_name(message.author.display_name, f"Member {message.author.id}"),
        private=isinstance(message.channel, discord.DMChannel),
        command=command,
        unreadable="" if said or files else unreadable,
        message_id=message.id,
        channel_id=message.channel.id,
        asleep=isinstance(message.channel, discord.Thread) and message.channel.archived,
    )


def _title(message: discord.Message) -> str:
    """What a post of a forum is called: people ask with it as much as with what stands below."""
    room = message.channel
    if isinstance(room, discord.Thread) and room.id == message.id:
        return room.name if isinstance(room.parent, discord.ForumChannel) else ""
    return ""


def _own_words(message: discord.Message, me: discord.ClientUser) -> str:
    """What its author says to the bot: people's names for their ids."""
    said = message.content
    for mention in _mentions(message, me):
        said = said.replace(mention, "", 1)
    for user in message.mentions:
        for mention in (f"<@{user.id}>", f"<@!{user.id}>"):
            said = said.replace(mention, f"@{user.display_name}")
    return said.strip()


def _words(message: discord.Message, said: str, me: discord.ClientUser) -> str:
    """What the agent is to read: with a post's title, what is quoted, and what is passed on."""
    parts = [_title(message), _quotation(message, me), said, *_forwarded(message)]
    return "\n\n".join(filter(None, parts))


def _mentions(message: discord.Message, me: discord.ClientUser) -> list[str]:
    """The bot's own, as they stand in the text: of it, or of the role that Discord gave it."""
    roles = (f"<@&{role.id}>" for role in message.role_mentions if _is_own(role, me))
    names = [f"<@{me.id}>", f"<@!{me.id}>", *roles]
    return [name for name in names if name in message.content]


def _is_own(role: discord.Role, me: discord.ClientUser) -> bool:
    return role.tags is not None and role.tags.bot_id == me.id


def _answered(message: discord.Message) -> int | None:
    """Who wrote what it replies to."""
    reference = message.reference
    replied = reference.resolved if reference else None
    return replied.author.id if isinstance(replied, discord.Message) else None


def _quotation(message: discord.Message, me: discord.ClientUser) -> str:
    """What it replies to, unless the session knows it: the bot has said it."""
    replied = message.reference.resolved if message.reference else None
    if not isinstance(replied, discord.Message) or replied.author.id == me.id:
        return ""
    quoted = replied.content
    if len(quoted) > _QUOTED:
        quoted = quoted[:_QUOTED] + "…"
    return "\n".join(f"> {line}" for line in quoted.splitlines())


def _forwarded(message: discord.Message) -> Iterator[str]:
    for snapshot in message.message_snapshots:
        if snapshot.content:
            yield f"[Forwarded]\n\n{snapshot.content}"


def _files(message: discord.Message) -> Iterator[RemoteFile]:
    spoken = message.flags.voice
    forwarded = (one for snapshot in message.message_snapshots for one in snapshot.attachments)
    for attachment in (*message.attachments, *forwarded):
        yield RemoteFile(
            id=attachment.url,
            name=attachment.filename,
            media_type=(attachment.content_type or "application/octet-stream").partition(";")[0],
            size=attachment.size,
            spoken=spoken,
            duration_s=attachment.duration,
        )


def _unreadable(message: discord.Message) -> str:
    return "stickers" if message.stickers else "polls" if message.poll else ""
