"""The log of what the bot asked for."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from palaver.testing.telegram.wire import Fields, Json, JsonObject, Upload


@dataclass
class Call:
    """One request of the bot.

    `at` is Unix time, `status` the HTTP status of the answer (0: it got none) and `answer` its
    body; `fault` names the fault that struck.
    """

    method: str
    at: float
    parameters: JsonObject = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    status: int = 0
    answer: JsonObject = field(default_factory=dict)
    fault: str = ""

    @property
    def ok(self) -> bool:
        """Whether it was done, and its answer sent."""
        return self.answer.get("ok") is True

    @property
    def result(self) -> Json:
        """What it was answered."""
        return self.answer.get("result")

    @property
    def error(self) -> str:
        """The description of its refusal, or nothing."""
        return str(self.answer.get("description", "")) if not self.ok else ""

    @property
    def fields(self) -> Fields:
        """Its parameters with typed access."""
        return Fields(self.parameters, self.uploads)


class CallLog:
    """All calls, the first one first; those under way too."""

    def __init__(self) -> None:
        self._calls: list[Call] = []

    def __iter__(self) -> Iterator[Call]:
        return iter(self._calls)

    def __len__(self) -> int:
        return len(self._calls)

    def __getitem__(self, index: int) -> Call:
        return self._calls[index]

    def add(self, call: Call) -> None:
        """One more."""
        self._calls.append(call)

    def of(self, method: str) -> list[Call]:
        """The calls of the methods that a glob names: `calls.of("send*")`."""
        return [call for call in self._calls if fnmatchcase(call.method, method)]

    def clear(self) -> None:
        """Forget what has been asked so far."""
        self._calls.clear()
