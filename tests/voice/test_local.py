"""The engine on this machine: real speech, real recognition, and nothing that waits for it."""

import asyncio
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest
from blockbuster import blockbuster_ctx

from palaver.errors import PromptRejectedError
from voice.conftest import ALICE, Listen, recorded, recording
from voice.speech import ESPEAK, say, silence

pytest.importorskip("moonshine_voice", reason="needs the extra voice")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("numbers.ogg", "One, two, three, four, five."),
        ("question.ogg", "What is the capital of France?"),
    ],
)
async def test_a_recording_is_understood(listen: Listen, name: str, words: str) -> None:
    async with listen() as engine:
        assert await engine.transcribe(ALICE, recording(name)) == words


@pytest.mark.skipif(not ESPEAK, reason="needs espeak-ng")
async def test_what_was_just_said_is_understood(listen: Listen, tmp_path: Path) -> None:
    audio = recorded(tmp_path, await asyncio.to_thread(say, "What number did I tell you?"))
    async with listen() as engine:
        assert await engine.transcribe(ALICE, audio) == "What number did I tell you?"


async def test_of_silence_nothing_is_heard(listen: Listen, tmp_path: Path) -> None:
    async with listen() as engine:
        assert await engine.transcribe(ALICE, recorded(tmp_path, silence(2))) == ""


async def test_what_says_how_long_it_is_is_refused_before_it_is_looked_at(
    listen: Listen, tmp_path: Path
) -> None:
    async with listen(max_duration_s=60) as engine:
        audio = recorded(tmp_path, b"", duration_s=61)
        with pytest.raises(PromptRejectedError, match="longer than 60 seconds"):
            await engine.transcribe(ALICE, audio)


async def test_what_is_longer_than_it_says_is_refused(listen: Listen, tmp_path: Path) -> None:
    async with listen(max_duration_s=2) as engine:
        audio = recorded(tmp_path, silence(3), duration_s=1)
        with pytest.raises(PromptRejectedError, match="longer than 2 seconds"):
            await engine.transcribe(ALICE, audio)


@pytest.mark.parametrize("data", [b"", b"OggS" + b"\0" * 200, b"no sound at all" * 100])
async def test_what_cannot_be_read_is_said(listen: Listen, tmp_path: Path, data: bytes) -> None:
    async with listen() as engine:
        with pytest.raises(PromptRejectedError, match="cannot be read"):
            await engine.transcribe(ALICE, recorded(tmp_path, data))


async def test_nothing_on_the_loop_waits_for_it(listen: Listen) -> None:
    """No call blocks, and the loop goes on as often as it would without."""
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.01)
            beats += 1

    async with listen() as engine:
        await engine.transcribe(ALICE, recording("numbers.ogg"))  # imports are done
        heart = asyncio.create_task(beat())
        begun = asyncio.get_running_loop().time()
        with blockbuster_ctx("palaver_voice"):
            assert await engine.transcribe(ALICE, recording("numbers.ogg"))
        passed = asyncio.get_running_loop().time() - begun
        heart.cancel()
    assert beats > passed / 0.01 / 4


# --- a process of its own -----------------------------------------------------------------------


@pytest.fixture
def engine_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Script":
    return Script(tmp_path / "site", monkeypatch)


class Script:
    """Puts an engine before the real one that does what a test wants."""

    def __init__(self, site: Path, patch: pytest.MonkeyPatch) -> None:
        self._package = site / "moonshine_voice"
        self._package.mkdir(parents=True)
        patch.setenv("PYTHONPATH", str(site))

    def __call__(self, does: str) -> None:
        code = f"""\
            import os, sys, time
            from types import SimpleNamespace
            class Transcriber:
                def __init__(self, *_): pass
                def __enter__(self): return self
                def __exit__(self, *_): pass
                def transcribe_without_streaming(self, *_):
                    def said(text): return SimpleNamespace(lines=[SimpleNamespace(text=text)])
                    {does}
            """
        files = {
            "__init__": "",
            "transcriber": textwrap.dedent(code),
            "utils": "def get_model_path(name): return name",
            "moonshine_api": "class ModelArch: TINY = 0",
        }
        for name, text in files.items():
            (self._package / f"{name}.py").write_text(text)


async def test_no_secret_reaches_the_process(
    listen: Listen, engine_that: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PALAVER_PLUGINS__TELEGRAM__TOKEN", "123:hidden")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "hidden")
    engine_that("return said(repr(dict(os.environ)))")
    async with listen() as engine:
        seen = await engine.transcribe(ALICE, recording("numbers.ogg"))
    assert seen is not None
    assert "PATH" in seen
    assert "hidden" not in seen


async def test_an_engine_that_prints_is_understood_all_the_same(
    listen: Listen, engine_that: Script
) -> None:
    engine_that("os.write(1, b'loading the model'); print('ready'); return said('hello')")
    async with listen() as engine:
        assert await engine.transcribe(ALICE, recording("numbers.ogg")) == "hello"


async def test_an_engine_that_breaks_down_takes_nobody_along(
    listen: Listen, engine_that: Script, caplog: pytest.LogCaptureFixture
) -> None:
    engine_that("os.write(2, b'out of memory'); os.abort()")
    async with listen() as engine:
        with pytest.raises(PromptRejectedError, match="broke down"):
            await engine.transcribe(ALICE, recording("numbers.ogg"))
    assert "out of memory" in caplog.text


async def test_a_transcription_that_takes_too_long_is_given_up_and_ended(
    listen: Listen, engine_that: Script
) -> None:
    engine_that("time.sleep(60)")
    async with listen(timeout_s=1) as engine:
        with pytest.raises(PromptRejectedError, match="took too long"):
            await engine.transcribe(ALICE, recording("numbers.ogg"))
    assert _workers() == []


async def test_a_cancelled_transcription_leaves_no_process(
    listen: Listen, engine_that: Script
) -> None:
    engine_that("time.sleep(60)")
    async with listen() as engine:
        task = asyncio.create_task(engine.transcribe(ALICE, recording("numbers.ogg")))
        async with asyncio.timeout(10):
            while not _workers():  # noqa: ASYNC110 - another process tells nobody of itself
                await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert _workers() == []


async def test_no_more_run_at_one_time_than_may(listen: Listen, engine_that: Script) -> None:
    engine_that("time.sleep(0.3); return said('hello')")
    most = 0
    async with listen(at_once=2) as engine:
        tasks = [
            asyncio.create_task(engine.transcribe(ALICE, recording("numbers.ogg")))
            for _ in range(4)
        ]
        while not all(task.done() for task in tasks):
            most = max(most, len(_workers()))
            await asyncio.sleep(0.02)
    assert most == 2
    assert [task.result() for task in tasks] == ["hello"] * 4


def _workers() -> list[int]:
    found = []
    for child in psutil.Process().children():
        try:
            if "palaver_voice.worker" in child.cmdline():
                found.append(child.pid)
        except psutil.Error:
            continue
    return found


def test_the_plugin_is_light_until_somebody_speaks() -> None:
    script = "import palaver_voice.plugin, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    heavy = {"av", "aiohttp", "moonshine_voice", "numpy", "pydantic", "asyncio"}
    assert not heavy & set(done.stdout.split())
