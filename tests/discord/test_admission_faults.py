"""A Discord that does not tell who is who: nobody's turn is stopped and no prompt dropped for it,
and nobody is let in."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from palaver.testing.discord import Channel, DiscordServer, Guild, Member, Role
from palaver_discord import admission
from support.discord_people import newest_with, thread_at
from support.discord_turns import PATIENT, answered, answers, refused
from support.discords import Launch, Palaver

MEMBERS = "GET /guilds/*/members/*"

Admitted = Callable[..., Awaitable[Palaver]]


@pytest.fixture
def role(guild: Guild) -> Role:
    return guild.role("agents")


@pytest.fixture
def by_role(
    launch: Launch,
    owner: Member,
    member: Member,
    hostile: Member,
    role: Role,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Admitted:
    """A Palaver that lets in somebody by a role alone, and asks for it at every look."""
    del owner, member

    async def by_role() -> Palaver:
        monkeypatch.setattr(admission, "ROLES_AGE_S", 0.0)
        hostile.give(role)
        palaver = launch(tmp_path / "data", discord={"roles": [role.id]})
        await palaver.start()
        return palaver

    return by_role


async def asked(person: Member, server: DiscordServer, guild: Guild, text: str) -> Channel:
    thread = await thread_at(await person.say(f"<@{server.bot_id}> {text}"), guild.general)
    await newest_with(thread, "Stop")
    return thread


async def test_a_turn_goes_on_while_discord_does_not_tell_its_members_roles(
    by_role: Admitted, server: DiscordServer, guild: Guild, hostile: Member
) -> None:
    await by_role()
    thread = await asked(hostile, server, guild, "wait 4")
    server.faults.add(MEMBERS, error=503, times=None)
    await server.wait_for_call(MEMBERS, lambda call: call.status == 503)
    await thread.wait_for_text("⏱", PATIENT)
    assert not any("Stopped" in text for text in thread.texts)


async def test_not_even_when_it_has_not_told_for_long(
    by_role: Admitted,
    server: DiscordServer,
    guild: Guild,
    hostile: Member,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(admission, "BRIDGE_S", 0.0)
    monkeypatch.setattr(admission, "ASK_S", 0.2)
    await by_role()
    monkeypatch.setattr(admission, "ROLES_AGE_S", 60.0)
    thread = await asked(hostile, server, guild, "wait 4")
    monkeypatch.setattr(admission, "ROLES_AGE_S", 0.0)
    server.faults.add(MEMBERS, error=503, times=None)
    await server.wait_for_call(MEMBERS, lambda call: call.status == 503)
    await thread.wait_for_text("⏱", PATIENT)
    assert not any("Stopped" in text for text in thread.texts)


async def test_who_has_lost_the_role_meanwhile_is_stopped_as_soon_as_it_is_told(
    by_role: Admitted, server: DiscordServer, guild: Guild, hostile: Member, role: Role
) -> None:
    await by_role()
    thread = await asked(hostile, server, guild, "wait 60")
    fault = server.faults.add(MEMBERS, error=503, times=None)
    hostile.take(role)
    await server.wait_for_call(MEMBERS, lambda call: call.status == 503)
    server.faults.remove(fault)
    await thread.wait_for_text("Stopped", PATIENT)


async def test_a_turn_goes_on_in_a_thread_that_is_archived_though_discord_does_not_tell_of_it(
    palaver: Palaver, server: DiscordServer, guild: Guild, owner: Member
) -> None:
    thread = await asked(owner, server, guild, "wait 4")
    server.faults.add(f"GET /channels/{thread.id}", error=503, times=1)
    thread.archive()
    await thread.wait_for_text("⏱", PATIENT)
    assert not any("Stopped" in text for text in thread.texts)
    assert set(refused(server)) <= {50083}  # the live message slept with its thread


# --- after a restart -----------------------------------------------------------------------------


async def test_what_waited_in_a_direct_chat_runs_though_discord_does_not_tell_of_the_chat(
    palaver: Palaver, server: DiscordServer, owner: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("palaver_discord.intake.LONGEST_HOLD_S", 0.5)
    await owner.dm("wait 60")
    await owner.direct.wait_for(lambda message: "Stop" in message.buttons)
    await owner.dm("hello")
    await owner.direct.wait_for(lambda message: "Cancel" in message.buttons)
    await palaver.stop()
    palaver.bury()
    server.faults.add(f"GET /channels/{owner.direct.id}", error=503, times=None)
    await palaver.start()
    await owner.direct.wait_for_text("hello\n", PATIENT)


async def test_what_waited_in_an_archived_thread_runs_when_discord_tells_of_it_again(
    palaver: Palaver, server: DiscordServer, guild: Guild, owner: Member, member: Member
) -> None:
    thread = await asked(owner, server, guild, "wait 60")
    await owner.say("hello", to=thread)
    await newest_with(thread, "Cancel")
    await palaver.stop()
    palaver.bury()
    thread.archive()
    asking = f"GET /channels/{thread.id}"
    fault = server.faults.add(asking, error=503, times=None)
    await palaver.start()  # it waits for nobody
    await member.dm("hi")
    await answered(member.direct, "hi")
    await server.wait_for_call(asking, lambda call: call.status == 503)
    assert "hello" not in answers(thread)
    server.faults.remove(fault)
    await thread.wait_until(lambda: "hello" in answers(thread), PATIENT)
