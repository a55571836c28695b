"""Speech to text, whoever does it: limits, and one after the other."""

import asyncio
import logging

from palaver import Audio, PromptRejectedError
from palaver_voice import local, remote
from palaver_voice.settings import VoiceSettings

log = logging.getLogger(__name__)


class Voice:
    """What `[plugins.voice]` says, at work."""

    def __init__(self, settings: VoiceSettings) -> None:
        self._settings = settings
        self._turns = asyncio.Semaphore(settings.at_once)

    async def text(self, audio: Audio) -> str | None:
        """What is said; None if there is no engine.

        Raises:
            PromptRejectedError: why it cannot be told, in words for who has spoken.
        """
        if self._settings.engine == "off":
            return None
        if self._settings.engine == "local" and not await asyncio.to_thread(local.is_installed):
            log.warning("speech cannot be understood: pip install 'palaver[voice]'")
            return None
        self._check_length(audio.duration_s)
        async with self._turns:
            try:
                async with asyncio.timeout(self._settings.timeout_s):
                    return await self._heard(audio)
            except TimeoutError:
                log.warning("a transcription was given up after %s s", self._settings.timeout_s)
                reason = "It took too long to understand that. Say it in shorter pieces, or write."
                raise PromptRejectedError(reason) from None

    async def _heard(self, audio: Audio) -> str:
        if self._settings.engine == "remote":
            return await remote.text(audio, self._settings)
        return await local.text(audio.path, self._settings.max_duration_s)

    def _check_length(self, seconds: float | None) -> None:
        if seconds is not None and seconds > self._settings.max_duration_s:
            raise local.too_long(self._settings.max_duration_s)
