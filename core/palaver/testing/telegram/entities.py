"""Text with entities, counted as Telegram counts: offsets and lengths in UTF-16 code units."""

from dataclasses import dataclass

from palaver.testing.telegram.wire import Fields, JsonObject, bad_request

#: Entities of this many at most are kept; Telegram drops the rest without a word.
#: Source: `telegram.constants.MessageLimit.MESSAGE_ENTITIES`.
MAX_ENTITIES = 100

#: What Telegram finds by itself; such an entity given by a bot is ignored.
FOUND_TYPES = frozenset(
    [
        "mention",
        "hashtag",
        "cashtag",
        "bot_command",
        "url",
        "email",
        "phone_number",
        "bank_card_number",
    ]
)
#: What a bot may ask for.
ASKED_TYPES = frozenset(
    [
        "bold",
        "italic",
        "underline",
        "strikethrough",
        "spoiler",
        "blockquote",
        "expandable_blockquote",
        "code",
        "pre",
        "text_link",
        "text_mention",
        "custom_emoji",
        "date_time",
    ]
)


def units(text: str) -> int:
    """The length in UTF-16 code units: an astral character counts twice."""
    return len(text) + sum(character > "\uffff" for character in text)


@dataclass(frozen=True, order=True)
class Entity:
    """A piece of formatting, as MessageEntity of the Bot API."""

    type: str
    offset: int
    length: int
    url: str = ""
    language: str = ""
    user_id: int = 0
    custom_emoji_id: str = ""
    unix_time: int = 0
    date_time_format: str = ""

    @property
    def end(self) -> int:
        """The offset behind its last code unit."""
        return self.offset + self.length

    def to_json(self, users: dict[int, JsonObject] | None = None) -> JsonObject:
        """MessageEntity; `users` gives the User of a text mention."""
        body: JsonObject = {"type": self.type, "offset": self.offset, "length": self.length}
        for name in ("url", "language", "custom_emoji_id", "date_time_format"):
            if getattr(self, name):
                body[name] = getattr(self, name)
        if self.type == "date_time":
            body["unix_time"] = self.unix_time
        if self.user_id:
            nobody: JsonObject = {"id": self.user_id, "is_bot": False, "first_name": "?"}
            body["user"] = (users or {}).get(self.user_id, nobody)
        return body


@dataclass(frozen=True)
class FormattedText:
    """A text and its entities."""

    text: str = ""
    entities: tuple[Entity, ...] = ()

    def pieces(self, kind: str) -> list[str]:
        """What the entities of one type cover, in order."""
        return [self.piece(entity) for entity in self.entities if entity.type == kind]

    def piece(self, entity: Entity) -> str:
        """What an entity covers."""
        encoded = self.text.encode("utf-16-le")
        return encoded[2 * entity.offset : 2 * entity.end].decode("utf-16-le", "replace")


def read_entity(given: Fields) -> Entity | None:
    """The entity that a bot gave, or None for one that Telegram finds by itself.

    Raises ApiError 400 in the words of Client::get_text_entity (tdlib/telegram-bot-api).
    """
    kind = given.text("type")
    if not kind:
        raise _refused("Type is not specified")
    if kind in FOUND_TYPES:
        return None
    if kind not in ASKED_TYPES:
        raise _refused("Unsupported type specified")
    user = given.nested("user")
    if kind == "text_mention":
        _needed(given, "user")
    return Entity(
        type=kind,
        offset=given.number("offset"),
        length=given.number("length"),
        url=_needed(given, "url") if kind == "text_link" else "",
        language=given.text("language") if kind == "pre" else "",
        user_id=user.number("id") if user and kind == "text_mention" else 0,
        custom_emoji_id=_needed(given, "custom_emoji_id") if kind == "custom_emoji" else "",
        unix_time=int(_needed(given, "unix_time")) if kind == "date_time" else 0,
        date_time_format=given.text("date_time_format") if kind == "date_time" else "",
    )


def _needed(given: Fields, name: str) -> str:
    if name not in given:
        raise _refused(f'Can\'t find field "{name}"')
    return given.text(name)


def _refused(reason: str) -> Exception:
    return bad_request(f"can't parse MessageEntity: {reason}")
