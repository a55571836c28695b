"""A server for each test, and one person who talks to the bot."""

from collections.abc import AsyncIterator

import pytest

from core.testing.telegram.bots import Bot, client
from palaver.testing.telegram import BotApi, Chat, Person


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    # Otherwise the library warns of each duration that it will be a timedelta.
    monkeypatch.setenv("PTB_TIMEDELTA", "true")


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    async with BotApi() as api:
        yield api


@pytest.fixture
def alice(api: BotApi) -> Person:
    return api.user("Alice", id=1001, username="alice_a")


@pytest.fixture
def chat(api: BotApi, alice: Person) -> Chat:
    return api.private(alice)


@pytest.fixture
async def bot(api: BotApi) -> AsyncIterator[Bot]:
    async with client(api) as bot:
        yield bot
