"""A turn as its user sees it: taken, at work, answered, stopped, queued."""

from palaver.testing.telegram import BotApi, Chat, Person
from support.telegrams import Palaver, button, pressed


async def test_a_prompt_is_acknowledged_at_once(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    message = await alice.send("wait 60")
    await chat.wait_until(lambda: message.bot_reactions == ("👀",))
    working = await chat.wait_for_text("Starting new session")
    assert (working.buttons, working.silent) == (["Stop"], True)
    await chat.wait_until(lambda: [one.action for one in chat.actions] == ["typing"])


async def test_the_working_message_says_whether_a_session_goes_on(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send("hello")
    await chat.wait_for_text("hello")
    await alice.send("wait 0.3")
    await chat.wait_for_text("Resuming session")


async def test_a_growing_answer_is_a_draft_and_the_final_one_a_message_that_rings(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send("wait 0.5")
    await chat.wait_for_draft(lambda draft: "Working" in draft.text)
    answer = await chat.wait_for_text("Done.")
    assert not answer.silent
    assert "⏱" in answer.text
    await chat.wait_until(lambda: len(chat.messages) == 1)  # the working message is gone
    assert chat.abandoned_drafts == []
    assert api.calls.of("editMessageText") == []


async def test_in_a_group_the_answer_grows_in_one_edited_message(
    api: BotApi, palaver: Palaver, alice: Person
) -> None:
    group = api.group("Team", members=[alice])
    await alice.send("@palaver_bot wait 0.5", to=group)
    working = await group.wait_for_text("Starting new session")
    await group.wait_until(lambda: any("Working" in text for text in working.texts))
    answer = await group.wait_for_text("Done.")
    assert answer.id != working.id
    assert group.drafts == []
    await group.wait_until(lambda: working.deleted)


async def test_where_drafts_are_refused_the_message_is_edited(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    api.faults.add("sendMessageDraft", error=400, times=None)
    await alice.send("wait 0.5")
    working = await chat.wait_for_text("Starting new session")
    await chat.wait_until(lambda: any("Working" in text for text in working.texts))
    await chat.wait_for_text("Done.")


async def test_the_stop_button_stops_the_turn(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send("wait 60")
    await button(chat, "Stop")
    assert await pressed(alice, chat, "Stop") == "⏹️ Stopping …"
    await chat.wait_for_text("⏹️ Stopped")


async def test_an_old_stop_button_stops_nothing_else(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send("wait 60")
    old = await button(chat, "Stop")
    data = old.button("Stop").data
    await alice.send("/status")
    status = await chat.wait_for_text("At work")
    assert status.button("Stop").data == data
    await pressed(alice, chat, "Stop")
    await chat.wait_for_text("⏹️ Stopped")
    await chat.wait_until(lambda: old.deleted)
    await alice.send("wait 60")
    working = await chat.wait_for_text("Resuming session")
    for message in (old, status):
        answer = await (await alice.press(message, data=data)).answer()
        assert answer.text == "That one is over already."
    assert not working.deleted
    assert await pressed(alice, chat, "Stop") == "⏹️ Stopping …"
    await chat.wait_until(lambda: sum("⏹️ Stopped" in text for text in chat.texts) == 2)


async def test_the_stop_button_is_for_its_turn_though_another_session_is_the_current_one(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send("wait 60")
    await button(chat, "Stop")
    await alice.send("/newsession")
    await chat.wait_for_text("New session started!")
    assert await pressed(alice, chat, "Stop") == "⏹️ Stopping …"
    await chat.wait_for_text("⏹️ Stopped")


async def test_a_message_sent_meanwhile_is_queued_and_can_be_taken_back(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send("wait 60")
    await button(chat, "Stop")
    await alice.send("never mind")
    queued = await chat.wait_for_text("Queued: 1 message before it.")
    assert await pressed(alice, chat, "Cancel") == "🚫 Taken back"
    await chat.wait_until(lambda: queued.deleted)
    await alice.send("/stop")
    await chat.wait_for_text("⏹️ Stopped")
    assert not [text for text in chat.texts if text.startswith("never mind")]


async def test_a_queued_message_can_be_sent_at_once(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send("wait 60")
    await button(chat, "Stop")
    await alice.send("rather this")
    queued = await chat.wait_for_text("Queued: 1 message")
    await pressed(alice, chat, "Stop the other, send now")
    await chat.wait_for(lambda message: message.text.startswith("rather this"))
    await chat.wait_until(lambda: queued.deleted)


async def test_a_long_answer_is_split_and_comes_as_a_file_too(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send("stream 3000")
    message = await chat.wait_for(lambda message: message.file, timeout=10)
    assert message.file
    assert message.file.name == "answer.md"
    assert message.file.data.decode().split() == [f"word{number}" for number in range(3000)]
    said = " ".join(one.text for one in chat.messages if not one.file).split()
    assert [word for word in said if word.startswith("word")] == [
        f"word{number}" for number in range(3000)
    ]
    assert api.problems == []


async def test_code_that_is_cut_stays_code_in_every_message(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    code = "\n".join(f"print({number})" for number in range(280))
    await alice.send(f"```python\n{code}\n```")
    await alice.send("also this")  # the second half of what a client would have cut
    await chat.wait_for_text("also this", timeout=10)
    await chat.wait_until(lambda: "⏱" in chat.last.text)
    pieces = [piece for message in chat.messages for piece in message.marked("pre")]
    assert "\n".join(pieces) == code


async def test_a_failed_turn_can_be_run_again_by_its_button(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send("fail")
    await button(chat, "Run again")
    await pressed(alice, chat, "Run again")
    await chat.wait_until(
        lambda: len([text for text in chat.texts if text.startswith("⚠️ It failed")]) == 2
    )


async def test_an_old_run_again_repeats_no_other_message(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send("fail")
    old = await button(chat, "Run again")
    await alice.send("crash")
    await chat.wait_until(lambda: sum("Run again" in one.buttons for one in chat.messages) == 2)
    answer = await (await alice.press(old, "Run again")).answer()
    assert "That is not your last message any more." in answer.text
    await alice.send("/status")
    await chat.wait_for_text("Idle")
    assert sum(text.startswith("⚠️") for text in chat.texts) == 2


async def test_a_message_edited_before_it_was_run_is_replaced(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send("wait 60")
    await button(chat, "Stop")
    message = await alice.send("the frist draft")
    await chat.wait_for_text("Queued")
    await alice.edit(message, "the first draft")
    await chat.wait_for_text("Changed before it was run.")
    await alice.send("/stop")
    await chat.wait_for(lambda message: message.text.startswith("the first draft"))
    assert not [text for text in chat.texts if "frist" in text]


async def test_an_edit_that_comes_too_late_is_answered_with_what_can_be_done(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    message = await alice.send("hello")
    await chat.wait_for_text("hello")
    await alice.edit(message, "good bye")
    await chat.wait_for_text("send it again")
    assert not [text for text in chat.texts if text.startswith("good bye")]
