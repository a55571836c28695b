"""Actions that want a word from the user: the bot asks, and the reply carries the command on.

The command stands in the question itself, so a reply still works after a restart. A seal stands
there, too, which nobody can make without the bot's token: neither the agent's words nor anybody
else's can pass for a question, and one that was asked of somebody is answered by nobody else.
"""

import base64
import hmac
from urllib.parse import urlsplit

from telegram import Bot, ForceReply, Message, MessageEntity

from palaver import Action, ConversationId, Namespace, Place
from palaver_telegram.places import Spot
from palaver_telegram.text import Builder, Text

_SIGN = "✏️"
_PURPOSE = b"palaver: a question of the bot's"
_SEAL_BYTES = 16


class Wanted(Action):
    """An action whose word is asked for.

    Attributes:
        seal: a link that proves that the bot has asked.
    """

    seal: str


class Asking:
    """Makes and recognises one bot's questions."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._key = hmac.digest(bot.token.encode(), _PURPOSE, "sha256")

    def wanted(self, place: Place, action: Action) -> Wanted:
        """The action, to be asked of the owner of that place alone."""
        seal = self._seal(place.namespace, place.conversation, action.command)
        link = f"https://t.me/{self._bot.username}#{seal}"
        return Wanted(label=action.label, command=action.command, input=action.input, seal=link)

    def command(self, message: Message, asked: Namespace) -> str | None:
        """The command that a reply to a question completes; None if it is no such reply.

        Args:
            asked: for whom the sender acts there; the question must be his.
        """
        question = message.reply_to_message
        if question is None or not message.text:
            return None
        if question.from_user is None or question.from_user.id != self._bot.id:
            return None
        codes = question.parse_entities([MessageEntity.CODE]).values() if question.text else ()
        command = next((words for words in codes if words.startswith("/")), "")
        wanted = self._seal(asked, Spot.of(message).conversation, command)
        sealed = any(hmac.compare_digest(seal, wanted) for seal in _seals(question))
        return command if command and sealed else None

    def _seal(self, owner: Namespace, conversation: ConversationId, command: str) -> str:
        words = "\0".join((str(owner), conversation, command.strip())).encode()
        digest = hmac.digest(self._key, words, "sha256")[:_SEAL_BYTES]
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def question(action: Action) -> tuple[Text, ForceReply]:
    """The message that asks."""
    out = Builder()
    with out.marked("bold"):
        if isinstance(action, Wanted):
            with out.marked("text_link", url=action.seal):
                out.write(_SIGN)
        else:
            out.write(_SIGN)
        out.write(f" {action.label.rstrip(' …')}")
    out.write(f"\n{action.input or 'Your words'}: reply to this message, or send\n")
    with out.marked("code"):
        out.write(action.command)
    out.write(" …")
    hint = (action.input or "")[:64] or None
    return out.done(), ForceReply(selective=True, input_field_placeholder=hint)


def _seals(question: Message) -> list[str]:
    links = (entity.url for entity in question.entities if entity.type == MessageEntity.TEXT_LINK)
    fragments = (urlsplit(link).fragment for link in links if link)
    return [fragment for fragment in fragments if fragment.isascii()]
