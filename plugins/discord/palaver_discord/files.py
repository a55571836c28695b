"""Files in both directions, within Discord's limits."""

import asyncio
import mimetypes
from pathlib import Path

import discord

from palaver import Attachment, PalaverError, RemoteFile, store_file
from palaver_discord.client import FIRST_PAUSE_S, UNREACHABLE, words_of

MAX_DOWNLOAD = 25 << 20
"""Bytes that are taken; people with a subscription can send far more than the agent can read."""
MAX_UPLOAD = 10 << 20
"""Bytes that a bot may send (API reference, "Uploading Files")."""
TRANSFER_S = 300.0
"""Seconds that a file may take."""
_ATTEMPTS = 6


class FileError(PalaverError):
    """Raised for a file that cannot come through; its words are for the user."""


async def fetch(client: discord.Client, file: RemoteFile, folder: Path) -> Attachment:
    """Bring a file from Discord into a folder.

    Args:
        file: its id is its address.

    Raises:
        FileError: if it is too large, gone, or cannot be had.
        SessionError: if it cannot be written.
    """
    if file.size > MAX_DOWNLOAD:
        raise FileError(
            f"{file.name} ({file.size / (1 << 20):.0f} MB) is too large: at most 25 MB are taken.",
            hint="Put it into the workspace some other way.",
        )
    data = await _download(client, file)
    path = await store_file(folder, _with_suffix(file), data)
    return Attachment(name=path.name, media_type=file.media_type, path=path)


async def read_for_sending(path: Path) -> bytes:
    """A file to be sent.

    Raises:
        FileError: if it is too large or cannot be read.
    """

    def read() -> bytes:
        if path.stat().st_size > MAX_UPLOAD:
            raise too_large(path)
        return path.read_bytes()

    try:
        return await asyncio.to_thread(read)
    except OSError as error:
        raise FileError(f"{path.name} cannot be read: {error.strerror}.") from error


def too_large(path: Path) -> FileError:
    """What is said of a file that Discord does not take."""
    return FileError(f"{path.name} is larger than the 10 MB that Discord takes.")


async def _download(client: discord.Client, file: RemoteFile) -> bytes:
    pause = FIRST_PAUSE_S
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            async with asyncio.timeout(TRANSFER_S):
                return await client.http.get_from_cdn(file.id)
        except (discord.HTTPException, *UNREACHABLE) as error:
            if isinstance(error, discord.HTTPException) and not _passes(error):
                problem = f"Discord does not give {file.name}: {words_of(error)}."
                raise FileError(problem, hint="Send it again.") from error
            if attempt == _ATTEMPTS:
                problem = f"{file.name} could not be fetched: {words_of(error)}."
                raise FileError(problem, hint="Send it again.") from error
            await asyncio.sleep(pause)
            pause *= 2
    raise AssertionError("the last attempt returns or raises")


def _passes(error: discord.HTTPException) -> bool:
    """Whether it may be better the next time; of files the library tells it by no other error."""
    return error.status == 429 or error.status >= 500


def _with_suffix(file: RemoteFile) -> str:
    if "." in file.name:
        return file.name
    return file.name + (mimetypes.guess_extension(file.media_type) or "")
