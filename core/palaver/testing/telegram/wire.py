"""JSON as it travels, the errors of the Bot API, and typed access to judged parameters."""

from dataclasses import dataclass, field
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = dict[str, "Json"]


class ApiError(Exception):
    """A refusal in Telegram's form.

    `code` is the HTTP status and `error_code`, `description` the text with its prefix
    (`Bad Request: ...`), `parameters` what goes beside it (`retry_after`, `migrate_to_chat_id`).
    """

    def __init__(self, code: int, description: str, **parameters: Json) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters: JsonObject = parameters

    def to_json(self) -> JsonObject:
        """The body of the answer."""
        body: JsonObject = {"ok": False, "error_code": self.code, "description": self.description}
        if self.parameters:
            body["parameters"] = self.parameters
        return body


class StricterThanTelegram(ApiError):  # noqa: N818 - it is a verdict on a request, not a fault here
    """A refusal of ours where Telegram says nothing: `Problem.telegram` tells what it does."""

    def __init__(self, description: str, telegram: str, code: int = 400) -> None:
        super().__init__(code, f"Bad Request: {description}" if code == 400 else description)
        self.telegram = telegram


def bad_request(message: str) -> ApiError:
    """400 with Telegram's prefix; its first letter is lowered unless it is a server's constant.

    Source: Client::fail_query_with_error of tdlib/telegram-bot-api.
    """
    constant = len(message) > 1 and (message[1] == "_" or "A" <= message[1] <= "Z")
    text = message if constant else message[:1].lower() + message[1:]
    return ApiError(400, f"Bad Request: {text}")


def forbidden(message: str) -> ApiError:
    """403 with Telegram's prefix."""
    return ApiError(403, f"Forbidden: {message}")


def too_many_requests(retry_after: int) -> ApiError:
    """429 with the seconds to wait, in the text and in `parameters`."""
    return ApiError(429, f"Too Many Requests: retry after {retry_after}", retry_after=retry_after)


@dataclass(frozen=True)
class Upload:
    """A file as it arrived in a multipart request."""

    name: str
    mime_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Fields:
    """Parameters (or a nested object) whose names and types have been judged already."""

    values: JsonObject
    uploads: dict[str, Upload] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str, default: str = "") -> str:
        """A string; a number is given as its digits (a chat may be an id or a @name)."""
        value = self.values.get(name)
        return default if value is None else str(value)

    def number(self, name: str, default: int = 0) -> int:
        """An integer."""
        value = self.values.get(name)
        return int(value) if isinstance(value, int | float | str) and value != "" else default

    def flag(self, name: str) -> bool:
        """A boolean, false when absent."""
        return self.values.get(name) is True

    def nested(self, name: str) -> "Fields | None":
        """An object, or None when absent."""
        value = self.values.get(name)
        return Fields(value, self.uploads) if isinstance(value, dict) else None

    def items(self, name: str) -> list["Fields"]:
        """An array of objects, empty when absent."""
        value = self.values.get(name)
        found = value if isinstance(value, list) else []
        return [Fields(item, self.uploads) for item in found if isinstance(item, dict)]

    def array(self, name: str) -> list[Json]:
        """An array of anything, empty when absent."""
        value = self.values.get(name)
        return value if isinstance(value, list) else []

    def without(self, *names: str) -> JsonObject:
        """What is given, as JSON, less these names."""
        return {name: value for name, value in self.values.items() if name not in names}
