"""A voice message on the phone becomes a prompt: real speech, over sockets, by the real engine."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import palaver_voice.plugin
from palaver.testing.telegram import BotApi, Chat, Person
from support.telegrams import ALICE, BOB, Palaver
from voice.conftest import RECORDINGS
from voice.speech import silence

pytest.importorskip("moonshine_voice", reason="needs the extra voice")
pytest.importorskip("telegram", reason="needs the extra telegram")

LIMIT_S = 30
"""Seconds; the machine may be busy."""


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    async with BotApi() as api:
        yield api


@pytest.fixture
async def palaver(api: BotApi, tmp_path: Path) -> AsyncIterator[Palaver]:
    palaver = Palaver(api, tmp_path / "data")
    await palaver.start({"voice": palaver_voice.plugin})
    yield palaver
    await palaver.stop()


@pytest.fixture
def alice(api: BotApi) -> Person:
    return api.user("Alice", id=ALICE)


@pytest.fixture
def chat(api: BotApi, alice: Person) -> Chat:
    return api.private(alice)


async def test_a_voice_message_is_shown_as_heard_and_then_run(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send_voice((RECORDINGS / "numbers.ogg").read_bytes(), duration=2)
    heard = await chat.wait_for_text("I heard", LIMIT_S)
    assert "One, two, three, four, five." in heard.text
    # the scripted agent repeats what it does not know
    await chat.wait_for(lambda one: one.text.startswith("One, two, three, four, five."), LIMIT_S)


async def test_a_recording_that_is_too_long_is_answered_with_why(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send_voice(b"OggS", duration=301)
    await chat.wait_for_text("longer than 300 seconds")


async def test_of_silence_it_is_said_that_nothing_was_heard(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send_voice(silence(1), duration=1)
    await chat.wait_for_text("I heard nothing", LIMIT_S)


async def test_while_one_is_listened_to_others_are_answered(
    palaver: Palaver, api: BotApi, alice: Person, chat: Chat
) -> None:
    bob = api.user("Bob", id=BOB)
    bobs = api.private(bob)
    await alice.send_voice((RECORDINGS / "numbers.ogg").read_bytes(), duration=2)
    await bob.send("/whoami")
    await bobs.wait_for_text("Who you are")
    assert not any("I heard" in text for text in chat.texts)
    await chat.wait_for_text("One, two, three, four, five.", LIMIT_S)
