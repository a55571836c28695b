"""What was typed before, for the arrow keys: a file that only its user can read."""

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from prompt_toolkit.history import FileHistory, ThreadedHistory


class PrivateHistory(ThreadedHistory):
    """prompt_toolkit's own format, in a file made with the mode 0600; read and written in threads.

    A history that cannot be read or written is forgotten, and nothing else. What begins with a
    blank is not kept, as in shells.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(FileHistory(path))
        self._path = path
        self._writer = ThreadPoolExecutor(1, "history")
        self._usable = self._writer.submit(_prepare, path)

    async def load(self) -> AsyncGenerator[str, None]:
        if await asyncio.wrap_future(self._usable):
            async for text in super().load():
                yield text

    def store_string(self, string: str) -> None:
        if not string.startswith(" "):
            self._writer.submit(self._store, string.encode(errors="replace").decode())

    def close(self) -> None:
        """Wait until all of it is written."""
        self._writer.shutdown()

    def _store(self, string: str) -> None:
        if self._usable.result():
            with contextlib.suppress(OSError):
                super().store_string(string)


def _prepare(path: Path) -> bool:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        path.chmod(0o600)
    except OSError:
        return False
    return True
