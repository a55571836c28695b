"""A prompt as the blocks that are sent to the model."""

import base64
from collections.abc import Iterator
from typing import Any

from palaver.models import Attachment, Prompt

IMAGE_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""What the Messages API takes as an image."""
MAX_IMAGE_BYTES = 5 * (1 << 20) * 3 // 4
"""The Messages API takes 5 MB an image, counted after base64 has made it a third larger."""
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
)


def is_compaction(prompt: Prompt) -> bool:
    """Whether this is `/compact`, with or without a word on what to keep."""
    return prompt.text.split(maxsplit=1)[:1] == ["/compact"] and not prompt.attachments


def is_command(prompt: Prompt) -> bool:
    """Whether Claude Code might take the prompt for another command of its own.

    `/clear` would begin another session, and nobody who types a path means a command.
    """
    return prompt.text.lstrip().startswith("/") and not is_compaction(prompt)


def content_of(prompt: Prompt) -> str | list[dict[str, Any]]:
    """The prompt's text, with its pictures as blocks and its other files by path. Blocking."""
    if not prompt.attachments:
        return prompt.text
    images = []
    named = []
    for attachment in prompt.attachments:
        if (image := _image(attachment)) is not None:
            images.append(image)
        else:
            named.append(attachment)
    text = "\n\n".join(filter(None, [prompt.text, *_named(named)])) or "See the attached picture."
    return [*images, {"type": "text", "text": text}]


def _image(attachment: Attachment) -> dict[str, Any] | None:
    """As a block; None if the API would not take it as an image."""
    if attachment.media_type.partition(";")[0].lower() not in IMAGE_TYPES:
        return None
    try:
        with attachment.path.open("rb") as file:
            data = file.read(MAX_IMAGE_BYTES + 1)
    except OSError:
        return None
    media_type = _media_type(data)
    if media_type is None or len(data) > MAX_IMAGE_BYTES:
        return None
    source = {
        "type": "base64",
        "media_type": media_type,
        "data": base64.b64encode(data).decode(),
    }
    return {"type": "image", "source": source}


def _media_type(data: bytes) -> str | None:
    """By its first bytes: an image under a false name makes the API refuse the whole session."""
    for signature, media_type in _SIGNATURES:
        if data.startswith(signature):
            return media_type
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


def _named(attachments: list[Attachment]) -> Iterator[str]:
    for attachment in attachments:
        name = " ".join(attachment.name.split())
        yield f"[Attached file: {name} ({attachment.media_type}) at {attachment.path}]"
