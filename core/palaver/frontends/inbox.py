"""Files that come in: under a name that can do no harm, and over nothing that is there."""

import asyncio
import errno
import os
import re
import unicodedata
from pathlib import Path

from palaver.errors import SessionError

# while a file is fetched, an agent can put a link in the place of the folder
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL  # never through a link, never over another file
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
        SessionError: if it cannot be written, or a link is in the place of the folder.
    """
    problem = f"The file {name[:80]} could not be kept: "
    try:
        return await asyncio.to_thread(_store, folder, safe_name(name), data)
    except OSError as error:
        why, hint = error.strerror, "Send it again later."
        if error.errno in (errno.ENOTDIR, errno.ELOOP):  # the first on Linux, the other elsewhere
            why, hint = f"{folder.name} is no folder", f"Remove {folder}, and send it again."
        raise SessionError(f"{problem}{why}.", hint=hint) from error


def _store(folder: Path, name: str, data: bytes) -> Path:
    inside = os.open(folder, _FOLDER)
    try:
        path, descriptor = _created(folder / name, inside)
    finally:
        os.close(inside)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
    return path


def _created(wanted: Path, folder: int) -> tuple[Path, int]:
    """A new file in the opened folder: where it is, and a descriptor of it."""
    number = 1
    while True:
        path = wanted if number == 1 else wanted.with_stem(f"{wanted.stem}-{number}")
        try:
            return path, os.open(path.name, _NEW, 0o666, dir_fd=folder)
        except FileExistsError:
            number += 1
