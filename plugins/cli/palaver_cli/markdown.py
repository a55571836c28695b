"""Markdown that is still being written, cut into blocks that will not change any more."""

import re
from dataclasses import dataclass

_FENCE = re.compile(r"^ {0,3}(?P<fence>`{3,}|~{3,})(?P<info>[^`]*)$")
_HEADING = re.compile(r"^ {0,3}#{1,6}(\s|$)")
_ITEM = re.compile(r"^(?P<indent>\s*)(?P<mark>[-*+]|(?P<number>\d{1,9})[.)])(\s|$)")


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of Markdown. `joined`: it goes on where the one before it was cut."""

    source: str
    joined: bool = False


class Blocks:
    """Takes an answer's text bit by bit, and gives each block when it is complete.

    A block is what Markdown separates by a blank line or a fence; a list is one block.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._rest = ""
        self._fence = ""
        self._list = False
        self._joined = False

    def feed(self, text: str) -> list[Block]:
        """Take some more text; the blocks that it completes."""
        *lines, self._rest = (self._rest + text).split("\n")
        return [block for line in lines for block in self._take(line)]

    def end(self) -> list[Block]:
        """There is no more text; what was left."""
        blocks = self._take(self._rest) if self._rest.strip() else []
        self._rest = ""
        return [*blocks, *self._emit()]

    @property
    def tail(self) -> Block:
        """What is not complete yet."""
        lines = [*self._lines, self._rest] if self._rest else self._lines
        return Block("\n".join(lines), self._joined)

    def cut(self, keep: int) -> Block | None:
        """Part of the tail, all but about `keep` lines of it, when it is twice as long.

        Code is cut after a line, a list before an item; a paragraph or a table cannot be.
        """
        if len(self._lines) <= 2 * keep:
            return None
        if self._fence and _FENCE.match(self._lines[0]):
            return self._cut_code(keep)
        return self._cut_list(keep) if self._list else None

    # --- lines ----------------------------------------------------------------------------------

    def _take(self, line: str) -> list[Block]:
        if self._fence:
            return self._in_code(line)
        if not line.strip():
            if self._list:
                self._lines.append(line)
                return []
            return self._emit()
        done: list[Block] = []
        if self._list and not self._lines[-1].strip() and not _continues(line):
            done = self._emit()
        fence = _FENCE.match(line)
        indented = self._list and line.startswith(" ")
        if (fence or _HEADING.match(line)) and not indented:
            done += self._emit()
        self._lines.append(line)
        if fence or ((opening := _FENCE.match(line.strip())) and indented):
            found = fence or opening
            self._fence = found["fence"] if found else ""
        elif _HEADING.match(line) and not indented:
            done += self._emit()
        elif _ITEM.match(line) and not _is_rule(line):
            self._list = True
        return done

    def _in_code(self, line: str) -> list[Block]:
        self._lines.append(line)
        bare = line.strip()
        if bare.startswith(self._fence) and not bare.strip(self._fence[0]):
            self._fence = ""
            return [] if self._list else self._emit()
        return []

    def _emit(self) -> list[Block]:
        source, joined = "\n".join(self._lines).rstrip(), self._joined
        self._lines, self._fence, self._list, self._joined = [], "", False, False
        return [Block(source, joined)] if source.strip() else []

    # --- cutting --------------------------------------------------------------------------------

    def _cut_code(self, keep: int) -> Block:
        opening, body = self._lines[0], self._lines[1:]
        head, rest = body[:-keep], body[-keep:]
        block = Block("\n".join([opening, *head, self._fence]), self._joined)
        self._lines, self._joined = [opening, *rest], True
        return block

    def _cut_list(self, keep: int) -> Block | None:
        first = next((found for line in self._lines if (found := _ITEM.match(line))), None)
        if first is None:
            return None
        places = _items(self._lines, len(first["indent"]))
        place = max((at for at in places if 0 < at <= len(self._lines) - keep), default=0)
        if not place or self._fence:
            return None
        block = Block("\n".join(self._lines[:place]).rstrip(), self._joined)
        before = sum(at < place for at in places)
        self._lines, self._joined = self._lines[place:], True
        if first["number"]:
            number = int(first["number"]) + before
            self._lines[0] = re.sub(r"\d+", str(number), self._lines[0], count=1)
        return block


def _continues(line: str) -> bool:
    """Whether a line after a blank one still belongs to a list."""
    return line.startswith("  ") or (bool(_ITEM.match(line)) and not _is_rule(line))


def _is_rule(line: str) -> bool:
    bare = line.replace(" ", "")
    return len(bare) >= 3 and bare == bare[0] * len(bare) and bare[0] in "-*"


def _items(lines: list[str], indent: int) -> list[int]:
    """Where the list's own items begin, not those of lists within it or of code."""
    places, fence = [], ""
    for at, line in enumerate(lines):
        bare = line.strip()
        if fence:
            fence = "" if bare.startswith(fence) and not bare.strip(fence[0]) else fence
        elif opening := _FENCE.match(bare):
            fence = opening["fence"]
        elif (item := _ITEM.match(line)) and len(item["indent"]) <= indent + 1:
            places.append(at)
    return places
