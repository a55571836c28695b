"""Requests that nobody answers in time, and buttons of times past."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from palaver.testing.telegram import Chat, Person
from support.telegrams import Launch, Palaver, button, pressed


@pytest.fixture
async def palaver(launch: Launch, tmp_path: Path) -> AsyncIterator[Palaver]:
    palaver = launch(tmp_path / "data", sessions={"approval_timeout_s": 0.5})
    await palaver.start()
    yield palaver
    await palaver.stop()


@pytest.mark.parametrize(
    ("prompt", "label", "end"),
    [
        ("run ls", "Allow once", "I did not run ls."),
        ("ask Which?|red|green", "green", "You did not say."),
        ("plan Paint it", "Go ahead", "To change:"),
    ],
)
async def test_a_request_that_nobody_answers_is_a_no_and_its_button_says_so(
    palaver: Palaver, alice: Person, chat: Chat, prompt: str, label: str, end: str
) -> None:
    await alice.send(prompt)
    asked = await button(chat, label)
    old = asked.button(label).data
    await chat.wait_for_text(end)
    await chat.wait_until(lambda: asked.buttons == [])
    assert "No answer in 1 min, so: no" in asked.text
    answer = await (await alice.press(asked, data=old)).answer()
    assert (answer.text, answer.alert) == (
        "⚠️ That request is over.\nIf the agent still needs it, it will ask again.",
        True,
    )


async def test_the_words_for_a_request_that_is_over_are_no_prompt(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send("ask Which?|red|green")
    await button(chat, "Other …")
    await pressed(alice, chat, "Other …")
    asked = await chat.wait_for_text("reply to this message")
    await chat.wait_for_text("You did not say.")
    await alice.send("violet", reply_to=asked)
    await chat.wait_for_text("That request is over.")
    assert not [text for text in chat.texts if text.startswith("violet")]


async def test_free_text_never_approves(palaver: Palaver, alice: Person, chat: Chat) -> None:
    await alice.send("run ls")
    asked = await button(chat, "Allow once")
    allow = asked.button("Allow once").data.partition("/")[2]
    for words in ("yes", "allow", "Allow once", "/allow", f"/{allow} yes", f"✏️ `/{allow}`"):
        await alice.send(words)
        await alice.send(words, reply_to=asked)
    await chat.wait_for_text("I did not run ls.")
    await chat.wait_for(lambda message: message.text.startswith("Allow once"))
    for message in list(chat.messages):
        if f"/{allow}" in message.text:
            await alice.send("yes", reply_to=message)
    await chat.wait_until(lambda: sum(one.startswith("yes") for one in chat.texts) > 2)
    assert "I ran ls." not in "".join(chat.texts)
