"""Messages that wait for their turn: their place is said, and what can be done about it."""

from pathlib import Path

from palaver.testing.telegram import BotApi, Chat, Message, Person
from support.telegrams import Launch, Palaver, button, pressed

SEND_NOW = "Stop the other, send now"


async def waiting(alice: Person, chat: Chat, *texts: str) -> list[Message]:
    """A long turn runs; what is said of each message that waits behind it."""
    await alice.send("wait 60")
    await button(chat, "Stop")
    notes = []
    for place, text in enumerate(texts, 1):
        await alice.send(text)
        before = "1 message before" if place == 1 else f"{place} messages before"
        notes.append(await chat.wait_for_text(f"Queued: {before} it."))
    return notes


async def pressed_on(person: Person, note: Message, label: str) -> str:
    return (await (await person.press(note, label)).answer()).text


async def test_each_is_told_its_place_and_has_its_own_buttons(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    notes = await waiting(alice, chat, "first", "second", "third")
    assert [note.buttons for note in notes] == [[SEND_NOW, "Cancel"]] * 3
    assert await pressed_on(alice, notes[1], "Cancel") == "🚫 Taken back"
    await pressed(alice, chat, "Stop")
    await chat.wait_for(lambda message: message.text.startswith("third"))
    assert [text for text in chat.texts if text.startswith("second")] == []
    await chat.wait_until(lambda: all(note.deleted for note in notes))


async def test_any_of_them_can_be_sent_at_once(palaver: Palaver, alice: Person, chat: Chat) -> None:
    notes = await waiting(alice, chat, "first", "second", "urgent")
    assert await pressed_on(alice, notes[2], SEND_NOW) == "⏩ It is next"
    await chat.wait_for(lambda message: message.text.startswith("second"))
    said = [text.split()[0] for text in chat.texts if "⏱" in text]
    assert said == ["urgent", "first", "second"]
    assert sum("⏹️ Stopped" in text for text in chat.texts) == 1


async def test_a_press_that_comes_too_late_stops_nothing(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    """The message has just begun to run; its old button must not stop the message itself."""
    [note] = await waiting(alice, chat, "wait 60")
    old = note.button(SEND_NOW).data
    taken = note.button("Cancel").data
    await pressed(alice, chat, "Stop")
    await chat.wait_for_text("⏹️ Stopped")
    await chat.wait_until(lambda: note.deleted)
    for data in (old, taken):
        answer = await (await alice.press(note, data=data)).answer()
        assert "It does not wait any more." in answer.text
    assert sum("⏹️ Stopped" in text for text in chat.texts) == 1
    await alice.send("/stop")


async def test_nobody_else_decides_about_it(api: BotApi, launch: Launch, tmp_path: Path) -> None:
    palaver = launch(tmp_path, access={"members": ["telegram:*"]})
    await palaver.start()
    one, two = api.user("One", id=2001), api.user("Two", id=2002)
    group = api.group("Team", members=[one, two])
    await one.send("@palaver_bot wait 60", to=group)
    await group.wait_for(lambda message: "Stop" in message.buttons)
    await one.send("@palaver_bot mine", to=group)
    note = await group.wait_for_text("Queued")
    for label in (SEND_NOW, "Cancel"):
        assert "belongs to somebody else" in await pressed_on(two, note, label)
    assert not note.deleted
    assert await pressed_on(one, note, "Cancel") == "🚫 Taken back"
    await palaver.stop()


async def test_what_runs_next_after_a_restart_keeps_its_order(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await waiting(alice, chat, "first", "second", "third")
    await palaver.restart()
    await chat.wait_for(lambda message: message.text.startswith("third"))
    said = [text.split()[0] for text in chat.texts if "⏱" in text]
    assert said == ["first", "second", "third"]
