"""Recordings, and an engine on which voice messages are understood."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import palaver_voice.plugin
from palaver.config import Settings
from palaver.engine import Engine, open_engine
from palaver.identity import Namespace
from palaver.models import Audio
from palaver.plugins import PluginHost

ALICE = Namespace("telegram", "1001")
RECORDINGS = Path(__file__).parent

Listen = Callable[..., AbstractAsyncContextManager[Engine]]


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def listen(tmp_path: Path) -> Listen:
    """Open an engine with this `[plugins.voice]`."""

    @asynccontextmanager
    async def listening(**table: Any) -> AsyncIterator[Engine]:
        settings = Settings.model_validate({"data_dir": tmp_path, "plugins": {"voice": table}})
        host = PluginHost(settings, [])
        host.add("voice", palaver_voice.plugin)
        async with open_engine(settings, host) as engine:
            yield engine

    return listening


def recording(name: str) -> Audio:
    return Audio(path=RECORDINGS / name, media_type="audio/ogg")


def recorded(folder: Path, data: bytes, **fields: Any) -> Audio:
    file = folder / "recording.oga"
    file.write_bytes(data)
    return Audio.model_validate({"path": file, "media_type": "audio/ogg", **fields})
