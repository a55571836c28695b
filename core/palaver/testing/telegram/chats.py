"""Chats and topics: what is in them, and how a test looks at it."""

from collections.abc import Callable, Iterator

from palaver.testing.telegram.markup import Keyboard
from palaver.testing.telegram.messages import (
    ACTION_SECONDS,
    DRAFT_SECONDS,
    ChatAction,
    Content,
    Draft,
    Message,
    Version,
)
from palaver.testing.telegram.scene import Scene
from palaver.testing.telegram.wire import JsonObject

#: The general topic of a forum. Source: Client::GENERAL_FORUM_TOPIC_ID.
GENERAL_TOPIC = 1
#: The colours that a topic's icon may have. Source: createForumTopic.
ICON_COLORS = (7322096, 16766590, 13338331, 9367192, 16749490, 16478047)
WAIT_SECONDS = 5.0


class Place:
    """Where messages are: a chat, or one topic of it."""

    def __init__(self, chat: "Chat | None", topic_id: int | None) -> None:
        self._chat = chat
        self.topic_id = topic_id

    @property
    def chat(self) -> "Chat":
        """The chat that this is, or is in."""
        if self._chat is None:
            raise TypeError("a place without a chat")
        return self._chat

    def _here(self, topic_id: int | None) -> bool:
        return topic_id == self.topic_id

    @property
    def log(self) -> list[Message]:
        """Every message that was ever here: of people, of the bot, of service; deleted too."""
        return [m for m in self.chat.everything if self._here(m.topic_id if m.in_topic else None)]

    @property
    def messages(self) -> list[Message]:
        """The bot's messages as they are now."""
        return [m for m in self.log if m.from_bot and not m.deleted and m.content.kind != "service"]

    @property
    def texts(self) -> list[str]:
        """The texts of the bot's messages as they are now."""
        return [message.text for message in self.messages]

    @property
    def last(self) -> Message:
        """The bot's newest message. Raises LookupError when there is none."""
        if not self.messages:
            raise LookupError(f"the bot has said nothing here:\n{self.picture()}")
        return self.messages[-1]

    @property
    def drafts(self) -> list[Draft]:
        """All drafts that the bot showed here, the first one first."""
        return [draft for draft in self.chat.all_drafts if self._here(draft.topic_id)]

    def shown_draft(self) -> Draft | None:
        """The draft that is shown now: not older than 30 seconds, no message after it."""
        now = self.chat.scene.clock.now()
        shown = [d for d in self.drafts if d.until > now and not d.followed]
        return shown[-1] if shown else None

    @property
    def abandoned_drafts(self) -> list[Draft]:
        """Drafts that faded before a message came: the person saw the text vanish."""
        now = self.chat.scene.clock.now()
        return [d for d in self.drafts if d.until <= now and not d.followed]

    @property
    def actions(self) -> list[ChatAction]:
        """All chat actions that the bot showed here."""
        return [action for action in self.chat.all_actions if self._here(action.topic_id)]

    def shown_action(self) -> str | None:
        """The chat action that is shown now: not older than 5 seconds, no message after it."""
        shown = self.actions[-1:] if self.actions else []
        now = self.chat.scene.clock.now()
        alive = [
            a for a in shown if a.at + ACTION_SECONDS > now and a.at >= self._last_message_at()
        ]
        return alive[0].action if alive else None

    def _last_message_at(self) -> float:
        return max((message.history[0].at for message in self.messages), default=0.0)

    async def wait_for(
        self, predicate: Callable[[Message], object], timeout: float = WAIT_SECONDS
    ) -> Message:
        """The first of the bot's messages, as they are, that fits.

        Raises TimeoutError after `timeout` seconds, with a picture of the chat.
        """

        def probe() -> Message | None:
            return next((message for message in self.messages if predicate(message)), None)

        return await self.chat.scene.signal.wait(probe, timeout, self.picture)

    async def wait_for_text(self, part: str, timeout: float = WAIT_SECONDS) -> Message:
        """The first of the bot's messages that has `part` in its text or caption."""
        return await self.wait_for(lambda message: part in message.text, timeout)

    async def wait_for_draft(
        self, predicate: Callable[[Draft], object], timeout: float = WAIT_SECONDS
    ) -> Draft:
        """The draft that is shown, as soon as it fits."""

        def probe() -> Draft | None:
            draft = self.shown_draft()
            return draft if draft is not None and predicate(draft) else None

        return await self.chat.scene.signal.wait(probe, timeout, self.picture)

    async def wait_until(self, probe: Callable[[], object], timeout: float = WAIT_SECONDS) -> None:
        """Until `probe()` is true: for actions, reactions, deletions."""
        await self.chat.scene.signal.wait(lambda: bool(probe()) or None, timeout, self.picture)

    def picture(self) -> str:
        """The place as text, for a failing test's message."""
        return "\n".join(self._lines()) or "(nothing)"

    def _lines(self) -> Iterator[str]:
        for message in self.log:
            state = " (deleted)" if message.deleted else ""
            edits = f" (edited {len(message.history) - 1}x)" if len(message.history) > 1 else ""
            name = message.sender.get("first_name")
            said = message.text or message.content.kind
            yield f"{message.id} {name}{state}{edits}: {said[:200]!r} {message.buttons or ''}"
        draft = self.shown_draft()
        if draft is not None:
            yield f"draft {draft.id}: {draft.text[:200]!r}"


class Chat(Place):
    """A private chat, a group or a supergroup.

    The messages of a forum's topics are in its `Topic`s; a `Chat` itself shows what is outside of
    them (in a forum: the general topic).
    """

    def __init__(self, scene: Scene, chat_id: int, kind: str, **details: str) -> None:
        super().__init__(None, None)
        self.scene = scene
        self.id = chat_id
        self.type = kind
        self.details = details
        self.forum = False
        self.members: dict[int, str] = {}
        self.topics: dict[int, Topic] = {}
        self.everything: list[Message] = []
        self.all_drafts: list[Draft] = []
        self.all_actions: list[ChatAction] = []
        self.pinned: list[Message] = []
        #: The bot is refused here with this text (403), when it is set.
        self.forbidden = ""
        self.migrated_to: Chat | None = None
        # The first message of a supergroup tells of its creation; 1 is also the general topic.
        self._last_id = 1

    @property
    def chat(self) -> "Chat":
        """Itself."""
        return self

    @property
    def private(self) -> bool:
        """Whether it is a chat of one person with the bot."""
        return self.type == "private"

    @property
    def bot_is_admin(self) -> bool:
        """Whether the bot may do what administrators may."""
        return self.members.get(self.scene.bot_id) in {"administrator", "creator"}

    def to_json(self) -> JsonObject:
        """Chat of the Bot API."""
        body: JsonObject = {"id": self.id, "type": self.type}
        body |= {name: value for name, value in self.details.items() if value}
        if self.forum:
            body["is_forum"] = True
        return body

    def next_id(self) -> int:
        """The id of its next message; a supergroup has its own row of numbers."""
        if self.type != "supergroup":
            return self.scene.next_message()
        self._last_id += 1
        return self._last_id

    def find(self, message_id: int) -> Message | None:
        """The message with this id, unless it is deleted."""
        found = (m for m in self.everything if m.id == message_id and not m.deleted)
        return next(found, None)

    def add(
        self,
        sender: JsonObject,
        content: Content,
        *,
        keyboard: Keyboard | None = None,
        topic_id: int | None = None,
        reply_to: Message | None = None,
        quote: str = "",
        media_group_id: str = "",
        forward_origin: JsonObject | None = None,
        silent: bool = False,
    ) -> Message:
        """A new message here, by a person or the bot; telling the bot is the sender's work."""
        now = self.scene.clock.now()
        message = Message(
            id=self.next_id(),
            chat=self,
            sender=sender,
            date=int(now),
            history=[Version(content, keyboard or Keyboard(), now)],
            reply_to=reply_to,
            users=self.scene.users,
            quote=quote,
            media_group_id=media_group_id,
            forward_origin=forward_origin or {},
            silent=silent,
        )
        self._place(message, topic_id)
        self.everything.append(message)
        if message.from_bot:
            self._end_previews(topic_id)
        self.scene.signal.notify()
        return message

    def begin(self, sender: JsonObject, fields: JsonObject) -> Message:
        """The first message of a supergroup, number 1, which tells how it came to be."""
        self._last_id = 0
        return self.add(sender, Content("service", extra=fields))

    def _place(self, message: Message, topic_id: int | None) -> None:
        if topic_id is not None and topic_id in self.topics:
            message.topic_id, message.in_topic = topic_id, True
            if message.reply_to is None and self.type == "supergroup":
                # In a forum every message that answers nothing answers the topic's beginning.
                message.reply_to = self.topics[topic_id].opening
        elif self.type == "supergroup" and not self.forum and message.reply_to is not None:
            message.topic_id = message.reply_to.topic_id or message.reply_to.id

    def _end_previews(self, topic_id: int | None) -> None:
        now = self.scene.clock.now()
        for draft in self.all_drafts:
            if draft.topic_id == topic_id and draft.until > now:
                draft.followed = True

    def show_draft(self, draft_id: int, topic_id: int | None, content: Content) -> None:
        """A state of a draft; the same id goes on with the one that is shown."""
        now = self.scene.clock.now()
        for draft in self.all_drafts:
            same = draft.id == draft_id and draft.topic_id == topic_id
            if same and draft.until > now and not draft.followed:
                draft.states.append(content)
                draft.until = now + DRAFT_SECONDS
                break
        else:
            self.all_drafts.append(Draft(draft_id, topic_id, [content], now + DRAFT_SECONDS))
        self.scene.signal.notify()

    def show_action(self, action: str, topic_id: int | None) -> None:
        """A chat action."""
        self.all_actions.append(ChatAction(action, topic_id, self.scene.clock.now()))
        self.scene.signal.notify()

    def topic(
        self, name: str, *, by: JsonObject | None = None, icon_color: int = ICON_COLORS[0]
    ) -> "Topic":
        """A new topic, opened by a person (any member, by default) or the bot.

        Raises TypeError in a chat without topics.
        """
        if not (self.forum or (self.private and self.scene.private_topics)):
            raise TypeError("this chat has no topics")
        sender = by or self.scene.users[next(u for u in self.members if u != self.scene.bot_id)]
        look: JsonObject = {"name": name, "icon_color": icon_color}
        opening = self.add(sender, Content("service", extra={"forum_topic_created": look}))
        topic = Topic(self, opening, name, icon_color)
        self.topics[opening.id] = topic
        opening.topic_id, opening.in_topic = opening.id, True
        if sender is not self.scene.bot:
            self.scene.tell("message", opening.to_json())
        return topic

    def drop_bot(self, reason: str = "") -> None:
        """The bot is thrown out, or blocked: from now on it gets 403 here.

        `reason` is the description after "Forbidden: "; Telegram's own by default.
        """
        kicked = "bot was blocked by the user"
        if not self.private:
            kicked = f"bot was kicked from the {self.type} chat"
        self.forbidden = reason or kicked
        self._member_update("member", "kicked")

    def take_bot(self, *, admin: bool = False) -> None:
        """The bot may be here (again)."""
        self.forbidden = ""
        if not self.private:
            self.members[self.scene.bot_id] = "administrator" if admin else "member"
        self._member_update("left", "member")

    def _member_update(self, before: str, after: str) -> None:
        someone = next(u for u in self.members if u != self.scene.bot_id)
        self.scene.tell(
            "my_chat_member",
            {
                "chat": self.to_json(),
                "from": self.scene.users[someone],
                "date": self.scene.clock.date(),
                "old_chat_member": self.member_json(self.scene.bot_id, before),
                "new_chat_member": self.member_json(self.scene.bot_id, after),
            },
        )

    def member_json(self, user_id: int, status: str | None = None) -> JsonObject:
        """ChatMember of somebody who is or was here."""
        status = status or self.members.get(user_id, "left")
        body: JsonObject = {"status": status, "user": self.scene.users[user_id]}
        if status == "creator":
            body["is_anonymous"] = False
        elif status == "administrator":
            body |= dict.fromkeys(_RIGHTS, True) | {"is_anonymous": False, "can_be_edited": False}
        elif status == "kicked":
            body["until_date"] = 0
        return body


_RIGHTS = [
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
    "can_pin_messages",
    "can_manage_topics",
]


class Topic(Place):
    """A topic of a forum or of a private chat."""

    def __init__(self, chat: Chat, opening: Message, name: str, icon_color: int) -> None:
        super().__init__(chat, opening.id)
        self.id = opening.id
        self.opening = opening
        self.name = name
        self.icon_color = icon_color
        self.icon_custom_emoji_id = ""
        self.closed = False

    def to_json(self) -> JsonObject:
        """ForumTopic of the Bot API."""
        body: JsonObject = {
            "message_thread_id": self.id,
            "name": self.name,
            "icon_color": self.icon_color,
        }
        if self.icon_custom_emoji_id:
            body["icon_custom_emoji_id"] = self.icon_custom_emoji_id
        return body
