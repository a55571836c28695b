"""Bad connections: nothing is lost, nothing runs twice, and nobody else waits."""

import asyncio
from pathlib import Path

from palaver.testing.telegram import BotApi, Chat, Person
from support.telegrams import Launch, Palaver

PATIENT = 15.0


async def test_an_answer_reaches_a_chat_whose_flood_limit_holds(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    api.limits.flood(chat.id, 1.5)
    await alice.send("hello")
    answer = await chat.wait_for_text("hello", timeout=PATIENT)
    assert "may have seen" not in answer.text
    assert len([text for text in chat.texts if "hello" in text]) == 1


async def test_one_chats_flood_limit_does_not_delay_another(
    api: BotApi, palaver: Palaver, alice: Person, bob: Person, chat: Chat
) -> None:
    other = api.private(bob)
    api.limits.flood(chat.id, 30)
    await alice.send("hello")
    await chat.wait_until(lambda: [call for call in api.calls if call.status == 429])
    await bob.send("hello")
    await other.wait_for_text("hello")
    assert not [text for text in chat.texts if "hello" in text]


async def test_an_answer_that_was_refused_with_502_is_sent_once(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    api.faults.add("sendMessage", error=502, times=3)
    await alice.send("hello")
    await chat.wait_for_text("hello", timeout=PATIENT)
    assert len([text for text in chat.texts if "hello" in text]) == 1


async def test_an_answer_that_may_have_arrived_says_so_when_it_comes_again(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    is_answer = lambda fields: "hello" in fields.text("text")  # noqa: E731 - a one-line probe
    api.faults.add("sendMessage", drop="after", when=is_answer)
    await alice.send("hello")
    await chat.wait_until(lambda: len([t for t in chat.texts if "hello" in t]) == 2, PATIENT)
    first, second = (text for text in chat.texts if "hello" in text)
    assert not first.startswith("(you may have seen this before)")
    assert second.startswith("(you may have seen this before)")


async def test_an_update_whose_acknowledgement_was_lost_runs_once(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    api.faults.duplicate_updates()
    await alice.send("remember 42")
    await chat.wait_for_text("I will remember 42.")
    await alice.send("/sessioninfo")
    info = await chat.wait_for_text("Session Information")
    assert "Turns: 1" in info.text


async def test_polling_recovers_from_silence(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    api.faults.add("getUpdates", silence=True)
    await chat.wait_until(lambda: any(call.fault == "silence" for call in api.calls), PATIENT)
    await alice.send("hello")
    await chat.wait_for_text("hello", timeout=PATIENT)


async def test_polling_recovers_from_half_open_connections(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send("first")
    await chat.wait_for_text("first")
    assert api.half_open() > 0
    await alice.send("second")
    await chat.wait_for_text("second", timeout=PATIENT)


async def test_polling_recovers_from_refused_connections(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    async with api.refused():
        await asyncio.sleep(0.5)
        await alice.send("hello")
    await chat.wait_for_text("hello", timeout=PATIENT)


async def test_polling_recovers_from_502(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    api.faults.add("getUpdates", error=502, times=4)
    await alice.send("hello")
    await chat.wait_for_text("hello", timeout=PATIENT)


async def test_a_user_who_has_blocked_the_bot_holds_nobody_up(
    api: BotApi, palaver: Palaver, alice: Person, bob: Person, chat: Chat
) -> None:
    other = api.private(bob)
    await alice.send("wait 0.3")
    await chat.wait_for_text("session")
    await alice.block()
    await bob.send("hello")
    await other.wait_for_text("hello")


async def test_control_commands_do_not_wait_behind_a_slow_message(
    api: BotApi, palaver: Palaver, alice: Person, bob: Person, chat: Chat
) -> None:
    other = api.private(bob)
    api.faults.add("file", delay=3.0)
    await alice.send_document(b"x" * 100, "slow.txt", "look at this")
    await alice.send("/status")
    await chat.wait_for_text("Idle")
    await bob.send("/status")
    await other.wait_for_text("Idle")
    assert not [text for text in chat.texts if "look at this" in text]
    await chat.wait_for_text("look at this (with slow.txt)", timeout=PATIENT)


async def test_ten_users_at_once_all_see_progress_and_an_answer(
    launch: Launch, api: BotApi, tmp_path: Path
) -> None:
    palaver = launch(tmp_path, access={"members": ["telegram:*"]})
    await palaver.start()
    people = [api.user(f"User{number}", id=3000 + number) for number in range(10)]
    chats = [api.private(person) for person in people]
    for person in people:
        await person.send("wait 0.5")
    for chat in chats:
        await chat.wait_for_text("Done.", timeout=PATIENT)
        assert [draft for draft in chat.drafts if "Working" in draft.text]
        assert chat.abandoned_drafts == []
    await palaver.stop()


async def test_a_long_answer_arrives_whole_and_in_order_under_telegrams_usual_limits(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    api.limits.enable()
    await alice.send("stream 2000")
    await chat.wait_for_text("word1999", timeout=30)
    await chat.wait_until(lambda: any("⏱" in text for text in chat.texts), 30)
    said = " ".join(one.text for one in chat.messages if not one.file).split()
    assert [word for word in said if word.startswith("word")] == [
        f"word{number}" for number in range(2000)
    ]
    assert [call for call in api.calls if call.status == 429]
    assert api.problems == []
