"""The Telegram path: from a person's message to the answer on the phone, beside a bare client.

`palaver serve` in a process of its own, the loopback Bot API here, the model in a third.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import psutil

from benchmarks.harness import Figure, median
from benchmarks.model import WORDS, Model, model_process
from benchmarks.turns import USERS, Ask, Times, bare_client, fresh_process, measured
from palaver.testing.telegram import BotApi, Person

_PALAVER = str(Path(sys.executable).with_name("palaver"))
_SHOWS = {"sendMessage", "sendMessageDraft", "editMessageText"}
_LAST_WORD = f"word{WORDS - 1}"


async def figures(folder: Path, rounds: int) -> list[Figure]:
    workspace = folder / "workspace"
    workspace.mkdir(parents=True)
    async with model_process(folder / "home") as model, BotApi() as api:
        people = [api.user(f"User{number}", id=1000 + number) for number in range(USERS)]
        for person in people:
            api.private(person)
        async with serve(folder, api) as served:
            return [
                Figure("telegram: start to first long poll", served.start_s, "s", 0.8),
                Figure("telegram: idle memory (PSS)", served.memory_mb, "MB", 75.0),
                *await _first_prompt(model, api, people[0], workspace),
                *await _later_prompts(model, api, people[0], workspace, rounds),
                *await _many(model, api, people, workspace),
            ]


@dataclass(frozen=True)
class Served:
    """A running `palaver serve`.

    Attributes:
        start_s: seconds to its first poll.
        memory_mb: megabytes (PSS) that it held a second later.
    """

    pid: int
    start_s: float
    memory_mb: float


@asynccontextmanager
async def serve(
    folder: Path, api: BotApi, more: Mapping[str, str] = MappingProxyType({})
) -> AsyncIterator[Served]:
    """`palaver serve`; `more` are further variables of its environment."""
    settings = {
        "PALAVER_DATA_DIR": str(folder / "data"),
        "PALAVER_FRONTENDS": '["telegram"]',
        "PALAVER_ACCESS__OWNERS": '["telegram:*"]',
        "PALAVER_AGENTS__CLAUDE__MAX_WARM": str(2 * USERS),
        "PALAVER_AGENTS__CLAUDE__WARM_MEMORY_MB": "16000",
        "PALAVER_PLUGINS__TELEGRAM__TOKEN": api.token,
        "PALAVER_PLUGINS__TELEGRAM__BASE_URL": api.base_url,
        "PALAVER_PLUGINS__TELEGRAM__BASE_FILE_URL": api.base_file_url,
        **more,
    }
    started = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        _PALAVER, "serve", env={**os.environ, **settings}, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        while not api.calls.of("getUpdates"):
            await asyncio.sleep(0.002)
        start_s = time.monotonic() - started
        await asyncio.sleep(1)
        held = await asyncio.to_thread(lambda: psutil.Process(process.pid).memory_full_info().pss)
        yield Served(process.pid, start_s, held / (1 << 20))
    finally:
        process.terminate()
        await process.wait()


def _asker(api: BotApi, person: Person) -> Ask:
    async def ask(text: str) -> tuple[float, float]:
        """When the first text and the whole answer were at the Bot API."""
        seen = len(api.calls)
        await person.send(text)
        return await _shown(api, person, seen, "word0"), await _shown(api, person, seen, _LAST_WORD)

    return ask


async def _shown(api: BotApi, person: Person, seen: int, word: str) -> float:
    final = word == _LAST_WORD
    while True:
        for call in list(api.calls)[seen:]:
            mine = str(call.parameters.get("chat_id")) == str(person.id)
            method = call.method in ({"sendMessage"} if final else _SHOWS)
            if mine and method and word in str(call.parameters.get("text")):
                return time.monotonic() - (time.time() - call.at)
        await asyncio.sleep(0.001)


async def _first_prompt(model: Model, api: BotApi, person: Person, workspace: Path) -> list[Figure]:
    async with bare_client(workspace) as floor:
        await asyncio.sleep(2)
        base = 1000 * (await measured(model, floor)).request
    cold = 1000 * (await measured(model, _asker(api, person))).request
    warm = []
    for _ in range(3):
        await person.send("/newsession")
        await asyncio.sleep(2)
        warm.append((await measured(model, _asker(api, person))).request)
    how = "the floor is a bare client's first prompt once it is connected"
    own = 1000 * median(warm)
    return [
        Figure("telegram: first prompt, cold: request at the model", cold, "ms", None, base, how),
        Figure(
            "telegram: first prompt, pre-warmed: request at the model",
            own,
            "ms",
            1.3 * base,
            base,
            how,
        ),
    ]


async def _later_prompts(
    model: Model, api: BotApi, person: Person, workspace: Path, rounds: int
) -> list[Figure]:
    ours = _asker(api, person)
    pairs: list[tuple[Times, Times]] = []
    async with bare_client(workspace) as floor:
        await measured(model, floor)
        for _ in range(rounds):
            pairs.append((await measured(model, floor), await measured(model, ours)))
            await asyncio.sleep(0.2)
    figures = []
    for name, station, extra in (
        ("request at the model", "request", 10),
        ("first visible text", "text", 60),
        ("final answer", "answer", 25),
    ):
        base = 1000 * median([getattr(one, station) for one, _ in pairs])
        own = 1000 * median([getattr(one, station) for _, one in pairs])
        label = f"telegram, later prompt: {name}"
        figures.append(Figure(label, own, "ms", base + extra, base, "a bare client held open"))
    return figures


async def _many(model: Model, api: BotApi, people: list[Person], workspace: Path) -> list[Figure]:
    async def all_at_once(asks: list[Ask]) -> float:
        return max(one.answer for one in await asyncio.gather(*(measured(model, a) for a in asks)))

    processes = await all_at_once([lambda prompt: fresh_process(workspace, prompt)] * USERS)
    ours = [_asker(api, person) for person in people]
    cold = await all_at_once(ours)
    warm = median([await all_at_once(ours) for _ in range(3)])
    label = f"telegram: {USERS} users at one instant"
    how = "as many fresh processes"
    return [
        Figure(f"{label}, cold: last answer", cold, "s", 0.75 * processes, processes, how),
        Figure(f"{label}, warm: last answer", warm, "s", None, None, "their processes are open"),
    ]
