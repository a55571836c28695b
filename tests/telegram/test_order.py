"""What several turns say in one chat: one after the other, and each to its own prompt."""

from palaver.testing.telegram import BotApi, Chat, Message, Person, Place
from palaver.testing.telegram.wire import Fields
from support.telegrams import Palaver

LONG = "\n\n".join(f"paragraph {number} " + "y" * 200 for number in range(75))


def where(place: Place, part: str) -> list[int]:
    """The places of the bot's messages with that text, in their order."""
    return [number for number, text in enumerate(place.texts) if part in text]


async def answer(place: Place, part: str) -> Message:
    """The answer with that text, once it is there."""
    return await place.wait_for(lambda message: part in message.text and "⏱" in message.text, 15)


async def test_the_next_answer_comes_behind_all_of_the_one_before_and_its_file(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    def second_part(fields: Fields) -> bool:
        return "paragraph 20 " in fields.text("text")

    api.faults.add("sendMessage", error=429, retry_after=1, when=second_part)
    await alice.send_long(LONG)
    await alice.send("the next one")
    await chat.wait_until(lambda: where(chat, "the next one"), 15)
    await chat.wait_until(lambda: not any(message.buttons for message in chat.messages))
    parts = where(chat, "paragraph ")
    assert len(parts) > 3
    after = where(chat, "All of it in one file"), where(chat, "the next one")
    assert (parts, *after) == (list(range(len(parts))), [len(parts)], [len(parts) + 1])


async def test_in_a_group_each_answer_replies_to_its_own_prompt(
    api: BotApi, palaver: Palaver, alice: Person, bob: Person
) -> None:
    group = api.group("Team", members=[alice, bob])
    first = await alice.send("@palaver_bot wait 1", to=group)
    await group.wait_for_text("Working")
    second = await alice.send("@palaver_bot the next one", to=group)
    other = await bob.send("@palaver_bot mine", to=group)
    assert (await answer(group, "Working. Done.")).reply_to is first
    assert (await answer(group, "the next one")).reply_to is second
    assert (await answer(group, "mine")).reply_to is other


async def test_in_a_shared_group_each_answer_replies_to_its_own_prompt(
    api: BotApi, palaver: Palaver, alice: Person, bob: Person
) -> None:
    group = api.group("Team", members=[alice, bob])
    group.members[alice.id] = "administrator"
    await alice.send("/share@palaver_bot", to=group)
    await group.wait_for_text("Shared by Alice")
    first = await alice.send("@palaver_bot hello", to=group)
    second = await bob.send("@palaver_bot hello", to=group)
    assert (await answer(group, "Alice: hello")).reply_to is first
    assert (await answer(group, "Bob: hello")).reply_to is second
