"""The eyes on a message that was taken: given up only where the chat forbids them."""

import pytest

from palaver.testing.telegram import BotApi, Chat, Person
from support.telegrams import Palaver


@pytest.mark.parametrize(
    ("error", "description"),
    [(502, ""), (500, ""), (400, "Bad Request: message to react not found")],
)
async def test_one_reaction_that_failed_is_no_reason_to_show_no_others(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat, error: int, description: str
) -> None:
    fault = api.faults.add("setMessageReaction", error=error, description=description)
    await alice.send("one")
    await chat.wait_until(lambda: fault.hits)
    message = await alice.send("two")
    await chat.wait_until(lambda: message.bot_reactions == ("👀",))


async def test_a_chat_that_forbids_reactions_is_asked_once(
    api: BotApi, palaver: Palaver, alice: Person, bob: Person, chat: Chat
) -> None:
    other = api.private(bob)
    refused = "Bad Request: REACTION_INVALID"
    fault = api.faults.add("setMessageReaction", error=400, description=refused, times=None)
    await alice.send("one")
    await chat.wait_until(lambda: fault.hits)
    await alice.send("two")
    await chat.wait_for(lambda message: message.text.startswith("two"))
    await bob.send("three")
    await other.wait_until(lambda: fault.hits == 2)
    asked = [call.parameters["chat_id"] for call in api.calls.of("setMessageReaction")]
    assert list(map(str, asked)) == [str(alice.id), str(bob.id)]
