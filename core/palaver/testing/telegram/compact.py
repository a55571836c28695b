"""How `bot_api.json` is made: the machine-readable Bot API without its prose.

`python -m palaver.testing.telegram.compact telegram-bot-api.json bot_api.json` reads a description
of https://core.telegram.org/bots/api in JSON (methods and types with their fields, types and
descriptions) and keeps what a server needs to judge a request: which fields there are, what they
may be, which are required and which limits their descriptions name.

A field becomes one string: `!` when it is required, its types joined by `|` (`Message[]` for an
array), `=word` when its value is fixed, and a limit such as `1-128` (characters, items or the
value itself) or `1-64b` (bytes). Limits that count "after entities parsing" are left out: only a
parser can apply them.
"""

import json
import re
import sys
from pathlib import Path
from typing import TypedDict

SOURCE = "https://core.telegram.org/bots/api"

_LIMIT = re.compile(r"(?<![\w+-])(\d+)-(\d+)(?: (bytes|characters)| identifiers| items|\b)")
_CONSTANT = re.compile(
    r"(?:must be (?!(?:one|a|an|the|at|in|up|non|no|of|set)\b)|always [“\"])([a-z0-9_]+)"
)


class RawField(TypedDict):
    """A field as the description gives it."""

    name: str
    types: list[str]
    required: bool
    description: str


class RawEntry(TypedDict, total=False):
    """A method or a type as the description gives it."""

    name: str
    fields: list[RawField]
    subtypes: list[str]
    returns: list[str]


class RawApi(TypedDict):
    """The whole description."""

    version: str
    release_date: str
    methods: dict[str, RawEntry]
    types: dict[str, RawEntry]


def compact_type(name: str) -> str:
    """`Array of Array of PhotoSize` is `PhotoSize[][]`."""
    depth = 0
    while name.startswith("Array of "):
        name, depth = name.removeprefix("Array of "), depth + 1
    return name + "[]" * depth


def limit_of(field: RawField) -> str:
    """The limit that the description names, or nothing."""
    text = field["description"]
    if "after entit" in text or "ISO" in text or "Dice can" in text:
        return ""
    found = _LIMIT.search(text)
    if found is None or not set(field["types"]) & {"String", "Integer"} | {
        name for name in field["types"] if name.startswith("Array of ")
    }:
        return ""
    unit = "b" if found.group(3) == "bytes" else ""
    return f" {found.group(1)}-{found.group(2)}{unit}"


def constant_of(field: RawField) -> str:
    """The fixed value of a discriminating field, or nothing."""
    if field["types"] != ["String"] or not field["required"]:
        return ""
    found = _CONSTANT.search(field["description"])
    return f"={found.group(1)}" if found else ""


def compact_field(field: RawField) -> str:
    """One field as one string, as the module says."""
    types = "|".join(compact_type(name) for name in field["types"])
    return f"{'!' if field['required'] else ''}{types}{constant_of(field)}{limit_of(field)}"


def compact_fields(entry: RawEntry) -> dict[str, str]:
    """All fields of a method or type."""
    return {field["name"]: compact_field(field) for field in entry.get("fields", [])}


def compact(api: RawApi) -> dict[str, object]:
    """The whole description in short."""
    return {
        "source": SOURCE,
        "version": api["version"],
        "released": api["release_date"],
        "methods": {name: compact_fields(entry) for name, entry in api["methods"].items()},
        "returns": {
            name: "|".join(compact_type(given) for given in entry.get("returns", []))
            for name, entry in api["methods"].items()
        },
        "types": {
            name: [compact_type(part) for part in entry["subtypes"]]
            if entry.get("subtypes")
            else compact_fields(entry)
            for name, entry in api["types"].items()
        },
    }


def render(short: dict[str, object]) -> str:
    """JSON with one method or type a line: small, and its changes can be read."""
    parts = []
    for key, value in short.items():
        if isinstance(value, dict):
            rows = (
                f"{json.dumps(name)}:{json.dumps(row, separators=(',', ':'), ensure_ascii=False)}"
                for name, row in value.items()
            )
            parts.append(f"{json.dumps(key)}:{{\n" + ",\n".join(rows) + "\n}")
        else:
            parts.append(f"{json.dumps(key)}:{json.dumps(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main(arguments: list[str]) -> None:
    """Read the description named first, write its short form to the path named second."""
    source, target = map(Path, arguments)
    api: RawApi = json.loads(source.read_text(encoding="utf-8"))
    target.write_text(render(compact(api)), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
