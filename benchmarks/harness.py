"""Figures, floors, bars, and the table that they make."""

import gc
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Attributes:
        ours, floor: in `unit`; the floor was measured in the same run, interleaved with ours.
        bar: what ours must not exceed, worked out from the floor where it depends on it.
        how: what was measured, and what the floor is.
    """

    name: str
    ours: float
    unit: str
    bar: float | None = None
    floor: float | None = None
    how: str = ""
    others: dict[str, float] = field(default_factory=dict)

    @property
    def holds(self) -> bool | None:
        return None if self.bar is None else self.ours <= self.bar


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def timed(work: Callable[[], object], rounds: int) -> list[float]:
    """Seconds that each call took, garbage collected before."""
    taken = []
    for _ in range(rounds):
        gc.collect()
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return taken


async def timed_async(work: Callable[[], Awaitable[object]], rounds: int) -> list[float]:
    taken = []
    for _ in range(rounds):
        gc.collect()
        start = time.perf_counter()
        await work()
        taken.append(time.perf_counter() - start)
    return taken


def table(figures: Sequence[Figure]) -> str:
    """The figures as a Markdown table."""
    lines = ["| figure | ours | floor | bar | holds |", "|---|---|---|---|---|"]
    for figure in figures:
        holds = {None: "", True: "yes", False: "**no**"}[figure.holds]
        cells = [
            figure.name
            + "".join(f"; {name}: {value:.4g}" for name, value in figure.others.items()),
            f"{figure.ours:.4g} {figure.unit}",
            "" if figure.floor is None else f"{figure.floor:.4g} {figure.unit}",
            "" if figure.bar is None else f"{figure.bar:.4g} {figure.unit}",
            holds,
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
