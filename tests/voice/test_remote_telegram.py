"""A voice message on the phone becomes a prompt by a service: over sockets, from end to end."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import palaver_voice.plugin
from palaver.testing.telegram import BotApi, Chat, Person
from support.telegrams import ALICE, Palaver
from voice.conftest import RECORDINGS
from voice.service import Service, listening

pytest.importorskip("telegram", reason="needs the extra telegram")

VOICE = (RECORDINGS / "numbers.ogg").read_bytes()
KEY = "sk-secret-of-the-test"


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with listening() as service:
        yield service


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    async with BotApi() as api:
        yield api
        assert [str(problem) for problem in api.problems] == []


@pytest.fixture
async def palaver(api: BotApi, service: Service, tmp_path: Path) -> AsyncIterator[Palaver]:
    voice = {"engine": "remote", "base_url": service.url, "api_key": KEY, "timeout_s": 2}
    palaver = Palaver(api, tmp_path / "data", plugins={"voice": voice})
    await palaver.start({"voice": palaver_voice.plugin})
    yield palaver
    await palaver.stop()


@pytest.fixture
def alice(api: BotApi) -> Person:
    return api.user("Alice", id=ALICE)


@pytest.fixture
def chat(api: BotApi, alice: Person) -> Chat:
    return api.private(alice)


async def test_it_is_shown_as_heard_and_then_run(
    palaver: Palaver, service: Service, alice: Person, chat: Chat
) -> None:
    await alice.send_voice(VOICE, duration=2)
    heard = await chat.wait_for_text("I heard")
    assert heard.text == "🎙️ I heard\nHello there."
    # the scripted agent repeats what it does not know
    await chat.wait_for(lambda one: one.text.startswith("Hello there."))
    assert service.fields["file"] == VOICE
    assert (service.filename, service.authorizations) == ("voice.ogg", [f"Bearer {KEY}"])


@pytest.mark.parametrize(
    ("status", "body", "wrong", "to_do"),
    [
        (401, "{}", "does not accept this bot's key", "Tell its owner."),
        (429, "{}", "has no room now", "Try again later."),
        (500, "<html>", "refused that recording (500)", "Write it"),
        (200, "<html>", "gave no answer", "Write it"),
    ],
)
async def test_its_failure_is_told_with_what_to_do_and_runs_nothing(
    palaver: Palaver,
    service: Service,
    alice: Person,
    chat: Chat,
    status: int,
    body: str,
    wrong: str,
    to_do: str,
) -> None:
    service.status, service.body = status, body
    await alice.send_voice(VOICE, duration=2)
    told = await chat.wait_for_text("🎙️")
    assert wrong in told.text
    assert to_do in told.text
    assert KEY not in told.text
    service.status, service.body = 200, '{"text": "And now?"}'
    await alice.send_voice(VOICE, duration=2)
    await chat.wait_for(lambda one: one.text.startswith("And now?"))
    assert sum("⏱" in text for text in chat.texts) == 1


async def test_one_that_does_not_answer_is_given_up_and_what_comes_next_is_run(
    palaver: Palaver, service: Service, alice: Person, chat: Chat
) -> None:
    service.delay_s = 60
    await alice.send_voice(VOICE, duration=2)
    await alice.send("meanwhile")
    told = await chat.wait_for_text("took too long")
    assert "🎙️" in told.text
    await chat.wait_for(lambda one: one.text.startswith("meanwhile"))
