"""Several messages that are one prompt, and prompts that are edited before they start."""

import pytest

from palaver.hookspecs import hookimpl
from palaver.models import Prompt, Session
from palaver.testing.telegram import Attached, Chat, Person, png
from support.telegrams import Palaver, button

PICTURE = png(64, 48)
LONG = " ".join(f"word{number}" for number in range(700))
"""Two messages of a client's."""


class Listener:
    """Hears the prompts, as the agent gets them."""

    def __init__(self) -> None:
        self.prompts: list[Prompt] = []

    @hookimpl
    def on_prompt(self, session: Session, prompt: Prompt) -> None:
        self.prompts.append(prompt)

    def texts(self) -> list[str]:
        return [prompt.text for prompt in self.prompts]


@pytest.fixture
async def listener(palaver: Palaver) -> Listener:
    listener = Listener()
    palaver.engine.host.add("listener", listener)
    return listener


async def over(palaver: Palaver, alice: Person, chat: Chat) -> None:
    """All that was sent has been answered, and no prompt is left in the making."""
    await chat.wait_until(lambda: palaver.api.updates.empty)
    await chat.wait_until(lambda: any("⏱" in text for text in chat.texts))
    await alice.send("/status")
    await chat.wait_for_text("Idle")


async def test_what_is_forwarded_and_the_words_behind_it_are_one_prompt_files_too(
    palaver: Palaver, listener: Listener, alice: Person, bob: Person, chat: Chat
) -> None:
    other = palaver.api.private(bob)
    photo = await bob.send_photo(PICTURE, "look", to=other)
    paper = await bob.send_document(b"x", "a.txt", to=other)
    said = await bob.send("it burns", to=other)
    await other.wait_for_text("it burns", timeout=10)
    listener.prompts.clear()
    for message in (said, photo, paper):
        await alice.forward(message)
    await alice.send("what is this?")
    await over(palaver, alice, chat)
    assert len(listener.prompts) == 1, listener.texts()
    [prompt] = listener.prompts
    assert prompt.text.startswith("[Forwarded from Bob]\n\nit burns")
    assert prompt.text.endswith("what is this?")
    assert len(prompt.attachments) == 2


async def test_an_album_and_what_is_forwarded_behind_it_are_one_prompt(
    palaver: Palaver, listener: Listener, alice: Person, bob: Person, chat: Chat
) -> None:
    other = palaver.api.private(bob)
    said = await bob.send("it burns", to=other)
    await other.wait_for_text("it burns", timeout=10)
    listener.prompts.clear()
    album = [Attached("photo", PICTURE, caption="see"), Attached("document", b"x", "a.txt")]
    await alice.send_album(album)
    await alice.forward(said)
    await over(palaver, alice, chat)
    assert listener.texts() == ["see\n\n[Forwarded from Bob]\n\nit burns"]
    assert len(listener.prompts[0].attachments) == 2


async def test_a_long_text_that_was_cut_and_what_is_forwarded_behind_it_are_one_prompt(
    palaver: Palaver, listener: Listener, alice: Person, bob: Person, chat: Chat
) -> None:
    other = palaver.api.private(bob)
    said = await bob.send("as he says", to=other)
    await other.wait_for_text("as he says")
    listener.prompts.clear()
    assert len(await alice.send_long(LONG)) == 2
    await alice.forward(said)
    await over(palaver, alice, chat)
    assert listener.texts() == [f"{LONG}\n\n[Forwarded from Bob]\n\nas he says"]


async def test_messages_of_two_people_in_a_group_are_never_joined(
    palaver: Palaver, listener: Listener, alice: Person, bob: Person, chat: Chat
) -> None:
    palaver.api.reads_all_groups = True
    group = palaver.api.group("Team", members=[alice, bob])
    cut = "@palaver_bot " + "x " * 2030
    await alice.send(cut[:4096], to=group)
    await bob.send("@palaver_bot me too", to=group)
    await chat.wait_until(lambda: len(listener.prompts) == 2)
    assert sorted(prompt.text[:6] for prompt in listener.prompts) == ["me too", "x x x "]
    await group.wait_until(lambda: sum("⏱" in text for text in group.texts) == 2)


async def busy(alice: Person, chat: Chat) -> None:
    await alice.send("wait 60")
    await button(chat, "Stop")


async def test_an_edit_of_one_part_of_a_waiting_prompt_keeps_the_others(
    palaver: Palaver, listener: Listener, alice: Person, chat: Chat
) -> None:
    await busy(alice, chat)
    first, second = await alice.send_long(LONG)
    await chat.wait_for_text("Queued")
    await alice.edit(first, first.text.replace("word0 ", "zero "))
    await chat.wait_for_text("✏️")
    await alice.send("/stop")
    await chat.wait_until(lambda: len(listener.prompts) == 2)
    kept = listener.texts()[1]
    assert kept.endswith(second.text), "the second part was lost"
    assert kept == LONG.replace("word0 ", "zero ")


async def test_an_edit_of_a_later_part_of_a_waiting_prompt_is_taken(
    palaver: Palaver, listener: Listener, alice: Person, chat: Chat
) -> None:
    await busy(alice, chat)
    _, second = await alice.send_long(LONG)
    await chat.wait_for_text("Queued")
    await alice.edit(second, second.text.replace("word699", "the end"))
    told = await chat.wait_for_text("✏️")
    await alice.send("/stop")
    await chat.wait_until(lambda: len(listener.prompts) == 2)
    assert listener.texts()[1] == LONG.replace("word699", "the end")
    assert "Changed before it was run" in told.text


async def test_an_edited_caption_of_a_waiting_prompt_is_taken_and_its_file_stays(
    palaver: Palaver, listener: Listener, alice: Person, chat: Chat
) -> None:
    await busy(alice, chat)
    message = await alice.send_document(b"data", "a.txt", "reed this")
    await chat.wait_for_text("Queued")
    await alice.edit(message, "read this")
    told = await chat.wait_for_text("✏️")
    await alice.send("/stop")
    await chat.wait_until(lambda: len(listener.prompts) == 2)
    prompt = listener.prompts[1]
    assert (prompt.text, [one.name for one in prompt.attachments]) == ("read this", ["a.txt"])
    assert "Changed before it was run" in told.text


async def test_a_prompt_is_edited_twice_and_the_last_word_counts(
    palaver: Palaver, listener: Listener, alice: Person, chat: Chat
) -> None:
    await busy(alice, chat)
    message = await alice.send("one")
    await chat.wait_for_text("Queued")
    await alice.edit(message, "two")
    await alice.edit(message, "three")
    await chat.wait_until(lambda: sum("Changed before" in text for text in chat.texts) == 2)
    await alice.send("/stop")
    await chat.wait_for(lambda one: one.text.startswith("three"))
    assert listener.texts()[1:] == ["three"]


async def test_an_edited_prompt_that_answers_another_message_still_quotes_it(
    palaver: Palaver, listener: Listener, alice: Person, bob: Person
) -> None:
    group = palaver.api.group("Team", members=[alice, bob], bot_is_admin=True)
    await alice.send("@palaver_bot wait 60", to=group)
    await group.wait_for(lambda message: "Stop" in message.buttons)
    said = await bob.send("shall we use tabs?", to=group)
    message = await alice.send("@palaver_bot your opinon?", to=group, reply_to=said)
    await group.wait_for_text("Queued")
    await alice.edit(message, "@palaver_bot your opinion?")
    await group.wait_for_text("Changed before it was run.")
    await alice.send("/stop", to=group)
    await group.wait_until(lambda: len(listener.prompts) == 2)
    assert listener.texts()[1] == "> shall we use tabs?\n\nyour opinion?"
