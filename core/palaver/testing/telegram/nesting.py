"""Which entities of a message stay, and how Telegram cuts them so that they nest.

Bold, italic, underline, strikethrough and spoiler may be split and merged; everything else is
whole or dropped. The rules are those of TDLib (td/telegram/MessageEntity.cpp); the tests compare
the results with TDLib itself.
"""

import dataclasses
from collections.abc import Iterable, Sequence

from palaver.testing.telegram.entities import Entity

SPLITTABLE = ("bold", "italic", "underline", "strikethrough", "spoiler")
BLOCKQUOTES = frozenset({"blockquote", "expandable_blockquote"})
#: They contain nothing and stand in nothing but a quote.
VERBATIM = frozenset({"pre", "code", "date_time"})

_ORDER = {
    "blockquote": 0,
    "expandable_blockquote": 0,
    "pre": 11,
    "code": 20,
    "date_time": 30,
    "text_link": 49,
    "text_mention": 49,
    "bold": 90,
    "italic": 91,
    "underline": 92,
    "strikethrough": 93,
    "spoiler": 94,
    "custom_emoji": 99,
}
_PRE_WITH_LANGUAGE = 10
_FOUND = 50


def ordered(entities: Iterable[Entity]) -> list[Entity]:
    """By offset, the longer first."""

    def key(entity: Entity) -> tuple[int, int, int]:
        rank = _ORDER.get(entity.type, _FOUND)
        if entity.type == "pre" and entity.language:
            rank = _PRE_WITH_LANGUAGE
        return (entity.offset, -entity.length, rank)

    return sorted(entities, key=key)


def settle(entities: Iterable[Entity]) -> list[Entity]:
    """The entities that Telegram makes of these: nested properly, overlaps cut or dropped."""
    found = ordered(entities)
    if _well_nested(found):
        return found
    splittable = [entity for entity in found if entity.type in SPLITTABLE]
    return _with_splittable(splittable, _whole(found))


def add_found(entities: Sequence[Entity], found: Sequence[Entity]) -> list[Entity]:
    """`entities` with those that Telegram found in the text where nothing else stands."""
    if not found:
        return list(entities)
    splittable = [entity for entity in entities if entity.type in SPLITTABLE]
    quotes = [entity for entity in entities if entity.type in BLOCKQUOTES]
    whole = [entity for entity in entities if entity.type not in {*SPLITTABLE, *BLOCKQUOTES}]
    news = [
        entity
        for entity in _clear_of_quotes(found, quotes)
        if not any(entity.offset < other.end and other.offset < entity.end for other in whole)
    ]
    return _with_splittable(splittable, ordered([*whole, *news, *quotes]))


def _with_splittable(splittable: list[Entity], whole: list[Entity]) -> list[Entity]:
    if not splittable:
        return whole
    return ordered([*whole, *ordered(_Splitter(splittable, whole).run())])


def _whole(found: list[Entity]) -> list[Entity]:
    continuous = _first_come(e for e in found if e.type not in {*SPLITTABLE, *BLOCKQUOTES})
    quotes = _first_come(e for e in found if e.type in BLOCKQUOTES)
    return ordered([*_clear_of_quotes(continuous, quotes), *quotes])


def _first_come(entities: Iterable[Entity]) -> list[Entity]:
    kept: list[Entity] = []
    end = 0
    for entity in entities:
        if entity.offset >= end:
            kept.append(entity)
            end = entity.end
    return kept


def _clear_of_quotes(entities: Sequence[Entity], quotes: Sequence[Entity]) -> list[Entity]:
    """Without those that cross a quote's edge or contain it."""

    def crosses(entity: Entity, quote: Entity) -> bool:
        touches = entity.offset < quote.end and quote.offset < entity.end
        return touches and (entity.end > quote.end or entity.offset < quote.offset)

    return [e for e in entities if not any(crosses(e, quote) for quote in quotes)]


def _well_nested(entities: Sequence[Entity]) -> bool:
    """Whether nothing has to be cut, merged or dropped."""
    parents: list[Entity] = []
    ends: dict[str, int] = {}
    for entity in entities:
        while parents and entity.offset >= parents[-1].end:
            parents.pop()
        if parents and not _may_contain(parents, entity):
            return False
        if entity.type in SPLITTABLE:
            if ends.get(entity.type, -1) >= entity.offset:
                return False
            ends[entity.type] = entity.end
        parents.append(entity)
    return True


def _may_contain(parents: Sequence[Entity], entity: Entity) -> bool:
    kinds = {parent.type for parent in parents}
    continuous = kinds - BLOCKQUOTES - VERBATIM - set(SPLITTABLE)
    if entity.end > parents[-1].end or entity.type in kinds:
        return False
    if parents[-1].type in VERBATIM or kinds & set(SPLITTABLE):
        return False
    if entity.type in VERBATIM:
        return not kinds - BLOCKQUOTES
    if entity.type in BLOCKQUOTES:
        return not continuous and not kinds & BLOCKQUOTES
    return entity.type in SPLITTABLE or not continuous


class _Splitter:
    """Cuts bold and its kin at the edges of everything else, and drops them inside code."""

    def __init__(self, splittable: list[Entity], whole: list[Entity]) -> None:
        self._waiting = list(splittable)
        self._whole = whole
        self._open: dict[str, Entity] = {}
        self._done: list[Entity] = []
        self._around: list[Entity] = []

    def run(self) -> list[Entity]:
        for entity in self._whole:
            self._advance(entity.offset)
            self._around.append(entity)
        last = max(entity.end for entity in [*self._waiting, *self._whole, *self._open.values()])
        self._advance(last)
        return self._done

    def _advance(self, offset: int) -> None:
        while self._around and offset >= self._around[-1].end:
            before = len(self._done)
            self._take_until(self._around[-1].end)
            if self._around.pop().type in VERBATIM:
                del self._done[before:]
        self._take_until(offset)

    def _take_until(self, offset: int) -> None:
        while self._waiting and self._waiting[0].offset < offset:
            self._take(self._waiting.pop(0))
        self._cut(offset)

    def _take(self, entity: Entity) -> None:
        current = self._open.get(entity.type)
        if current is not None and entity.offset <= current.end:
            length = max(current.end, entity.end) - current.offset
            self._open[entity.type] = dataclasses.replace(current, length=length)
        else:
            self._cut(entity.offset)
            self._open[entity.type] = entity

    def _cut(self, offset: int) -> None:
        for kind in SPLITTABLE:
            current = self._open.get(kind)
            if current is None or current.offset >= offset:
                continue
            if current.end <= offset:
                self._done.append(self._open.pop(kind))
            else:
                self._done.append(dataclasses.replace(current, length=offset - current.offset))
                rest = current.end - offset
                self._open[kind] = dataclasses.replace(current, offset=offset, length=rest)
