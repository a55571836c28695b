"""A draft that grows is seen all the time: what else the bot says in the chat ends it, so it is
drawn again at once."""

import pytest

from palaver.testing.telegram import BotApi, Chat, Draft, Person, Place
from support.telegrams import Palaver, button, pressed


def working(draft: Draft) -> bool:
    return "Working" in draft.text


async def growing(alice: Person, place: Place) -> Draft:
    """A turn is at work there, and its draft does not change any more."""
    await alice.send("wait 60", to=place)
    return await place.wait_for_draft(working)


async def drawn_again(place: Place, known: list[Draft]) -> None:
    """Wait for a draft of the turn at work that is new, and seen."""
    old = {id(draft) for draft in known}
    await place.wait_until(
        lambda: any(working(one) and not one.followed for one in place.drafts if id(one) not in old)
    )


@pytest.mark.parametrize(
    ("sent", "said"),
    [("next", "Queued: 1 message"), ("/status", "At work"), ("/sessions", "Your Claude Sessions")],
)
async def test_after_a_note_or_a_command_s_answer_it_is_there_again(
    palaver: Palaver, alice: Person, chat: Chat, sent: str, said: str
) -> None:
    before = await growing(alice, chat)
    await alice.send(sent)
    await chat.wait_for_text(said)
    assert before.followed
    await drawn_again(chat, [before])


async def test_after_a_request_of_another_session_and_its_answer_it_is_there_again(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await growing(alice, chat)
    await alice.send("/newsession")
    await chat.wait_for_text("New session started!")
    known = list(chat.drafts)
    await alice.send("run ls")
    await button(chat, "Allow once")
    await drawn_again(chat, known)
    known = list(chat.drafts)
    await pressed(alice, chat, "Allow once")
    await chat.wait_for_text("I ran ls.")
    await drawn_again(chat, known)


async def test_after_the_answer_of_its_own_turn_it_is_gone(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    before = await growing(alice, chat)
    await pressed(alice, chat, "Stop")
    await chat.wait_for_text("⏹️ Stopped")
    await alice.send("/status")
    await chat.wait_for_text("Idle")
    assert chat.drafts[-1] is before
    assert chat.shown_draft() is None


async def test_it_is_drawn_again_in_its_own_topic_alone(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    api.private_topics = True
    one, two = chat.topic("One"), chat.topic("Two")
    before = await growing(alice, one)
    await alice.send("hello", to=two)
    await two.wait_for_text("⏱")
    assert one.drafts[-1] is before
    await alice.send("/status", to=one)
    await one.wait_for_text("At work")
    await drawn_again(one, [before])
    assert [draft for draft in two.drafts if working(draft)] == []
