"""Files that people and the bot have sent."""

import mimetypes
from dataclasses import dataclass, field

from palaver.testing.images import dimensions, png
from palaver.testing.telegram.wire import Json, JsonObject, Upload, bad_request

#: What a bot may upload, in bytes. Source: the Bot API, "Sending files" (50 MB).
MAX_UPLOAD = 50_000_000
#: What a photo may have, in bytes. Source: the Bot API (10 MB; TDLib checks 10 MiB).
MAX_PHOTO = 10 << 20
#: What a bot may download, in bytes. Source: Client::MAX_DOWNLOAD_FILE_SIZE.
MAX_DOWNLOAD = 20 << 20
#: Width and height of a photo together, in pixels, and their ratio. Source: sendPhoto.
MAX_PHOTO_SIDES, MAX_PHOTO_RATIO = 10_000, 20

_THUMBNAIL_SIDE = 90

_FOLDERS = {
    "photo": "photos",
    "voice": "voice",
    "audio": "music",
    "video": "videos",
    "animation": "animations",
    "video_note": "video_notes",
}


@dataclass(frozen=True)
class StoredFile:
    """A file on Telegram's servers. `size` may be more than `data` to stand for a large one."""

    kind: str
    file_id: str
    unique_id: str
    path: str
    name: str
    mime_type: str
    size: int
    data: bytes = field(repr=False)
    width: int = 0
    height: int = 0
    duration: int = 0
    title: str = ""
    performer: str = ""
    thumbnail: "StoredFile | None" = None

    def to_json(self) -> JsonObject:
        """The field of a message that describes it (PhotoSize, Document, Voice ...)."""
        body: JsonObject = {
            "file_id": self.file_id,
            "file_unique_id": self.unique_id,
            "file_size": self.size,
        }
        if self.kind in {"photo", "video", "animation"}:
            body |= {"width": self.width or 1, "height": self.height or 1}
        if self.kind == "video_note":
            body["length"] = self.width or 240
        if self.kind in {"voice", "audio", "video", "animation", "video_note"}:
            body["duration"] = self.duration
        if self.kind in {"document", "audio", "video", "animation"} and self.name:
            body["file_name"] = self.name
        if self.kind not in {"photo", "video_note"} and self.mime_type:
            body["mime_type"] = self.mime_type
        if self.kind == "audio":
            body |= {k: v for k, v in (("title", self.title), ("performer", self.performer)) if v}
        return body

    def message_fields(self) -> JsonObject:
        """What a message with this file has besides its caption."""
        shown = self.to_json()
        if self.kind == "photo":
            smaller: list[Json] = [self.thumbnail.to_json()] if self.thumbnail else []
            return {"photo": [*smaller, shown]}
        fields: JsonObject = {self.kind: shown}
        if self.kind == "animation":
            fields["document"] = {
                name: value
                for name, value in shown.items()
                if name not in {"width", "height", "duration"}
            }
        return fields


class FileStore:
    """All files, by the identifier that bots use."""

    def __init__(self) -> None:
        self._files: dict[str, StoredFile] = {}

    def add(
        self,
        kind: str,
        data: bytes,
        *,
        name: str = "",
        mime_type: str = "",
        size: int | None = None,
        duration: int = 0,
        title: str = "",
        performer: str = "",
    ) -> StoredFile:
        """Keep a file; `size` in bytes may claim more than there is, `duration` is in seconds."""
        width, height = dimensions(data) or (0, 0)
        suffix = f".{name.rpartition('.')[2]}" if "." in name else _suffix(kind, mime_type)
        thumbnail = self._thumbnail(width, height) if kind == "photo" else None
        number = len(self._files) + 1
        stored = StoredFile(
            kind=kind,
            file_id=f"AgACAg{kind}{number:06d}",
            unique_id=f"AQAD{number:06d}",
            path=f"{_FOLDERS.get(kind, 'documents')}/file_{number}{suffix}",
            name=name,
            mime_type=mime_type or mimetypes.guess_type(name)[0] or "application/octet-stream",
            size=len(data) if size is None else size,
            data=data,
            width=width,
            height=height,
            duration=duration,
            title=title,
            performer=performer,
            thumbnail=thumbnail,
        )
        self._files[stored.file_id] = stored
        return stored

    def _thumbnail(self, width: int, height: int) -> StoredFile | None:
        """Large photos come in several sizes, the smallest first: a bot has to choose."""
        longest = max(width, height)
        if longest <= _THUMBNAIL_SIDE:
            return None
        small = png(
            max(1, width * _THUMBNAIL_SIDE // longest), max(1, height * _THUMBNAIL_SIDE // longest)
        )
        return self.add("photo", small)

    def by_id(self, file_id: str) -> StoredFile:
        """The file. Raises ApiError 400 for an unknown identifier."""
        try:
            return self._files[file_id]
        except KeyError:
            raise bad_request("invalid file_id") from None

    def by_path(self, path: str) -> StoredFile | None:
        """The file behind a path that getFile gave."""
        return next((file for file in self._files.values() if file.path == path), None)

    def downloadable(self, file_id: str) -> JsonObject:
        """The File that getFile answers. Raises ApiError 400 above `MAX_DOWNLOAD`."""
        stored = self.by_id(file_id)
        if stored.size > MAX_DOWNLOAD:
            raise bad_request("file is too big")
        return {
            "file_id": stored.file_id,
            "file_unique_id": stored.unique_id,
            "file_size": stored.size,
            "file_path": stored.path,
        }

    def take(self, kind: str, upload: Upload, **details: str | int) -> StoredFile:
        """Keep what the bot uploaded. Raises ApiError 400 in Telegram's words."""
        if not upload.data:
            raise bad_request("file must be non-empty")
        if kind == "photo":
            _check_photo(upload.data)
        return self.add(
            kind,
            upload.data,
            name=upload.name,
            mime_type=upload.mime_type,
            duration=int(details.get("duration", 0)),
            title=str(details.get("title", "")),
            performer=str(details.get("performer", "")),
        )


def _suffix(kind: str, mime_type: str) -> str:
    defaults = {"photo": ".jpg", "voice": ".oga", "video": ".mp4", "animation": ".mp4"}
    return defaults.get(kind) or mimetypes.guess_extension(mime_type) or ""


def _check_photo(data: bytes) -> None:
    if len(data) > MAX_PHOTO:
        raise bad_request(
            f"file of size {len(data)} bytes is too big for a photo;"
            f" the maximum size is {MAX_PHOTO} bytes"
        )
    sides = dimensions(data)
    if sides is None:
        raise bad_request("IMAGE_PROCESS_FAILED")
    short, long = sorted(sides)
    if long + short > MAX_PHOTO_SIDES or short == 0 or long > MAX_PHOTO_RATIO * short:
        raise bad_request("PHOTO_INVALID_DIMENSIONS")
