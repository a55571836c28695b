"""From the text of a request to the text that Telegram keeps: parsing, cleaning, limits."""

import dataclasses
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from palaver.testing.telegram import tdlib
from palaver.testing.telegram.entities import (
    MAX_ENTITIES,
    Entity,
    FormattedText,
    read_entity,
    units,
)
from palaver.testing.telegram.nesting import add_found, settle
from palaver.testing.telegram.wire import (
    Fields,
    Json,
    StricterThanTelegram,
    bad_request,
)

#: Characters of a message after parsing. Source: TDLib counts Unicode characters
#: (get_input_message_content), not the UTF-16 units of the entities.
MAX_TEXT = 4096
#: The same of a caption.
MAX_CAPTION = 1024
#: Bytes of the text before parsing. Source: Client::get_formatted_text.
MAX_RAW_BYTES = 1 << 15
_MAX_OFFSET = 1_000_000

_TO_SPACE = {chr(code): " " for code in range(32) if chr(code) not in "\n\r"}
_REMOVED = {"\r", *map(chr, range(0x2028, 0x202F)), "\u0333", "\u033f", "\u030a"}
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\u2028-\u202e\u0333\u033f\u030a]")
_MARKS = re.compile("[\u200e\u200f]+(?=[\u200e\u200f])")
_INVISIBLE = re.compile(
    "[ \n\u1680\u180e\u2000-\u200f\u202e\u202f\u205f\u2800\u3000\ufffc\ufeff\u00a0"
    "\U000e0000-\U000e007f]*"
)

_URL = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,;:!?)\]}]", re.IGNORECASE)
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z]{2,})+")
_COMMAND = re.compile(r"(?<![\w/<>@])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/<>@])")
_MENTION = re.compile(r"(?<![\w@])@[A-Za-z0-9_]{4,32}(?![\w@])")
_HASHTAG = re.compile(r"(?<![\w#])#\w*[^\W\d]\w*")


@dataclass(frozen=True)
class Kept:
    """A text as Telegram keeps it, and how many entities it dropped for their number."""

    text: FormattedText
    dropped: int = 0


def found_in(text: str) -> list[Entity]:
    """What Telegram marks in a text by itself; by TDLib where it is installed.

    Without it the plain cases only: http links, mail addresses, commands, mentions, hashtags.
    """
    if tdlib.installed():
        return tdlib.find(text)
    patterns = (
        ("url", _URL),
        ("email", _EMAIL),
        ("bot_command", _COMMAND),
        ("mention", _MENTION),
        ("hashtag", _HASHTAG),
    )
    found: list[Entity] = []
    for kind, pattern in patterns:
        for match in pattern.finditer(text):
            offset, length = units(text[: match.start()]), units(match.group())
            if not any(offset < e.end and e.offset < offset + length for e in found):
                found.append(Entity(kind, offset, length))
    return sorted(found, key=lambda entity: entity.offset)


def as_sent(text: str, entities: Sequence[Entity] = ()) -> FormattedText:
    """A person's text with the formatting given and the entities that Telegram adds."""
    return FormattedText(text, tuple(add_found(settle(entities), found_in(text))))


def read(
    text: str, parse_mode: str, entities: list[Fields], *, limit: int, what: str, empty: bool
) -> Kept:
    """The text of a request as Telegram keeps it.

    `limit` is in characters, `what` names the text in the refusal ("message", "message caption")
    and `empty` allows it to be. Raises ApiError 400 in Telegram's words.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_RAW_BYTES:
        raise bad_request("text is too long")
    if parse_mode and parse_mode.lower() != "none" and text:
        given = _parse(text, parse_mode)
    else:
        asked = [entity for entity in map(read_entity, entities) if entity is not None]
        given = FormattedText(text, tuple(asked))
    kept = normalise(given, empty=empty)
    if len(kept.text) > limit:
        raise bad_request(f"{what} is too long")
    dropped = max(0, len(kept.entities) - MAX_ENTITIES)
    marked = add_found(kept.entities[:MAX_ENTITIES], [] if not kept.text else found_in(kept.text))
    return Kept(FormattedText(kept.text, tuple(marked)), dropped)


def _parse(text: str, parse_mode: str) -> FormattedText:
    if not tdlib.installed():
        raise StricterThanTelegram(
            "parse_mode needs the package tdjson here: pip install tdjson, or send entities",
            "parses it",
            501,
        )
    return tdlib.parse(text, parse_mode)


def normalise(given: FormattedText, *, empty: bool, trim: bool = True) -> FormattedText:
    """What TDLib's fix_formatted_text makes of a text with entities.

    Raises ApiError 400 for entities out of the text, or a text with nothing to see in it.
    """
    for entity in given.entities:
        if not 0 <= entity.offset <= _MAX_OFFSET:
            raise bad_request(f"receive an entity with incorrect offset {entity.offset}")
        if not 0 <= entity.length <= _MAX_OFFSET:
            raise bad_request(f"receive an entity with incorrect length {entity.length}")
    if any("\ud800" <= character <= "\udfff" for character in given.text):
        raise bad_request("strings must be encoded in UTF-8")
    fixed = _clean(given.text, settle(_real(given.entities)))
    fixed = dataclasses.replace(fixed, entities=tuple(settle(_real(fixed.entities))))
    if not fixed.text.strip(" \n"):
        if empty:
            return FormattedText()
        raise bad_request("text must be non-empty")
    if trim:
        fixed = _trim(fixed)
    if _INVISIBLE.fullmatch(fixed.text) and not empty:
        raise bad_request("text must be non-empty")
    return fixed


def _real(entities: tuple[Entity, ...]) -> list[Entity]:
    return [
        entity
        for entity in entities
        if entity.length > 0
        and not (entity.type == "text_link" and not entity.url)
        and not (entity.type == "text_mention" and entity.user_id <= 0)
    ]


def _clean(text: str, entities: list[Entity]) -> FormattedText:
    """Without control characters and vertical lines; entities move with what is left."""
    _check_edges(text, entities)
    if not _CONTROL.search(text):
        return FormattedText(_mend_marks(text), tuple(entities))
    gone: list[int] = []
    characters: list[str] = []
    position = 0
    for character in text:
        if character in _REMOVED:
            gone.append(position)
        else:
            characters.append(_TO_SPACE.get(character, character))
        position += 1 + (character > "\uffff")
    moved = [
        dataclasses.replace(
            entity,
            offset=entity.offset - sum(place < entity.offset for place in gone),
            length=entity.length - sum(entity.offset <= place < entity.end for place in gone),
        )
        for entity in entities
    ]
    return FormattedText(_mend_marks("".join(characters)), tuple(moved))


def _mend_marks(text: str) -> str:
    # Long runs of direction marks hang clients; TDLib makes joiners of all but the last.
    return _MARKS.sub(lambda found: "\u200c" * len(found.group()), text)


def _check_edges(text: str, entities: list[Entity]) -> None:
    """Refuse an entity that begins or ends outside of the text or inside a character."""
    if not entities:
        return
    waiting, around = list(reversed(entities)), list[Entity]()
    for position, size in _boundaries(text):
        while around and position >= around[-1].end:
            entity = around.pop()
            if position > entity.end:
                raise bad_request(
                    f"entity beginning at UTF-16 offset {entity.offset} ends in a middle of a"
                    f" UTF-16 symbol at byte offset {size}"
                )
        while waiting and position >= waiting[-1].offset:
            around.append(waiting.pop())
            if position > around[-1].offset:
                raise bad_request(
                    f"entity begins in a middle of a UTF-16 symbol at byte offset {size}"
                )
    if waiting:
        raise bad_request(
            f"entity begins after the end of the text at UTF-16 offset {waiting[-1].offset}"
        )
    if around:
        raise bad_request(
            f"entity beginning at UTF-16 offset {around[-1].offset} ends after the end of the text"
            f" at UTF-16 offset {around[-1].end}"
        )


def _boundaries(text: str) -> Iterator[tuple[int, int]]:
    """Where characters begin, in UTF-16 units and in bytes, and where the text ends."""
    position = size = 0
    yield position, size
    for character in text:
        position += 1 + (character > "\uffff")
        size += len(character.encode())
        yield position, size


def _trim(given: FormattedText) -> FormattedText:
    """Without white space behind, and before as far as no entity covers it."""
    text = given.text.rstrip(" \n")
    end = units(text)
    entities = [
        dataclasses.replace(entity, length=min(entity.end, end) - entity.offset)
        for entity in given.entities
        if entity.offset < end
    ]
    room = entities[0].offset if entities else len(text)
    lead = min(len(text) - len(text.lstrip(" \n")), room)
    moved = (dataclasses.replace(entity, offset=entity.offset - lead) for entity in entities)
    return FormattedText(text[lead:], tuple(moved))


def entities_json(text: FormattedText, users: dict[int, Json]) -> list[Json]:
    """The entities as MessageEntity; `users` are the Users of text mentions by id."""
    known = {key: value for key, value in users.items() if isinstance(value, dict)}
    return [entity.to_json(known) for entity in text.entities]
