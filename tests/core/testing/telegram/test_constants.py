"""Our limits are those that python-telegram-bot knows."""

from core.testing.telegram.bots import constants
from palaver.testing.telegram import (
    entities,
    files,
    formatting,
    limits,
    markup,
    menus,
    presses,
    updates,
)
from palaver.testing.telegram.chats import ICON_COLORS
from palaver.testing.telegram.methods.sending import ACTIONS
from palaver.testing.telegram.reactions import EMOJI
from palaver.testing.telegram.schema import load
from palaver.testing.telegram.webhook import MAX_SECRET


def test_texts_and_entities() -> None:
    assert constants.MessageLimit.MAX_TEXT_LENGTH == formatting.MAX_TEXT
    assert constants.MessageLimit.CAPTION_LENGTH == formatting.MAX_CAPTION
    assert constants.MessageLimit.MESSAGE_ENTITIES == entities.MAX_ENTITIES
    known = {str(kind) for kind in constants.MessageEntityType}
    # The server knows card numbers too, which neither the documentation nor the library names.
    assert known | {"bank_card_number"} == entities.ASKED_TYPES | entities.FOUND_TYPES


def test_buttons_and_presses() -> None:
    button = constants.InlineKeyboardButtonLimit
    assert button.MAX_CALLBACK_DATA == markup.MAX_CALLBACK_DATA
    assert button.MAX_COPY_TEXT == markup.MAX_COPY_TEXT
    assert constants.InlineKeyboardMarkupLimit.TOTAL_BUTTON_NUMBER == markup.MAX_BUTTONS
    answer = constants.CallbackQueryLimit.ANSWER_CALLBACK_QUERY_TEXT_LENGTH
    assert answer == presses.MAX_ANSWER_TEXT


def test_files_are_limited_as_there_or_by_mebibytes() -> None:
    size = constants.FileSizeLimit
    assert size.FILESIZE_UPLOAD == files.MAX_UPLOAD
    # The library rounds down to decimal megabytes what the server's source counts in binary ones.
    assert round(files.MAX_DOWNLOAD / size.FILESIZE_DOWNLOAD, 2) == 1.05
    assert round(files.MAX_PHOTO / size.PHOTOSIZE_UPLOAD, 2) == 1.05


def test_updates_and_webhook() -> None:
    assert constants.PollingLimit.MAX_LIMIT == updates.MAX_LIMIT
    assert constants.WebhookLimit.MAX_SECRET_TOKEN_LENGTH == MAX_SECRET
    optional = {"chat_member", "message_reaction", "message_reaction_count"}
    assert optional == updates.NOT_BY_DEFAULT
    assert optional <= {str(kind) for kind in constants.UpdateType}


def test_commands_and_topics() -> None:
    limit = constants.BotCommandLimit
    assert limit.MAX_COMMAND == menus.MAX_NAME
    assert limit.MAX_DESCRIPTION == menus.MAX_DESCRIPTION
    assert limit.MAX_COMMAND_NUMBER == menus.MAX_COMMANDS
    assert set(ICON_COLORS) == {int(color) for color in constants.ForumIconColor}
    name = load().parameters("createForumTopic")["name"]
    topic = constants.ForumTopicLimit
    assert (name.low, name.high) == (topic.MIN_NAME_LENGTH, topic.MAX_NAME_LENGTH)


def test_flood_limits() -> None:
    flood = constants.FloodLimit
    assert flood.MESSAGES_PER_SECOND_PER_CHAT == limits.MESSAGES_PER_SECOND_PER_CHAT
    assert flood.MESSAGES_PER_SECOND == limits.MESSAGES_PER_SECOND
    assert flood.MESSAGES_PER_MINUTE_PER_GROUP == limits.MESSAGES_PER_MINUTE_PER_GROUP


def test_actions_and_reactions() -> None:
    assert {str(action) for action in constants.ChatAction} <= ACTIONS
    assert {str(emoji).replace("\ufe0f", "") for emoji in constants.ReactionEmoji} == EMOJI
