"""The description in the package: how it is made from the Bot API's prose."""

import json
from pathlib import Path

import pytest

from palaver.testing.telegram.compact import RawApi, RawField, compact_field, main
from palaver.testing.telegram.schema import Schema


def field(types: list[str], description: str, *, required: bool = False) -> RawField:
    return {"name": "x", "types": types, "required": required, "description": description}


@pytest.mark.parametrize(
    ("given", "short"),
    [
        (field(["Integer", "String"], "A chat", required=True), "!Integer|String"),
        (field(["Array of Array of PhotoSize"], "Photos"), "PhotoSize[][]"),
        (field(["String"], "Topic name, 1-128 characters"), "String 1-128"),
        (field(["String"], "Data, 1-64 bytes"), "String 1-64b"),
        (field(["Integer"], "Values between 1-100 are accepted."), "Integer 1-100"),
        (field(["String"], "Text, 1-4096 characters after entities parsing"), "String"),
        (field(["String"], "A number such as +1-212-555-0123"), "String"),
        (field(["String"], "Two letters of ISO 639-1"), "String"),
        (field(["String"], "Type, must be photo", required=True), "!String=photo"),
        (field(["String"], "Type, always \u201cchat\u201d", required=True), "!String=chat"),
        (field(["String"], "It must be one of those", required=True), "!String"),
        (field(["String"], "Type, must be audio", required=True), "!String=audio"),
    ],
)
def test_a_field_in_short(given: RawField, short: str) -> None:
    assert compact_field(given) == short


def test_a_description_is_written_and_can_be_read(tmp_path: Path) -> None:
    name = field(["String"], "A name, 1-8 characters", required=True)
    api: RawApi = {
        "version": "Bot API 0.1",
        "release_date": "today",
        "methods": {"greet": {"name": "greet", "returns": ["Hello"], "fields": [name]}},
        "types": {
            "Hello": {"name": "Hello", "subtypes": ["Polite"]},
            "Polite": {"name": "Polite", "fields": [name]},
        },
    }
    source, target = tmp_path / "long.json", tmp_path / "short.json"
    source.write_text(json.dumps(api), encoding="utf-8")
    main([str(source), str(target)])
    schema = Schema(json.loads(target.read_text(encoding="utf-8")))
    assert schema.judge("greet", {"x": "you"}, {}).text("x") == "you"
    schema.check_answer("greet", {"x": "hi"})
