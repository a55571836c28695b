"""A team in its server: threads, two members at once, and one who means no good."""

import asyncio
import re
from pathlib import Path

import pytest

from palaver.testing.discord import Channel, DiscordServer, Guild, Interaction, Member
from palaver.views import Action, encode_button
from palaver_discord.places import conversation, namespace
from support.discords import HOSTILE, MEMBER, OWNER, Launch, Palaver


@pytest.fixture
def call(server: DiscordServer) -> str:
    return f"<@{server.bot_id}>"


async def thread_of(guild: Guild, person: Member, text: str) -> Channel:
    """The thread that a mention in the channel opens."""
    await person.say(text)
    return await guild.general.wait_for_thread(lambda thread: thread.name in text)


async def told(server: DiscordServer, press: Interaction, words: str) -> None:
    """Wait until the one who pressed is told so."""
    await server.wait_until(lambda: any(words in text for text in press.texts))


async def info(person: Member, place: Channel, *, public: bool = False) -> str:
    """The id of the current session there; in a shared thread all may see it."""
    asked = await person.command("sessioninfo", in_=place)
    answer = await asked.answer()
    assert asked.ephemeral is not public
    found = re.search(r"[0-9a-f]{8}-[0-9a-f-]{27}", answer.text)
    assert found
    return found[0]


async def test_a_mention_opens_a_thread_in_which_the_session_goes_on(
    palaver: Palaver, guild: Guild, owner: Member, call: str
) -> None:
    thread = await thread_of(guild, owner, f"{call} remember 42")
    await thread.wait_for_text("I will remember 42.")
    await owner.say("what number", to=thread)
    await thread.wait_for_text("You told me 42.")
    assert thread.name == "remember 42"
    assert guild.general.messages == []


async def test_members_have_sessions_of_their_own_in_one_thread(
    palaver: Palaver, guild: Guild, owner: Member, member: Member, call: str
) -> None:
    thread = await thread_of(guild, owner, f"{call} remember 42")
    await thread.wait_for_text("I will remember 42.")
    await member.say("what number", to=thread)  # speaks to people
    await member.say(f"{call} what number", to=thread)
    await thread.wait_for_text("You have told me no number.")
    assert sum("no number" in text for text in thread.texts) == 1
    assert await info(owner, thread) != await info(member, thread)


async def test_an_answer_replies_to_its_question_though_another_was_asked_since(
    palaver: Palaver, owner: Member, member: Member, call: str
) -> None:
    thread = await owner.open_thread("together")
    first = await member.say(f"{call} wait 1", to=thread)
    await thread.wait_for(lambda message: "Stop" in message.buttons)
    second = await member.say(f"{call} hello", to=thread)
    await thread.wait_until(lambda: sum("⏱" in text for text in thread.texts) == 2)
    replies = [message.reply_to for message in thread.messages if "⏱" in message.text]
    assert replies == [first.id, second.id]


async def test_a_shared_thread_is_one_session_for_all(
    palaver: Palaver, guild: Guild, owner: Member, member: Member, call: str
) -> None:
    thread = await thread_of(guild, owner, f"{call} hello")
    await thread.wait_for_text("hello")
    refused = await (await member.command("share", in_=thread)).answer()
    assert "Only the member who began this thread" in refused.text
    await (await owner.command("share", in_=thread)).answer()
    await owner.say("remember 42", to=thread)
    await thread.wait_for_text("owner: remember 42")
    await member.say("so do I", to=thread)
    await thread.wait_for_text("member: so do I")
    assert await info(owner, thread, public=True) == await info(member, thread, public=True)


async def test_a_foreign_session_is_like_an_unknown_one(
    palaver: Palaver, owner: Member, member: Member, hostile: Member
) -> None:
    await owner.dm("remember 42")
    await owner.direct.wait_for_text("I will remember 42.")
    session = await palaver.engine.current(namespace(OWNER), conversation(owner.direct.id))
    assert session
    foreign = await member.command("switch", session=str(session.id))
    unknown = await member.command("switch", session="00000000-0000-4000-8000-000000000000")
    assert (await foreign.answer()).text == (await unknown.answer()).text
    assert await member.autocomplete("switch", session="") == []
    assert await hostile.autocomplete("switch", session="") == []
    listed = await (await member.command("sessions")).answer()
    assert "42" not in listed.text


async def test_foreign_buttons_decide_nothing_and_a_crafted_one_is_refused(
    server: DiscordServer,
    palaver: Palaver,
    guild: Guild,
    owner: Member,
    member: Member,
    hostile: Member,
    call: str,
) -> None:
    thread = await thread_of(guild, owner, f"{call} run ls")
    asked = await thread.wait_for(lambda message: "Allow once" in message.buttons)
    for other in (member, hostile):
        press = await other.press(asked, "Allow once")
        await told(server, press, "belongs to somebody else")
    assert asked.buttons
    await owner.press(asked, "Deny")
    await thread.wait_for_text("I did not run ls.")


async def test_strangers_reach_nothing(
    palaver: Palaver, guild: Guild, hostile: Member, call: str
) -> None:
    await hostile.say(f"{call} run ls")
    await guild.general.wait_for_text("This bot is private.")
    await hostile.say(f"{call} run ls")
    await hostile.dm("run ls")
    asked = await hostile.command("sessions")
    assert "private" in (await asked.answer()).text
    assert asked.ephemeral
    assert sum("private" in text for text in guild.general.texts) == 1
    assert guild.general.threads == []


async def test_approvals_of_two_members_at_once(
    palaver: Palaver, guild: Guild, owner: Member, member: Member, call: str
) -> None:
    ours, theirs = await asyncio.gather(
        thread_of(guild, owner, f"{call} run ls"), thread_of(guild, member, f"{call} run rm")
    )
    for place, person in ((ours, owner), (theirs, member)):
        asked = await place.wait_for(lambda message: "Allow once" in message.buttons)
        await person.press(asked, "Allow once")
    await ours.wait_for_text("I ran ls.")
    await theirs.wait_for_text("I ran rm.")


async def test_the_roles_and_the_servers_of_the_settings_decide(
    launch: Launch,
    server: DiscordServer,
    guild: Guild,
    owner: Member,
    member: Member,
    hostile: Member,
    tmp_path: Path,
    call: str,
) -> None:
    role = guild.role("agents")
    elsewhere = server.guild("elsewhere", id=501)
    elsewhere.join(owner)
    await launch(tmp_path / "data", discord={"roles": [role.id]}).start()
    await owner.say(f"{call} hello", to=elsewhere.general)
    hostile.give(role)
    thread = await thread_of(guild, hostile, f"{call} hello again")
    await thread.wait_for_text("hello again")
    assert elsewhere.general.log[-1].author_id == OWNER


async def test_every_command_is_known_to_discord_and_told_only_when_changed(
    palaver: Palaver, server: DiscordServer, owner: Member
) -> None:
    call = await server.wait_for_call("PUT /applications/*/commands")
    names = {command["name"] for command in call.body}
    assert {"ask", "sessions", "newsession", "cleansessions", "sessioninfo", "share"} <= names
    await palaver.restart()
    await owner.dm("hello")
    await owner.direct.wait_for_text("hello")
    assert len(list(server.calls.of("PUT /applications/*/commands"))) == 1


async def test_a_button_works_after_a_restart(palaver: Palaver, owner: Member) -> None:
    await owner.dm("an apple")
    await owner.direct.wait_for_text("⏱")
    await owner.dm("/newsession")
    shown = await owner.direct.wait_for(
        lambda message: "Back to the previous one" in message.buttons
    )
    await palaver.restart()
    await owner.press(shown, "Back to the previous one")
    await owner.direct.wait_for_text("👉 an apple")


def test_a_button_is_bound_to_its_owner() -> None:
    action = Action(label="x", command="/allow 1")
    tags = {encode_button(namespace(user), action) for user in (OWNER, MEMBER, HOSTILE)}
    assert len(tags) == 3
