"""Approvals, questions and plans, answered with a thumb."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from palaver.testing.telegram import BotApi, Chat, Person
from support.asking import AskingPlugin
from support.noting import noted
from support.telegrams import Palaver, button, newest_with, pressed


@pytest.fixture
async def palaver(api: BotApi, tmp_path: Path) -> AsyncIterator[Palaver]:
    palaver = Palaver(api, tmp_path / "data", sessions={"agent": "asking"})
    await palaver.start({"asking": AskingPlugin()})
    yield palaver
    await palaver.stop()
    assert api.problems == []


async def test_an_approval_is_given_and_its_message_says_so(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send("run ls")
    asked = await button(chat, "Allow once")
    assert asked.buttons == ["Allow once", "Allow for this session", "Deny"]
    assert not asked.silent
    assert await pressed(alice, chat, "Allow once") == "✅ Allowed once\nBash: ls"
    await chat.wait_for_text("I ran ls.")
    assert asked.buttons == []
    assert "Allowed once" in asked.text


async def test_an_old_button_decides_nothing_and_says_so(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send("run ls")
    asked = await button(chat, "Deny")
    old = asked.button("Allow once").data
    await pressed(alice, chat, "Deny")
    await chat.wait_for_text("I did not run ls.")
    press = await alice.press(asked, data=old)
    answer = await press.answer()
    assert "That request is over." in answer.text
    assert answer.alert


async def test_somebody_elses_button_decides_nothing(
    api: BotApi, palaver: Palaver, alice: Person, bob: Person
) -> None:
    group = api.group("Team", members=[alice, bob])
    await alice.send("@palaver_bot run ls", to=group)
    asked = await group.wait_for(lambda message: "Allow once" in message.buttons)
    answer = await (await bob.press(asked, "Allow once")).answer()
    assert "belongs to somebody else" in answer.text
    await alice.press(asked, "Deny")
    await group.wait_for_text("I did not run ls.")


async def test_a_long_approval_can_be_seen_as_a_whole(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send("long")
    asked = await button(chat, "See all of it")
    assert len(asked.text) < 2500
    await pressed(alice, chat, "See all of it")
    await chat.wait_for_text("file399")
    said = "\n".join(chat.texts)
    assert all(f"rm file{number}\n" in f"{said}\n" for number in range(400))
    await pressed(alice, chat, "Deny")
    await chat.wait_for_text("You said: deny")


async def test_a_question_is_answered_by_a_button(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send("ask Which colour?|red|green")
    asked = await button(chat, "green")
    assert await pressed(alice, chat, "green") == "✅ Passed on to the agent."
    await chat.wait_for_text("You said: green")
    assert asked.buttons == []


async def test_a_question_is_answered_in_own_words(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send("ask Which colour?|red|green")
    await button(chat, "Other …")
    await pressed(alice, chat, "Other …")
    asked = await chat.wait_for_text("reply to this message")
    await alice.send("a light violet", reply_to=asked)
    await chat.wait_for_text("You said: a light violet")


async def test_several_choices_are_marked_and_sent_together(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send("several")
    asked = await button(chat, "☐ red")
    for label in ("☐ red", "☐ blue", "☐ green", "☑ green"):
        await button(chat, label)
        await pressed(alice, chat, label)
    await chat.wait_until(lambda: asked.buttons[:3] == ["☑ red", "☐ green", "☑ blue"])
    await pressed(alice, chat, "✅ Done")
    await chat.wait_for_text("You said: ('red, blue',)")


async def test_several_questions_are_answered_one_by_one(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send("three")
    await chat.wait_for_text("3 of 3: Whose?")
    assert (await pressed(alice, chat, "green")).startswith("✅ 2 ")
    await pressed(alice, chat, "☐ blue")
    await button(chat, "☑ blue")
    await pressed(alice, chat, "☐ red")
    await chat.wait_until(lambda: "☑ red" in newest_with(chat, "✅ Done").buttons)
    assert (await pressed(alice, chat, "✅ Done")).startswith("✅ 1 ")
    whose = next(one for one in chat.messages if "Whose?" in one.text)
    await alice.press(whose, "Other …")
    asked = await chat.wait_for_text("reply to this message")
    await alice.send("mine", reply_to=asked)
    await chat.wait_for_text("You said: ('green', 'red, blue', 'mine')")


async def test_a_plan_is_accepted_or_sent_back_with_a_remark(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send("plan Paint it red")
    await button(chat, "Change …")
    await pressed(alice, chat, "Change …")
    asked = await chat.wait_for_text("reply to this message")
    await alice.send("in blue", reply_to=asked)
    await chat.wait_for_text("To change: in blue")
    await alice.send("plan Paint it blue")
    await button(chat, "Go ahead")
    await pressed(alice, chat, "Go ahead")
    await chat.wait_for_text("It is done.")


async def test_a_request_cut_off_by_a_restart_is_told_and_asked_again(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat, tmp_path: Path
) -> None:
    await alice.send("run ls")
    old = await button(chat, "Allow once")
    data = old.button("Allow once").data
    await noted(tmp_path)
    await palaver.stop()
    palaver.bury()
    await palaver.start({"asking": AskingPlugin()})
    told = await chat.wait_for_text("It waited for your word on Bash: ls")
    assert told.buttons == []
    await chat.wait_until(lambda: old.buttons == [])
    assert "Nobody decided" in old.text
    answer = await (await alice.press(old, data=data)).answer()
    assert "That request is over." in answer.text
    again = await chat.wait_for(lambda one: "Allow once" in one.buttons and one is not old)
    await alice.press(again, "Allow once")
    await chat.wait_for_text("I ran ls.")
