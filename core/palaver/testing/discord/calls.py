"""The log of what the bot asked for."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from palaver.testing.discord.files import Upload


@dataclass
class Call:
    """One request of the bot.

    `route` is "METHOD /path" without the API's prefix, `at` Unix time, `body` the JSON that was
    sent, `status` the HTTP status of the answer (0: it got none), `answer` its body and `headers`
    what it said of rate limits; `code` is Discord's error code of a refusal; `fault` names the
    fault that struck.
    """

    method: str
    path: str
    at: float
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None
    uploads: list[Upload] = field(default_factory=list)
    status: int = 0
    answer: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    code: int = 0
    fault: str = ""

    @property
    def route(self) -> str:
        """ "METHOD /path"."""
        return f"{self.method} {self.path}"

    @property
    def ok(self) -> bool:
        """Whether it was done, and its answer sent."""
        return 200 <= self.status < 300

    def __str__(self) -> str:
        fault = f" ({self.fault})" if self.fault else ""
        return f"{self.route} -> {self.status or 'no answer'}{fault}"


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

    def of(self, route: str) -> list[Call]:
        """The calls of the routes that a glob names: `calls.of("POST /channels/*/messages")`."""
        return [call for call in self._calls if fnmatchcase(call.route, route)]

    def clear(self) -> None:
        """Forget what has been asked so far."""
        self._calls.clear()

    def picture(self) -> str:
        """All calls as text, for a failing test's message."""
        return "\n".join(map(str, self._calls)) or "(no calls)"


@dataclass(frozen=True)
class Problem:
    """Something that a bot should not have done, and what it was answered.

    `path` is "/gateway" for what was wrong there; `status` is then 0 and `code` that of the close.
    """

    method: str
    path: str
    status: int
    code: int
    text: str
    body: Any = None
