"""Topics and groups in which everybody who is let in works in one session."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from palaver.hookspecs import hookimpl
from palaver.models import Grant, Prompt, Session
from palaver.testing.telegram import BotApi, Chat, Message, Person, Topic
from palaver_telegram.places import namespace
from support.telegrams import BOB, Launch, Palaver

OPEN_ENDED = ("x " * 2020).strip()
"""As long as the first part of a text that a client has cut."""
_SPEAKER = re.compile(r"(Alice|Bob|Mallory): ")


class Listener:
    """Hears who says what; the scripted agent then hears the words alone."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    @hookimpl
    def on_prompt(self, session: Session, prompt: Prompt) -> Prompt:
        self.heard.append(prompt.text)
        return prompt.model_copy(update={"text": _SPEAKER.sub("", prompt.text)})


@dataclass
class Team:
    """A forum with a topic, and three members: one administers, one is a stranger to the bot."""

    palaver: Palaver
    forum: Chat
    topic: Topic
    alice: Person
    bob: Person
    mallory: Person
    listener: Listener = field(default_factory=Listener)

    async def start(self) -> None:
        await self.palaver.start({"listener": self.listener})

    async def stop(self) -> None:
        await self.palaver.stop()
        self.palaver.bury()

    async def share(self) -> None:
        await self.says(self.alice, "/share", "👥 Shared by Alice")

    async def tell(self, person: Person, text: str) -> None:
        words = text if text.startswith("/") else f"@palaver_bot {text}"
        await person.send(words, to=self.topic)

    async def says(self, person: Person, text: str, answer: str) -> None:
        """Somebody says it in the topic, and there is one more message with this in it."""
        before = self._count(answer)
        await self.tell(person, text)
        await self.topic.wait_until(lambda: self._count(answer) > before)

    async def asked(self, label: str) -> Message:
        """The newest message in the topic with such a button."""
        await self.topic.wait_for(lambda message: label in message.buttons)
        return next(one for one in reversed(self.topic.messages) if label in one.buttons)

    async def press(self, person: Person, label: str) -> str:
        """What is said at the top of the chat."""
        press = await person.press(await self.asked(label), label)
        return (await press.answer()).text

    def _count(self, part: str) -> int:
        return sum(part in text for text in self.topic.texts)


@pytest.fixture
async def team(
    api: BotApi, alice: Person, bob: Person, mallory: Person, tmp_path: Path
) -> AsyncIterator[Team]:
    forum = api.group("Team", members=[alice, bob, mallory], forum=True)
    palaver = Palaver(api, tmp_path / "data")
    team = Team(palaver, forum, forum.topic("Release"), alice, bob, mallory)
    await team.start()
    yield team
    await palaver.stop()
    assert api.problems == []


@pytest.fixture
async def patient(team: Team, launch: Launch, tmp_path: Path) -> Team:
    """The same, with time to do something while a message waits for its rest."""
    await team.stop()
    team.palaver = launch(tmp_path / "data", telegram={"coalesce_s": 1.0})
    await team.start()
    return team


async def test_members_share_a_session_and_the_agent_hears_who_speaks(team: Team) -> None:
    await team.share()
    await team.says(team.alice, "remember 42", "I will remember 42.")
    await team.says(team.bob, "what number", "You told me 42.")
    assert team.listener.heard == ["Alice: remember 42", "Bob: what number"]


async def test_what_is_shared_is_no_part_of_anybodys_own_sessions(
    api: BotApi, team: Team, chat: Chat
) -> None:
    bobs = api.private(team.bob)
    await team.bob.send("a matter of my own")
    await bobs.wait_for_text("a matter of my own\n\n⏱")
    await team.share()
    await team.says(team.alice, "remember the launch", "I will remember the launch.")
    for person, place in ((team.alice, chat), (team.bob, bobs)):
        await person.send("/sessions")
        listed = await place.wait_for_text("essions")
        assert "launch" not in listed.text
    await team.says(team.bob, "/sessions", "Alice: remember the launch")
    assert not any("a matter of my own" in text for text in team.topic.texts)


async def test_only_the_one_topic_is_shared(team: Team) -> None:
    other = team.forum.topic("Another")
    await team.share()
    await team.alice.send("@palaver_bot remember 1", to=other)
    await other.wait_for_text("I will remember 1.")
    await team.bob.send("@palaver_bot what number", to=other)
    await other.wait_for_text("You have told me no number.")


async def test_a_group_without_topics_is_shared_as_a_whole(api: BotApi, team: Team) -> None:
    group = api.group("Small", members=[team.alice, team.bob])
    await team.alice.send("/share", to=group)
    await group.wait_for_text("Shared by Alice")
    await team.alice.send("@palaver_bot remember 7", to=group)
    await group.wait_for_text("I will remember 7.")
    await team.bob.send("@palaver_bot what number", to=group)
    await group.wait_for_text("You told me 7.")


async def test_a_member_who_does_not_administer_cannot_share_or_end_it(team: Team) -> None:
    await team.says(team.bob, "/share", "Only administrators")
    await team.says(team.alice, "remember 42", "I will remember 42.")
    await team.says(team.bob, "what number", "You have told me no number.")
    await team.share()
    await team.says(team.bob, "/unshare", "Only administrators")
    await team.says(team.alice, "/share", "This is shared already.")


async def test_whoever_is_made_an_administrator_can_share_at_once(team: Team) -> None:
    await team.says(team.bob, "/share", "Only administrators")
    team.forum.members[BOB] = "administrator"
    await team.says(team.bob, "/share", "👥 Shared by Bob")


async def test_an_administrator_who_is_a_stranger_cannot_share(api: BotApi, team: Team) -> None:
    group = api.group("Trap", members=[team.mallory, team.alice])
    await team.mallory.send("/share", to=group)
    await group.wait_for_text("This bot is private.")
    await team.alice.send("/unshare", to=group)
    await group.wait_for_text("Only administrators")
    await team.alice.send("@palaver_bot hello", to=group)
    await group.wait_for_text("hello")
    assert team.listener.heard == ["hello"]


async def test_a_private_chat_cannot_be_shared(team: Team, chat: Chat) -> None:
    await team.alice.send("/share")
    await chat.wait_for_text("Only groups and their topics can be shared.")


async def test_any_member_who_is_let_in_decides_and_a_stranger_never(team: Team) -> None:
    await team.share()
    await team.tell(team.alice, "run ls")
    asked = await team.asked("Allow once")
    assert "not on" in (await (await team.mallory.press(asked, "Allow once")).answer()).text
    await team.tell(team.mallory, "/allow")
    await team.tell(team.mallory, "run rm")
    await team.topic.wait_for_text("This bot is private.")
    assert asked.buttons
    assert "Allowed once" in await team.press(team.bob, "Allow once")
    await team.topic.wait_for_text("I ran ls.")
    assert team.listener.heard == ["Alice: run ls"]


async def test_a_member_who_is_shut_out_decides_nothing_from_then_on(team: Team) -> None:
    carol = team.palaver.api.user("Carol", id=1003)
    team.forum.members[carol.id] = "member"
    grants = team.palaver.engine._store.grants
    await grants.allow(Grant(namespace=namespace(carol.id)))
    await team.share()
    await team.says(carol, "hello", "hello")
    await team.tell(team.alice, "run ls")
    asked = await team.asked("Allow once")
    await grants.revoke(namespace(carol.id))
    assert "not on" in (await (await carol.press(asked, "Allow once")).answer()).text
    assert asked.buttons
    assert "Denied" in await team.press(team.bob, "Deny")


async def test_a_question_is_answered_by_another_member_in_his_own_words(team: Team) -> None:
    await team.share()
    await team.tell(team.alice, "ask Which colour?|red|green")
    await team.press(team.bob, "Other …")
    asked = await team.topic.wait_for_text("reply to this message")
    await team.bob.send("a light violet", to=team.topic, reply_to=asked)
    await team.topic.wait_for_text("You said: a light violet")
    await team.tell(team.alice, "ask Which number?|one|two")
    await team.asked("two")
    await team.says(team.bob, "2", "You said: two")


async def test_one_waits_for_the_other_and_either_can_stop(team: Team) -> None:
    await team.share()
    await team.tell(team.alice, "wait 60")
    await team.topic.wait_for_text("Working")
    await team.says(team.bob, "hello", "⏳ Queued: 1 message before it.")
    await team.tell(team.bob, "/stop")
    await team.topic.wait_for(lambda message: message.text.startswith("hello"))


async def test_buttons_of_a_shared_list_work_for_every_member(team: Team) -> None:
    await team.share()
    await team.says(team.alice, "remember 1", "I will remember 1.")
    await team.says(team.alice, "/newsession", "New session")
    await team.says(team.alice, "what number", "You have told me no number.")
    await team.says(team.alice, "/sessions", "remember 1")
    await team.press(team.bob, "2 Switch")
    await team.says(team.alice, "what number", "You told me 1.")


async def test_messages_of_two_members_are_never_joined(team: Team) -> None:
    await team.share()
    await team.tell(team.alice, OPEN_ENDED)
    await team.tell(team.bob, "hello")
    await team.topic.wait_for(lambda message: message.text.startswith("hello"))
    assert team.listener.heard == [f"Alice: {OPEN_ENDED}", "Bob: hello"]


async def test_a_changed_message_still_tells_who_speaks(team: Team) -> None:
    await team.share()
    await team.tell(team.alice, "wait 60")
    await team.topic.wait_for_text("Working")
    message = await team.bob.send("@palaver_bot helo", to=team.topic)
    await team.asked("Cancel")
    await team.bob.edit(message, "@palaver_bot hello")
    await team.topic.wait_for_text("Changed before it was run.")
    await team.tell(team.alice, "/stop")
    await team.topic.wait_for(lambda message: message.text.startswith("hello"))
    assert team.listener.heard[-1] == "Bob: hello"


async def test_unsharing_returns_to_own_sessions_and_sharing_again_goes_on(team: Team) -> None:
    await team.says(team.bob, "remember 1", "I will remember 1.")
    await team.share()
    await team.says(team.bob, "remember 2", "I will remember 2.")
    await team.says(team.alice, "/unshare", "Not shared any more")
    await team.says(team.bob, "what number", "You told me 1.")
    await team.says(team.alice, "what number", "You have told me no number.")
    await team.share()
    await team.says(team.alice, "what number", "You told me 2.")


async def test_unsharing_stops_what_runs_and_its_buttons_decide_nothing(team: Team) -> None:
    await team.share()
    await team.tell(team.alice, "run ls")
    asked = await team.asked("Allow once")
    data = asked.button("Allow once").data
    await team.says(team.alice, "/unshare", "Not shared any more")
    press = await team.bob.press(asked, data=data)
    assert "belongs to somebody else" in (await press.answer()).text
    await team.topic.wait_until(lambda: not asked.buttons)
    assert not any("I ran ls." in text for text in team.topic.texts)


async def test_it_stays_shared_after_a_restart_with_what_was_asked_meanwhile(team: Team) -> None:
    await team.share()
    await team.says(team.alice, "remember 42", "I will remember 42.")
    await team.stop()
    await team.tell(team.bob, "what number")
    await team.tell(team.mallory, "run rm")
    await team.start()
    await team.topic.wait_for_text("You told me 42.")
    await team.says(team.alice, "what number", "You told me 42.")
    assert "Bob: what number" in team.listener.heard
    assert not any("rm" in text for text in team.listener.heard)


async def test_what_was_cut_off_in_a_shared_session_is_taken_up(team: Team) -> None:
    await team.share()
    await team.tell(team.alice, "wait 60")
    await team.topic.wait_for_text("Working")
    await team.says(team.bob, "hello", "⏳ Queued: 1 message before it.")
    await team.stop()
    await team.start()
    await team.topic.wait_for(lambda message: message.text.startswith("hello"))


async def test_a_message_that_waits_for_its_rest_while_sharing_ends_is_asked_for_again(
    patient: Team,
) -> None:
    await patient.share()
    await patient.tell(patient.bob, OPEN_ENDED)
    await patient.says(patient.alice, "/unshare", "Not shared any more")
    await patient.topic.wait_for_text("Send your last message again.")
    assert patient.listener.heard == []


async def test_a_message_that_waits_for_its_rest_while_its_speaker_is_shut_out_is_dropped(
    patient: Team,
) -> None:
    grants = patient.palaver.engine._store.grants
    carol = patient.palaver.api.user("Carol", id=1003)
    patient.forum.members[carol.id] = "member"
    await grants.allow(Grant(namespace=namespace(carol.id)))
    await patient.share()
    await patient.tell(carol, OPEN_ENDED)
    await patient.palaver.api.all_taken()
    await grants.revoke(namespace(carol.id))
    await patient.says(patient.bob, "hello", "hello")
    assert patient.listener.heard == ["Bob: hello"]


async def test_administrators_find_the_commands_in_their_menu(api: BotApi, team: Team) -> None:
    await team.topic.wait_until(lambda: "share" in api.menu(team.alice, team.forum))
    assert "unshare" in api.menu(team.alice, team.forum)
    assert "share" not in api.menu(team.bob, team.forum)
    assert "share" not in api.menu(team.alice)
