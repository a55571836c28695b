"""Posts of forums, with the real Claude Code: each is a session, and keeps the title that people
gave it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from palaver.testing.discord import Channel, DiscordServer, Guild, Member
from palaver.testing.model import LoopbackModel, ModelRequest, Reply, Say, Use
from support.discord_people import Listener, newest_with, session_in, told
from support.discord_turns import PATIENT, answered, answers
from support.discords import Launch, Palaver


@pytest.fixture
def call(server: DiscordServer) -> str:
    return f"<@{server.bot_id}>"


@pytest.fixture
def forum(guild: Guild) -> Channel:
    return guild.channel("questions", forum=True)


@pytest.fixture
async def claude(
    launch: Launch, owner: Member, member: Member, claude_home: Path, tmp_path: Path
) -> AsyncIterator[Palaver]:
    del owner, member, claude_home
    palaver = launch(tmp_path / "data", sessions={"agent": "claude"})
    await palaver.start()
    yield palaver
    await palaver.stop()


async def test_a_post_is_a_session_of_the_real_agent_from_its_title_to_its_receipt(
    claude: Palaver,
    server: DiscordServer,
    forum: Channel,
    owner: Member,
    member: Member,
    call: str,
    model: LoopbackModel,
) -> None:
    def script(request: ModelRequest) -> Reply:
        if request.tool_results:
            return Say("It is made.")
        if "make" in request.prompt:
            return Use("Bash", {"command": "touch made.txt", "description": "make it"})
        return Say(f"I have heard {[text for role, text in request.history if role == 'user']}")

    model.script = script
    await owner.post(forum, "For people", "Where shall we eat?")
    post = await owner.post(forum, "The launch", f"{call} when is it?")
    await post.wait_for_text("⏱", PATIENT)
    assert answers(post) == [r"I have heard ['The launch\n\nwhen is it?']"]
    ours = await session_in(owner, post)
    await owner.say("make it", to=post)
    asked = await newest_with(post, "Allow once")
    await owner.press(asked, "Allow once")
    await post.wait_for_text("It is made.", PATIENT)
    theirs = await member.post(forum, "Mine", f"{call} and this?")
    await theirs.wait_for_text("'Mine", PATIENT)
    assert len({ours, await session_in(owner, post), await session_in(member, theirs)}) == 2
    await claude.restart()
    await owner.say("still there?", to=post)
    await post.wait_for_text("'still there?'", PATIENT)
    assert await session_in(owner, post) == ours
    named = await owner.command("rename", in_=post, name="Another name")
    assert "Renamed to “Another name”" in await told(named)
    listed = await told(await owner.command("sessions", in_=post))
    assert "Another name" in listed
    assert (post.name, theirs.name) == ("The launch", "Mine")
    assert server.calls.of(f"PATCH /channels/{post.id}") == []


# --- the title ------------------------------------------------------------------------------------


async def test_the_title_of_a_post_is_part_of_what_is_asked(
    palaver: Palaver, forum: Channel, owner: Member, call: str
) -> None:
    listener = Listener()
    palaver.engine.host.add("listener", listener)
    bare = await owner.post(forum, "What number", call)
    await bare.wait_for_text("⏱")
    post = await owner.post(forum, "remember 42", f"{call} please")
    await post.wait_for_text("I will remember 42")
    await owner.say("what number", to=post)
    await answered(post, "I will remember 42", "You told me 42.")
    command = await owner.post(forum, "A list", f"{call} /status")
    await command.wait_for_text("Idle")
    assert listener.heard == ["What number", "remember 42\n\nplease", "what number"]


async def test_a_post_that_nobody_heard_or_that_is_changed_keeps_its_title(
    palaver: Palaver, forum: Channel, owner: Member, call: str
) -> None:
    await palaver.stop()
    post = await owner.post(forum, "run ls", f"{call} please")
    listener = Listener()
    await palaver.start({"listener": listener})
    asked = await newest_with(post, "Deny")
    waiting = await owner.post(forum, "A question", "of people")
    [first] = [one for one in waiting.log if one.author_id == owner.id]
    await owner.edit(first, f"{call} of yours")
    await waiting.wait_for_text("⏱")
    assert listener.heard == ["run ls\n\nplease", "A question\n\nof yours"]
    await owner.press(asked, "Deny")
    await post.wait_for_text("I did not run ls")
