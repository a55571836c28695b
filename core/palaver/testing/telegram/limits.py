"""Flood limits: 429 with `retry_after`, off until asked for.

Telegram publishes no exact numbers: about one message a second in a chat with short bursts, 20 a
minute in a group, 30 a second overall (the Bot FAQ, `telegram.constants.FloodLimit`). Edits count
as messages do; drafts, chat actions, reactions, deletions and answers to presses do not.
"""

import math
from dataclasses import dataclass

from palaver.testing.clock import Clock
from palaver.testing.telegram.wire import too_many_requests

MESSAGES_PER_SECOND_PER_CHAT = 1
MESSAGES_PER_MINUTE_PER_GROUP = 20
MESSAGES_PER_SECOND = 30

_COUNTED = ("send", "edit", "forward", "copy")
_FREE = {"sendchataction", "sendmessagedraft", "sendrichmessagedraft"}


@dataclass(frozen=True)
class Rate:
    """`amount` messages in `seconds`, and as many as `burst` at once."""

    amount: float
    seconds: float
    burst: float


class _Bucket:
    def __init__(self, rate: Rate, now: float) -> None:
        self._rate = rate
        self._left = rate.burst
        self._at = now

    def wait(self, cost: float, now: float) -> float:
        """Seconds until `cost` may be spent; 0 when it may now."""
        speed = self._rate.amount / self._rate.seconds
        self._left = min(self._rate.burst, self._left + (now - self._at) * speed)
        self._at = now
        # An album may be larger than the burst; it then has to find the bucket full.
        return max(0.0, (min(cost, self._rate.burst) - self._left) / speed)

    def spend(self, cost: float) -> None:
        self._left -= cost


class FloodLimits:
    """The limits of one bot."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.enabled = False
        self._chat_rate = self._group_rate = self._overall_rate = Rate(1, 1, 1)
        self._buckets: dict[tuple[str, int], _Bucket] = {}
        self._floods: dict[int, float] = {}

    def enable(
        self,
        *,
        per_chat: Rate = Rate(MESSAGES_PER_SECOND_PER_CHAT, 1, 3),
        per_group: Rate = Rate(MESSAGES_PER_MINUTE_PER_GROUP, 60, 20),
        overall: Rate = Rate(MESSAGES_PER_SECOND, 1, 30),
    ) -> None:
        """From now on refuse what is too fast."""
        self.enabled = True
        self._chat_rate, self._group_rate, self._overall_rate = per_chat, per_group, overall
        self._buckets.clear()

    def disable(self) -> None:
        """No limits any more."""
        self.enabled = False
        self._floods.clear()

    def flood(self, chat_id: int, seconds: float) -> None:
        """Refuse all that is sent to one chat for `seconds`, whatever the rates."""
        self._floods[chat_id] = self._clock.now() + seconds

    def check(self, method: str, chat_id: int, cost: int = 1) -> None:
        """Count a call. Raises ApiError 429 when it comes too early; it is then not counted."""
        if not self._counts(method):
            return
        now = self._clock.now()
        wait = self._floods.get(chat_id, 0.0) - now
        buckets = self._for(chat_id, now) if self.enabled else []
        wait = max([wait, *(bucket.wait(cost, now) for bucket in buckets)])
        if wait > 0:
            raise too_many_requests(max(1, math.ceil(wait)))
        for bucket in buckets:
            bucket.spend(cost)

    def _counts(self, method: str) -> bool:
        name = method.lower()
        return name.startswith(_COUNTED) and name not in _FREE and not name.endswith("topic")

    def _for(self, chat_id: int, now: float) -> list[_Bucket]:
        wanted = [(("chat", chat_id), self._chat_rate), (("all", 0), self._overall_rate)]
        if chat_id < 0:
            wanted.append((("group", chat_id), self._group_rate))
        return [self._buckets.setdefault(key, _Bucket(rate, now)) for key, rate in wanted]
