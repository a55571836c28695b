"""What a turn has cost: the program tells sums over the whole session only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from palaver.models import Usage


def usage_of_models(models: Mapping[str, Any], cost_usd: float | None) -> Usage:
    """The sum over all models of the program's `modelUsage`, with its total cost."""

    def summed(key: str) -> int:
        return sum(int(model.get(key) or 0) for model in models.values())

    return Usage(
        input_tokens=summed("inputTokens"),
        output_tokens=summed("outputTokens"),
        cache_read_tokens=summed("cacheReadInputTokens"),
        cache_write_tokens=summed("cacheCreationInputTokens"),
        cost_usd=cost_usd or 0.0,
    )


@dataclass(slots=True)
class Spending:
    """What the session has cost so far; the program counts on over a resume.

    A result's `usage` is of the main conversation alone, its `modelUsage` of all: of sub-agents
    and of a compaction, too. So a turn's usage is what its result's `modelUsage` has grown by.
    """

    total: Usage = field(default_factory=Usage)

    def grow(self, models: Mapping[str, Any] | None, cost_usd: float | None) -> Usage:
        """Take the sums of a result; what they have grown by since the last one."""
        if not models:
            return Usage()
        before, self.total = self.total, usage_of_models(models, cost_usd)
        return Usage(
            input_tokens=max(0, self.total.input_tokens - before.input_tokens),
            output_tokens=max(0, self.total.output_tokens - before.output_tokens),
            cache_read_tokens=max(0, self.total.cache_read_tokens - before.cache_read_tokens),
            cache_write_tokens=max(0, self.total.cache_write_tokens - before.cache_write_tokens),
            cost_usd=max(0.0, self.total.cost_usd - before.cost_usd),
        )
