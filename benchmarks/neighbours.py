"""Nobody delays anybody: a bystander's command and prompt, alone and beside busy neighbours.

Alone and beside take turns, so that the machine's drift is in both. A control is a third in the
round: where the neighbours' work takes the processors, the same work outside of Palaver; where
their chat is broken, the same messages in a sound one.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.bystanders import Bystander, Sample, finally_answered, short_prompt
from benchmarks.harness import Figure, median, percentile
from benchmarks.loads import BusyChat, Load, LongTurn, ManyPrompts, SlowFiles, Transcription
from benchmarks.model import LONG, model_process
from benchmarks.outsiders import Clients, Recogniser
from benchmarks.recording import long_recording
from benchmarks.telegram import serve
from benchmarks.turns import USERS
from palaver.testing.telegram import BotApi, Person

SPOKEN_S = 120
"""Seconds of the recording; two cores take 7 s to understand it."""
BURST = 90
"""Prompts at one instant to a chat that does not answer: more than there are connections."""
PAIRS = 8
"""Commands, and as many prompts, before the load changes."""
PAUSE_S = 0.1
"""Seconds between two samples: what follows an answer is over."""
RETRY_AFTER_S = 10
"""Seconds of the flood limit: longer than anything that is measured beside it."""
STALL_S = 2.0
"""More seconds than noise makes of an answer, where the machine does nothing else."""
FRESH = 5
"""People whose chats do not answer."""
MANY = "many at one instant"
SETTINGS = {
    "PALAVER_SESSIONS__AUTO_COMPACT_TURNS": "0",
    "PALAVER_AGENTS__CLAUDE__PERMISSION_MODE": "acceptEdits",
    "PALAVER_AGENTS__CLAUDE__MAX_WARM": "40",
}


@dataclass(frozen=True)
class Neighbourhood:
    """What the bystander has beside him.

    Attributes:
        control: the same without what is asked about: the same work outside of Palaver, or the
            same messages in a sound chat.
    """

    name: str
    load: Load
    control: Load | None = None


@dataclass
class Samples:
    """What was measured under one load; `cores` is how many processors were at work."""

    commands: list[Sample] = field(default_factory=list)
    prompts: list[Sample] = field(default_factory=list)
    cores: list[float] = field(default_factory=list)


async def figures(folder: Path, rounds: int) -> list[Figure]:
    # What hangs up on the Bot API does so because it was made to.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(model_process(folder / "home"))
        api = await stack.enter_async_context(BotApi())
        count = 9 + 2 * FRESH + USERS
        people = [api.user(f"User{number}", id=1000 + number) for number in range(count)]
        for person in people:
            api.private(person)
        served = await stack.enter_async_context(serve(folder, api, SETTINGS))
        commander, *prompters = people
        await asyncio.gather(*(_warm(api, person) for person in prompters))
        bystander = Bystander(api, served.pid, commander, prompters[0])
        recording = folder / "recording.ogg"
        await asyncio.to_thread(recording.write_bytes, long_recording(SPOKEN_S))
        one = await stack.enter_async_context(Clients(folder / "one", 1, LONG))
        many = await stack.enter_async_context(Clients(folder / "many", USERS, MANY))
        crowd = ManyPrompts(api, prompters[-USERS:], MANY)
        street = [
            Neighbourhood("a long turn", LongTurn(api, prompters[1]), one),
            Neighbourhood(
                "a transcription",
                Transcription(api, prompters[2], served.pid, recording, SPOKEN_S),
                Recogniser(recording, 2 * SPOKEN_S),
            ),
            *_bad_chats(api, prompters[3:-USERS]),
            Neighbourhood(f"{USERS} prompts at one instant", crowd, many),
        ]
        stalls: dict[str, float] = {}
        found = []
        for each in street:
            found += await _beside(each, bystander, max(3, rounds // 3), stalls)
    name = f"{USERS} prompts at one instant: turns without text before the answer"
    return [
        *found,
        Figure(
            f"answers that took over {STALL_S:g} seconds",
            sum(stalls.values()),
            "",
            0,
            others=stalls,
        ),
        Figure(name, crowd.unseen, "turns", 0, others={"of": crowd.turns}),
    ]


def _bad_chats(api: BotApi, people: Sequence[Person]) -> list[Neighbourhood]:
    flooded, refused, cut, slow, sound, *fresh = people
    as_busy = BusyChat(api, [sound])
    burst = BusyChat(api, fresh[FRESH:], prompts=BURST)
    return [
        Neighbourhood(
            "a flood limit",
            BusyChat(api, [flooded], error=429, retry_after=RETRY_AFTER_S),
            as_busy,
        ),
        Neighbourhood("a chat that answers 403", BusyChat(api, [refused], error=403), as_busy),
        Neighbourhood("a chat that hangs up", BusyChat(api, [cut], drop="before"), as_busy),
        Neighbourhood(f"{BURST} prompts of one person", burst),
        Neighbourhood(
            f"{BURST} prompts of one person whose chat never answers",
            BusyChat(api, fresh[:FRESH], prompts=BURST, silence=True),
            burst,
        ),
        Neighbourhood("a file that is fetched slowly", SlowFiles(api, slow)),
    ]


async def _warm(api: BotApi, person: Person) -> None:
    """Afterwards the person's session has its process."""
    prompt = short_prompt()
    await person.send(prompt)
    await finally_answered(api.private(person), prompt)


async def _beside(
    neighbourhood: Neighbourhood, bystander: Bystander, rounds: int, stalls: dict[str, float]
) -> list[Figure]:
    """The figures; `stalls` gets how many answers took over `STALL_S`, if any did."""
    alone, beside, control = Samples(), Samples(), Samples()
    for _ in range(rounds):
        await _sampled(bystander, Load(), alone)
        await _sampled(bystander, neighbourhood.load, beside)
        if neighbourhood.control:
            await _sampled(bystander, neighbourhood.control, control)
    if stalled := sum(one.total > STALL_S for one in (*beside.commands, *beside.prompts)):
        stalls[f"beside {neighbourhood.name}"] = stalled
    command, prompt = (f"{what} beside {neighbourhood.name}" for what in ("command", "prompt"))
    found = [
        _typical(command, beside.commands, alone.commands, _cores(beside)),
        _slowest(command, beside.commands, alone.commands),
        _typical(prompt, beside.prompts, alone.prompts, {}),
    ]
    if neighbourhood.control:
        found += [
            _typical(f"{command}; control", beside.commands, control.commands, _cores(control)),
            _slowest(f"{command}; control", beside.commands, control.commands),
            _typical(f"{prompt}; control", beside.prompts, control.prompts, {}),
        ]
    return found


async def _sampled(bystander: Bystander, load: Load, samples: Samples) -> None:
    await load.begin()
    psutil.cpu_percent()
    for _ in range(PAIRS):
        await load.keep_up()
        samples.commands.append(await bystander.command())
        await asyncio.sleep(PAUSE_S)
        await load.keep_up()
        samples.prompts.append(await bystander.prompt())
        await asyncio.sleep(PAUSE_S)
    samples.cores.append(psutil.cpu_percent() / 100 * (psutil.cpu_count() or 1))
    await load.end()


def _typical(
    name: str, ours: Sequence[Sample], floor: Sequence[Sample], more: dict[str, float]
) -> Figure:
    """Within the noise: the median is at most what the floor's slowest tenth begins at."""
    own, base = (_ms(samples, "total") for samples in (ours, floor))
    others = {
        "ratio": median(own) / median(base),
        "fetched": median(_ms(ours, "fetched")),
        "worked": median(_ms(ours, "worked")),
        "unserved": median(_ms(ours, "unserved")),
        "worked (floor)": median(_ms(floor, "worked")),
        "unserved (floor)": median(_ms(floor, "unserved")),
    }
    bar = percentile(base, 0.9)
    return Figure(name, median(own), "ms", bar, median(base), others=others | more)


def _slowest(name: str, ours: Sequence[Sample], floor: Sequence[Sample]) -> Figure:
    """Within the noise: the slowest tenth begins at no more than the floor's slowest of all."""
    own, base = (_ms(samples, "total") for samples in (ours, floor))
    label = f"{name}: p90"
    others = {"slowest": max(own)}
    return Figure(
        label, percentile(own, 0.9), "ms", max(base), percentile(base, 0.9), others=others
    )


def _ms(samples: Sequence[Sample], station: str) -> list[float]:
    return [1000 * getattr(sample, station) for sample in samples]


def _cores(samples: Samples) -> dict[str, float]:
    return {"cores": median(samples.cores)}
