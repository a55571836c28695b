"""Which frontends a `palaver serve` on this data runs right now, for commands beside it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import palaver.processes as processes

_NAME = "serving.json"


@contextlib.asynccontextmanager
async def announced(data_dir: Path, frontends: Iterable[str]) -> AsyncIterator[None]:
    """Let others know of these frontends for as long as the block runs."""
    file = data_dir / _NAME
    text = json.dumps({"process": processes.identity(), "frontends": list(frontends)})
    await asyncio.to_thread(file.write_text, text, "utf-8")
    try:
        yield
    finally:
        await asyncio.to_thread(file.unlink, missing_ok=True)


def served(data_dir: Path) -> set[str]:
    """The frontends that run elsewhere; none, if whoever ran them has died. Blocking."""
    try:
        known = json.loads((data_dir / _NAME).read_text("utf-8"))
        alive = processes.find(known["process"]) is not None
        return set(known["frontends"]) if alive else set()
    except (OSError, ValueError, KeyError, TypeError):  # not there, or half written
        return set()
