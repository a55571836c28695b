"""Texts, drafts, chat actions, reactions, forwards."""

from palaver.testing.telegram.chats import GENERAL_TOPIC
from palaver.testing.telegram.markup import read_keyboard
from palaver.testing.telegram.messages import Content
from palaver.testing.telegram.methods.common import (
    Handler,
    message_of,
    post,
    reply_of,
    text_of,
    topic_of,
)
from palaver.testing.telegram.reactions import read_reactions
from palaver.testing.telegram.rich import read_rich
from palaver.testing.telegram.wire import Fields, Json, JsonObject, bad_request
from palaver.testing.telegram.world import World

#: Source: sendChatAction, and Client::get_chat_action for the older names.
ACTIONS = frozenset(
    [
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "record_audio",
        "upload_audio",
        "upload_document",
        "choose_sticker",
        "find_location",
        "pick_up_location",
        "record_video_note",
        "upload_video_note",
        "cancel",
    ]
)


def send_message(world: World, given: Fields) -> Json:
    """sendMessage."""
    return post(world, given, Content("text", text_of(world, "sendMessage", given)))


def send_rich_message(world: World, given: Fields) -> Json:
    """sendRichMessage."""
    return post(world, given, read_rich(given))


def send_message_draft(world: World, given: Fields) -> Json:
    """sendMessageDraft."""
    text = text_of(world, "sendMessageDraft", given, empty=True)
    return _draft(world, given, Content("text", text))


def send_rich_message_draft(world: World, given: Fields) -> Json:
    """sendRichMessageDraft."""
    return _draft(world, given, read_rich(given, draft=True))


def _draft(world: World, given: Fields, content: Content) -> Json:
    chat = world.chat_of(given)
    if not chat.private:
        raise bad_request("TEXTDRAFT_PEER_INVALID")
    if given.number("draft_id") == 0:
        raise bad_request("RANDOM_ID_INVALID")
    chat.show_draft(given.number("draft_id"), topic_of(chat, given), content)
    return True


def send_chat_action(world: World, given: Fields) -> Json:
    """sendChatAction."""
    action = given.text("action").lower()
    if action not in ACTIONS:
        raise bad_request("wrong parameter action in request")
    chat = world.chat_of(given)
    # Unlike a message, an action may name the general topic.
    general = given.number("message_thread_id") == GENERAL_TOPIC and chat.forum
    chat.show_action(action, None if general else topic_of(chat, given))
    return True


def set_message_reaction(world: World, given: Fields) -> Json:
    """setMessageReaction."""
    reactions = read_reactions(given)
    _, message = message_of(world, given, "message to react")
    message.bot_reactions = reactions
    world.signal.notify()
    return True


def forward_message(world: World, given: Fields) -> Json:
    """forwardMessage."""
    source = Fields({"chat_id": given.values["from_chat_id"], **given.without("chat_id")})
    _, message = message_of(world, source, "message to forward")
    chat = world.chat_of(given)
    origin: JsonObject = {"type": "user", "sender_user": message.sender, "date": message.date}
    forwarded = chat.add(
        world.bot,
        message.content,
        topic_id=topic_of(chat, given),
        forward_origin=message.forward_origin or origin,
        silent=given.flag("disable_notification"),
    )
    return forwarded.to_json()


def copy_message(world: World, given: Fields) -> Json:
    """copyMessage."""
    source = Fields({"chat_id": given.values["from_chat_id"], **given.without("chat_id")})
    _, message = message_of(world, source, "message to copy")
    chat = world.chat_of(given)
    topic = topic_of(chat, given)
    reply_to, quote = reply_of(world, chat, given)
    copied = chat.add(
        world.bot,
        message.content,
        keyboard=read_keyboard(given.nested("reply_markup")),
        topic_id=topic,
        reply_to=reply_to,
        quote=quote,
    )
    return {"message_id": copied.id}


HANDLERS: dict[str, Handler] = {
    "sendMessage": send_message,
    "sendRichMessage": send_rich_message,
    "sendMessageDraft": send_message_draft,
    "sendRichMessageDraft": send_rich_message_draft,
    "sendChatAction": send_chat_action,
    "setMessageReaction": set_message_reaction,
    "forwardMessage": forward_message,
    "copyMessage": copy_message,
}
