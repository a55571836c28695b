"""Starting, and sitting idle."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.harness import Figure, median

PALAVER = str(Path(sys.executable).with_name("palaver"))


async def figures(folder: Path, rounds: int) -> list[Figure]:
    environment = {**os.environ, "PALAVER_DATA_DIR": str(folder), "HOME": str(folder)}
    environment.pop("PALAVER_CONFIG", None)
    return await asyncio.to_thread(_figures, environment, rounds)


def _figures(environment: dict[str, str], rounds: int) -> list[Figure]:
    ours, floor = [], []
    for _ in range(rounds):
        floor.append(_run([sys.executable, "-c", "import click"], environment))
        ours.append(_run([PALAVER, "--help"], environment))
    scripted = {**environment, "PALAVER_SESSIONS__AGENT": "scripted"}
    ask = [_run([PALAVER, "ask", "hello"], scripted) for _ in range(max(3, rounds // 3))]
    base = 1000 * median(floor)
    how = "the floor is python -c 'import click'"
    return [
        Figure("palaver --help", 1000 * median(ours), "ms", 3 * base, base, how),
        Figure("palaver ask, scripted agent", 1000 * median(ask), "ms", None, base, how),
        _idle(environment),
    ]


def _run(command: list[str], environment: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def _idle(environment: dict[str, str]) -> Figure:
    """An engine that waits for its first prompt."""
    code = (
        "import asyncio, psutil\n"
        "from palaver import PluginHost, load_settings, open_engine\n"
        "async def main():\n"
        "    settings = load_settings()\n"
        "    async with open_engine(settings, PluginHost(settings)) as engine:\n"
        "        await asyncio.sleep(0.5)\n"
        "        print(psutil.Process().memory_full_info().pss)\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", code]
    held = int(subprocess.check_output(command, env=environment)) / (1 << 20)
    how = "proportional set size; a frontend's library comes on top"
    return Figure("idle memory of the engine (PSS)", held, "MB", 75.0, None, how)
