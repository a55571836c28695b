"""Interactions are answered whatever happens meanwhile: tokens expire, connections break, events
come twice. An answer that cannot come where it was waited for comes as a message."""

from collections.abc import Sequence
from typing import Any

import pytest

from palaver.testing.discord import Channel, DiscordServer, Guild, Member, Message
from palaver.testing.discord.faults import Fault
from support.discord_people import asked_in_a_thread, newest_with, says, session_in
from support.discord_turns import PATIENT, answers, refused
from support.discords import Palaver

CALLBACK, EDIT = "POST /interactions/*/callback", "PATCH /webhooks/*"
FAULTS: dict[str, dict[str, Any]] = {
    "503": {"error": 503},
    "request lost": {"drop": "before"},
    "answer lost": {"drop": "after"},
    "rate limit": {"error": 429, "retry_after": 0.2},
    "global": {"error": 429, "retry_after": 0.2, "scope": "global"},
    "cloudflare": {"error": 429, "via": False},
}


@pytest.fixture
def call(server: DiscordServer) -> str:
    return f"<@{server.bot_id}>"


@pytest.fixture
async def thread(palaver: Palaver, guild: Guild, owner: Member, call: str) -> Channel:
    """The owner's, with a session."""
    return await asked_in_a_thread(owner, guild.general, f"{call} remember 42")


def expired(server: DiscordServer) -> Fault:
    """From now on tokens are over 15 minutes old when they are used."""
    text = "Invalid Webhook Token"
    return server.faults.add("* /webhooks/*", error=401, code=50027, message=text, times=None)


async def info(person: Member, place: Channel) -> Message:
    """What is told of a session, to that person alone, with its buttons."""
    asked = await person.command("sessioninfo", in_=place)
    return await asked.wait_for(lambda message: "Rename" in message.buttons)


def seen(person: Member, *places: Channel) -> Sequence[str]:
    """All messages of the bot's that somebody sees there, and directly."""
    found = [one for place in (*places, person.direct) for one in person.sees(place)]
    return [one.text for one in found if one.from_bot]


async def comes(server: DiscordServer, part: str, person: Member, *places: Channel) -> None:
    await server.wait_until(lambda: any(part in text for text in seen(person, *places)), PATIENT)


# --- tokens that have expired ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "part"),
    [
        ("sessions", "Your Claude Sessions"),
        ("sessioninfo", "Session Information"),
        ("newsession", "New session started!"),
        ("status", "Idle"),
        ("share", "Shared by owner"),
    ],
)
async def test_what_a_command_answers_after_its_time_comes_as_a_message(
    palaver: Palaver, server: DiscordServer, thread: Channel, owner: Member, command: str, part: str
) -> None:
    fault = expired(server)
    await owner.command(command, in_=thread)
    await comes(server, part, owner, thread)
    assert fault.hits


async def test_what_is_private_does_not_become_public_with_it(
    palaver: Palaver, server: DiscordServer, thread: Channel, owner: Member
) -> None:
    expired(server)
    await owner.command("sessions", in_=thread)
    await owner.direct.wait_for_text("Your Claude Sessions")
    await thread.wait_for_text("see our direct messages")
    assert not [text for text in thread.texts if "Your Claude Sessions" in text]


async def test_what_is_asked_after_its_time_is_quoted_and_answered_in_its_thread(
    palaver: Palaver, server: DiscordServer, guild: Guild, owner: Member
) -> None:
    expired(server)
    await owner.command("ask", prompt="remember 42")
    await guild.general.wait_for_text("> remember 42")
    opened = await guild.general.wait_for_thread()
    await opened.wait_for_text("I will remember 42.")
    assert not [text for text in guild.general.texts if "I will" in text]
    await says(owner, opened, "what number", "You told me 42.")


async def test_what_a_press_answers_after_its_time_comes_as_a_message(
    palaver: Palaver, server: DiscordServer, thread: Channel, owner: Member
) -> None:
    first = await session_in(owner, thread)
    shown = await (await owner.command("newsession", in_=thread)).answer()
    fault = expired(server)
    await owner.press(shown, "Back to the previous one")
    await comes(server, "👉 remember 42", owner, thread)
    assert fault.hits
    server.faults.clear()
    assert await session_in(owner, thread) == first


async def test_a_page_that_is_turned_after_its_time_comes_as_a_message(
    palaver: Palaver, server: DiscordServer, thread: Channel, owner: Member
) -> None:
    shown = await info(owner, thread)
    expired(server)
    await owner.press(shown, "Delete")
    await comes(server, "Delete “remember 42”?", owner, thread)
    assert not [text for text in thread.texts if "remember 42”?" in text]


async def test_a_word_that_is_submitted_after_its_time_is_taken_and_answered(
    palaver: Palaver, server: DiscordServer, thread: Channel, owner: Member
) -> None:
    modal = await (await owner.press(await info(owner, thread), "Rename")).shown_modal()
    wanted = await (await owner.command("rename", in_=thread)).shown_modal()
    expired(server)
    await owner.submit(modal, {"The new name": "One"})
    await comes(server, "Renamed to “One”", owner, thread)
    await owner.submit(wanted, {"Name": "Two"})
    await comes(server, "Renamed to “Two”", owner, thread)


async def test_a_refusal_after_its_time_is_told_to_who_pressed(
    palaver: Palaver,
    server: DiscordServer,
    thread: Channel,
    owner: Member,
    member: Member,
) -> None:
    await owner.say("run ls", to=thread)
    asked = await newest_with(thread, "Deny")
    expired(server)
    await member.press(asked, "Deny")
    await member.direct.wait_for_text("This button belongs to somebody else.")
    assert not [text for text in thread.texts if "somebody else" in text]
    await owner.press(asked, "Deny")
    await thread.wait_for_text("I did not run ls.")


# --- acknowledged too late ------------------------------------------------------------------------


async def test_what_is_pressed_or_asked_and_heard_of_too_late_is_done_and_told(
    palaver: Palaver, server: DiscordServer, guild: Guild, thread: Channel, owner: Member
) -> None:
    shown = await (await owner.command("newsession", in_=thread)).answer()
    await owner.press(shown, "Back to the previous one", late_by=3.5)
    await comes(server, "👉 remember 42", owner, thread)
    await owner.command("ask", prompt="what number", late_by=3.5)
    await guild.general.wait_for_text("> what number")
    opened = await guild.general.wait_for_thread(lambda one: one.id != thread.id)
    await opened.wait_for_text("You have told me no number.")
    assert refused(server) == [10062, 10062]


# --- connections that break -----------------------------------------------------------------------


@pytest.mark.parametrize("route", [CALLBACK, EDIT], ids=["acknowledgement", "answer"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_a_command_on_a_bad_connection_is_carried_out_once_and_answered(
    palaver: Palaver,
    server: DiscordServer,
    thread: Channel,
    owner: Member,
    route: str,
    fault: dict[str, Any],
) -> None:
    first = await session_in(owner, thread)
    struck = server.faults.add(route, **fault)
    asked = await owner.command("fork", in_=thread)
    await asked.wait_for_text("🍴", PATIENT)
    assert struck.spent
    assert await session_in(owner, thread) != first
    await owner.command("sessions", in_=thread)
    assert sum("🍴" in text for text in seen(owner, thread)) == 1
    assert set(refused(server)) <= {40060}  # it had been acknowledged


@pytest.mark.parametrize("route", [CALLBACK, EDIT], ids=["acknowledgement", "answer"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_a_press_on_a_bad_connection_is_carried_out_once_and_answered(
    palaver: Palaver,
    server: DiscordServer,
    thread: Channel,
    owner: Member,
    route: str,
    fault: dict[str, Any],
) -> None:
    shown = await info(owner, thread)
    struck = server.faults.add(route, **fault)
    await owner.press(shown, "Delete")
    await comes(server, "Delete “remember 42”?", owner, thread)
    assert struck.spent
    await owner.press(shown, "Delete")
    await comes(server, "🗑️ Deleted", owner, thread)
    assert set(refused(server)) <= {40060}


# --- events that come twice -----------------------------------------------------------------------


async def test_an_interaction_that_comes_twice_is_taken_once(
    palaver: Palaver, server: DiscordServer, guild: Guild, thread: Channel, owner: Member
) -> None:
    server.gateway.duplicate_events("INTERACTION_CREATE", 4)
    asked = await owner.command("ask", prompt="remember 7")
    await asked.wait_for_text("> remember 7")
    opened = await guild.general.wait_for_thread(lambda one: one.id != thread.id)
    await says(owner, opened, "what number", "You told me 7.")
    forked = await owner.command("fork", in_=opened)
    await forked.wait_for_text("🍴")
    shown = await info(owner, opened)
    modal = await (await owner.press(shown, "Rename")).shown_modal()
    await owner.submit(modal, {"The new name": "Seven"})
    await comes(server, "Renamed to “Seven”", owner, opened)
    assert len(answers(opened)) == 2
    assert answers(guild.general) == []
    assert sum("🍴" in text for text in seen(owner, opened)) == 1
    assert len([one for one in guild.general.threads if one.id != thread.id]) == 1
