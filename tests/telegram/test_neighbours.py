"""One user's broken chat or slow file holds nobody else up."""

import pytest

from palaver.testing.telegram import BotApi, Chat, Person
from palaver_telegram import intake
from palaver_telegram.client import ATTEMPTS, CONNECTIONS
from support.telegrams import Palaver

PATIENT = 15.0
MANY = CONNECTIONS + 10


async def test_a_chat_that_never_answers_leaves_connections_to_others(
    api: BotApi, palaver: Palaver, alice: Person, bob: Person, chat: Chat
) -> None:
    other = api.private(bob)
    fault = api.faults.add(
        "*", silence=True, times=None, when=lambda fields: fields.text("chat_id") == str(chat.id)
    )
    for number in range(MANY):
        await alice.send(f"prompt {number}")
    await chat.wait_until(lambda: len(api.calls.of("setMessageReaction")) > 0, PATIENT)
    await bob.send("/status")
    await other.wait_for_text("Idle", PATIENT)
    under_way = [call for call in api.calls.of("setMessageReaction") if call.fault]
    assert len(under_way) <= ATTEMPTS
    api.faults.remove(fault)
    await chat.wait_for_text(f"prompt {MANY - 1}", 4 * PATIENT)


async def test_updates_behind_a_file_are_fetched_without_waiting_for_it(
    api: BotApi,
    palaver: Palaver,
    alice: Person,
    bob: Person,
    chat: Chat,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(intake, "PATIENCE_S", 60.0)
    other = api.private(bob)
    fault = api.faults.add("file", delay=3.0, times=None)
    await alice.send_document(b"x" * 100, "slow.txt", "look at this")
    await chat.wait_until(lambda: fault.hits == 1)
    await bob.send("/status")
    await other.wait_for_text("Idle", PATIENT)
    api.faults.remove(fault)
    await chat.wait_for_text("look at this (with slow.txt)", PATIENT)
