"""A Bot API server, a Palaver on it, and people, for each test.

Nothing that the bot sends may be refused: a test that asks for a refusal says which, and clears
`api.problems`.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from palaver.testing.telegram import BotApi, Chat, Person
from support.telegrams import ALICE, BOB, MALLORY, Launch, Palaver


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    async with BotApi() as api:
        yield api
        assert [str(problem) for problem in api.problems] == []


@pytest.fixture
def killed(api: BotApi) -> Iterator[None]:
    """A kill may fall between the removal of a live message and the note of it: it is removed once
    more, in vain."""
    yield
    api.problems[:] = [
        one
        for one in api.problems
        if not ("deleteMessage" in one.method and "not found" in str(one))
    ]


@pytest.fixture
async def launch(api: BotApi) -> AsyncIterator[Launch]:
    launched: list[Palaver] = []

    def launch(data_dir: Path, **tables: Any) -> Palaver:
        launched.append(Palaver(api, data_dir, **tables))
        return launched[-1]

    yield launch
    for palaver in launched:
        await palaver.stop()


@pytest.fixture
async def palaver(launch: Launch, tmp_path: Path) -> Palaver:
    palaver = launch(tmp_path / "data")
    await palaver.start()
    return palaver


@pytest.fixture
def alice(api: BotApi) -> Person:
    return api.user("Alice", id=ALICE, username="alice_a")


@pytest.fixture
def bob(api: BotApi) -> Person:
    return api.user("Bob", id=BOB)


@pytest.fixture
def mallory(api: BotApi) -> Person:
    return api.user("Mallory", id=MALLORY)


@pytest.fixture
def chat(api: BotApi, alice: Person) -> Chat:
    return api.private(alice)
