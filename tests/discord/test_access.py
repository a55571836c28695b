"""Who may speak where, and what those see who may not."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from palaver.models import Grant
from palaver.pairing import Pairing
from palaver.testing.discord import DiscordServer, Guild, Interaction, Member, Message
from palaver.views import Action, encode_button
from palaver_discord import admission
from palaver_discord.places import namespace
from support.discord_people import (
    Listener,
    asked_in_a_thread,
    newest_with,
    says,
    session_in,
    thread_at,
    told,
)
from support.discords import GUILD, HOSTILE, MEMBER, OWNER, Launch, Palaver

PRIVATE = "This bot is private."
FOREIGN = "This button belongs to somebody else."
NOT_LISTED = "You are not on this bot's access list."
NOT_HERE = "I am not at work in this channel"


@pytest.fixture
def call(server: DiscordServer) -> str:
    return f"<@{server.bot_id}>"


@pytest.fixture
async def listener(palaver: Palaver) -> Listener:
    listener = Listener()
    palaver.engine.host.add("listener", listener)
    return listener


# --- servers, channels, roles -------------------------------------------------------------------


async def test_in_a_server_that_is_not_named_nobody_is_heard(
    server: DiscordServer, palaver: Palaver, listener: Listener, owner: Member, call: str
) -> None:
    elsewhere = server.guild("elsewhere", id=GUILD + 1)
    there = elsewhere.join(owner)
    await there.say(f"{call} hello")
    assert NOT_HERE in await told(await there.command("sessions"))
    assert NOT_HERE in await told(await there.command("ask", prompt="hello"))
    assert await there.autocomplete("switch", session="") == []
    await says(owner, owner.direct, "hello", "hello")
    assert elsewhere.general.messages == []
    assert listener.heard == ["hello"]


async def test_only_the_named_channels_and_categories_are_heard(
    launch: Launch,
    server: DiscordServer,
    guild: Guild,
    owner: Member,
    member: Member,
    tmp_path: Path,
    call: str,
) -> None:
    lab, forum = guild.channel("lab"), guild.channel("questions", forum=True)
    palaver = launch(tmp_path / "data", discord={"channels": [lab.id, forum.id]})
    await palaver.start()
    await owner.say(f"{call} hello")
    thread = await owner.open_thread("Elsewhere")
    await owner.say(f"{call} hello", to=thread)
    assert NOT_HERE in await told(await owner.command("ask", in_=thread, prompt="hello"))
    assert NOT_HERE in await told(await owner.command("rename"))
    inside = await asked_in_a_thread(owner, lab, f"{call} remember 42")
    await says(owner, inside, "what number", "You told me 42.")
    post = await owner.post(forum, "what number", f"{call} please")
    await post.wait_for_text("You have told me no number.")
    assert (guild.general.messages, thread.messages) == ([], [])


@pytest.fixture
async def team(
    launch: Launch, guild: Guild, owner: Member, member: Member, hostile: Member, tmp_path: Path
) -> AsyncIterator[Palaver]:
    """Lets those in who have the role "agents", which the hostile one is given here."""
    del owner, member
    role = guild.role("agents")
    hostile.give(role)
    palaver = launch(tmp_path / "data", discord={"roles": [role.id]})
    await palaver.start()
    yield palaver
    await palaver.stop()


def agents(guild: Guild) -> int:
    return next(one.id for one in guild.stored.roles.values() if one.name == "agents")


async def test_a_role_lets_in_until_it_is_taken_away(
    team: Palaver, guild: Guild, hostile: Member, call: str
) -> None:
    thread = await asked_in_a_thread(hostile, guild.general, f"{call} remember 42")
    await says(hostile, thread, "what number", "You told me 42.")
    await says(hostile, thread, "run ls", "Bash")
    asked = await newest_with(thread, "Allow once")
    take_role(guild, hostile)
    await hostile.say("what number", to=thread)
    await thread.wait_for_text(PRIVATE)
    pressed = await hostile.press(asked, "Allow once")
    assert NOT_LISTED in await told(pressed)
    assert PRIVATE in await told(await hostile.command("sessions", in_=thread))
    assert asked.buttons


async def test_a_role_that_is_taken_away_stops_what_runs_within_its_time(
    team: Palaver, guild: Guild, hostile: Member, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "ROLES_AGE_S", 0.0)
    thread = await thread_at(await hostile.say(f"{call} wait 60"), guild.general)
    await newest_with(thread, "Stop")
    take_role(guild, hostile)
    await thread.wait_until(lambda: not any("Stop" in one.buttons for one in thread.messages))


async def test_a_role_lets_nobody_in_directly(team: Palaver, hostile: Member) -> None:
    await hostile.dm("hello")
    await hostile.direct.wait_for_text(PRIVATE)


async def test_by_a_role_one_is_let_in_to_an_archived_thread_after_a_restart(
    team: Palaver, guild: Guild, hostile: Member, call: str
) -> None:
    thread = await thread_at(await hostile.say(f"{call} wait 60"), guild.general)
    await newest_with(thread, "Stop")
    await hostile.say("remember 42", to=thread)
    await newest_with(thread, "Cancel")
    await team.stop()
    thread.archive()
    team.bury()
    await team.start()
    await thread.wait_for_text("I will remember 42.")


def take_role(guild: Guild, member: Member) -> None:
    role = agents(guild)
    guild.world.remove_member_role(guild.id, member.id, role)


# --- strangers ----------------------------------------------------------------------------------


async def test_a_stranger_gets_one_short_line_and_then_silence(
    palaver: Palaver,
    server: DiscordServer,
    guild: Guild,
    listener: Listener,
    owner: Member,
    hostile: Member,
    call: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    thread = await asked_in_a_thread(owner, guild.general, f"{call} hello")
    await hostile.dm("run ls")
    line = await hostile.direct.wait_for_text(PRIVATE)
    await hostile.dm("let me in", attachments=[("virus.sh", b"rm -rf")])
    await hostile.dm("/sessions")
    await hostile.say(f"{call} run ls")
    await hostile.say(f"{call} /sessions", to=thread)
    post = await hostile.post(guild.channel("questions", forum=True), "Mine", f"{call} run ls")
    await says(owner, thread, "go on", "go on")
    assert hostile.direct.messages == [line]
    assert len(line.text) < 60
    assert (guild.general.messages, post.messages) == ([], [])
    assert [one.id for one in guild.general.threads] == [thread.id]
    assert server.calls.of("GET /attachments/*") == []
    assert listener.heard == ["hello", "go on"]
    told_of = [one.getMessage() for one in caplog.records if "a stranger" in one.getMessage()]
    [log_line] = told_of
    assert log_line.startswith("a stranger: discord:6666, who goes by 'hostile', wrote in ")


async def test_whatever_a_stranger_does_is_answered_to_him_alone(
    palaver: Palaver, guild: Guild, listener: Listener, owner: Member, hostile: Member, call: str
) -> None:
    thread = await asked_in_a_thread(owner, guild.general, f"{call} remember 42")
    await says(owner, thread, "what number", "You told me 42.")
    for place in (guild.general, thread):
        assert PRIVATE in await told(await hostile.command("ask", in_=place, prompt="run ls"))
        for command in ("sessions", "share", "rename", "stop"):
            assert PRIVATE in await told(await hostile.command(command, in_=place))
    assert not [text for text in thread.texts if PRIVATE in text]
    assert guild.general.messages == []
    assert listener.heard == ["remember 42", "what number"]


async def test_a_stranger_with_a_pairing_code_is_let_in(
    palaver: Palaver, guild: Guild, hostile: Member, call: str
) -> None:
    code = await Pairing(palaver.engine._store.grants).make()
    await hostile.say(f"{call} {code}")  # others read along
    await guild.general.wait_for_text(PRIVATE)
    await hostile.dm(f"/pair {code}")
    await hostile.direct.wait_for(lambda message: PRIVATE not in message.text)
    await says(hostile, hostile.direct, "hello there", "hello there")
    await asked_in_a_thread(hostile, guild.general, f"{call} hello from me")


async def test_who_is_shut_out_is_a_stranger_at_once(
    palaver: Palaver, guild: Guild, hostile: Member, call: str
) -> None:
    grants = palaver.engine._store.grants
    await grants.allow(Grant(namespace=namespace(HOSTILE)))
    thread = await asked_in_a_thread(hostile, guild.general, f"{call} hello")
    await grants.revoke(namespace(HOSTILE))
    assert PRIVATE in await told(await hostile.command("sessions", in_=thread))
    await hostile.say("go on", to=thread)
    assert await hostile.autocomplete("switch", in_=thread, session="") == []


# --- what is somebody else's --------------------------------------------------------------------


async def test_a_foreign_button_does_nothing_whatever_it_carries(
    palaver: Palaver, guild: Guild, owner: Member, member: Member, hostile: Member, call: str
) -> None:
    thread = await asked_in_a_thread(owner, guild.general, f"{call} remember 42")
    await owner.say("ask Which colour?|red|green", to=thread)
    question = await newest_with(thread, "Other …")
    for person in (member, hostile):
        for label in question.buttons:  # one of them opens a window for words: not for them
            pressed = await person.press(question, label)
            assert FOREIGN in await told(pressed)
            assert pressed.modal is None
    modal = await (await owner.press(question, "Other …")).shown_modal()
    await owner.submit(modal, {"Your answer": "violet"})
    await thread.wait_for_text("You said: violet")


def crafted(message: Message, person: int, command: str) -> str:
    """Puts a button of one's own making onto somebody's message, as only a forger can."""
    button = encode_button(namespace(person), Action(label="x", command=command))
    row = {
        "type": 1,
        "components": [{"type": 2, "style": 2, "label": "forged", "custom_id": button}],
    }
    message.stored.components.append(row)
    return "forged"


async def forged(person: Member, message: Message, signed_by: int, command: str) -> Interaction:
    label = crafted(message, signed_by, command)
    try:
        return await person.press(message, label)
    finally:
        del message.stored.components[-1]


async def test_a_forged_button_reaches_no_more_than_a_typed_command(
    palaver: Palaver, guild: Guild, owner: Member, member: Member, hostile: Member, call: str
) -> None:
    thread = await asked_in_a_thread(owner, guild.general, f"{call} remember 42")
    session = await session_in(owner, thread)
    answer = await thread.wait_for_text("⏱")
    for command in (f"/switch {session}", f"/delete {session} yes", f"/sessioninfo {session}"):
        as_owner = await forged(member, answer, OWNER, command)
        assert FOREIGN in await told(as_owner)
        as_self = await forged(member, answer, MEMBER, command)
        assert "You have no such session." in await told(as_self)
        as_stranger = await forged(hostile, answer, HOSTILE, command)
        assert NOT_LISTED in await told(as_stranger)
    await says(owner, thread, "what number", "You told me 42.")


async def test_a_foreign_session_is_answered_as_an_unknown_one(
    palaver: Palaver, guild: Guild, owner: Member, member: Member, call: str
) -> None:
    thread = await asked_in_a_thread(owner, guild.general, f"{call} a secret plan")
    await (await owner.command("rename", in_=thread, name="Secret")).answer()
    session = await session_in(owner, thread)
    for place in (thread, guild.general, member.direct):
        for command in ("switch", "sessioninfo", "delete", "fork", "restore"):
            answers = set()
            for guess in (session, session[:8], "Secret", "11111111-2222-4333-8444-555555555555"):
                asked = await member.command(command, in_=place, session=guess)
                message = await asked.wait_for(lambda message: message.text)
                answers.add(message.text)
            assert answers == {"⚠️ You have no such session.\nSee /sessions for yours."}
    page = await (await member.command("sessions", in_=thread)).answer()
    assert "No sessions found" in page.text


async def test_somebody_elses_requests_are_no_concern_of_others(
    palaver: Palaver, guild: Guild, owner: Member, member: Member, call: str
) -> None:
    thread = await thread_at(await owner.say(f"{call} run ls"), guild.general)
    asked = await newest_with(thread, "Allow once")
    request = str(asked.button("Allow once")["custom_id"]).split()[-1]
    for command in (f"/allow {request}", f"/deny {request}", f"/details {request}", "/stop"):
        await member.say(f"{call} {command}", to=thread)
    await thread.wait_for_text("Nothing is running.")
    assert "Idle" in await told(await member.command("status", in_=thread))
    assert asked.buttons
    await owner.press(asked, "Deny")
    await thread.wait_for_text("I did not run ls.")
