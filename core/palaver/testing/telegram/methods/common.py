"""What many methods share: where to write, in answer to what, and the text."""

from collections.abc import Callable

from palaver.testing.telegram.chats import GENERAL_TOPIC, Chat
from palaver.testing.telegram.entities import MAX_ENTITIES, FormattedText
from palaver.testing.telegram.formatting import MAX_CAPTION, MAX_TEXT, read
from palaver.testing.telegram.markup import read_keyboard
from palaver.testing.telegram.messages import Content, Message
from palaver.testing.telegram.wire import Fields, Json, bad_request
from palaver.testing.telegram.world import World

Handler = Callable[[World, Fields], Json]


def topic_of(chat: Chat, given: Fields) -> int | None:
    """The topic that a message goes to.

    Raises ApiError 400 "message thread not found" for one that is not there; the general topic is
    written to without an id, and its id 1 is refused too (Client::check_message_topic). A chat
    without topics ignores the parameter.
    """
    thread = given.number("message_thread_id")
    if not thread or not (chat.forum or chat.private):
        return None
    if thread == GENERAL_TOPIC and chat.forum:
        raise bad_request("message thread not found")
    topic = chat.topics.get(thread)
    if topic is None:
        raise bad_request("message thread not found")
    if topic.closed and not chat.bot_is_admin:
        raise bad_request("TOPIC_CLOSED")
    return thread


def reply_of(world: World, chat: Chat, given: Fields) -> tuple[Message | None, str]:
    """The message that is answered and the quote of it. Raises ApiError 400."""
    reply = given.nested("reply_parameters")
    if reply is None or not reply.values:
        return None, ""
    home = world.chat_of(reply) if "chat_id" in reply else chat
    found = home.find(reply.number("message_id"))
    if found is None:
        if reply.flag("allow_sending_without_reply"):
            return None, ""
        raise bad_request("message to be replied not found")
    quote = reply.text("quote")
    if quote and quote not in found.text:
        raise bad_request("QUOTE_TEXT_INVALID")
    return found, quote


def text_of(world: World, method: str, given: Fields, *, empty: bool = False) -> FormattedText:
    """The text of a message. Raises ApiError 400 in Telegram's words."""
    text = given.text("text")
    if not text and not empty:
        raise bad_request("message text is empty")
    return _read(world, method, given, text, "entities", MAX_TEXT, "message", empty=empty)


def caption_of(world: World, method: str, given: Fields) -> FormattedText:
    """The caption of a file. Raises ApiError 400 in Telegram's words."""
    text = given.text("caption")
    return _read(
        world, method, given, text, "caption_entities", MAX_CAPTION, "message caption", empty=True
    )


def _read(
    world: World,
    method: str,
    given: Fields,
    text: str,
    entities: str,
    limit: int,
    what: str,
    *,
    empty: bool,
) -> FormattedText:
    kept = read(
        text,
        given.text("parse_mode"),
        given.items(entities),
        limit=limit,
        what=what,
        empty=empty,
    )
    if kept.dropped:
        world.problem(
            method,
            f"{kept.dropped} entities above {MAX_ENTITIES} are lost",
            telegram="drops them without a word",
        )
    return kept.text


def post(world: World, given: Fields, content: Content) -> Json:
    """Put a message of the bot into a chat and answer it."""
    chat = world.chat_of(given)
    topic = topic_of(chat, given)
    reply_to, quote = reply_of(world, chat, given)
    message = chat.add(
        world.bot,
        content,
        keyboard=read_keyboard(given.nested("reply_markup")),
        topic_id=topic,
        reply_to=reply_to,
        quote=quote,
        silent=given.flag("disable_notification"),
    )
    return message.to_json()


def message_of(
    world: World, given: Fields, what: str, name: str = "message_id"
) -> tuple[Chat, Message]:
    """The message that a request names. Raises ApiError 400 "`what` not found"."""
    chat = world.chat_of(given)
    found = chat.find(given.number(name))
    if found is None:
        raise bad_request(f"{what} not found")
    return chat, found
