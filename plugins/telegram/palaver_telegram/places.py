"""Where a message is: a chat, or a topic of it."""

from dataclasses import dataclass

from telegram import Message

from palaver import ConversationId, MessageId, Namespace, Place

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


def moved(message: Message | None) -> tuple[ConversationId, ConversationId] | None:
    """A group's conversation before and after it became a supergroup, if the message says so.

    Telegram says it twice: in the group, and in the supergroup in the group's own name.
    """
    if message and message.migrate_to_chat_id:
        return Spot(message.chat.id).conversation, Spot(message.migrate_to_chat_id).conversation
    if message and message.migrate_from_chat_id:
        return Spot(message.migrate_from_chat_id).conversation, Spot(message.chat.id).conversation
    return None


def name_of(message: Message) -> MessageId:
    """A message with its chat, for that of its conversation may have moved before or after."""
    return MessageId(f"{message.chat.id}:{message.message_id}")


def find(message: MessageId) -> tuple[int, int]:
    """The chat and the id that `name_of` wrote."""
    chat, _, number = message.partition(":")
    return int(chat), int(number)


def answered(place: Place) -> int | None:
    """The id of the message that is answered there, by the key that it has as an `Incoming`."""
    chat, _, number = place.answers.partition(":")
    here = chat == str(Spot.parse(place.conversation).chat_id)
    return int(number) if here and number.isdecimal() else None


def key_of(message: Message) -> str:
    """A message as an `Incoming` calls it."""
    return f"{message.chat.id}:{message.message_id}"


def namespace(user_id: int) -> Namespace:
    """Each Telegram user has an own one."""
    return Namespace(FRONTEND, str(user_id))


def private_place(owner: Namespace) -> Place:
    """A user's chat with the bot."""
    return Place(owner, Spot(int(owner.user)).conversation)
