"""Files in both directions, within Telegram's limits."""

import asyncio
import mimetypes
from pathlib import Path

from telegram import InputFile
from telegram.error import BadRequest, NetworkError, TelegramError

from palaver import Attachment, PalaverError, RemoteFile, store_file
from palaver_telegram.client import FIRST_PAUSE_S, Client

MAX_DOWNLOAD = 20 << 20
"""Bytes that a bot may fetch (Bot API, getFile)."""
MAX_UPLOAD = 50_000_000
"""Bytes that a bot may send (Bot API, sendDocument)."""
MAX_PHOTO = 10_000_000
"""Bytes of a photo (Bot API, sendPhoto)."""
PHOTOS = frozenset({"image/jpeg", "image/png", "image/webp"})
_ATTEMPTS = 6


class FileError(PalaverError):
    """Raised for a file that cannot come through; its words are for the user."""


async def fetch(client: Client, file: RemoteFile, folder: Path) -> Attachment:
    """Bring a file from Telegram into a folder.

    Raises:
        FileError: if it is too large, gone, or cannot be had.
        SessionError: if it cannot be written.
    """
    if file.size > MAX_DOWNLOAD:
        raise _too_large(file)
    data = await _download(client, file)
    path = await store_file(folder, _with_suffix(file), data)
    return Attachment(name=path.name, media_type=file.media_type, path=path)


async def read_for_sending(path: Path) -> tuple[InputFile, bool]:
    """A file to be sent, and whether it can be sent as a photo.

    Raises:
        FileError: if it is too large, empty or cannot be read.
    """

    def read() -> bytes:
        if path.stat().st_size > MAX_UPLOAD:
            raise FileError(f"{path.name} is larger than the 50 MB that Telegram takes.")
        return path.read_bytes()

    try:
        data = await asyncio.to_thread(read)
    except OSError as error:
        raise FileError(f"{path.name} cannot be read: {error.strerror}.") from error
    if not data:
        raise FileError(f"{path.name} is empty, and Telegram takes no empty files.")
    is_photo = mimetypes.guess_type(path.name)[0] in PHOTOS and len(data) <= MAX_PHOTO
    return InputFile(data, filename=path.name), is_photo


async def _download(client: Client, file: RemoteFile) -> bytes:
    pause = FIRST_PAUSE_S
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            remote = await client.bot.get_file(file.id)
            return bytes(await remote.download_as_bytearray())
        except BadRequest as error:
            if "too big" in error.message.lower():
                raise _too_large(file) from error
            raise FileError(f"Telegram does not give {file.name}: {error.message}.") from error
        except NetworkError as error:
            if attempt == _ATTEMPTS:
                problem = f"{file.name} could not be fetched: {error.message}."
                raise FileError(problem, hint="Send it again.") from error
            await asyncio.sleep(pause)
            pause *= 2
        except TelegramError as error:
            raise FileError(f"{file.name} could not be fetched: {error.message}.") from error
    raise AssertionError("the last attempt returns or raises")


def _too_large(file: RemoteFile) -> FileError:
    size = f" ({file.size / (1 << 20):.0f} MB)" if file.size else ""
    return FileError(
        f"{file.name}{size} is too large: Telegram gives bots at most 20 MB.",
        hint="Put it into the workspace some other way.",
    )


def _with_suffix(file: RemoteFile) -> str:
    if "." in file.name:
        return file.name
    return file.name + (mimetypes.guess_extension(file.media_type) or "")
