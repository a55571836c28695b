"""Small facts that outlive the process, such as which live messages stand in chats."""

import asyncio
from pathlib import Path
from urllib.parse import quote, unquote


class Marks:
    """A folder with one empty file for each, which can be neither half written nor broken.

    Args:
        kind: the files' suffix, so that several kinds can share a folder.
    """

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder = folder
        self._suffix = f".{kind}"

    async def add(self, *names: str) -> None:
        """From now on it holds, in this life and the next; several names make one mark.

        Raises:
            OSError: if it cannot be noted, or all is too long for a file name (some 200 bytes).
        """
        await asyncio.to_thread(self._add, self._file(names))

    async def drop(self, *names: str) -> None:
        """It holds no more; nothing happens if it never did.

        Raises:
            OSError: if that cannot be noted.
        """
        await asyncio.to_thread(self._file(names).unlink, missing_ok=True)

    async def all(self) -> list[tuple[str, ...]]:
        """Those that hold."""
        stems = await asyncio.to_thread(self._stems)
        return [tuple(map(unquote, stem.split("_"))) for stem in stems]

    def _stems(self) -> list[str]:
        return [file.name.removesuffix(self._suffix) for file in sorted(self._files())]

    def _files(self) -> list[Path]:
        return list(self._folder.glob(f"*{self._suffix}"))

    def _file(self, names: tuple[str, ...]) -> Path:
        quoted = (quote(name, safe="").replace("_", "%5F") for name in names)
        return self._folder / ("_".join(quoted) + self._suffix)

    def _add(self, file: Path) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch()
