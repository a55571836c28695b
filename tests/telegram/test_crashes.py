"""`palaver serve` as a process: its start, its orderly end, and `kill -9`."""

import asyncio
from pathlib import Path

import pytest

from palaver.testing.model import LoopbackModel, Say, Wait
from palaver.testing.telegram import BotApi, Chat, Person
from support.served import STARTED_S, begun, serving, write_config
from support.telegrams import button, pressed

pytestmark = pytest.mark.usefixtures("killed")


@pytest.fixture
def config(api: BotApi, tmp_path: Path) -> Path:
    return write_config(api, tmp_path)


async def test_a_turn_cut_off_by_kill_9_is_told_and_can_be_run_again(
    api: BotApi, config: Path, alice: Person, chat: Chat
) -> None:
    async with serving(config) as served:
        await alice.send("wait 60")
        working = await button(chat, "Stop")
        await chat.wait_for_draft(lambda draft: "Working" in draft.text)
        await served.kill()
    await alice.send("are you back?")
    async with serving(config) as served:
        await chat.wait_for_text("⚠️ Interrupted")
        await chat.wait_for(lambda message: message.text.startswith("are you back?"))
        await chat.wait_until(lambda: working.deleted)
        assert await served.terminate() == 0
    assert len([text for text in chat.texts if text.startswith("⚠️ Interrupted")]) == 1


async def test_what_waited_when_it_was_killed_runs_once_afterwards(
    api: BotApi, config: Path, alice: Person, chat: Chat
) -> None:
    async with serving(config) as served:
        await alice.send("wait 60")
        await button(chat, "Stop")
        await alice.send("and then this")
        await chat.wait_for_text("Queued")
        await served.kill()
    async with serving(config):
        await chat.wait_for(lambda message: message.text.startswith("and then this"))
    answers = [text for text in chat.texts if text.startswith("and then this")]
    assert len([text for text in answers if "⏱" in text]) == 1


async def test_an_orderly_end_answers_after_the_next_start(
    api: BotApi, config: Path, alice: Person, chat: Chat
) -> None:
    async with serving(config) as served:
        await alice.send("wait 60")
        await button(chat, "Stop")
        assert await served.terminate() == 0
    async with serving(config):
        await button(chat, "Run again")
        assert await pressed(alice, chat, "Run again") == ""


async def test_a_second_palaver_for_the_same_bot_ends_with_a_word(
    api: BotApi, tmp_path: Path
) -> None:
    """With polls long enough to end each other."""
    api.updates.conflict_pause = 0.1
    names = ("one", "other")
    one, other = (write_config(api, tmp_path, name=name, poll_timeout_s=20) for name in names)
    async with serving(one) as first, begun(other) as second:
        ends = {asyncio.create_task(served.ended()): served for served in (first, second)}
        done, left = await asyncio.wait(
            ends, timeout=STARTED_S, return_when=asyncio.FIRST_COMPLETED
        )
        for end in done:
            assert end.result() == 1
            assert "Another program fetches this bot's messages." in ends[end].log
            assert "Traceback" not in ends[end].log
        for end in left:
            assert await ends[end].terminate() in (0, 1)
            await end


async def test_the_answer_that_claude_still_wrote_after_kill_9_is_delivered_once(
    api: BotApi,
    model: LoopbackModel,
    claude_home: Path,
    alice: Person,
    chat: Chat,
    tmp_path: Path,
) -> None:
    del claude_home
    config = write_config(api, tmp_path, agent="claude")
    model.script = lambda _: [Say("One two three "), Wait(2.0), Say("four.")]
    async with serving(config) as served:
        await alice.send("Count to four")
        await chat.wait_for_draft(lambda draft: "One two" in draft.text, timeout=STARTED_S)
        await served.kill()
    async with serving(config):
        await chat.wait_for_text("four.", timeout=STARTED_S)
    assert len([said for said in chat.texts if "four." in said]) == 1
    assert [request.prompt for request in model.requests] == ["Count to four"]
