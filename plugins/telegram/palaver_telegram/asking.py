"""Actions that want a word from the user: the bot asks, and the reply carries the command on.

The command stands in the question itself, so a reply still works after a restart.
"""

from telegram import ForceReply, Message, MessageEntity

from palaver import Action
from palaver_telegram.text import Builder, Text

_SIGN = "✏️"


def question(action: Action) -> tuple[Text, ForceReply]:
    """The message that asks."""
    out = Builder()
    with out.marked("bold"):
        out.write(f"{_SIGN} {action.label.rstrip(' …')}")
    out.write(f"\n{action.input or 'Your words'}: reply to this message, or send\n")
    with out.marked("code"):
        out.write(action.command)
    out.write(" …")
    hint = (action.input or "")[:64] or None
    return out.done(), ForceReply(selective=True, input_field_placeholder=hint)


def asked_command(message: Message, bot_id: int) -> str | None:
    """The command that a reply to such a question completes."""
    asked = message.reply_to_message
    if asked is None or asked.from_user is None or asked.from_user.id != bot_id:
        return None
    if not (asked.text or "").startswith(_SIGN) or not message.text:
        return None
    found = asked.parse_entities([MessageEntity.CODE]).values()
    return next((words for words in found if words.startswith("/")), None)
