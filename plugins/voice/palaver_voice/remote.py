"""A service that speaks OpenAI's protocol: `POST /audio/transcriptions`.

See https://platform.openai.com/docs/api-reference/audio/createTranscription.
"""

import asyncio
import importlib
import logging
from typing import TYPE_CHECKING

from palaver import Audio, PromptRejectedError
from palaver_voice.settings import VoiceSettings

if TYPE_CHECKING:
    import aiohttp

log = logging.getLogger(__name__)

MAX_BYTES = 25 * 1024 * 1024
"""OpenAI's limit for a file."""
_SUFFIXES = {"audio/ogg": ".ogg", "audio/mpeg": ".mp3", "audio/mp4": ".m4a", "audio/x-m4a": ".m4a"}
"""The service tells formats by the name; Telegram's voices end in `.oga`, which few know."""

_INSTEAD = "Write it, or try again later."
_REASONS = {
    401: "The speech service does not accept this bot's key. Tell its owner.",
    403: "The speech service does not accept this bot's key. Tell its owner.",
    413: "That recording is too large for the speech service. Say it in shorter pieces.",
    429: "The speech service has no room now, or its quota is used up. Try again later.",
}


async def text(audio: Audio, settings: VoiceSettings) -> str:
    """What is said.

    Raises:
        ConfigError: if the key's file cannot be read.
        PromptRejectedError: if the service cannot be reached, refuses, or answers nonsense.
    """
    size = (await asyncio.to_thread(audio.path.stat)).st_size
    if size > MAX_BYTES:
        raise PromptRejectedError(_REASONS[413])
    # in a thread: its first import takes a quarter of a second
    aiohttp = await asyncio.to_thread(importlib.import_module, "aiohttp")
    key = await asyncio.to_thread(settings.key)
    headers = {"Authorization": f"Bearer {key.get_secret_value()}"} if key else {}
    url = f"{settings.base_url.rstrip('/')}/audio/transcriptions"
    sound = await asyncio.to_thread(audio.path.read_bytes)
    try:
        async with (
            aiohttp.ClientSession(trust_env=True) as session,
            session.post(url, data=_form(audio, sound, settings), headers=headers) as response,
        ):
            return await _answer(response)
    except (aiohttp.ClientError, OSError) as error:
        log.warning("the speech service cannot be reached: %s", error)
        reason = f"The speech service cannot be reached now. {_INSTEAD}"
        raise PromptRejectedError(reason) from error


def _form(audio: Audio, sound: bytes, settings: VoiceSettings) -> "aiohttp.FormData":
    import aiohttp

    suffix = _SUFFIXES.get(audio.media_type.partition(";")[0], audio.path.suffix)
    form = aiohttp.FormData()
    form.add_field("file", sound, filename=f"voice{suffix}", content_type=audio.media_type)
    form.add_field("model", settings.model)
    form.add_field("response_format", "json")
    if language := audio.language or settings.language:
        form.add_field("language", language)
    return form


async def _answer(response: "aiohttp.ClientResponse") -> str:
    body = await response.text()
    if response.status != 200:
        log.warning("the speech service answered %d: %.300s", response.status, body)
        usual = f"The speech service refused that recording ({response.status}). {_INSTEAD}"
        raise PromptRejectedError(_REASONS.get(response.status, usual))
    try:
        answer = await response.json(content_type=None)
        return str(answer["text"])
    except (ValueError, KeyError, TypeError) as error:
        log.warning("the speech service answered nonsense: %.300s", body)
        raise PromptRejectedError(f"The speech service gave no answer. {_INSTEAD}") from error
