"""Rate limits as the live service has them: buckets in headers, 429; off until asked for.

Discord publishes no numbers but the overall one (50 a second); the others are what its headers
have long said. Source: discord-api-docs, "Rate Limits".
"""

import re
from dataclasses import dataclass

from palaver.testing.clock import Clock
from palaver.testing.discord.calls import Call
from palaver.testing.discord.wire import ApiError, rate_limited

#: Requests a second of one bot.
OVERALL = 50
#: Requests of a channel in so many seconds, for sending and for editing each.
MESSAGES, MESSAGES_SECONDS = 5, 5.0

_Limit = tuple[int, float]

_MESSAGES = re.compile(r"(?P<name>POST|PATCH) /channels/(?P<channel>\d+)/messages(?:/\d+)?")
#: What else of a channel is limited, by how many in how many seconds.
_OTHERS: tuple[tuple[re.Pattern[str], _Limit], ...] = tuple(
    (re.compile(pattern), limit)
    for pattern, limit in (
        (r"(?P<name>DELETE) /channels/(?P<channel>\d+)/messages/\d+", (5, 1.0)),
        (
            r"(?:PUT|DELETE) /channels/(?P<channel>\d+)/messages/\d+/(?P<name>reactions)/.+",
            (1, 0.25),
        ),
        (r"POST /channels/(?P<channel>\d+)/(?P<name>typing)", (5, 5.0)),
    )
)
#: Names and topics of a channel in so many seconds; no header tells of it before.
RENAMES, RENAMES_SECONDS = 2, 600.0
_CHANNEL = re.compile(r"PATCH /channels/(\d+)")
_NAMES = frozenset({"name", "topic"})


@dataclass
class _Window:
    """A fixed window: it begins with its first request and forgets all at its end."""

    amount: int
    seconds: float
    used: int = 0
    ends: float = 0.0

    def take(self, now: float) -> float:
        """Seconds to wait; 0 when it is taken."""
        if now >= self.ends:
            self.used, self.ends = 0, now + self.seconds
        if self.used >= self.amount:
            return self.ends - now
        self.used += 1
        return 0.0


class RateLimits:
    """The buckets of one bot."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.enabled = False
        self._messages: _Limit = (MESSAGES, MESSAGES_SECONDS)
        self._overall = _Window(OVERALL, 1.0)
        self._buckets: dict[tuple[str, str], _Window] = {}
        self._renames: dict[str, _Window] = {}

    def enable(
        self, *, messages: _Limit = (MESSAGES, MESSAGES_SECONDS), overall: int = OVERALL
    ) -> None:
        """From now on refuse what is too fast.

        `messages` is how many in how many seconds, for each channel; `overall` is per second.
        """
        self.enabled = True
        self._messages = messages
        self._overall = _Window(overall, 1.0)
        self._buckets.clear()
        self._renames.clear()

    def disable(self) -> None:
        """No limits any more."""
        self.enabled = False

    def check(self, call: Call) -> dict[str, str]:
        """Count a call; the headers of its answer. Raises ApiError 429 when it comes too early."""
        if not self.enabled:
            return {}
        now = self._clock.now()
        if not call.path.startswith(("/interactions/", "/webhooks/")):
            wait = self._overall.take(now)
            if wait > 0:
                raise rate_limited(round(wait, 3), "global")
        self._rename(call, now)
        for pattern, limit in ((_MESSAGES, self._messages), *_OTHERS):
            if match := pattern.fullmatch(call.route):
                return self._bucket(match["name"].lower(), match["channel"], limit, now)
        return {}

    def _rename(self, call: Call, now: float) -> None:
        """A limit within that of the route."""
        match = _CHANNEL.fullmatch(call.route)
        if match and isinstance(call.body, dict) and not call.body.keys().isdisjoint(_NAMES):
            window = self._renames.setdefault(match[1], _Window(RENAMES, RENAMES_SECONDS))
            wait = window.take(now)
            if wait > 0:
                raise rate_limited(round(wait, 3))

    def _bucket(self, name: str, channel: str, limit: _Limit, now: float) -> dict[str, str]:
        window = self._buckets.setdefault((name, channel), _Window(*limit))
        wait = window.take(now)
        headers = {
            "X-RateLimit-Bucket": f"{name}-of-channel",
            "X-RateLimit-Limit": str(window.amount),
            "X-RateLimit-Remaining": str(window.amount - window.used),
            "X-RateLimit-Reset": f"{window.ends:.3f}",
            "X-RateLimit-Reset-After": f"{window.ends - now:.3f}",
        }
        if wait > 0:
            refusal: ApiError = rate_limited(round(wait, 3))
            refusal.headers |= headers
            raise refusal
        return headers
