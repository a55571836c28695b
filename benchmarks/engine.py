"""The engine's own cost: a thousand namespaces at once, on the agent that costs nothing itself."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

from benchmarks.harness import Figure, median, percentile
from palaver import (
    ConversationId,
    Engine,
    Namespace,
    PluginHost,
    Prompt,
    Settings,
    TextDelta,
    open_engine,
)
from palaver.events import AgentEvent

NAMESPACES = 1_000
EVENTS = 200


async def figures(folder: Path, rounds: int) -> list[Figure]:
    settings = Settings.model_validate(
        {
            "data_dir": folder,
            "sessions": {"agent": "scripted"},
            "access": {"owners": ["bench:*"]},
            "agents": {"scripted": {"max_warm": NAMESPACES, "max_running": NAMESPACES}},
        }
    )
    async with open_engine(settings, PluginHost(settings, [])) as engine:
        await _all(engine, "stream 1")  # every session is there, and its process open
        own, floors, ends = [], [], []
        for _ in range(max(3, rounds // 5)):
            start = time.perf_counter()
            ends = await _all(engine, f"stream {EVENTS}")
            own.append(time.perf_counter() - start)
            floors.append(await _floor())
    events = NAMESPACES * EVENTS
    per_event = 1e6 * (median(own) - median(floors)) / events
    how = (
        f"{NAMESPACES} namespaces, a turn of {EVENTS} events each, all at once; turns, ledger and "
        "queues counted in, the scripted agent's own events counted out"
    )
    spread = percentile(ends, 0.99) / percentile(ends, 0.5)
    return [
        Figure("engine's cost of an event", per_event, "µs", 50.0, None, how),
        Figure(
            "last of 1,000 turns beside the median", spread, "x", 3.0, None, "nobody is starved"
        ),
    ]


async def _all(engine: Engine, text: str) -> list[float]:
    start = time.perf_counter()

    async def one(number: int) -> float:
        prompt = Prompt(
            namespace=Namespace("bench", str(number)), conversation=ConversationId("b"), text=text
        )
        async for _ in await engine.submit(prompt):
            pass
        return time.perf_counter() - start

    return await asyncio.gather(*(one(number) for number in range(NAMESPACES)))


async def _floor() -> float:
    """What it costs to make the events and hand them through as many generators."""

    async def events() -> AsyncIterator[AgentEvent]:
        for number in range(EVENTS):
            yield TextDelta(text=f"word{number} ")

    async def one() -> None:
        async for _ in events():
            pass

    start = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(NAMESPACES)))
    return time.perf_counter() - start
