"""Faults on demand: what a bot meets on a bad day.

>>> api.faults.add("sendMessage", error=502, times=2)        # two answers of 502
>>> api.faults.add("*", delay=0.5)                           # everything is slow
>>> api.faults.add("send*", error=429, retry_after=3)        # one flood wait
>>> api.faults.add("sendMessage", drop="before")             # the request is lost
>>> api.faults.add("sendMessage", drop="after")              # done, but its answer is lost
>>> api.faults.add("getUpdates", silence=True)               # accepted, never answered
>>> api.faults.duplicate_updates()                           # the next update comes twice
>>> api.faults.late_updates(0.3)                             # the next update comes late

Faults of the connection are on the server: `BotApi.refused()` and `BotApi.half_open()`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from palaver.testing.telegram.updates import UpdateQueue
from palaver.testing.telegram.wire import ApiError, Fields, too_many_requests

Drop = Literal["before", "after"]

_DESCRIPTIONS = {
    400: "Bad Request: a fault was asked for",
    401: "Unauthorized",
    403: "Forbidden: bot was blocked by the user",
    404: "Not Found",
    409: "Conflict: terminated by other getUpdates request;"
    " make sure that only one bot instance is running",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


@dataclass(eq=False)
class Fault:
    """A fault and how often it has struck; see `Faults.add`."""

    method: str
    error: int | None
    description: str
    retry_after: int
    delay: float
    drop: Drop | None
    silence: bool
    times: int | None
    when: Callable[[Fields], bool] | None
    hits: int = field(default=0)

    @property
    def spent(self) -> bool:
        """Whether it will not strike again."""
        return self.times is not None and self.hits >= self.times

    def answer(self) -> ApiError | None:
        """The error to answer with, if it is one."""
        if self.error is None:
            return None
        if self.error == 429:
            return too_many_requests(self.retry_after)
        return ApiError(self.error, self.description or _DESCRIPTIONS.get(self.error, "Error"))


class Faults:
    """The faults that wait to strike."""

    def __init__(self, updates: UpdateQueue) -> None:
        self._updates = updates
        self.planned: list[Fault] = []

    def add(
        self,
        method: str = "*",
        *,
        error: int | None = None,
        description: str = "",
        retry_after: int = 1,
        delay: float = 0.0,
        drop: Drop | None = None,
        silence: bool = False,
        times: int | None = 1,
        when: Callable[[Fields], bool] | None = None,
    ) -> Fault:
        """Plan a fault for the methods that the glob `method` names.

        It strikes `times` times (None: until removed), only where `when(parameters)` is true:
        after `delay` seconds, answer with the HTTP status `error` and its `description` (429 with
        `retry_after` seconds); or close the connection `drop`="before" or "after" processing; or
        keep `silence`: never answer, without processing. A fault of delay alone only delays.
        """
        fault = Fault(method, error, description, retry_after, delay, drop, silence, times, when)
        self.planned.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        """End a fault."""
        if fault in self.planned:
            self.planned.remove(fault)

    def clear(self) -> None:
        """End all faults."""
        self.planned.clear()

    def duplicate_updates(self, times: int = 1) -> None:
        """The next updates come twice with one id, although they were acknowledged."""
        self._updates.duplicates += times

    def late_updates(self, seconds: float, times: int = 1) -> None:
        """The next updates come `seconds` late, behind those of later messages."""
        self._updates.late += [seconds] * times

    def strike(self, method: str, parameters: Fields) -> Fault | None:
        """The first fault that is planned for this call; counts it."""
        for fault in self.planned:
            fits = fnmatchcase(method.lower(), fault.method.lower())
            if fits and not fault.spent and (fault.when is None or fault.when(parameters)):
                fault.hits += 1
                return fault
        return None
