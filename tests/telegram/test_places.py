"""Where a conversation is: topics of groups and of private chats, and topics that all share."""

from pathlib import Path

import pytest

from palaver.testing.model import LoopbackModel, ModelRequest, Reply, Say, Use
from palaver.testing.telegram import BotApi, Chat, Person, Topic
from support.served import STARTED_S, serving, write_config
from support.telegrams import Launch, Palaver, button, pressed

pytestmark = pytest.mark.usefixtures("killed")


@pytest.fixture
def topics(api: BotApi, chat: Chat) -> tuple[Topic, Topic]:
    """Two topics of a private chat."""
    api.private_topics = True
    return chat.topic("One"), chat.topic("Two")


async def test_all_of_a_turn_happens_in_its_topic_of_a_private_chat(
    palaver: Palaver, alice: Person, chat: Chat, topics: tuple[Topic, Topic]
) -> None:
    one, two = topics
    await alice.send("wait 0.7", to=one)
    await one.wait_for_draft(lambda draft: "Working" in draft.text)
    await alice.send("run ls", to=one)
    queued = await one.wait_for_text("Queued: 1 message")
    asked = await button(one, "Allow once")
    await chat.wait_until(lambda: queued.deleted)
    assert await pressed(alice, one, "Allow once") == "✅ Allowed once\nBash: ls"
    await one.wait_for_text("I ran ls.")
    assert asked.buttons == []
    assert one.actions
    assert (two.messages, two.drafts, two.actions) == ([], [], [])
    assert (chat.messages, chat.drafts, chat.actions) == ([], [], [])


async def test_a_new_session_in_one_topic_leaves_the_others_alone(
    palaver: Palaver, alice: Person, topics: tuple[Topic, Topic]
) -> None:
    one, two = topics
    for topic, number in ((one, 1), (two, 2)):
        await alice.send(f"remember {number}", to=topic)
        await topic.wait_for_text(f"I will remember {number}.")
    await alice.send("/newsession", to=one)
    await one.wait_for_text("New session started!")
    for topic, answer in ((one, "You have told me no number."), (two, "You told me 2.")):
        await alice.send("what number", to=topic)
        await topic.wait_for_text(answer)
    await alice.send("/sessions", to=two)
    listed = await two.wait_for_text("Your Claude Sessions")
    assert "👉" in next(line for line in listed.text.splitlines() if "remember 2" in line)


async def test_after_a_crash_each_topic_hears_of_its_own(
    api: BotApi, alice: Person, topics: tuple[Topic, Topic], tmp_path: Path
) -> None:
    one, two = topics
    config = write_config(api, tmp_path)
    async with serving(config) as served:
        await alice.send("wait 60", to=one)
        await button(one, "Stop")
        await alice.send("run ls", to=two)
        await button(two, "Allow once")
        await served.kill()
    async with serving(config):
        await one.wait_for_text("⚠️ Interrupted")
        await two.wait_for_text("It waited for your word on Bash: ls")
        await two.wait_until(lambda: sum("Allow once" in m.buttons for m in two.messages) == 2)
        await pressed(alice, one, "Run again")
        await one.wait_until(lambda: "Stop" in one.last.buttons)
        assert not [text for text in one.texts if "Bash" in text]


async def test_a_topic_that_is_gone_holds_nobody_up(
    palaver: Palaver, alice: Person, bob: Person, chat: Chat
) -> None:
    forum = palaver.api.group("Team", members=[alice, bob], forum=True, bot_is_admin=True)
    lost, kept = forum.topic("Lost"), forum.topic("Kept")
    await alice.send("@palaver_bot wait 0.5", to=lost)
    await lost.wait_for(lambda message: "Stop" in message.buttons)
    del forum.topics[lost.id]
    await bob.send("@palaver_bot hello", to=kept)
    await kept.wait_for(lambda message: message.text.startswith("hello"))
    await chat.wait_until(lambda: [call for call in palaver.api.calls if call.status == 400])
    assert {one.text for one in palaver.api.problems} == {"Bad Request: message thread not found"}
    palaver.api.problems.clear()


async def test_in_a_topic_of_a_group_progress_and_requests_stay_there(
    palaver: Palaver, alice: Person
) -> None:
    forum = palaver.api.group("Team", members=[alice], forum=True)
    one, two = forum.topic("One"), forum.topic("Two")
    await alice.send("@palaver_bot wait 0.7", to=one)
    working = await one.wait_for_text("Starting new session")
    await one.wait_until(lambda: any("Working" in text for text in working.texts))
    await one.wait_for_text("Done.")
    await alice.send("@palaver_bot run ls", to=one)
    await button(one, "Deny")
    await pressed(alice, one, "Deny")
    await one.wait_for_text("I did not run ls.")
    assert (two.messages, forum.messages) == ([], [])


async def test_a_topic_that_an_administrator_shares_is_one_session_of_the_real_agent(
    api: BotApi,
    launch: Launch,
    model: LoopbackModel,
    claude_home: Path,
    alice: Person,
    bob: Person,
    tmp_path: Path,
) -> None:
    def script(request: ModelRequest) -> Reply:
        if request.tool_results:
            return Say("It is made.")
        if "make" in request.prompt:
            return Use("Bash", {"command": "touch made.txt", "description": "make it"})
        return Say(f"I have heard {[text for role, text in request.history if role == 'user']}")

    del claude_home
    model.script = script
    forum = api.group("Team", members=[alice, bob], forum=True)
    topic = forum.topic("Release")
    palaver = launch(tmp_path / "data", sessions={"agent": "claude"})
    await palaver.start()
    await alice.send("/share", to=topic)
    await topic.wait_for_text("👥 Shared by Alice")
    await alice.send("@palaver_bot the first", to=topic)
    await topic.wait_for_text("I have heard ['Alice: the first']", STARTED_S)
    await bob.send("@palaver_bot the second", to=topic)
    await topic.wait_for_text("'Bob: the second']", STARTED_S)
    await bob.send("@palaver_bot make it", to=topic)
    asked = await topic.wait_for(lambda message: "Allow once" in message.buttons, STARTED_S)
    await alice.press(asked, "Allow once")
    await topic.wait_for(lambda message: message.text.startswith("It is made."), STARTED_S)
    assert forum.messages == []
    await palaver.stop()


async def test_a_group_that_becomes_a_supergroup_gets_its_answer_there(
    api: BotApi, palaver: Palaver, alice: Person
) -> None:
    group = api.group("Team", members=[alice])
    await alice.send("@palaver_bot wait 0.5", to=group)
    await group.wait_for(lambda message: "Stop" in message.buttons)
    moved = api.migrate(group)
    await moved.wait_for_text("Done.")
    await alice.send("@palaver_bot hello", to=moved)
    await moved.wait_for(lambda message: message.text.startswith("hello"))
    # the old id is refused, which is how Telegram tells the new one; what is in the old group stays
    assert {one.text for one in api.problems} <= {
        "Bad Request: group chat was upgraded to a supergroup chat",
        "Bad Request: message can't be deleted",
    }
    api.problems.clear()
