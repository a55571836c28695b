"""The Bot API's own description, and the judgement of a request by it."""

import functools
import importlib.resources
import json
import re
from dataclasses import dataclass

from palaver.testing.telegram.wire import (
    ApiError,
    Fields,
    Json,
    JsonObject,
    StricterThanTelegram,
    Upload,
    bad_request,
)

_FIELD = re.compile(
    r"(?P<required>!?)(?P<types>[^= ]+)(?:=(?P<constant>\w+))?"
    r"(?: (?P<low>\d+)-(?P<high>\d+)(?P<bytes>b?))?"
)
_INTEGER = re.compile(r"-?\d{1,19}")
_FLOAT = re.compile(r"-?\d+(\.\d+)?")
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_SCALARS = {"Integer", "Float", "Boolean", "String", "InputFile"}


@dataclass(frozen=True)
class Field:
    """One parameter of a method or field of a type."""

    types: tuple[str, ...]
    required: bool = False
    constant: str | None = None
    low: int | None = None
    high: int | None = None
    in_bytes: bool = False


class Mismatch(ValueError):  # noqa: N818 - a finding, turned into an answer by `Schema.judge`
    """A value is not what the description says; `str` tells where and why.

    `other_kind` says that it is plainly meant for another alternative of a union.
    """

    def __init__(self, message: str, *, other_kind: bool = False) -> None:
        super().__init__(message)
        self.other_kind = other_kind


def parse_field(text: str) -> Field:
    """The field that a string of `bot_api.json` describes (see `compact`)."""
    found = _FIELD.fullmatch(text)
    if found is None:
        raise ValueError(f"not a field: {text!r}")
    low, high = found["low"], found["high"]
    return Field(
        types=tuple(found["types"].split("|")),
        required=bool(found["required"]),
        constant=found["constant"],
        low=int(low) if low else None,
        high=int(high) if high else None,
        in_bytes=bool(found["bytes"]),
    )


class Schema:
    """Methods and types of one version of the Bot API."""

    def __init__(self, data: dict[str, JsonObject]) -> None:
        self.version = str(data["version"])
        self.source = str(data["source"])
        self._methods = {name.lower(): name for name in data["methods"]}
        self._params = {name: self._fields(given) for name, given in data["methods"].items()}
        self._returns = data["returns"]
        self._types = data["types"]
        self._known: dict[str, dict[str, Field]] = {}
        self._musts: dict[str, list[str]] = {}

    @property
    def methods(self) -> list[str]:
        """The names of all methods."""
        return list(self._params)

    def method(self, name: str) -> str:
        """The proper spelling: Telegram takes a method's name in any case.

        Raises ApiError 404 for an unknown one.
        """
        try:
            return self._methods[name.lower()]
        except KeyError:
            raise ApiError(404, "Not Found: method not found") from None

    def parameters(self, method: str) -> dict[str, Field]:
        """What a method takes."""
        return self._params[method]

    def judge(self, method: str, given: JsonObject, uploads: dict[str, Upload]) -> Fields:
        """The parameters with their proper types.

        Raises ApiError where Telegram refuses, StricterThanTelegram where only we do: Telegram
        ignores a parameter that it does not know and reads a wrong type as zero, both of which
        hide a mistake.
        """
        expected = self._params[method]
        unknown = sorted(set(given) - set(expected))
        if unknown:
            raise StricterThanTelegram(
                f"unknown parameter {unknown[0]!r} for {method}",
                "ignores parameters that it does not know",
            )
        values: JsonObject = {}
        for name, spec in expected.items():
            if name in given:
                value = self._parameter(name, spec, given[name], uploads)
                if value is not None:
                    values[name] = value
            elif name in uploads:
                values[name] = f"attach://{name}"
        self._require(expected, values)
        return Fields(values, uploads)

    def check_answer(self, method: str, answer: Json) -> None:
        """Raise Mismatch if an answer of ours is not what the description promises."""
        self._match("answer", str(self._returns[method]).split("|"), answer)

    def check_type(self, name: str, value: Json) -> None:
        """Raise Mismatch if a value is not of a type."""
        self._match(name, [name], value)

    def _require(self, expected: dict[str, Field], values: JsonObject) -> None:
        for name, spec in expected.items():
            if spec.required and values.get(name) in (None, ""):
                raise bad_request(_MISSING.get(name, f'parameter "{name}" is required'))

    def _parameter(self, name: str, spec: Field, value: Json, uploads: dict[str, Upload]) -> Json:
        if value is None or (value == "" and "String" not in spec.types):
            return None
        try:
            decoded = self._decode(spec, value)
            if decoded is None:
                return None
            self._check_field(name, spec, decoded, uploads)
        except Mismatch as wrong:
            raise StricterThanTelegram(
                f"can't parse {name}: {wrong}", "may read a wrong value as zero, empty or false"
            ) from None
        return decoded

    def _decode(self, spec: Field, value: Json) -> Json:
        """A parameter of a form is a string, whatever its type; one of a JSON body is itself."""
        if not isinstance(value, str):
            return value
        for kind in spec.types:
            if kind == "Integer" and _INTEGER.fullmatch(value):
                return int(value)
            if kind == "Float" and _FLOAT.fullmatch(value):
                return float(value)
            if kind == "Boolean" and value.lower() in _BOOLEANS:
                return _BOOLEANS[value.lower()]
        if {"String", "InputFile"} & set(spec.types):
            return value
        if set(spec.types) <= _SCALARS:
            raise Mismatch(f"{value[:40]!r} is not {' or '.join(spec.types)}")
        try:
            decoded: Json = json.loads(value)
        except ValueError:
            raise Mismatch("it is not JSON") from None
        return decoded

    def _check_field(self, name: str, spec: Field, value: Json, uploads: dict[str, Upload]) -> None:
        if spec.types == ("InputFile",) and not uploads:
            raise Mismatch("it must be uploaded as a file")
        self._match(name, list(spec.types), value)
        self._check_limit(spec, value)

    def _check_limit(self, spec: Field, value: Json) -> None:
        if spec.low is None or spec.high is None or value == "":
            return
        if isinstance(value, str):
            size = len(value.encode()) if spec.in_bytes else len(value)
        elif isinstance(value, list):
            size = len(value)
        elif isinstance(value, int):
            size = value
        else:
            return
        if not spec.low <= size <= spec.high:
            raise Mismatch(f"{size} is not within {spec.low}-{spec.high}")

    def _match(self, where: str, types: list[str], value: Json) -> None:
        arrays = [kind.removesuffix("[]") for kind in types if kind.endswith("[]")]
        if len(arrays) > 1 and isinstance(value, list):
            # "Array of A, Array of B" means that the items may be of either type.
            for index, item in enumerate(value):
                self._match(f"{where}[{index}]", arrays, item)
            return
        reasons: list[Mismatch] = []
        for kind in types:
            try:
                self._match_one(where, kind, value)
            except Mismatch as wrong:
                reasons.append(wrong)
            else:
                return
        # The alternative that was meant fails deepest, hence with the longest path.
        raise max(reasons, key=lambda wrong: (not wrong.other_kind, len(str(wrong))))

    def _match_one(self, where: str, kind: str, value: Json) -> None:
        if kind.endswith("[]"):
            if not isinstance(value, list):
                raise Mismatch(f"{where} is not an array")
            for index, item in enumerate(value):
                self._match_one(f"{where}[{index}]", kind[:-2], item)
        elif kind in _SCALARS or kind == "True":
            if not _is_scalar(kind, value):
                raise Mismatch(f"{where} is not {kind}")
        else:
            self._match_object(where, kind, value)

    def _match_object(self, where: str, kind: str, value: Json) -> None:
        parts = self._types[kind]
        if isinstance(parts, list):
            self._match(where, [str(part) for part in parts], value)
            return
        if not isinstance(value, dict):
            raise Mismatch(f"{where} is not an object ({kind})")
        fields = self._type_fields(kind)
        for name in self._required(kind):
            constant = fields[name].constant
            if constant is not None and value.get(name) != constant:
                raise Mismatch(f"{where}.{name} is not {constant!r}", other_kind=True)
        for name, given in value.items():
            if name not in fields:
                raise Mismatch(f"{where} ({kind}) has no field {name!r}")
            if given is not None:
                self._match(f"{where}.{name}", list(fields[name].types), given)
        for name in self._required(kind):
            if value.get(name) is None:
                raise Mismatch(f"{where}.{name} is missing")

    def _required(self, kind: str) -> list[str]:
        if kind not in self._musts:
            fields = self._type_fields(kind)
            self._musts[kind] = [name for name, field in fields.items() if field.required]
        return self._musts[kind]

    def _type_fields(self, kind: str) -> dict[str, Field]:
        if kind not in self._known:
            given = self._types[kind]
            self._known[kind] = self._fields(given if isinstance(given, dict) else {})
        return self._known[kind]

    @staticmethod
    def _fields(given: Json) -> dict[str, Field]:
        rows = given if isinstance(given, dict) else {}
        return {name: parse_field(str(text)) for name, text in rows.items()}


#: Telegram's words for what is missing (tdlib/telegram-bot-api, Client.cpp).
_MISSING = {
    "chat_id": "chat_id is empty",
    "from_chat_id": "chat_id is empty",
    "text": "message text is empty",
    "message_id": "message identifier is not specified",
    "message_ids": "message identifiers are not specified",
    "document": "there is no document in the request",
    "photo": "there is no photo in the request",
    "voice": "there is no voice in the request",
    "audio": "there is no audio in the request",
    "video": "there is no video in the request",
    "animation": "there is no animation in the request",
    "file_id": "file_id not specified",
}


def _is_scalar(kind: str, value: Json) -> bool:
    if kind == "Integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "Float":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "Boolean":
        return isinstance(value, bool)
    if kind == "True":
        return value is True
    return isinstance(value, str)


@functools.cache
def load() -> Schema:
    """The description in this package, read on first use (a few milliseconds)."""
    path = importlib.resources.files("palaver.testing.telegram") / "bot_api.json"
    return Schema(json.loads(path.read_text(encoding="utf-8")))
