"""Where a message is: a channel, a thread, somebody's chat with the bot."""

from collections.abc import Iterator

import discord

from palaver import ConversationId, Namespace

FRONTEND = "discord"


def namespace(user_id: int) -> Namespace:
    """Each Discord user has an own one."""
    return Namespace(FRONTEND, str(user_id))


def conversation(channel_id: int) -> ConversationId:
    """Channels, threads and direct messages have ids of one kind."""
    return ConversationId(str(channel_id))


def channel_of(conversation: ConversationId) -> int:
    """Read what `conversation` wrote.

    Raises:
        ValueError: if it is none of ours.
    """
    return int(conversation)


def guild_of(room: object) -> int | None:
    """The id of the server that it is in; None for direct messages."""
    guild = getattr(room, "guild", None)
    return guild.id if guild else None


def around(room: object) -> Iterator[int]:
    """The room's id and those of what it is in: a thread's channel, a channel's category."""
    for name in ("id", "parent_id"):
        if number := getattr(room, name, None):
            yield int(number)
    # a thread's own property would raise where the library does not know its channel
    parent = room.parent if isinstance(room, discord.Thread) else room
    if category := getattr(parent, "category_id", None):
        yield int(category)
