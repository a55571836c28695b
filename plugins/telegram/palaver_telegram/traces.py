"""Which live messages stand in chats, so that those of a Palaver that was killed can be removed."""

import asyncio
from pathlib import Path

_SUFFIX = ".live"


class Traces:
    """A folder with one empty file for each, named by its chat and its message."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def add(self, chat_id: int, message_id: int) -> None:
        """It stands there.

        Raises:
            OSError: if it cannot be noted.
        """
        await asyncio.to_thread(self._add, self._file(chat_id, message_id))

    async def drop(self, chat_id: int, message_id: int) -> None:
        """It is gone."""
        await asyncio.to_thread(self._file(chat_id, message_id).unlink, missing_ok=True)

    async def left(self) -> list[tuple[int, int]]:
        """Those that are noted: (chat, message)."""
        names = await asyncio.to_thread(lambda: [file.stem for file in self._files()])
        return [(int(chat), int(message)) for chat, _, message in (n.partition("_") for n in names)]

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob(f"*_*{_SUFFIX}"))

    def _file(self, chat_id: int, message_id: int) -> Path:
        return self._folder / f"{chat_id}_{message_id}{_SUFFIX}"

    def _add(self, file: Path) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch()
