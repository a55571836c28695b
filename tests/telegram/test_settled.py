"""What was asked and decided stays to be read: all of a plan, all of a long question."""

import pytest

from palaver.testing.telegram import Chat, Person
from support.telegrams import Palaver, button, pressed

QUESTION = " ".join(f"reason{number}" for number in range(700))


@pytest.mark.parametrize("steps", [20, 100, 900])
@pytest.mark.parametrize("label", ["Go ahead", "Change …"])
async def test_a_plan_is_there_when_it_has_been_decided(
    palaver: Palaver, alice: Person, chat: Chat, steps: int, label: str
) -> None:
    plan = " ".join(f"Step{number}." for number in range(steps))
    await alice.send_long(f"plan {plan}")
    asked = await button(chat, "Go ahead")
    await pressed(alice, chat, label)
    if label == "Change …":
        question = await chat.wait_for_text("reply to this message")
        await alice.send("in blue", reply_to=question)
    await chat.wait_for_text("⏱")
    await chat.wait_until(lambda: asked.buttons == [])
    said = "\n".join(chat.texts).split()
    assert [word for word in said if word.startswith("Step")] == plan.split()
    outcome = asked.text.splitlines()[-1]
    assert "Step" not in outcome
    assert "plan" in outcome.lower()


async def test_of_a_question_of_several_messages_the_last_is_changed(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send_long(f"ask {QUESTION}|red|green")
    asked = await button(chat, "red")
    before = chat.texts[:-1]
    await pressed(alice, chat, "red")
    await chat.wait_for_text("You said: red")
    await chat.wait_until(lambda: asked.buttons == [])
    assert chat.texts[: len(before)] == before
    assert "reason699" in asked.text
    assert "reason0 " not in asked.text
