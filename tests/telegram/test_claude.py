"""Turns of the real Claude Code as a user sees them in the chat."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from palaver.testing.model import LoopbackModel, ModelRequest, Reply, Say, Use, replies
from palaver.testing.telegram import Chat, Message, Person
from support.procedures import SLOW, ask
from support.telegrams import Launch, Palaver, pressed

QUESTION = {
    "question": "Which colours?",
    "header": "Colours",
    "multiSelect": True,
    "options": [{"label": one, "description": f"all {one}"} for one in ("red", "green", "blue")],
}


@pytest.fixture
async def palaver(launch: Launch, claude_home: Path, tmp_path: Path) -> AsyncIterator[Palaver]:
    del claude_home
    palaver = launch(tmp_path / "data", sessions={"agent": "claude"})
    await palaver.start()
    yield palaver
    await palaver.stop()


async def offered(chat: Chat, label: str) -> Message:
    return await chat.wait_for(lambda message: label in message.buttons, SLOW)


def _drafted(chat: Chat) -> str:
    """All that was ever shown while the answer grew."""
    return "\n".join(text for draft in chat.drafts for text in draft.texts)


async def finished(chat: Chat, text: str) -> Message:
    return await chat.wait_for(lambda one: one.text.startswith(text) and "⏱" in one.text, SLOW)


async def test_a_turn_from_its_prompt_to_its_receipt(
    palaver: Palaver, model: LoopbackModel, alice: Person, chat: Chat
) -> None:
    message = await alice.send("write a file hello.txt with hi")
    await chat.wait_until(lambda: message.bot_reactions == ("👀",), SLOW)
    working = await chat.wait_for_text("Starting new session", SLOW)
    assert (working.silent, working.buttons) == (True, ["Stop"])
    asked = await offered(chat, "Allow once")
    assert "hello.txt" in asked.text
    assert [piece for piece in asked.marked("pre") if "+hi" in piece]
    await chat.wait_until(lambda: "🔧 Write hello.txt" in _drafted(chat), SLOW)
    assert "I'll write hello.txt." in _drafted(chat)
    await alice.press(asked, "Allow for this session")
    answer = await finished(chat, "I have written hello.txt.")
    assert not answer.silent
    for part in ("⏱", "🔧 1 tool use", "📝 hello.txt", "💰 $"):
        assert part in answer.text
    await chat.wait_until(lambda: working.deleted)
    assert [one.action for one in chat.actions][:1] == ["typing"]
    # for this session: the next edit asks nothing
    await ask(alice, chat, "write a file other.txt with ho")
    assert [one for one in chat.messages if "Allow once" in one.buttons] == []
    assert any("Resuming session" in one.history[0].content.said for one in chat.log)
    assert model.requests[-1].tool_results[0].is_error is False


async def test_it_is_stopped_by_a_button_and_a_waiting_message_is_sent_at_once(
    palaver: Palaver, model: LoopbackModel, alice: Person, chat: Chat
) -> None:
    model.script = lambda request: (
        Say("one " * 400, words_per_chunk=1, delay_s=0.1)
        if request.prompt.startswith("slow")
        else Say(f"Heard: {request.prompt}")
    )
    await alice.send("slowly")
    await chat.wait_for_draft(lambda draft: "one one" in draft.text, SLOW)
    await alice.send("rather this")
    await pressed_when_there(alice, chat, "Stop the other, send now")
    stopped = await chat.wait_for_text("⏹️ Stopped", SLOW)
    assert "one one" in stopped.text
    await finished(chat, "Heard: rather this")
    await chat.wait_until(lambda: not any("Stop" in one.buttons for one in chat.messages))
    await alice.send("slow again")
    await pressed_when_there(alice, chat, "Stop")
    await chat.wait_until(lambda: sum("⏹️ Stopped" in text for text in chat.texts) == 2, SLOW)


async def pressed_when_there(person: Person, chat: Chat, label: str) -> None:
    await offered(chat, label)
    await pressed(person, chat, label)


async def test_several_choices_are_the_answer_to_its_question(
    palaver: Palaver, model: LoopbackModel, alice: Person, chat: Chat
) -> None:
    model.script = replies(Use("AskUserQuestion", {"questions": [QUESTION]}))
    await alice.send("paint it")
    asked = await offered(chat, "☐ red")
    assert "all green" in asked.text
    for label in ("☐ red", "☐ blue"):
        await pressed(alice, chat, label)
    await chat.wait_until(lambda: asked.buttons[:3] == ["☑ red", "☐ green", "☑ blue"])
    await pressed(alice, chat, "✅ Done")
    await chat.wait_until(lambda: any("⏱" in text for text in chat.texts), SLOW)
    [result] = model.requests[-1].tool_results
    assert "red, blue" in result.text
    assert asked.buttons == []


async def test_a_plan_is_sent_back_with_a_remark_and_then_accepted(
    palaver: Palaver, model: LoopbackModel, alice: Person, chat: Chat
) -> None:
    remarks: list[str] = []

    def script(request: ModelRequest) -> Reply:
        if request.tool_results and not request.tool_results[0].is_error:
            return Say("Then I begin.")
        remarks.extend(result.text for result in request.tool_results)
        return Use("ExitPlanMode", {"plan": "1. Paint it"})

    model.script = script
    await alice.send("/mode plan")
    await chat.wait_for_text("plan")
    await alice.send("make a plan")
    await pressed_when_there(alice, chat, "Change …")
    asked = await chat.wait_for_text("reply to this message")
    before = len(chat.messages)
    await alice.send("in blue, please", reply_to=asked)
    await chat.wait_until(
        lambda: any("Go ahead" in one.buttons for one in chat.messages[before:]), SLOW
    )
    assert "in blue, please" in remarks[0]
    await pressed(alice, chat, "Go ahead")
    await finished(chat, "Then I begin.")
    await alice.send("/sessioninfo")
    info = await chat.wait_for_text("Session Information")
    assert "plan" not in info.text.casefold().partition("mode")[2][:20]


async def test_a_very_long_answer_comes_in_parts_and_as_a_file(
    palaver: Palaver, model: LoopbackModel, alice: Person, chat: Chat
) -> None:
    code = "\n".join(f"    line({number})" for number in range(1500))
    text = f"# It is long\n\nAs follows.\n\n```python\n{code}\n```\n\nThat was all."
    model.script = lambda _: Say(text, words_per_chunk=500)
    await alice.send("tell me all")
    file = await chat.wait_for(lambda message: message.file, SLOW)
    assert file.file
    assert file.file.data.decode() == text
    parts = [message for message in chat.messages if not message.file]
    said = "\n".join(piece for part in parts for piece in part.marked("pre"))
    assert said.split() == code.split()
    assert parts[0].text.startswith("It is long")
    assert "That was all." in parts[-1].text
    assert "⏱" in parts[-1].text
    assert [part.silent for part in parts].count(False) >= 1
