"""Files on their way out: what is sent is a copy, made from the very file that was checked.

A chat may take its time, and meanwhile an agent can put a link in the place of its file; Palaver
would follow it with rights of its own.
"""

import asyncio
import os
import shutil
import stat
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import palaver.processes as processes
from palaver.errors import PalaverError
from palaver.events import FileSent

OUTBOX = "outbox"
"""The folder of the copies, in `data_dir`."""

MAX_FILE = 100 << 20
"""Bytes of one file: twice what Telegram takes, ten times what Discord does."""

_CHUNK = 1 << 20
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # a FIFO would wait for somebody who writes


class NotSentError(PalaverError):
    """Raised when a file cannot be sent; its words are for the agent."""


class Outbox:
    """Copies below `folder`, which no sandboxed agent can write.

    Each is alone in a folder (0700) that names the process it belongs to, and has the name of the
    file it was made from (0600).

    Attributes:
        denied: files and folders of which nothing is handed over.
        private: the same, but a workspace may lie in one of them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.denied: tuple[Path, ...] = ()
        self.private: tuple[Path, ...] = ()

    async def take(self, workspace: Path, path: str, caption: str = "") -> FileSent:
        """Check and copy a file of the workspace; the event that hands it over.

        The copy is there until the `Submission` that brings the event is asked for the next one;
        if the event goes nowhere, `discard` it. The file is read and written once, in a thread.

        Args:
            path: absolute or from the workspace; links are followed as long as they stay in it.

        Raises:
            NotSentError: if it is no file of the workspace, is denied or private, is larger than
                `MAX_FILE`, or cannot be read or copied.
        """
        given_up = threading.Event()
        work = asyncio.to_thread(self._take, workspace, path, caption, given_up)
        taking = asyncio.create_task(work)
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            given_up.set()  # the thread goes on: it takes away what it has made
            taking.add_done_callback(_unwanted)  # if it did not see that any more
            raise

    async def clear(self) -> None:
        """Remove what dead Palavers have left: nobody will send it any more."""
        await asyncio.to_thread(self._clear)

    def _take(
        self, workspace: Path, path: str, caption: str, given_up: threading.Event
    ) -> FileSent:
        root = workspace.resolve()
        inside = _inside(root, path)
        if self._spares(root, root / inside):
            raise NotSentError(f"{path} cannot be sent: nothing is sent from there.")
        try:
            source = os.fdopen(_opened(root, inside), "rb", buffering=0)
        except FileNotFoundError:
            raise NotSentError(f"There is no file {path}.") from None
        except OSError as error:
            raise NotSentError(f"{path} cannot be read: {error.strerror}.") from error
        with source:
            try:
                copy = self._copied(source, inside.name, given_up)
            except OSError as error:
                raise NotSentError(f"{path} cannot be copied: {error.strerror}.") from error
        return FileSent(path=str(root / inside), caption=caption, copied_to=str(copy))

    def _spares(self, root: Path, file: Path) -> bool:
        private = (place.resolve() for place in self.private)
        spared = [place for place in private if place == root or place not in root.parents]
        spared += [place.resolve() for place in self.denied]
        return any(file.is_relative_to(place) for place in spared)

    def _copied(self, source: BinaryIO, name: str, given_up: threading.Event) -> Path:
        if os.fstat(source.fileno()).st_size > MAX_FILE:
            raise _too_large(name)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        alone = Path(tempfile.mkdtemp(prefix=f"{processes.identity()}-", dir=self._folder))
        copy = alone / name
        try:
            descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as target:
                _copy(source, target, name, given_up)
        except BaseException:
            shutil.rmtree(alone, ignore_errors=True)
            raise
        return copy

    def _clear(self) -> None:
        with suppress(OSError):  # there is none yet, or one that takes nothing, which `take` tells
            for alone in self._folder.iterdir():
                if processes.find(alone.name.rpartition("-")[0]) is None:
                    shutil.rmtree(alone, ignore_errors=True)


async def discard(sent: FileSent) -> None:
    """Remove the copy that was made for this event, if there is one."""
    if sent.copied_to:
        await asyncio.to_thread(_discard, Path(sent.copied_to))


def _unwanted(taking: asyncio.Task[FileSent]) -> None:
    if not taking.cancelled() and taking.exception() is None:
        copy = Path(taking.result().copied_to)
        taking.get_loop().run_in_executor(None, _discard, copy)


def _inside(root: Path, path: str) -> Path:
    """Where the file is from the root, all links resolved.

    Raises:
        NotSentError: if it is not in the root.
    """
    try:
        file = (root / path).resolve()
        str(file).encode()  # a link may lead to a name that is no text, which no event can carry
    except (OSError, RuntimeError, ValueError):  # a circle of links; a name that can be none
        raise NotSentError(f"There is no file {path}.") from None
    if not file.is_relative_to(root):
        raise NotSentError(f"{path} is not in the workspace; copy it there first.")
    return file.relative_to(root)


def _opened(root: Path, inside: Path) -> int:
    """A descriptor of the file. A link that has been put anywhere in its way is not followed.

    Raises:
        FileNotFoundError: if it is not there, or is no regular file.
        OSError: if it cannot be opened, or a link is in its place.
    """
    folder = os.open(root, _FOLDER)
    try:
        for name in inside.parts[:-1]:
            inner = os.open(name, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = inner
        file = os.open(inside.name, _FILE, dir_fd=folder)
    finally:
        os.close(folder)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise FileNotFoundError
    return file


def _copy(source: BinaryIO, target: BinaryIO, name: str, given_up: threading.Event) -> None:
    size = 0
    while chunk := source.read(_CHUNK):
        size += len(chunk)
        if size > MAX_FILE:  # it has grown meanwhile
            raise _too_large(name)
        target.write(chunk)
        if given_up.is_set():
            raise NotSentError("Nobody waits for it any more.")


def _too_large(name: str) -> NotSentError:
    return NotSentError(f"{name} is larger than the {MAX_FILE >> 20} MB that can be sent.")


def _discard(copy: Path) -> None:
    with suppress(OSError):  # what is left now goes at the next start
        copy.unlink(missing_ok=True)
        copy.parent.rmdir()
