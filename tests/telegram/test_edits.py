"""Messages that are changed: taken, changed or refused as it is, and never told what is not so."""

from pathlib import Path

import pytest

from palaver.hookspecs import hookimpl
from palaver.models import Prompt
from palaver.testing.telegram import BotApi, Chat, Person
from support.telegrams import Launch, Palaver, button, pressed

LONG = " ".join(f"word{number}" for number in range(700))
"""Two messages of a client's."""


class Listener:
    """Hears the prompts, as the agent gets them."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    @hookimpl
    def on_prompt(self, prompt: Prompt) -> None:
        self.texts.append(prompt.text)


async def settled(palaver: Palaver, alice: Person, chat: Chat) -> None:
    """All that was sent has been dealt with."""
    await palaver.api.all_taken()
    before = sum("Idle" in text for text in chat.texts)
    await palaver.engine.idle()
    await alice.send("/status")
    await chat.wait_until(lambda: sum("Idle" in text for text in chat.texts) > before)


def told(chat: Chat) -> list[str]:
    """What was said of changes."""
    return [text for text in chat.texts if "✏️" in text]


async def test_a_reaction_is_no_change(palaver: Palaver, alice: Person, chat: Chat) -> None:
    """Telegram tells of it as of a change, with the words as they were."""
    message = await alice.send("hello")
    await chat.wait_for_text("⏱")
    await alice.edit(message, "hello")
    await settled(palaver, alice, chat)
    assert told(chat) == []


async def test_a_message_that_mentions_the_bot_only_now_is_run(
    palaver: Palaver, alice: Person, bob: Person
) -> None:
    group = palaver.api.group("Team", members=[alice, bob])
    palaver.api.clock.advance(1)  # messages tell whole seconds, and it is sent after the start
    message = await alice.send("remember 42", to=group)
    await alice.edit(message, "@palaver_bot remember 42")
    await group.wait_for_text("I will remember 42.")
    await alice.edit(message, "@palaver_bot remember 43")
    await group.wait_for_text("already has that message")
    assert sum("I will remember" in text for text in group.texts) == 1


async def test_an_old_message_is_not_run_again_by_a_reaction(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    """An answer to a question is in no ledger: the next life must not take it for new."""
    await alice.send("ask Which colour?|red|green")
    await chat.wait_for(lambda one: "red" in one.buttons)
    answer = await alice.send("red")
    await chat.wait_for_text("You said: red")
    await palaver.api.all_taken()
    await palaver.restart()
    listener = Listener()
    palaver.engine.host.add("listener", listener)
    await alice.edit(answer, "red")
    await settled(palaver, alice, chat)
    assert (told(chat), listener.texts) == ([], [])


@pytest.mark.parametrize("count", [1, 2])
async def test_what_was_sent_and_changed_while_the_bot_was_away_is_as_it_was_changed(
    launch: Launch, api: BotApi, alice: Person, chat: Chat, tmp_path: Path, count: int
) -> None:
    message = await alice.send("remember 41")
    if count == 2:
        await alice.send("what number")
    await alice.edit(message, "remember 42")
    palaver = launch(tmp_path)
    await palaver.start()
    if count == 2:
        await button(chat, "Run all")
        await pressed(alice, chat, "Run all")
        await chat.wait_for_text("You told me 42.")
    await chat.wait_for_text("I will remember 42.")
    await settled(palaver, alice, chat)
    assert [text for text in told(chat) if "Changed before" not in text] == []
    assert not any("41" in text for text in chat.texts if "⏱" in text)


async def test_an_offer_is_changed_in_the_life_after_it(
    launch: Launch, api: BotApi, alice: Person, chat: Chat, tmp_path: Path
) -> None:
    message = await alice.send("remember 41")
    await alice.send("what number")
    palaver = launch(tmp_path)
    await palaver.start()
    await button(chat, "Run all")
    await api.all_taken()
    await palaver.restart()
    await alice.edit(message, "remember 42")
    await chat.wait_for_text("Changed before it was run.")
    await pressed(alice, chat, "Run all")
    await chat.wait_for_text("You told me 42.")


async def test_of_a_long_text_that_waits_after_a_restart_nothing_is_lost(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    for _ in range(2):
        await alice.send("wait 60")
    await button(chat, "Stop")
    first, _ = await alice.send_long(LONG)
    await chat.wait_for_text("Queued: 2 messages")
    await palaver.api.all_taken()
    await palaver.stop()
    palaver.bury()
    listener = Listener()
    await palaver.start({"listener": listener})
    await chat.wait_until(lambda: listener.texts == ["wait 60"])
    await alice.edit(first, first.text.replace("word0 ", "zero "))
    await chat.wait_for_text("waits as it was")
    await alice.send("/stop")
    await chat.wait_until(lambda: LONG in listener.texts)
    assert not any("Changed before" in text for text in chat.texts)
