"""Updates that are acknowledged but not dealt with yet: one file each, until they are.

Most updates never come here: they are dealt with before Telegram is asked for more. A file that
is being fetched, or an album that is not complete, would hold up everything behind it.
"""

import asyncio
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

_REMEMBERED = 1000
"""Ids of updates: ten times what Telegram sends at once."""


class Journal:
    """A folder of updates, by their ids."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._dealt_with = folder / "dealt-with.log"
        self._kept: set[int] = set()

    async def keep(self, update_id: int, update: Mapping[str, Any]) -> None:
        """Write an update down; it is on the disk when this returns.

        Raises:
            OSError: if it cannot be written.
        """
        await asyncio.to_thread(self._write, update_id, update)
        self._kept.add(update_id)

    async def done(self, update_id: int) -> None:
        """It is dealt with."""
        if update_id in self._kept:
            self._kept.discard(update_id)
            await asyncio.to_thread(self._file(update_id).unlink, missing_ok=True)

    async def put_aside(self, update_id: int) -> None:
        """Nothing can be made of it; its file stays, but does not come again."""
        self._kept.discard(update_id)
        await asyncio.to_thread(self._put_aside, self._file(update_id))

    async def left(self) -> list[dict[str, Any]]:
        """What another life of Palaver has left, in order; what cannot be read is kept aside."""
        updates = await asyncio.to_thread(self._read)
        self._kept.update(update["update_id"] for update in updates)
        return updates

    async def note(self, update_id: int) -> None:
        """It is dealt with, which Telegram may not have heard when it sends it again.

        Raises:
            OSError: if that cannot be noted.
        """
        await asyncio.to_thread(self._append, update_id)

    async def noted(self) -> list[int]:
        """The latest that another life has dealt with, the oldest first."""
        return await asyncio.to_thread(self._noted)

    def _append(self, update_id: int) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._dealt_with.open("a", encoding="ascii") as stream:
            stream.write(f"{update_id}\n")

    def _noted(self) -> list[int]:
        """Those of an unfinished line are left out; what is old is forgotten."""
        try:
            lines = self._dealt_with.read_text("ascii", "replace").split("\n")[:-1]
        except FileNotFoundError:
            return []
        noted = [int(line) for line in lines if line.isdecimal()][-_REMEMBERED:]
        part = self._dealt_with.with_suffix(".part")
        part.write_text("".join(f"{one}\n" for one in noted), "ascii")
        part.replace(self._dealt_with)
        return noted

    def _file(self, update_id: int) -> Path:
        return self._folder / f"{update_id}.json"

    def _write(self, update_id: int, update: Mapping[str, Any]) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = self._file(update_id).with_suffix(".part")
        with part.open("w", encoding="utf-8") as stream:
            json.dump(update, stream)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(self._file(update_id))

    def _read(self) -> list[dict[str, Any]]:
        updates = []
        for file in sorted(self._folder.glob("*.json"), key=lambda file: int(file.stem)):
            try:
                updates.append(dict(json.loads(file.read_text("utf-8"))))
            except ValueError:
                self._put_aside(file)
        return updates

    def _put_aside(self, file: Path) -> None:
        log.warning("%s cannot be read, and is kept aside", file)
        file.replace(file.with_suffix(".broken"))
