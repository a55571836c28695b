"""Threads in which everybody who is let in works in one session."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from palaver.models import Grant
from palaver.testing.discord import Channel, DiscordServer, Guild, Member, Message
from palaver_discord.places import namespace
from support.discord_people import Listener, asked_in_a_thread, choose, newest_with, says, told
from support.discords import Launch, Palaver


@dataclass
class Team:
    """A thread of the owner's; of the others one is a stranger to the bot."""

    palaver: Palaver
    thread: Channel
    owner: Member
    member: Member
    hostile: Member
    listener: Listener = field(default_factory=lambda: Listener("owner", "member"))

    async def start(self) -> None:
        await self.palaver.start({"listener": self.listener})

    async def stop(self) -> None:
        await self.palaver.stop()
        self.palaver.bury()

    async def share(self) -> None:
        shared = await self.owner.command("share", in_=self.thread)
        await shared.wait_for_text("👥 Shared by owner")

    async def unshare(self) -> None:
        ended = await self.owner.command("unshare", in_=self.thread)
        await ended.wait_for_text("Not shared any more")

    async def says(self, person: Member, text: str, answer: str) -> None:
        await says(person, self.thread, text, answer)

    async def asked(self, label: str) -> Message:
        return await newest_with(self.thread, label)


@pytest.fixture
async def team(
    launch: Launch,
    server: DiscordServer,
    guild: Guild,
    owner: Member,
    member: Member,
    hostile: Member,
    tmp_path: Path,
) -> AsyncIterator[Team]:
    team = Team(launch(tmp_path / "data"), guild.general, owner, member, hostile)
    await team.start()
    text = f"<@{server.bot_id}> the release"
    team.thread = await asked_in_a_thread(owner, guild.general, text)
    team.listener.heard.clear()
    yield team
    await team.palaver.stop()


async def test_members_share_a_session_without_mentions_and_the_agent_hears_who_speaks(
    team: Team,
) -> None:
    await team.member.say("just talking", to=team.thread)
    await team.share()
    await team.says(team.owner, "remember 42", "I will remember 42.")
    await team.says(team.member, "what number", "You told me 42.")
    said = await team.owner.say(f"<@{team.member.id}> shall we?", to=team.thread)
    await team.member.say("yes", to=team.thread, reply_to=said)
    await team.says(team.owner, "go on", "go on")
    assert team.listener.heard == ["owner: remember 42", "member: what number", "owner: go on"]


async def test_only_the_one_who_began_a_thread_shares_it_or_ends_that(team: Team) -> None:
    for command in ("share", "unshare"):
        asked = await team.member.command(command, in_=team.thread)
        await asked.wait_for_text("Only the member who began this thread can do that.")
    await team.member.say("remember 7", to=team.thread)
    await team.share()
    for command in ("share", "unshare"):
        asked = await team.member.command(command, in_=team.thread)
        await asked.wait_for_text("Only the member who began this thread can do that.")
    again = await team.owner.command("share", in_=team.thread)
    await again.wait_for_text("This is shared already.")
    await team.says(team.member, "remember 8", "I will remember 8.")
    assert team.listener.heard == ["member: remember 8"]


async def test_a_stranger_who_began_a_thread_cannot_share_it(team: Team) -> None:
    trap = await team.hostile.open_thread("Trap")
    assert "private" in await told(await team.hostile.command("share", in_=trap))
    asked = await team.owner.command("share", in_=trap)
    await asked.wait_for_text("Only the member who began this thread can do that.")


async def test_a_members_own_thread_is_shared_by_that_member(team: Team) -> None:
    thread = await team.member.open_thread("Mine")
    shared = await team.member.command("share", in_=thread)
    await shared.wait_for_text("👥 Shared by member")
    await says(team.member, thread, "remember 7", "I will remember 7.")
    await says(team.owner, thread, "what number", "You told me 7.")


async def test_channels_and_direct_messages_cannot_be_shared(team: Team, guild: Guild) -> None:
    for place in (guild.general, team.owner.direct):
        asked = await team.owner.command("share", in_=place)
        await asked.wait_for_text("Only threads can be shared.")


async def test_what_is_shared_is_no_part_of_anybodys_own_sessions(team: Team) -> None:
    await says(team.member, team.member.direct, "a matter of my own", "a matter of my own")
    await team.share()
    await team.says(team.owner, "remember the launch", "I will remember the launch.")
    for person in (team.owner, team.member):
        page = await (await person.command("sessions", in_=person.direct)).answer()
        assert "launch" not in page.text
    page = await (await team.member.command("sessions", in_=team.thread)).answer()
    assert "owner: remember the launch" in page.text
    assert "a matter of my own" not in page.text
    assert not page.ephemeral


async def test_any_member_who_is_let_in_decides_and_a_stranger_never(team: Team) -> None:
    await team.share()
    await team.owner.say("run ls", to=team.thread)
    asked = await team.asked("Allow once")
    assert "not on this bot's access list" in await told(await team.hostile.press(asked, "Deny"))
    await team.hostile.say("/allow", to=team.thread)
    await team.hostile.say("run rm", to=team.thread)
    await team.thread.wait_for_text("This bot is private.")
    assert asked.buttons
    await team.member.press(asked, "Allow once")
    await team.thread.wait_for_text("I ran ls.")
    assert team.listener.heard == ["owner: run ls"]


async def test_a_member_who_is_shut_out_decides_nothing_from_then_on(team: Team) -> None:
    grants = team.palaver.engine._store.grants
    await grants.allow(Grant(namespace=namespace(team.hostile.id)))
    await team.share()
    await team.says(team.hostile, "hello", "hello")
    await team.owner.say("run ls", to=team.thread)
    asked = await team.asked("Allow once")
    await grants.revoke(namespace(team.hostile.id))
    pressed = await team.hostile.press(asked, "Allow once")
    assert "not on this bot's access list" in await told(pressed)
    assert asked.buttons
    await team.member.press(asked, "Deny")
    await team.thread.wait_for_text("I did not run ls.")


async def test_a_question_is_answered_by_another_member_in_a_modal(team: Team) -> None:
    await team.share()
    await team.owner.say("ask Which colour?|red|green", to=team.thread)
    pressed = await team.member.press(await team.asked("Other …"), "Other …")
    modal = await pressed.shown_modal()
    refused = await team.hostile.press(await team.asked("Other …"), "Other …")
    assert "not on this bot's access list" in await told(refused)
    await team.member.submit(modal, {"Your answer": "a light violet"})
    await team.thread.wait_for_text("You said: a light violet")


async def test_one_waits_for_the_other_and_either_can_stop(team: Team) -> None:
    await team.share()
    await team.owner.say("wait 60", to=team.thread)
    working = await team.asked("Stop")
    await team.member.say("hello", to=team.thread)
    await team.thread.wait_for_text("⏳ Queued: 1 message before it.")
    await team.member.press(working, "Stop")
    await team.thread.wait_for(lambda message: message.text.startswith("hello"))


async def test_buttons_and_menus_of_a_shared_list_work_for_every_member(team: Team) -> None:
    await team.share()
    await team.says(team.owner, "remember 1", "I will remember 1.")
    await (await team.owner.command("newsession", in_=team.thread)).answer()
    await team.says(team.owner, "what number", "You have told me no number.")
    page = await (await team.owner.command("sessions", in_=team.thread)).answer()
    await choose(team.member, page, "Switch", "2. owner: remember 1")
    await team.thread.wait_for_text("👉 owner: remember 1")
    await team.says(team.owner, "what number", "You told me 1.")


async def test_a_changed_message_still_tells_who_speaks(team: Team) -> None:
    await team.share()
    await team.owner.say("wait 60", to=team.thread)
    working = await team.asked("Stop")
    message = await team.member.say("helo", to=team.thread)
    await team.asked("Cancel")
    await team.member.edit(message, "hello")
    await team.thread.wait_for_text("Changed before it was run.")
    await team.owner.press(working, "Stop")
    await team.thread.wait_for(lambda message: message.text.startswith("hello"))
    assert team.listener.heard[-1] == "member: hello"


async def test_unsharing_returns_to_own_sessions_and_sharing_again_goes_on(team: Team) -> None:
    await team.says(team.owner, "remember 1", "I will remember 1.")
    await team.share()
    await team.says(team.member, "remember 2", "I will remember 2.")
    await team.unshare()
    await team.says(team.owner, "what number", "You told me 1.")
    await team.member.say("what number", to=team.thread)
    await team.share()
    await team.says(team.owner, "what number", "You told me 2.")
    heard = ["remember 1", "member: remember 2", "what number", "owner: what number"]
    assert team.listener.heard == heard


async def test_unsharing_stops_what_runs_and_its_buttons_decide_nothing(team: Team) -> None:
    await team.share()
    await team.owner.say("run ls", to=team.thread)
    asked = await team.asked("Allow once")
    old = dict(asked.button("Allow once"))
    await team.unshare()
    await team.thread.wait_until(lambda: not asked.buttons)
    asked.stored.components.append({"type": 1, "components": [old]})
    pressed = await team.member.press(asked, "Allow once")
    del asked.stored.components[-1]
    assert "belongs to somebody else" in await told(pressed)
    assert not any("I ran ls." in text for text in team.thread.texts)


async def test_it_stays_shared_after_a_restart_with_what_was_said_meanwhile(team: Team) -> None:
    await team.share()
    await team.says(team.owner, "remember 42", "I will remember 42.")
    await team.stop()
    await team.member.say("what number", to=team.thread)
    await team.hostile.say("run rm", to=team.thread)
    await team.start()
    await team.thread.wait_for_text("You told me 42.")
    await team.says(team.owner, "what number", "You told me 42.")
    assert "member: what number" in team.listener.heard
    assert not any("rm" in text for text in team.listener.heard)


async def test_the_thread_bears_the_name_of_the_shared_session(team: Team) -> None:
    await team.share()
    await team.says(team.member, "the launch", "the launch")
    await team.thread.wait_until(lambda: team.thread.name == "member: the launch")
    renamed = await team.member.command("rename", in_=team.thread, name="Launch")
    await renamed.wait_for_text("Renamed to “Launch”")
    await team.thread.wait_until(lambda: team.thread.name == "Launch")
