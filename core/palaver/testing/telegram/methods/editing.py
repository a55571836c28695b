"""Edits, deletions, pins."""

import dataclasses

from palaver.testing.telegram.entities import FormattedText
from palaver.testing.telegram.markup import Keyboard, read_keyboard
from palaver.testing.telegram.messages import Content, Message
from palaver.testing.telegram.methods.common import Handler, caption_of, message_of, text_of
from palaver.testing.telegram.methods.media import read_file
from palaver.testing.telegram.rich import read_rich
from palaver.testing.telegram.wire import (
    ApiError,
    Fields,
    Json,
    bad_request,
)
from palaver.testing.telegram.world import World

#: Seconds in which a bot may delete a message. Source: deleteMessage (48 hours).
DELETE_SECONDS = 48 * 3600

_NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same"
    " as a current content and reply markup of the message"
)


def editable(world: World, given: Fields) -> Message:
    """The bot's own message that a request wants to edit. Raises ApiError 400."""
    if not given.text("chat_id"):
        raise bad_request("chat_id is empty")
    if not given.number("message_id"):
        raise bad_request("message identifier is not specified")
    _, message = message_of(world, given, "message to edit")
    if not message.from_bot or message.forward_origin or message.keyboard.other:
        raise bad_request("message can't be edited")
    return message


def replace(world: World, message: Message, content: Content, keyboard: Keyboard) -> Json:
    """Give a message new content and keyboard. Raises ApiError 400 when both are as before."""
    same_keyboard = keyboard.inline == message.keyboard.inline
    if same_keyboard and content == message.content:
        raise bad_request(_NOT_MODIFIED)
    message.change(world.clock.now(), content, keyboard)
    message.edit_date = world.clock.date()
    world.signal.notify()
    return message.to_json()


def edit_message_text(world: World, given: Fields) -> Json:
    """editMessageText: without a keyboard, the old one goes."""
    if "rich_message" in given:
        content = read_rich(given)
    else:
        content = Content("text", text_of(world, "editMessageText", given))
    keyboard = read_keyboard(given.nested("reply_markup"))
    message = editable(world, given)
    if message.file is not None:
        raise bad_request("there is no text in the message to edit")
    return replace(world, message, content, keyboard)


def edit_message_caption(world: World, given: Fields) -> Json:
    """editMessageCaption."""
    caption: FormattedText = caption_of(world, "editMessageCaption", given)
    keyboard = read_keyboard(given.nested("reply_markup"))
    message = editable(world, given)
    if message.file is None:
        raise bad_request("there is no caption in the message to edit")
    return replace(world, message, dataclasses.replace(message.content, text=caption), keyboard)


def edit_message_media(world: World, given: Fields) -> Json:
    """editMessageMedia."""
    media = given.nested("media") or Fields({})
    kind = media.text("type")
    caption = caption_of(world, "editMessageMedia", media)
    content = Content(kind, caption, read_file(world, kind, media, "media"))
    keyboard = read_keyboard(given.nested("reply_markup"))
    return replace(world, editable(world, given), content, keyboard)


def edit_message_reply_markup(world: World, given: Fields) -> Json:
    """editMessageReplyMarkup."""
    keyboard = read_keyboard(given.nested("reply_markup"))
    message = editable(world, given)
    return replace(world, message, message.content, keyboard)


def delete_message(world: World, given: Fields) -> Json:
    """deleteMessage."""
    chat, message = message_of(world, given, "message to delete")
    own = message.from_bot
    if not (own or chat.private or chat.bot_is_admin) or message.content.kind == "service":
        raise bad_request("message can't be deleted")
    if world.clock.now() - message.date > DELETE_SECONDS:
        raise bad_request("message can't be deleted for everyone")
    message.deleted_at = world.clock.now()
    world.signal.notify()
    return True


def delete_messages(world: World, given: Fields) -> Json:
    """deleteMessages: what is not there is skipped."""
    for message_id in given.array("message_ids"):
        one = Fields({"chat_id": given.values["chat_id"], "message_id": message_id})
        try:
            delete_message(world, one)
        except ApiError as refused:
            if not refused.description.endswith("not found"):
                raise
    return True


def pin_chat_message(world: World, given: Fields) -> Json:
    """pinChatMessage."""
    chat, message = message_of(world, given, "message to pin")
    _require_rights(chat.private or chat.bot_is_admin, "pin a message")
    if message not in chat.pinned:
        chat.pinned.append(message)
    world.signal.notify()
    return True


def unpin_chat_message(world: World, given: Fields) -> Json:
    """unpinChatMessage: the newest pin without a message id."""
    chat = world.chat_of(given)
    _require_rights(chat.private or chat.bot_is_admin, "unpin a message")
    wanted = given.number("message_id")
    found = [m for m in chat.pinned if wanted in (0, m.id)]
    if not found:
        raise bad_request("message to unpin not found")
    chat.pinned.remove(found[-1])
    return True


def unpin_all_chat_messages(world: World, given: Fields) -> Json:
    """unpinAllChatMessages."""
    chat = world.chat_of(given)
    _require_rights(chat.private or chat.bot_is_admin, "unpin a message")
    chat.pinned.clear()
    return True


def _require_rights(allowed: bool, what: str) -> None:
    if not allowed:
        raise bad_request(f"not enough rights to {what}")


HANDLERS: dict[str, Handler] = {
    "editMessageText": edit_message_text,
    "editMessageCaption": edit_message_caption,
    "editMessageMedia": edit_message_media,
    "editMessageReplyMarkup": edit_message_reply_markup,
    "deleteMessage": delete_message,
    "deleteMessages": delete_messages,
    "pinChatMessage": pin_chat_message,
    "unpinChatMessage": unpin_chat_message,
    "unpinAllChatMessages": unpin_all_chat_messages,
}
