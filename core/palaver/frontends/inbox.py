"""Files that come in: under a name that can do no harm, and over nothing that is there."""

import asyncio
import re
import unicodedata
from pathlib import Path

from palaver.errors import SessionError

_LENGTH = 200  # bytes, of the 255 that file systems take
_UNSAFE = re.compile(r"[^\w.()+,=@-]+")


def safe_name(name: str) -> str:
    """A file name without folders, hidden beginnings and surprises; at most 200 bytes."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    clean = _UNSAFE.sub("_", last).strip("._") or "file"
    stem, dot, suffix = clean.rpartition(".")
    if not dot or len(suffix) > 10:
        return _cut(clean, _LENGTH)
    return f"{_cut(stem, _LENGTH - len(suffix.encode()) - 1)}.{suffix}"


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")


async def store_file(folder: Path, name: str, data: bytes) -> Path:
    """Write a file under a safe name, with a number if the name is taken.

    Raises:
        SessionError: if it cannot be written.
    """
    try:
        return await asyncio.to_thread(_store, folder, safe_name(name), data)
    except OSError as error:
        problem = f"The file {name[:80]} could not be kept: {error.strerror}."
        raise SessionError(problem, hint="Send it again later.") from error


def _store(folder: Path, name: str, data: bytes) -> Path:
    wanted = folder / name
    number = 1
    while True:
        path = wanted if number == 1 else wanted.with_stem(f"{wanted.stem}-{number}")
        try:
            with path.open("xb") as stream:  # never through a link, never over another file
                stream.write(data)
        except FileExistsError:
            number += 1
        else:
            return path
