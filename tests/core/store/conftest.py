"""A store in a file of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.store.samples import ALICE, a_session
from palaver.models import Session
from palaver.store import Store


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the store is, or will be."""
    return tmp_path / "data" / "palaver.db"


@pytest.fixture
async def store(file: Path) -> AsyncIterator[Store]:
    """An empty store."""
    opened = await Store.open(file)
    yield opened
    await opened.close()


@pytest.fixture
async def session(store: Store) -> Session:
    """A session of Alice's in that store."""
    kept = a_session()
    await store.of(ALICE).add(kept)
    return kept
