"""Files that people and the bot have sent, and the addresses that they are fetched from."""

import mimetypes
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from simcord.backend.cdn import CdnStore

from palaver.testing.discord.wire import JsonObject
from palaver.testing.images import dimensions

#: Bytes of one file and of a whole request. Source: discord-api-docs, "Uploading Files".
MAX_FILE = 10 << 20
MAX_REQUEST = 25 << 20
#: The flag of a voice message, and the only name that its file has.
VOICE_MESSAGE = 1 << 13
VOICE_NAME = "voice-message.ogg"


class Data(bytes):
    """The bytes of a file with what else is known of it; simcord hands it on as it gets it."""

    details: JsonObject

    def __new__(cls, data: bytes, **details: Any) -> "Data":
        """`details` are fields of the attachment, such as `content_type` or `duration_secs`."""
        made = super().__new__(cls, data)
        made.details = {name: value for name, value in details.items() if value is not None}
        return made


@dataclass
class Upload:
    """A file as the bot sent it; it reads like discord.py's `File`, as simcord expects."""

    filename: str
    data: Data
    description: str | None = None

    @property
    def fp(self) -> "Upload":
        """What is read: itself."""
        return self

    def read(self) -> Data:
        """All of it."""
        return self.data


@dataclass(frozen=True)
class Attachment:
    """A file at a message; `duration` in seconds is that of a voice message, else 0."""

    name: str
    url: str
    size: int
    content_type: str
    data: bytes
    duration: float = 0.0
    description: str = ""


class Cdn(CdnStore):
    """The files by their path; `base` is the address of the server."""

    def __init__(self) -> None:
        super().__init__()
        self.base = ""
        self._files: dict[str, bytes] = {}

    def store_attachment(
        self,
        attachment_id: int,
        channel_id: int,
        filename: str,
        data: bytes,
        description: str | None,
    ) -> JsonObject:
        """Keep a file; the attachment object of its message."""
        path = f"/attachments/{channel_id}/{attachment_id}/{filename}"
        self._files[path] = bytes(data)
        # The live service signs its addresses: the name is not the end of them.
        url = f"{self.base}{quote(path)}?ex=7fffffff&is=00000000&hm={attachment_id:x}&"
        attachment: JsonObject = {
            "id": str(attachment_id),
            "filename": filename,
            "size": len(data),
            "url": url,
            "proxy_url": url,
            "content_type": mimetypes.guess_type(filename)[0] or "application/octet-stream",
        }
        if description is not None:
            attachment["description"] = description
        sides = dimensions(bytes(data))
        if sides is not None:
            attachment["width"], attachment["height"] = sides
        if isinstance(data, Data):
            attachment |= data.details
        return attachment

    def by_path(self, path: str) -> bytes | None:
        """The file at the path of an attachment's address."""
        return self._files.get(path)

    def forget(self) -> None:
        """All addresses that were given out expire: 404."""
        self._files.clear()

    def opened(self, attachment: JsonObject) -> Attachment:
        """An attachment object with its bytes."""
        path = f"/attachments/{attachment['url'].partition('/attachments/')[2].partition('?')[0]}"
        data = next((d for p, d in self._files.items() if quote(p) == path), b"")
        return Attachment(
            name=attachment["filename"],
            url=attachment["url"],
            size=attachment["size"],
            content_type=attachment["content_type"],
            data=data,
            duration=float(attachment.get("duration_secs") or 0),
            description=attachment.get("description") or "",
        )
