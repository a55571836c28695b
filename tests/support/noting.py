"""What Palaver writes down for its next life, a moment after it is seen in the chat."""

import asyncio
from pathlib import Path


async def noted(folder: Path) -> None:
    """Wait until a request is noted somewhere below this folder."""
    async with asyncio.timeout(10):
        while not await asyncio.to_thread(_notes, folder):  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.02)


def _notes(folder: Path) -> list[Path]:
    return list(folder.rglob("*.asked"))
