"""What speech to text adds to Palaver. Engines are imported when somebody speaks."""

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from palaver import hookimpl

if TYPE_CHECKING:
    from palaver import Audio, Engine
    from palaver_voice.settings import VoiceSettings
    from palaver_voice.voice import Voice

_voices: "WeakKeyDictionary[Engine, Voice]" = WeakKeyDictionary()


@hookimpl
def register_settings() -> "type[VoiceSettings]":
    from palaver_voice.settings import VoiceSettings

    return VoiceSettings


@hookimpl
async def transcribe(audio: "Audio", engine: "Engine") -> str | None:
    from palaver_voice.settings import VoiceSettings
    from palaver_voice.voice import Voice

    voice = _voices.get(engine)
    if voice is None:
        table = engine.settings.table(VoiceSettings, "plugins", "voice")
        voice = _voices[engine] = Voice(table)
    return await voice.text(audio)
