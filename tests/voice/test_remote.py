"""The engine `remote`, and the service that it asks."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from palaver.config import Settings
from palaver.errors import ConfigError, PromptRejectedError
from palaver.plugins import PluginHost, PluginState
from voice.conftest import ALICE, RECORDINGS, Listen, recorded, recording
from voice.service import Service, listening

KEY = "sk-secret-of-the-test"


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with listening() as service:
        yield service


async def test_the_recording_is_sent_and_the_answer_is_what_was_said(
    listen: Listen, service: Service
) -> None:
    async with listen(
        engine="remote", base_url=service.url, api_key=KEY, model="large", language="de"
    ) as engine:
        assert await engine.transcribe(ALICE, recording("numbers.ogg")) == "Hello there."
    assert service.authorizations == [f"Bearer {KEY}"]
    assert service.fields["file"] == (RECORDINGS / "numbers.ogg").read_bytes()
    assert service.fields["model"] == b"large"
    assert service.fields["language"] == b"de"


async def test_the_key_may_be_in_a_file_or_not_be_there(
    listen: Listen, service: Service, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    remote = {"engine": "remote", "base_url": f"{service.url}/"}
    async with listen(**remote, api_key_file=file) as engine:
        await engine.transcribe(ALICE, recording("numbers.ogg"))
    async with listen(**remote) as engine:
        await engine.transcribe(ALICE, recording("numbers.ogg"))
    assert service.authorizations == [f"Bearer {KEY}", None]
    assert "language" not in service.fields


async def test_telegrams_suffix_becomes_one_that_services_know(
    listen: Listen, service: Service, tmp_path: Path
) -> None:
    async with listen(engine="remote", base_url=service.url) as engine:
        await engine.transcribe(ALICE, recorded(tmp_path, b"sound"))
    assert service.filename == "voice.ogg"


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, '{"error": "no"}', "does not accept this bot's key"),
        (429, "", "quota"),
        (500, "<html>", r"refused that recording \(500\)"),
        (200, "<html>", "gave no answer"),
        (200, "[]", "gave no answer"),
        (200, "{}", "gave no answer"),
    ],
)
async def test_whoever_speaks_is_told_what_went_wrong(
    listen: Listen,
    service: Service,
    status: int,
    body: str,
    words: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    service.status, service.body = status, body
    async with listen(engine="remote", base_url=service.url, api_key=KEY) as engine:
        with pytest.raises(PromptRejectedError, match=words) as error:
            await engine.transcribe(ALICE, recording("numbers.ogg"))
    assert KEY not in caplog.text + str(error.value)


async def test_a_service_that_is_not_there_is_said(listen: Listen) -> None:
    async with listen(engine="remote", base_url="http://127.0.0.1:9") as engine:
        with pytest.raises(PromptRejectedError, match="cannot be reached"):
            await engine.transcribe(ALICE, recording("numbers.ogg"))


async def test_a_service_that_does_not_answer_is_given_up(listen: Listen, service: Service) -> None:
    service.delay_s = 60
    async with listen(engine="remote", base_url=service.url, timeout_s=0.3) as engine:
        with pytest.raises(PromptRejectedError, match="took too long"):
            await engine.transcribe(ALICE, recording("numbers.ogg"))


async def test_what_is_too_large_is_not_even_sent(
    listen: Listen, service: Service, tmp_path: Path
) -> None:
    audio = recorded(tmp_path, b"")
    with audio.path.open("wb") as file:
        file.truncate(26 * 1024 * 1024)
    async with listen(engine="remote", base_url=service.url) as engine:
        with pytest.raises(PromptRejectedError, match="too large"):
            await engine.transcribe(ALICE, audio)
    assert service.fields == {}


async def test_switched_off_nobody_hears(listen: Listen) -> None:
    async with listen(engine="off") as engine:
        assert await engine.transcribe(ALICE, recording("numbers.ogg")) is None


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"engine": "local", "language": "de"}, "English alone"),
        ({"api_key": "a", "api_key_file": "b"}, "not both"),
        ({"engine": "phone"}, "plugins -> voice -> engine"),
        ({"base_url": "example.org"}, "plugins -> voice -> base_url"),
    ],
)
def test_settings_that_do_not_hold_are_located(table: dict[str, str], words: str) -> None:
    import palaver_voice.plugin

    host = PluginHost(Settings.model_validate({"plugins": {"voice": table}}), [])
    with pytest.raises(ConfigError, match=words):
        host.add("voice", palaver_voice.plugin)
    assert all(info.state is not PluginState.FAILED for info in host.plugins)
