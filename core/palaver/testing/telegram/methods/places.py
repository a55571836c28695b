"""Chats, members and topics."""

from palaver.testing.telegram.chats import ICON_COLORS, Chat, Topic
from palaver.testing.telegram.messages import Content
from palaver.testing.telegram.methods.common import Handler
from palaver.testing.telegram.wire import Fields, Json, JsonObject, bad_request
from palaver.testing.telegram.world import World

_GIFTS = [
    "unlimited_gifts",
    "limited_gifts",
    "unique_gifts",
    "premium_subscription",
    "gifts_from_channels",
]


def get_chat(world: World, given: Fields) -> Json:
    """getChat."""
    chat = world.chat_of(given)
    gifts: JsonObject = dict.fromkeys(_GIFTS, False)
    body = chat.to_json() | {
        "accent_color_id": 0,
        "max_reaction_count": 11,
        "accepted_gift_types": gifts,
    }
    if chat.pinned:
        body["pinned_message"] = chat.pinned[-1].to_json(with_reply=False)
    return body


def get_chat_member(world: World, given: Fields) -> Json:
    """getChatMember."""
    chat, user_id = world.chat_of(given), given.number("user_id")
    if user_id not in world.users:
        raise bad_request("invalid user_id specified")
    if user_id not in chat.members and not chat.private:
        return chat.member_json(user_id, "left")
    return chat.member_json(user_id)


def get_chat_member_count(world: World, given: Fields) -> Json:
    """getChatMemberCount."""
    return len(world.chat_of(given).members)


def get_chat_administrators(world: World, given: Fields) -> Json:
    """getChatAdministrators: without other bots."""
    chat = world.chat_of(given)
    if chat.private:
        raise bad_request("there are no administrators in the private chat")
    return [
        chat.member_json(user_id)
        for user_id, status in chat.members.items()
        if status in {"creator", "administrator"}
    ]


def leave_chat(world: World, given: Fields) -> Json:
    """leaveChat."""
    chat = world.chat_of(given)
    if chat.private:
        raise bad_request("chat member status can't be changed in private chats")
    chat.members.pop(world.bot_id, None)
    chat.forbidden = f"bot is not a member of the {chat.type} chat"
    return True


def create_forum_topic(world: World, given: Fields) -> Json:
    """createForumTopic."""
    chat = _forum(world, given)
    if not (chat.private or chat.bot_is_admin):
        raise bad_request("not enough rights to create a topic")
    color = given.number("icon_color", ICON_COLORS[0])
    if color not in ICON_COLORS:
        raise bad_request("TOPIC_ICON_COLOR_INVALID")
    topic = chat.topic(given.text("name"), by=world.bot, icon_color=color)
    topic.icon_custom_emoji_id = given.text("icon_custom_emoji_id")
    return topic.to_json()


def edit_forum_topic(world: World, given: Fields) -> Json:
    """editForumTopic."""
    topic = _topic(world, given)
    name = given.text("name")
    icon = given.text("icon_custom_emoji_id", topic.icon_custom_emoji_id)
    if name in ("", topic.name) and icon == topic.icon_custom_emoji_id:
        raise bad_request("TOPIC_NOT_MODIFIED")
    change: JsonObject = {"name": name} if name else {}
    topic.name, topic.icon_custom_emoji_id = name or topic.name, icon
    _announce(world, topic, {"forum_topic_edited": change})
    return True


def close_forum_topic(world: World, given: Fields) -> Json:
    """closeForumTopic."""
    return _toggle(world, given, "forum_topic_closed", closed=True)


def reopen_forum_topic(world: World, given: Fields) -> Json:
    """reopenForumTopic."""
    return _toggle(world, given, "forum_topic_reopened", closed=False)


def delete_forum_topic(world: World, given: Fields) -> Json:
    """deleteForumTopic: with all that is in it."""
    topic = _topic(world, given)
    for message in topic.log:
        message.deleted_at = world.clock.now()
    del topic.chat.topics[topic.id]
    world.signal.notify()
    return True


def _toggle(world: World, given: Fields, event: str, *, closed: bool) -> Json:
    topic = _topic(world, given)
    if topic.closed == closed:
        raise bad_request("TOPIC_NOT_MODIFIED")
    topic.closed = closed
    _announce(world, topic, {event: {}})
    return True


def _announce(world: World, topic: Topic, fields: JsonObject) -> None:
    topic.chat.add(world.bot, Content("service", extra=fields), topic_id=topic.id)


def _forum(world: World, given: Fields) -> Chat:
    chat = world.chat_of(given)
    if not (chat.forum or (chat.private and world.private_topics)):
        raise bad_request("the chat is not a forum")
    return chat


def _topic(world: World, given: Fields) -> Topic:
    chat = _forum(world, given)
    topic = chat.topics.get(given.number("message_thread_id"))
    if topic is None:
        raise bad_request("TOPIC_ID_INVALID")
    own = topic.opening.from_bot
    if not (own or chat.private or chat.bot_is_admin):
        raise bad_request("not enough rights to edit the topic")
    return topic


HANDLERS: dict[str, Handler] = {
    "getChat": get_chat,
    "getChatMember": get_chat_member,
    "getChatMemberCount": get_chat_member_count,
    "getChatAdministrators": get_chat_administrators,
    "leaveChat": leave_chat,
    "createForumTopic": create_forum_topic,
    "editForumTopic": edit_forum_topic,
    "closeForumTopic": close_forum_topic,
    "reopenForumTopic": reopen_forum_topic,
    "deleteForumTopic": delete_forum_topic,
}
