"""Live messages: each in its own chat, one for a turn, and gone when the turn is over."""

import errno
from pathlib import Path

import pytest

from palaver import Marks
from palaver.testing.telegram import BotApi, Chat, Message, Person, Place
from support.telegrams import Launch, Palaver, button, pressed


async def test_two_groups_whose_messages_have_equal_ids_do_not_get_into_each_other(
    api: BotApi, palaver: Palaver, alice: Person, bob: Person
) -> None:
    ours = api.group("Ours", members=[alice], forum=True)
    theirs = api.group("Theirs", members=[bob], forum=True)
    await alice.send("@palaver_bot run our-secret", to=ours)
    await bob.send("@palaver_bot run their-secret", to=theirs)
    one = await ours.wait_for(lambda message: "🔧 Bash our-secret" in message.text)
    other = await theirs.wait_for(lambda message: "🔧 Bash their-secret" in message.text)
    assert one.id == other.id
    for person, group in ((alice, ours), (bob, theirs)):
        await button(group, "Deny")
        await pressed(person, group, "Deny")
    await ours.wait_until(lambda: one.deleted)
    await theirs.wait_until(lambda: other.deleted)
    assert not [text for message in ours.log for text in message.texts if "their" in text]
    assert not [text for message in theirs.log for text in message.texts if "our-s" in text]


def working(place: Place) -> list[Message]:
    """The messages with a Stop button that were ever there."""
    return [
        message
        for message in place.log
        if "Stop" in [one.text for one in message.history[0].keyboard.buttons]
    ]


async def test_a_full_disk_makes_no_second_live_message_and_leaves_none(
    palaver: Palaver, alice: Person, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Marks, "add", full)
    await alice.send("wait 60")
    await chat.wait_for_draft(lambda draft: "Working" in draft.text)
    await pressed(alice, chat, "Stop")
    await chat.wait_for_text("Stopped")
    await chat.wait_until(lambda: all(message.deleted for message in working(chat)))
    assert len(working(chat)) == 1


async def test_drafts_that_are_refused_make_no_second_live_message(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    api.faults.add("sendMessage", error=502)
    api.faults.add("sendMessageDraft", error=400, times=None)
    await alice.send("wait 60")
    await chat.wait_for_text("Working")
    await pressed(alice, chat, "Stop")
    await chat.wait_for_text("Stopped")
    await chat.wait_until(lambda: all(message.deleted for message in working(chat)))
    assert len(working(chat)) == 1


async def test_a_server_that_knows_no_drafts_is_shown_edits(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    api.faults.add("sendMessageDraft", error=404, times=None)
    await alice.send("wait 60")
    await chat.wait_for_text("Working")
    assert len(working(chat)) == 1


async def test_a_live_message_that_comes_later_than_the_answer_goes_again(
    api: BotApi, launch: Launch, alice: Person, chat: Chat, tmp_path: Path
) -> None:
    palaver = launch(tmp_path / "data", telegram={"answer_timeout_s": 10})
    await palaver.start()
    api.faults.add("sendMessage", delay=3.0)
    await alice.send("hello")
    await chat.wait_for_text("⏱", 15)
    assert working(chat) == []
    await chat.wait_until(lambda: working(chat))
    await chat.wait_until(lambda: all(message.deleted for message in working(chat)))
