"""The table `[plugins.voice]`."""

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from palaver import ConfigError, FolderPath, SettingsModel

OPENAI = "https://api.openai.com/v1"


class VoiceSettings(SettingsModel):
    """Who turns speech into text, and how much of it.

    Attributes:
        engine: `local` on this machine, with the extra `voice`, in English; `remote` by a service
            that speaks OpenAI's protocol; `off` for none.
        language: what is spoken, as in `de`, for `remote`; without it the service finds out.
        max_duration_s: longer recordings are refused, in seconds.
        timeout_s: seconds after which a transcription is given up.
        at_once: transcriptions at one time; others wait for their turn.
        base_url: the service's address, for `remote`.
        api_key, api_key_file: the service's key, or the file that holds it; one of them, or none.
        model: of the service.
    """

    engine: Literal["local", "remote", "off"] = "local"
    language: str | None = Field(default=None, pattern="^[a-z]{2,3}$")
    max_duration_s: float = Field(default=300, gt=0)
    timeout_s: float = Field(default=300, gt=0)
    at_once: int = Field(default=1, ge=1)
    base_url: str = Field(default=OPENAI, pattern="^https?://")
    api_key: SecretStr | None = None
    api_key_file: FolderPath | None = None
    model: str = "whisper-1"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.api_key is not None and self.api_key_file is not None:
            raise ValueError("give api_key or api_key_file, not both")
        if self.engine == "local" and self.language not in (None, "en"):
            raise ValueError("the local engine knows English alone; others need engine = 'remote'")
        return self

    def key(self) -> SecretStr | None:
        """The service's key, read from its file if need be. Blocking.

        Raises:
            ConfigError: if the file cannot be read.
        """
        if self.api_key_file is None:
            return self.api_key
        try:
            return SecretStr(self.api_key_file.read_text("utf-8").strip())
        except (OSError, UnicodeDecodeError) as error:
            location = ["plugins", "voice", "api_key_file"]
            raise ConfigError(f"cannot be read: {error}", location=location) from error
