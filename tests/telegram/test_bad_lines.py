"""A bad line in the middle of it: what is sent arrives, and is marked if it may be twice."""

from pathlib import Path

from palaver.testing.telegram import BotApi, Chat, Person
from palaver.testing.telegram.wire import Fields
from support.served import serving, write_config
from support.telegrams import Palaver, button, pressed

PATIENT = 15.0


def is_answer(fields: Fields) -> bool:
    return "hello" in fields.text("text")


async def test_an_answer_into_silence_is_sent_again(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    api.faults.add("sendMessage", silence=True, when=is_answer)
    await alice.send("hello")
    said = await chat.wait_for_text("hello", PATIENT)
    assert said.text.startswith("(you may have seen this before)")
    assert sum("hello" in text for text in chat.texts) == 1


async def test_an_answer_over_a_connection_that_has_gone_dead_is_sent_again(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send("wait 0.7")
    await chat.wait_for_draft(lambda draft: "Working" in draft.text)
    assert api.half_open() > 0
    await chat.wait_for_text("Done.", PATIENT)
    assert sum("Done." in text for text in chat.texts) == 1


async def test_a_request_of_the_agents_arrives_over_a_bad_line_and_so_does_its_answer(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    api.faults.add("sendMessage", error=502, times=2, when=lambda one: "ls" in one.text("text"))
    await alice.send("run ls")
    await button(chat, "Allow once")
    api.faults.add("answerCallbackQuery", drop="before")
    api.faults.add("editMessageText", error=502, times=2)
    asked = chat.last
    await alice.press(asked, "Allow once")
    await chat.wait_for_text("I ran ls.", PATIENT)
    await chat.wait_until(lambda: asked.buttons == [], PATIENT)


async def test_a_long_outage_in_the_middle_of_a_turn_is_survived(
    api: BotApi, alice: Person, chat: Chat, tmp_path: Path
) -> None:
    async with serving(write_config(api, tmp_path)) as served:
        await alice.send("wait 1")
        await chat.wait_for_draft(lambda draft: "Working" in draft.text)
        async with api.refused():
            await served.until_said("trying again")
            await alice.send("are you there?")
        await chat.wait_for_text("Done.", PATIENT)
        await chat.wait_for(lambda one: one.text.startswith("are you there?"), PATIENT)
        assert await served.terminate() == 0
    assert api.token not in served.log


async def test_a_press_over_a_bad_line_counts_once(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send("an old matter")
    await chat.wait_for_text("⏱")
    await alice.send("/sessioninfo")
    await button(chat, "Fork")
    api.faults.duplicate_updates()
    await pressed(alice, chat, "Fork")
    await chat.wait_for_text("🍴")
    await chat.wait_until(lambda: api.updates.empty)
    await alice.send("/status")
    await chat.wait_for_text("Idle")
    assert sum("🍴" in text for text in chat.texts) == 1
