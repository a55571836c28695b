"""From an HTTP request to parameters: query, form, JSON or multipart, as Telegram takes them."""

import json
from dataclasses import dataclass, field

from aiohttp import BodyPartReader, web

from palaver.testing.telegram.files import MAX_UPLOAD
from palaver.testing.telegram.wire import ApiError, JsonObject, Upload, bad_request

_CHUNK = 1 << 16
#: What the form around an upload may take besides, in bytes.
_SLACK = 1 << 20


@dataclass
class Intake:
    """What came with a request, not judged yet."""

    parameters: JsonObject = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)


async def take(request: web.Request) -> Intake:
    """Read a request. Raises ApiError 413 above 50 MB, 400 for a body that is not what it says."""
    taken = Intake(parameters=dict(request.query))
    if request.content_length is not None and request.content_length > MAX_UPLOAD + _SLACK:
        raise _too_large()
    if request.content_type == "application/json":
        taken.parameters |= _object(await request.read())
    elif request.content_type == "multipart/form-data":
        await _take_parts(request, taken)
    elif request.can_read_body:
        form = await request.post()
        taken.parameters |= {name: str(value) for name, value in form.items()}
    return taken


def _too_large() -> ApiError:
    return ApiError(413, "Request Entity Too Large")


def _object(body: bytes) -> JsonObject:
    try:
        decoded = json.loads(body or b"{}")
    except ValueError:
        raise bad_request("object expected as a request body") from None
    if not isinstance(decoded, dict):
        raise bad_request("object expected as a request body")
    return decoded


async def _take_parts(request: web.Request, taken: Intake) -> None:
    total = 0
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            raise bad_request("nested multipart is not taken")
        data = await _read(part, MAX_UPLOAD - total)
        name = part.name or ""
        if part.filename is None:
            taken.parameters[name] = data.decode("utf-8", "surrogateescape")
        else:
            total += len(data)
            kind = part.headers.get("Content-Type", "application/octet-stream")
            taken.uploads[name] = Upload(part.filename, kind, data)


async def _read(part: BodyPartReader, limit: int) -> bytes:
    data = bytearray()
    while chunk := await part.read_chunk(_CHUNK):
        data += chunk
        if len(data) > limit:
            raise _too_large()
    return bytes(data)
