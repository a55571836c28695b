"""Messages, drafts and chat actions as a person sees them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from palaver.testing.telegram.entities import Entity, FormattedText
from palaver.testing.telegram.files import StoredFile
from palaver.testing.telegram.markup import Button, Keyboard
from palaver.testing.telegram.wire import Json, JsonObject

#: Seconds that a draft is shown. Source: sendMessageDraft.
DRAFT_SECONDS = 30.0
#: Seconds that a chat action is shown. Source: sendChatAction.
ACTION_SECONDS = 5.0


@dataclass(frozen=True)
class Content:
    """What a message says: a text, a file with a caption, a rich message or a service message.

    `rich` is the InputRichMessage as the bot gave it; `extra` are further fields of the message.
    """

    kind: str
    text: FormattedText = field(default_factory=FormattedText)
    file: StoredFile | None = None
    rich: JsonObject = field(default_factory=dict)
    extra: JsonObject = field(default_factory=dict)

    @property
    def said(self) -> str:
        """Its text or caption; of a rich message its Markdown or HTML."""
        if self.rich:
            return str(self.rich.get("markdown") or self.rich.get("html"))
        return self.text.text

    def to_json(self, users: Mapping[int, JsonObject]) -> JsonObject:
        """The fields of a message."""
        fields: JsonObject = dict(self.extra)
        if self.file is not None:
            fields |= self.file.message_fields()
        name = "text" if self.kind == "text" else "caption"
        if self.text.text:
            fields[name] = self.text.text
        if self.text.entities:
            known = dict(users)
            marks: list[Json] = [entity.to_json(known) for entity in self.text.entities]
            fields["entities" if name == "text" else "caption_entities"] = marks
        return fields


class Home(Protocol):
    """What a message knows of its chat."""

    #: The refusal that the bot gets in the chat, or nothing.
    forbidden: str

    @property
    def private(self) -> bool:
        """Whether it is a chat of one person with the bot."""
        ...

    @property
    def bot_is_admin(self) -> bool:
        """Whether the bot may do what administrators may."""
        ...

    def to_json(self) -> JsonObject:
        """Chat of the Bot API."""
        ...


@dataclass(frozen=True)
class Version:
    """A state of a message: its content and keyboard, and since when (Unix time)."""

    content: Content
    keyboard: Keyboard
    at: float


@dataclass(eq=False)
class Message:
    """A message in a chat; a person's or the bot's."""

    id: int
    chat: Home
    sender: JsonObject
    date: int
    history: list[Version]
    topic_id: int | None = None
    in_topic: bool = False
    reply_to: "Message | None" = None
    quote: str = ""
    media_group_id: str = ""
    forward_origin: JsonObject = field(default_factory=dict)
    silent: bool = False
    edit_date: int = 0
    deleted_at: float | None = None
    users: Mapping[int, JsonObject] = field(default_factory=dict)
    #: What the bot put on it.
    bot_reactions: tuple[str, ...] = ()
    #: What people put on it, by user id.
    reactions: dict[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def content(self) -> Content:
        """What it says now."""
        return self.history[-1].content

    @property
    def keyboard(self) -> Keyboard:
        """What is under it now."""
        return self.history[-1].keyboard

    @property
    def text(self) -> str:
        """Its text or caption; of a rich message its Markdown or HTML."""
        return self.content.said

    @property
    def entities(self) -> tuple[Entity, ...]:
        """The formatting of its text or caption, with what Telegram found by itself."""
        return self.content.text.entities

    @property
    def buttons(self) -> list[str]:
        """The labels of its inline buttons."""
        return [button.text for button in self.keyboard.buttons]

    @property
    def rows(self) -> list[list[str]]:
        """The labels of its inline buttons, row by row."""
        return [[button.text for button in row] for row in self.keyboard.rows]

    @property
    def file(self) -> StoredFile | None:
        """The file that it carries."""
        return self.content.file

    @property
    def from_bot(self) -> bool:
        """Whether the bot sent it."""
        return self.sender.get("is_bot") is True

    @property
    def deleted(self) -> bool:
        """Whether it is gone from the chat."""
        return self.deleted_at is not None

    @property
    def texts(self) -> list[str]:
        """All texts that it has had, the first one first."""
        return [version.content.said for version in self.history]

    def marked(self, kind: str) -> list[str]:
        """What is formatted so: `message.marked("bold")`."""
        return self.content.text.pieces(kind)

    def button(self, label: str) -> Button:
        """The inline button with this label, or else with this data.

        Raises LookupError that names the buttons there are.
        """
        for wanted in ("text", "data"):
            for button in self.keyboard.buttons:
                if getattr(button, wanted) == label:
                    return button
        raise LookupError(f"no button {label!r}; there are {self.buttons} under {self.text[:80]!r}")

    def change(self, at: float, content: Content | None, keyboard: Keyboard) -> None:
        """A new version from now on."""
        self.history.append(Version(content or self.content, keyboard, at))

    def to_json(self, *, with_reply: bool = True) -> JsonObject:
        """Message of the Bot API; a message in `reply_to_message` carries none itself."""
        body: JsonObject = {
            "message_id": self.id,
            "from": self.sender,
            "chat": self.chat.to_json(),
            "date": self.date,
        }
        body |= self.content.to_json(self.users)
        if self.topic_id is not None:
            body["message_thread_id"] = self.topic_id
        optional: JsonObject = {
            "is_topic_message": self.in_topic,
            "edit_date": self.edit_date,
            "media_group_id": self.media_group_id,
            "forward_origin": self.forward_origin,
            "reply_markup": self.keyboard.inline,
        }
        body |= {name: value for name, value in optional.items() if value}
        if with_reply and self.reply_to is not None:
            body["reply_to_message"] = self.reply_to.to_json(with_reply=False)
            if self.quote:
                body["quote"] = {"text": self.quote, "position": 0, "is_manual": True}
        return body

    def inaccessible(self) -> JsonObject:
        """What is told of it once it is deleted."""
        return {"chat": self.chat.to_json(), "message_id": self.id, "date": 0}


@dataclass
class Draft:
    """A preview of a message that is being written (sendMessageDraft).

    `states` are the texts it showed, the first one first; `until` is when it fades (Unix time);
    `followed` tells whether a message came after it, as there must.
    """

    id: int
    topic_id: int | None
    states: list[Content]
    until: float
    followed: bool = False

    @property
    def text(self) -> str:
        """What it shows."""
        return self.states[-1].said

    @property
    def texts(self) -> list[str]:
        """All that it showed."""
        return [state.said for state in self.states]


@dataclass(frozen=True)
class ChatAction:
    """A sendChatAction: `typing` and its kin, at a Unix time."""

    action: str
    topic_id: int | None
    at: float
