"""A comment that comes before what is forwarded with it, as clients send them: one prompt while it
can be, and never a wait for those who only write."""

from pathlib import Path

import pytest

from palaver.hookspecs import hookimpl
from palaver.models import Prompt, Session
from palaver.testing.telegram import BotApi, Chat, Message, Person
from support.telegrams import ALICE, BOB, Launch, Palaver, button, pressed

LONG_S = 2.0
"""Seconds to wait for what belongs together; enough for a test on a busy machine."""
BOTH = "what is this?\n\n[Forwarded from Bob]\n\nit burns"


class Listener:
    """Hears the prompts; the scripted agent knows its words only without their speaker."""

    def __init__(self) -> None:
        self.prompts: list[Prompt] = []

    @hookimpl
    def on_prompt(self, session: Session, prompt: Prompt) -> Prompt:
        self.prompts.append(prompt)
        return prompt.model_copy(update={"text": prompt.text.removeprefix("Alice: ")})

    def texts(self) -> list[str]:
        return [prompt.text for prompt in self.prompts]


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
async def patient(launch: Launch, listener: Listener, tmp_path: Path) -> Palaver:
    """A Palaver that waits long."""
    palaver = launch(tmp_path / "data", telegram={"coalesce_s": LONG_S})
    await palaver.start({"listener": listener})
    return palaver


@pytest.fixture
async def hasty(launch: Launch, listener: Listener, tmp_path: Path) -> Palaver:
    """A Palaver that does not wait at all."""
    palaver = launch(tmp_path / "data", telegram={"coalesce_s": 0})
    await palaver.start({"listener": listener})
    return palaver


@pytest.fixture
def elsewhere(api: BotApi, bob: Person) -> Chat:
    """Where the bot does not hear what somebody says."""
    return api.group("Others", members=[bob])


@pytest.fixture
async def said(elsewhere: Chat, bob: Person) -> Message:
    return await bob.send("it burns", to=elsewhere)


async def busy(alice: Person, chat: Chat) -> None:
    await alice.send("wait 60", to=chat)
    await button(chat, "Stop")


async def over(alice: Person, chat: Chat, count: int = 1) -> None:
    """So many prompts have been answered, and none is left in the making."""
    await chat.wait_until(lambda: sum("⏱" in text for text in chat.texts) >= count, 10)
    await alice.send("/status", to=chat)
    await chat.wait_for_text("Idle")


@pytest.mark.parametrize("user", [ALICE, BOB], ids=["owner", "member"])
async def test_together_they_are_one_prompt(
    patient: Palaver, listener: Listener, api: BotApi, bob: Person, said: Message, user: int
) -> None:
    person = bob if user == BOB else api.user("Alice", id=user)
    chat = api.private(person)
    await person.send("what is this?")
    await person.forward(said)
    await over(person, chat)
    assert listener.texts() == [BOTH]


async def test_one_that_waits_gets_what_is_forwarded_behind_it(
    patient: Palaver, listener: Listener, alice: Person, chat: Chat, said: Message
) -> None:
    await busy(alice, chat)
    await alice.send("what is this?")
    await chat.wait_for_text("Queued: 1 message")
    await alice.forward(said)
    second = await alice.forward(said)
    await chat.wait_until(lambda: second.bot_reactions, 10)
    await pressed(alice, chat, "Stop")
    await over(alice, chat)
    assert listener.texts()[1:] == [f"{BOTH}\n\n[Forwarded from Bob]\n\nit burns"]
    assert not [text for text in chat.texts if "Queued: 2" in text]


async def test_files_that_are_forwarded_come_to_one_that_waits(
    patient: Palaver, listener: Listener, alice: Person, bob: Person, chat: Chat, elsewhere: Chat
) -> None:
    paper = await bob.send_document(b"x", "a.txt", to=elsewhere)
    await busy(alice, chat)
    await alice.send_document(b"y", "b.txt", "compare")
    await chat.wait_for_text("Queued: 1 message")
    forwarded = await alice.forward(paper)
    await chat.wait_until(lambda: forwarded.bot_reactions, 10)
    await pressed(alice, chat, "Stop")
    await over(alice, chat)
    [_, prompt] = listener.prompts
    assert prompt.text == "compare\n\n[Forwarded from Bob]"
    assert [one.name for one in prompt.attachments] == ["b.txt", "a.txt"]


async def test_an_edit_of_the_comment_keeps_what_was_forwarded(
    patient: Palaver, listener: Listener, alice: Person, chat: Chat, said: Message
) -> None:
    await busy(alice, chat)
    comment = await alice.send("what is it?")
    await chat.wait_for_text("Queued: 1 message")
    forwarded = await alice.forward(said)
    await chat.wait_until(lambda: forwarded.bot_reactions, 10)
    await alice.edit(comment, "what is this?")
    await chat.wait_for_text("Changed before it was run.")
    await pressed(alice, chat, "Stop")
    await over(alice, chat)
    assert listener.texts()[1:] == [BOTH]


async def test_what_is_forwarded_later_is_a_prompt_of_its_own(
    hasty: Palaver, listener: Listener, alice: Person, chat: Chat, said: Message
) -> None:
    await busy(alice, chat)
    await alice.send("what is this?")
    await chat.wait_for_text("Queued: 1 message")
    await alice.forward(said)
    await chat.wait_for_text("Queued: 2 messages")
    await pressed(alice, chat, "Stop")
    await over(alice, chat, 2)
    assert listener.texts()[1:] == ["what is this?", "[Forwarded from Bob]\n\nit burns"]


async def test_behind_one_that_runs_already_it_is_the_next_prompt(
    patient: Palaver, listener: Listener, alice: Person, chat: Chat, said: Message
) -> None:
    await busy(alice, chat)
    await alice.forward(said)
    await chat.wait_for_text("Queued: 1 message", 10)
    await pressed(alice, chat, "Stop")
    await over(alice, chat)
    assert listener.texts() == ["wait 60", "[Forwarded from Bob]\n\nit burns"]


async def test_what_comes_while_the_file_of_the_comment_is_fetched_belongs_to_it(
    patient: Palaver, listener: Listener, alice: Person, chat: Chat, said: Message
) -> None:
    patient.api.faults.add("getFile", delay=0.5)
    await alice.send_document(b"y", "b.txt", "compare")
    await chat.wait_until(lambda: patient.api.calls.of("getFile"))
    await alice.forward(said)
    await over(alice, chat)
    [prompt] = listener.prompts
    assert prompt.text == "compare\n\n[Forwarded from Bob]\n\nit burns"
    assert [one.name for one in prompt.attachments] == ["b.txt"]


async def test_where_all_share_a_session_the_speaker_is_named_once(
    launch: Launch, listener: Listener, api: BotApi, alice: Person, said: Message, tmp_path: Path
) -> None:
    api.reads_all_groups = True
    palaver = launch(tmp_path / "data", telegram={"coalesce_s": LONG_S, "hear_all": True})
    await palaver.start({"listener": listener})
    group = api.group("Team", members=[alice])
    await alice.send("/share", to=group)
    await group.wait_for_text("Shared by Alice")
    await busy(alice, group)
    await alice.send("what is this?", to=group)
    await group.wait_for_text("Queued: 1 message")
    forwarded = await alice.forward(said, to=group)
    await group.wait_until(lambda: forwarded.bot_reactions, 10)
    await pressed(alice, group, "Stop")
    await over(alice, group)
    assert listener.texts()[1:] == [f"Alice: {BOTH}"]


async def test_who_only_writes_does_not_wait(
    launch: Launch, api: BotApi, alice: Person, bob: Person, chat: Chat, tmp_path: Path
) -> None:
    """Neither for more of his own nor because somebody else forwards something."""
    palaver = launch(tmp_path / "data", telegram={"coalesce_s": 10})  # longer than the test waits
    await palaver.start()
    api.private(bob)
    await alice.send("hello")
    mine = await bob.send("mine")
    await alice.send("good bye")
    await bob.forward(mine)
    for words in ("hello", "good bye"):
        await chat.wait_for_text(f"{words}\n\n⏱")
