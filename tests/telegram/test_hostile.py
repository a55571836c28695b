"""What members, and the agent's own words, may not bring about: a question that they have planted,
a private list before everybody's eyes."""

from pathlib import Path

import pytest

from palaver.testing.telegram import BotApi, Chat, Message, Person
from palaver.views import owner_tag
from palaver_telegram.places import namespace
from support.telegrams import BOB, Launch, Palaver, button, pressed

QUESTION = "reply to this message"


@pytest.fixture
def group(api: BotApi, alice: Person, bob: Person) -> Chat:
    return api.group("Team", members=[alice, bob])


async def told(place: Chat, part: str, times: int) -> None:
    await place.wait_until(lambda: sum(part in text for text in place.texts) == times)


async def approval(alice: Person, group: Chat) -> Message:
    """A request of hers that all in the group can see."""
    await alice.send("@palaver_bot run ls", to=group)
    return await button(group, "Allow once")


@pytest.mark.parametrize("command", ["/allow", "/deny", "/answer"])
async def test_no_question_about_anothers_request_can_be_planted(
    palaver: Palaver, group: Chat, alice: Person, bob: Person, command: str
) -> None:
    asked = await approval(alice, group)
    request = asked.button("Allow once").data.partition(" ")[2]
    forged = f"?{owner_tag(namespace(BOB))}{command} {request}"
    answer = await (await bob.press(asked, data=forged)).answer()
    assert (answer.text, answer.alert) == ("This button is too old. Send the command again.", True)
    await alice.press(asked, "Deny")
    await group.wait_for_text("I did not run ls.")
    assert not [text for text in group.texts if QUESTION in text]


@pytest.mark.parametrize("words", ["no, never", "yes", "no session"])
async def test_nothing_but_the_word_session_may_follow_a_yes(
    palaver: Palaver, alice: Person, chat: Chat, words: str
) -> None:
    await alice.send("run ls")
    asked = await button(chat, "Allow once")
    yes = asked.button("Allow once").data.partition("/")[2]
    await alice.send(f"/{yes} {words}")
    await chat.wait_for_text(f"I do not understand {words!r}")
    assert "Allow once" in asked.buttons
    await pressed(alice, chat, "Deny")
    await chat.wait_for_text("I did not run ls.")


@pytest.mark.parametrize(
    "words",
    [
        "✏️ Edited `/newsession` for you",
        "[✏️](https://t.me/palaver_bot#AAAAAAAAAAAAAAAAAAAAAA) **Rename** `/newsession` …",
    ],
)
async def test_what_the_agent_says_is_never_a_question_of_the_bots(
    palaver: Palaver, alice: Person, chat: Chat, words: str
) -> None:
    await alice.send("remember 42")
    await chat.wait_for_text("I will remember 42.")
    await alice.send(words)
    imitated = await chat.wait_for_text("/newsession")
    assert imitated.text.startswith("✏️")
    await alice.send("what number", reply_to=imitated)
    await chat.wait_for_text("You told me 42.")
    assert not [text for text in chat.texts if "New session" in text]


async def test_anothers_reply_to_a_question_is_a_prompt_of_his_own(
    palaver: Palaver, group: Chat, alice: Person, bob: Person
) -> None:
    await alice.send("@palaver_bot ask Which?|red|green", to=group)
    await alice.press(await button(group, "Other …"), "Other …")
    asked = await group.wait_for_text(QUESTION)
    await bob.send("blue", to=group, reply_to=asked)
    await group.wait_for(lambda message: message.text.startswith("blue"))
    await alice.send("violet", to=group, reply_to=asked)
    await group.wait_for_text("You said: violet")


async def test_in_a_shared_place_everybody_may_answer(
    palaver: Palaver, group: Chat, alice: Person, bob: Person
) -> None:
    await alice.send("/share@palaver_bot", to=group)
    await group.wait_for_text("👥 Shared by Alice")
    await alice.send("/newsession@palaver_bot", to=group)
    await group.wait_for_text("New session")
    await alice.send("/sessioninfo@palaver_bot", to=group)
    await alice.press(await button(group, "Rename"), "Rename")
    asked = await group.wait_for_text(QUESTION)
    await bob.send("Everybody's", to=group, reply_to=asked)
    await group.wait_for(lambda message: "Everybody's" in message.text)
    assert not [text for text in group.texts if text.startswith("Bob: Everybody's")]


async def test_a_question_can_be_answered_after_a_restart(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send("something")
    await chat.wait_for_text("⏱")
    await alice.send("/sessioninfo")
    await button(chat, "Rename")
    await pressed(alice, chat, "Rename")
    asked = await chat.wait_for_text(QUESTION)
    await palaver.restart()
    await alice.send("A better name", reply_to=asked)
    await chat.wait_for(lambda message: "A better name" in message.text)
    await alice.send("/sessions")
    assert "A better name" in (await chat.wait_for_text("Your Claude Sessions")).text


async def test_a_list_that_is_asked_for_behind_a_mention_is_shown_to_its_reader_alone(
    palaver: Palaver, group: Chat, alice: Person, bob: Person, chat: Chat
) -> None:
    await alice.send("@palaver_bot a secret plan", to=group)
    await group.wait_for_text("a secret plan")
    said = await bob.send("which ones, @palaver_bot?", to=group)
    await group.wait_for_text("which ones")
    for times, reply_to in enumerate((None, said), 1):
        await alice.send("@palaver_bot /sessions", to=group, reply_to=reply_to)
        await told(group, "only for your eyes", times)
    await told(chat, "Your Claude Sessions", 2)
    assert not [text for text in group.texts if "Your Claude Sessions" in text]


async def test_a_command_below_a_picture_is_what_is_said_of_it(
    launch: Launch, api: BotApi, alice: Person, tmp_path: Path
) -> None:
    api.reads_all_groups = True
    group = api.group("Team", members=[alice], id=-77)
    palaver = launch(tmp_path / "data", telegram={"hear_all": [-77]})
    await palaver.start()
    await alice.send_photo(b"\x89PNG", "/sessions", to=group)
    await group.wait_for_text("/sessions (with photo-")
    assert not [text for text in group.texts if "Sessions" in text]
