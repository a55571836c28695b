"""Transcripts as files: what changed among them, and moving one without ever overwriting."""

import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from palaver.models import Stamp

_NO_HARD_LINKS = frozenset({errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS})


def scan_transcripts(
    known: Iterable[tuple[str, int, int]],
) -> Iterator[tuple[str, Stamp | None]]:
    """What has changed among the known transcripts: `(path, new stamp)`, None if it is gone.

    Blocking. A file that cannot be looked at for another reason than its absence is passed over,
    so that a folder which is unreadable for a while does not make its sessions look lost.
    """
    # One `stat` for each: on Linux it costs what `DirEntry.stat` costs, and the listing is saved.
    for path, size, modified_ns in known:
        try:
            now = os.stat(path)  # noqa: PTH116 - `Path.stat` costs a third more
        except (FileNotFoundError, NotADirectoryError):
            yield path, None
        except OSError:
            continue
        else:
            if now.st_size != size or now.st_mtime_ns != modified_ns:
                yield path, Stamp(now.st_size, now.st_mtime_ns)


def move_transcript(transcript: Path, folder: Path) -> Path:
    """Move a transcript, and the folder of the same name beside it, into `folder`; its new place.

    Blocking. Keeps the times. `folder` is made if need be.

    Raises:
        OSError: if it cannot be moved, `FileExistsError` among them; then nothing is.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = folder / transcript.name
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    companions, place = transcript.with_suffix(""), target.with_suffix("")
    accompanied = companions.is_dir() and not companions.is_symlink()
    if accompanied:
        _move_folder(companions, place)
    try:
        _move_file(transcript, target)
    except OSError:
        if accompanied:
            _move_folder(place, companions)
        raise
    return target


def _move_file(source: Path, target: Path) -> None:
    # A rename would overwrite what another process put there in this very moment; a link fails.
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        _copy_file(source, target)
    try:
        source.unlink()
    except OSError:
        target.unlink()
        raise


def _copy_file(source: Path, target: Path) -> None:
    with source.open("rb") as reader:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as writer:
                shutil.copyfileobj(reader, writer, 1 << 20)
                writer.flush()
                os.fsync(writer.fileno())
            shutil.copystat(source, target)
        except OSError:
            target.unlink()
            raise


def _move_folder(source: Path, target: Path) -> None:
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy_folder(source, target)


def _copy_folder(source: Path, target: Path) -> None:
    try:
        shutil.copytree(source, target, symlinks=True)
    except OSError:
        shutil.rmtree(target, ignore_errors=True)
        raise
    shutil.rmtree(source)
