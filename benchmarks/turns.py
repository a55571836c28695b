"""A prompt's way to the model and back, beside a bare client and a process per prompt."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import Figure, median
from benchmarks.model import Model, model_process
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

USERS = 10
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Times:
    """Seconds from the prompt to each station."""

    request: float
    text: float
    answer: float


Ask = Callable[[str], Awaitable[tuple[float, float]]]
"""Sends a prompt; when the first text and the answer came (monotonic seconds)."""


async def measured(model: Model, ask: Ask) -> Times:
    prompt = f"prompt {next(_numbers)}"
    start = time.monotonic()
    text, answer = await ask(prompt)
    while prompt not in model.arrivals:
        await asyncio.sleep(0.001)
    return Times(model.arrivals[prompt] - start, text - start, answer - start)


# --- the floor ----------------------------------------------------------------------------------


@asynccontextmanager
async def bare_client(workspace: Path) -> AsyncIterator[Ask]:
    """A `ClaudeSDKClient` held open, and nothing else."""
    from claude_agent_sdk import ClaudeAgentOptions, ClaudeSDKClient

    options = ClaudeAgentOptions(
        cwd=workspace,
        include_partial_messages=True,
        system_prompt={"type": "preset", "preset": "claude_code"},
    )
    async with ClaudeSDKClient(options) as client:

        async def ask(prompt: str) -> tuple[float, float]:
            await client.query(prompt)
            return await _heard(client.receive_response())

        yield ask


async def fresh_process(workspace: Path, prompt: str) -> tuple[float, float]:
    """A process for one prompt."""
    from claude_agent_sdk import ClaudeAgentOptions, query

    options = ClaudeAgentOptions(
        cwd=workspace,
        include_partial_messages=True,
        system_prompt={"type": "preset", "preset": "claude_code"},
    )
    return await _heard(query(prompt=prompt, options=options))


async def _heard(messages: AsyncIterator[object]) -> tuple[float, float]:
    from claude_agent_sdk import ResultMessage, StreamEvent

    text = answer = 0.0
    async for message in messages:
        if isinstance(message, StreamEvent) and not text:
            delta = message.event.get("delta", {})
            text = time.monotonic() if delta.get("type") == "text_delta" else 0.0
        if isinstance(message, ResultMessage):
            answer = time.monotonic()
    return text, answer


# --- ours ---------------------------------------------------------------------------------------


@asynccontextmanager
async def palaver(data_dir: Path) -> AsyncIterator[Engine]:
    settings = Settings.model_validate(
        {
            "data_dir": data_dir,
            "access": {"owners": ["bench:*"]},
            "agents": {"claude": {"max_warm": 2 * USERS, "warm_memory_mb": 16000}},
        }
    )
    async with open_engine(settings, PluginHost(settings, [])) as engine:
        await engine.agent("claude").prepare()
        yield engine


def asker(engine: Engine, user: str) -> Ask:
    async def ask(text: str) -> tuple[float, float]:
        first = 0.0
        async for event in await engine.submit(_prompt(user, text)):
            if isinstance(event, TextDelta) and not first:
                first = time.monotonic()
        return first, time.monotonic()

    return ask


def _prompt(user: str, text: str) -> Prompt:
    place = ConversationId("bench")
    return Prompt(namespace=Namespace("bench", user), conversation=place, text=text)


async def _run(engine: Engine, user: str, command: str) -> None:
    async for _ in await engine.submit(_prompt(user, command)):
        pass


# --- the figures --------------------------------------------------------------------------------


async def figures(folder: Path, rounds: int) -> list[Figure]:
    workspace = folder / "workspace"
    workspace.mkdir(parents=True)
    async with model_process(folder / "home") as model:
        return [
            *await _later_prompts(model, folder, workspace, rounds),
            *await _first_prompts(model, folder, workspace, max(3, rounds // 3)),
            *await _many_users(model, folder, workspace),
        ]


async def _later_prompts(model: Model, folder: Path, workspace: Path, rounds: int) -> list[Figure]:
    async with bare_client(workspace) as floor, palaver(folder / "later") as engine:
        ours = asker(engine, "one")
        for ask in (floor, ours):
            await measured(model, ask)
        pairs = [(await measured(model, floor), await measured(model, ours)) for _ in range(rounds)]
    how = "the floor is a bare ClaudeSDKClient held open; the two take turns"
    figures = []
    for name, station, extra in (
        ("request at the model", "request", 10),
        ("first text", "text", 60),
        ("final answer", "answer", 25),
    ):
        base = 1000 * median([getattr(one, station) for one, _ in pairs])
        own = 1000 * median([getattr(one, station) for _, one in pairs])
        figures.append(Figure(f"later prompt: {name}", own, "ms", base + extra, base, how))
    return figures


async def _first_prompts(model: Model, folder: Path, workspace: Path, rounds: int) -> list[Figure]:
    floors, warm, cold, fresh = [], [], [], []
    async with palaver(folder / "first") as engine:
        for number in range(rounds):
            async with bare_client(workspace) as ask:
                await asyncio.sleep(2)
                floors.append((await measured(model, ask)).request)
            user = f"warm{number}"
            await _run(engine, user, "/newsession")
            await asyncio.sleep(2)
            warm.append((await measured(model, asker(engine, user))).request)
            cold.append((await measured(model, asker(engine, f"cold{number}"))).request)
            once = await measured(model, lambda prompt: fresh_process(workspace, prompt))
            fresh.append(once.request)
    floor, own = 1000 * median(floors), 1000 * median(warm)
    return [
        Figure(
            "first prompt, pre-warmed: request at the model",
            own,
            "ms",
            1.3 * floor,
            floor,
            "the floor is a bare client's first prompt once it is connected",
        ),
        Figure(
            "first prompt, cold: request at the model",
            1000 * median(cold),
            "ms",
            None,
            1000 * median(fresh),
            "the floor is a process per prompt",
        ),
    ]


async def _many_users(model: Model, folder: Path, workspace: Path) -> list[Figure]:
    async def all_at_once(asks: list[Ask]) -> float:
        return max(one.answer for one in await asyncio.gather(*(measured(model, a) for a in asks)))

    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(bare_client(workspace)) for _ in range(USERS)]
        await all_at_once(clients)
        held_open = median([await all_at_once(clients) for _ in range(3)])
    fresh: list[Ask] = [lambda prompt: fresh_process(workspace, prompt)] * USERS
    processes = await all_at_once(fresh)
    async with palaver(folder / "many") as engine:
        own = [asker(engine, f"user{number}") for number in range(USERS)]
        cold = await all_at_once(own)
        warm = median([await all_at_once(own) for _ in range(3)])
    return [
        Figure(
            f"{USERS} users at one instant, warm: last answer",
            warm,
            "s",
            1.15 * held_open,
            held_open,
            "the floor is as many clients held open",
        ),
        Figure(
            f"{USERS} users at one instant, cold: last answer",
            cold,
            "s",
            0.75 * processes,
            processes,
            "the floor is as many fresh processes",
        ),
    ]
