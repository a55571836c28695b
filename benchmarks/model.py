"""The loopback model in a process of its own, so that it takes no time from what is measured.

Started as `python -m benchmarks.model`; prints its port, then a line for each request: when it
arrived (CLOCK_MONOTONIC, the same in all processes) and the user's text.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from palaver.testing.model import ModelRequest, Use

WORDS = 40
WORD_INTERVAL_S = 0.01
SHORT = "short"
"""A prompt that begins so is answered with one line, at once: `Answer to short 7.`"""
LONG = "long"
"""A prompt that begins so makes the agent write and read files by turns until it is stopped, with
40 words before each."""


@dataclass
class Model:
    """The running model, and when which request reached it."""

    environment: dict[str, str]
    arrivals: dict[str, float] = field(default_factory=dict)


@asynccontextmanager
async def model_process(home: Path) -> AsyncIterator[Model]:
    """A model that answers with 40 words, 10 ms apart, unless asked otherwise; sets the
    environment."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.model", str(home), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    model = Model(json.loads(await process.stdout.readline()))
    os.environ.update(model.environment)
    listener = asyncio.create_task(_listen(process.stdout, model))
    try:
        yield model
    finally:
        process.terminate()
        await process.wait()
        await listener


async def _listen(lines: asyncio.StreamReader, model: Model) -> None:
    while line := await lines.readline():
        arrival = json.loads(line)
        model.arrivals[arrival["prompt"]] = arrival["at"]


async def _serve(home: Path) -> None:
    import time

    from palaver.testing.model import LoopbackModel, ModelRequest, Reply, Say

    def script(request: ModelRequest) -> Reply:
        print(json.dumps({"prompt": request.prompt, "at": time.monotonic()}), flush=True)
        if request.prompt.startswith(SHORT):
            return f"Answer to {request.prompt}."
        text = " ".join(f"word{number}" for number in range(WORDS))
        say = Say(text, words_per_chunk=1, delay_s=WORD_INTERVAL_S)
        return [say, _next_use(request)] if request.prompt.startswith(LONG) else say

    async with LoopbackModel(script) as model:
        print(json.dumps(model.environment(home)), flush=True)
        await asyncio.Event().wait()


def _next_use(request: "ModelRequest") -> "Use":
    """What was written last is read, and then the next file is written."""
    from palaver.testing.model import Use

    results = request.tool_results
    last = results[-1] if results else None
    path = str(last.input["file_path"]) if last else f"{request.directory}/note-0.txt"
    if last and last.tool == "Write":
        return Use("Read", {"file_path": path})
    number = int(path.rpartition("-")[2].removesuffix(".txt")) + 1
    following = f"{request.directory}/note-{number}.txt"
    return Use("Write", {"file_path": following, "content": "a line\n" * 20})


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
