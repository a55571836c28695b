"""Faults on demand: what a bot meets on a bad day.

>>> discord.faults.add("POST /channels/*/messages", error=503, times=2)    # two answers of 503
>>> discord.faults.add("*", delay=0.5)                                     # everything is slow
>>> discord.faults.add("PATCH *", error=429, retry_after=0.3)              # one rate limit
>>> discord.faults.add("*", error=429, scope="global")                     # for all routes
>>> discord.faults.add("*", error=429, via=False)                          # of Cloudflare
>>> discord.faults.add("POST /channels/*/messages", drop="before")         # the request is lost
>>> discord.faults.add("POST /channels/*/messages", drop="after")          # its answer is lost
>>> discord.faults.add("PATCH *", silence=True)                            # never answered

Faults of the gateway are on `DiscordServer.gateway`, those of all connections on the server:
`DiscordServer.refused()` and `DiscordServer.half_open()`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Literal

from palaver.testing.discord.calls import Call
from palaver.testing.discord.wire import ApiError, rate_limited

Drop = Literal["before", "after"]
Scope = Literal["user", "shared", "global"]


@dataclass(eq=False)
class Fault:
    """A fault and how often it has struck; see `Faults.add`."""

    route: str
    error: int | None
    code: int
    message: str
    retry_after: float
    scope: Scope
    via: bool
    delay: float
    drop: Drop | None
    silence: bool
    times: int | None
    when: Callable[[Call], bool] | None
    hits: int = field(default=0)

    @property
    def spent(self) -> bool:
        """Whether it will not strike again."""
        return self.times is not None and self.hits >= self.times

    def answer(self) -> ApiError | None:
        """The error to answer with, if it is one."""
        if self.error is None:
            return None
        if self.error == HTTPStatus.TOO_MANY_REQUESTS:
            return rate_limited(self.retry_after, self.scope, via=self.via)
        phrase = self.message or f"{self.error}: {HTTPStatus(self.error).phrase}"
        return ApiError(self.error, self.code, phrase)


class Faults:
    """The faults that wait to strike."""

    def __init__(self) -> None:
        self.planned: list[Fault] = []

    def add(
        self,
        route: str = "*",
        *,
        error: int | None = None,
        code: int = 0,
        message: str = "",
        retry_after: float = 0.2,
        scope: Scope = "user",
        via: bool = True,
        delay: float = 0.0,
        drop: Drop | None = None,
        silence: bool = False,
        times: int | None = 1,
        when: Callable[[Call], bool] | None = None,
    ) -> Fault:
        """Plan a fault for the routes that the glob `route` ("METHOD /path") names.

        It strikes `times` times (None: until removed), only where `when(call)` is true: after
        `delay` seconds, answer with the HTTP status `error` and Discord's `code` and `message`
        (429 with `retry_after` seconds and its `scope`); or close the connection `drop`="before"
        or "after" processing; or keep `silence`: never answer, without processing. A fault of
        delay alone only delays.
        """
        fault = Fault(
            route=route,
            error=error,
            code=code,
            message=message,
            retry_after=retry_after,
            scope=scope,
            via=via,
            delay=delay,
            drop=drop,
            silence=silence,
            times=times,
            when=when,
        )
        self.planned.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        """End a fault."""
        if fault in self.planned:
            self.planned.remove(fault)

    def clear(self) -> None:
        """End all faults."""
        self.planned.clear()

    def strike(self, call: Call) -> Fault | None:
        """The first fault that is planned for this call; counts it."""
        for fault in self.planned:
            fits = fnmatchcase(call.route, fault.route)
            if fits and not fault.spent and (fault.when is None or fault.when(call)):
                fault.hits += 1
                return fault
        return None
