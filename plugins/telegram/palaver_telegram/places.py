"""Where a message is: a chat, or a topic of it."""

from dataclasses import dataclass

from telegram import Message

from palaver import ConversationId, Namespace, Place

FRONTEND = "telegram"


@dataclass(frozen=True, slots=True)
class Spot:
    """A chat, or one topic of a chat. As a conversation: `CHAT` or `CHAT:TOPIC`."""

    chat_id: int
    topic_id: int | None = None

    @property
    def private(self) -> bool:
        """Whether it is somebody's chat with the bot: those have the ids of their users."""
        return self.chat_id > 0

    @property
    def conversation(self) -> ConversationId:
        topic = "" if self.topic_id is None else f":{self.topic_id}"
        return ConversationId(f"{self.chat_id}{topic}")

    @classmethod
    def of(cls, message: Message) -> "Spot":
        """Where a message is. In a group without topics, answers have a thread that is none."""
        topic = message.message_thread_id if message.is_topic_message else None
        return cls(message.chat.id, topic)

    @classmethod
    def parse(cls, conversation: ConversationId) -> "Spot":
        """Read what `conversation` wrote.

        Raises:
            ValueError: if it is none of ours.
        """
        chat, _, topic = conversation.partition(":")
        return cls(int(chat), int(topic) if topic else None)


def namespace(user_id: int) -> Namespace:
    """Each Telegram user has an own one."""
    return Namespace(FRONTEND, str(user_id))


def private_place(owner: Namespace) -> Place:
    """A user's chat with the bot."""
    return Place(owner, Spot(int(owner.user)).conversation)
