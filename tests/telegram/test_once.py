"""Nothing is lost and nothing is done twice, whenever `palaver serve` is killed."""

from pathlib import Path

import pytest

from palaver.testing.model import LoopbackModel
from palaver.testing.telegram import BotApi, Chat, Fault, Person
from palaver.testing.telegram.wire import Fields
from support.served import STARTED_S, serving, write_config
from support.telegrams import button, pressed

pytestmark = pytest.mark.usefixtures("killed")


@pytest.fixture
def config(api: BotApi, tmp_path: Path) -> Path:
    return write_config(api, tmp_path)


def no_acknowledgement(api: BotApi) -> Fault:
    """From now on a poll that would acknowledge something is not heard."""
    newest = api.updates._next_id

    def acknowledges(fields: Fields) -> bool:
        return int(fields.text("offset") or 0) > newest

    return api.faults.add("getUpdates", silence=True, times=None, when=acknowledges)


async def settled(alice: Person, chat: Chat) -> None:
    """All that came before has been dealt with: messages of a conversation are taken in order."""
    await alice.send("hello")
    await chat.wait_for(lambda message: message.text.startswith("hello"))
    await alice.send("/status")
    await chat.wait_for_text("Idle")


async def test_a_prompt_whose_acknowledgement_was_not_heard_runs_once(
    api: BotApi, alice: Person, chat: Chat, model: LoopbackModel, claude_home: Path, tmp_path: Path
) -> None:
    del claude_home
    config = write_config(api, tmp_path, agent="claude")
    async with serving(config) as served:
        unheard = no_acknowledgement(api)
        await alice.send("Remember the number 42")
        await chat.wait_for_text("I'll remember the number 42.", STARTED_S)
        assert len(api.updates.pending) == 1
        await served.kill()
        api.faults.remove(unheard)
    async with serving(config) as served:
        await chat.wait_until(lambda: api.updates.empty)
        await alice.send("/sessioninfo")
        await chat.wait_for_text("Turns: 1")
        await served.terminate()
    assert [request.prompt for request in model.requests] == ["Remember the number 42"]
    # the answer may come again, marked: it was killed before it could note that it had arrived
    assert sum(text.startswith("I'll remember the number 42") for text in chat.texts) == 1


async def test_messages_sent_to_nobody_after_a_kill_9_are_offered_and_made_one(
    api: BotApi, alice: Person, chat: Chat, model: LoopbackModel, claude_home: Path, tmp_path: Path
) -> None:
    del claude_home
    config = write_config(api, tmp_path, agent="claude")
    async with serving(config) as served:
        await served.kill()
    for text in ("Remember the number 42", "and that it is raining", "and go on"):
        await alice.send(text)
    async with serving(config) as served:
        await button(chat, "Make one of them")
        assert api.updates.empty
        assert model.requests == []
        await pressed(alice, chat, "Make one of them")
        await chat.wait_for_text("I'll remember the number 42.", STARTED_S)
        await served.terminate()
    assert [request.prompt for request in model.requests] == [
        "Remember the number 42\n\nand that it is raining\n\nand go on"
    ]


async def test_what_was_fetched_when_it_was_killed_comes_again_and_runs_once(
    api: BotApi, config: Path, alice: Person, chat: Chat
) -> None:
    """Killed with the answer to its poll on the way: it has kept nothing yet."""
    async with serving(config) as served:
        lost = api.faults.add("getUpdates", drop="after", times=None)
        await chat.wait_until(lambda: lost.hits)
        await alice.send("remember 42")
        hits = lost.hits
        await chat.wait_until(lambda: lost.hits > hits + 1)
        assert len(api.updates.pending) == 1
        await served.kill()
        api.faults.remove(lost)
    async with serving(config):
        await chat.wait_for_text("I will remember 42.")
        await chat.wait_until(lambda: api.updates.empty)
    assert sum(text.startswith("I will remember 42.") for text in chat.texts) == 1


async def test_a_file_that_was_being_fetched_when_it_was_killed_is_fetched_again(
    api: BotApi, config: Path, alice: Person, chat: Chat
) -> None:
    async with serving(config) as served:
        silent = api.faults.add("getFile", silence=True, times=None)
        await alice.send_document(b"data", "a.txt", "keep this")
        await chat.wait_until(lambda: silent.hits and api.updates.empty)
        await served.kill()
        api.faults.remove(silent)
    async with serving(config):
        await chat.wait_for_text("keep this (with a.txt)")
    assert sum("keep this" in text for text in chat.texts) == 1


async def test_messages_that_waited_for_their_rest_when_it_was_killed_are_still_one_prompt(
    api: BotApi, alice: Person, chat: Chat, tmp_path: Path
) -> None:
    config = write_config(api, tmp_path, coalesce_s=10)
    text = ("word " * 1700)[:8191] + "!"  # its last part is full, so there may be another one
    async with serving(config) as served:
        parts = await alice.send_long(text)
        await chat.wait_until(lambda: api.updates.empty)
        assert (len(parts), chat.texts) == (2, [])
        await served.kill()
    async with serving(write_config(api, tmp_path)):
        await chat.wait_until(lambda: any("⏱" in text for text in chat.texts))
    assert " ".join(chat.texts).split().count("word") == text.split().count("word")
    assert sum("⏱" in text for text in chat.texts) == 1


@pytest.mark.parametrize("killed", [True, False])
async def test_a_command_whose_acknowledgement_was_not_heard_is_carried_out_once(
    api: BotApi, config: Path, alice: Person, chat: Chat, *, killed: bool
) -> None:
    async with serving(config) as served:
        await alice.send("an old matter")
        await chat.wait_for_text("⏱")
        unheard = no_acknowledgement(api)
        await alice.send("/fork")
        await chat.wait_for_text("🍴")
        await chat.wait_until(lambda: unheard.hits)
        await (served.kill() if killed else served.terminate())
        api.faults.remove(unheard)
    async with serving(config):
        await settled(alice, chat)
    assert sum("🍴" in text for text in chat.texts) == 1


async def test_a_press_whose_acknowledgement_was_not_heard_is_answered_once(
    api: BotApi, config: Path, alice: Person, chat: Chat
) -> None:
    async with serving(config) as served:
        await alice.send("something")
        await chat.wait_for_text("⏱")
        await alice.send("/sessioninfo")
        shown = await chat.wait_for(lambda message: "Rename" in message.buttons)
        await chat.wait_until(lambda: api.updates.empty)
        unheard = no_acknowledgement(api)
        await alice.press(shown, "Rename")
        await chat.wait_for_text("reply to this message")
        await chat.wait_until(lambda: unheard.hits)
        await served.kill()
        api.faults.remove(unheard)
    async with serving(config):
        await settled(alice, chat)
    assert sum("reply to this message" in text for text in chat.texts) == 1
