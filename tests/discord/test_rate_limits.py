"""Rate limits: what waits for one may be given up, and nothing else suffers for it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from palaver import Action, View
from palaver.testing.discord import DiscordServer, Guild, Member
from support.discord_out import POST, Out, place, sending
from support.discord_turns import PATIENT, answered, answers
from support.discords import Palaver

TYPING = "POST /channels/*/typing"


@pytest.fixture
async def out(server: DiscordServer) -> AsyncIterator[Out]:
    async with sending(server) as out:
        yield out


def working(text: str) -> View:
    stop = Action(label="Stop", command="/stop", style="danger")
    return View(text=text, actions=(stop,), kind="progress")


# --- given up ------------------------------------------------------------------------------------


async def test_a_turn_that_ends_while_its_typing_waits_for_a_limit_mutes_nobody(
    palaver: Palaver, server: DiscordServer, owner: Member, member: Member
) -> None:
    server.faults.add(TYPING, error=429, scope="global", retry_after=1.0)
    await owner.dm("wait 0.4")
    await server.wait_for_call(TYPING, lambda call: call.status == 429)
    await member.dm("hello")
    await member.direct.wait_for_text("⏱", PATIENT)
    await owner.direct.wait_for_text("⏱", PATIENT)


async def test_many_turns_at_the_overall_limit_are_all_answered(
    palaver: Palaver, server: DiscordServer, owner: Member, member: Member
) -> None:
    server.limits.enable(messages=(50, 5.0), overall=4)
    people = (owner, member)
    await asyncio.gather(*(who.dm(f"wait 0.{n}") for who in people for n in (1, 2, 3)))

    def answered_all() -> bool:
        return all(len(answers(who.direct)) == 3 for who in people)

    await server.wait_until(answered_all, 2 * PATIENT)


async def test_what_is_given_up_while_it_waits_is_not_sent_later(
    out: Out, server: DiscordServer, guild: Guild, owner: Member
) -> None:
    here = place(owner, guild.general)
    server.faults.add(TYPING, error=429, scope="global", retry_after=0.5)
    typing = asyncio.create_task(out.live.typing(here))
    await server.wait_for_call(TYPING, lambda call: call.status == 429)
    typing.cancel()
    await asyncio.wait([typing])
    assert typing.cancelled()
    await out.sender.send(here, View(text="answer", kind="answer"))
    assert guild.general.texts == ["answer"]
    assert len(server.calls.of(TYPING)) == 1


async def test_a_connection_that_dies_under_what_was_given_up_holds_nothing_up(
    server: DiscordServer, guild: Guild, owner: Member
) -> None:
    here = place(owner, guild.general)
    server.faults.add(POST, silence=True)
    async with sending(server, timeout_s=1.0) as out:
        showing = asyncio.create_task(out.live.show(here, None, working("one")))
        await server.wait_for_call(POST, lambda call: call.fault)
        showing.cancel()
        await out.sender.send(here, View(text="answer", kind="answer"))
        assert guild.general.texts == ["answer"]


# --- a live message that comes late --------------------------------------------------------------


async def test_a_live_message_that_is_known_too_late_is_taken_away(
    out: Out, server: DiscordServer, guild: Guild, owner: Member
) -> None:
    server.limits.enable(messages=(1, 1.0))  # the library answers only when it is over
    showing = asyncio.create_task(out.live.show(place(owner, guild.general), None, working("one")))
    await guild.general.wait_for(lambda message: "Stop" in message.buttons)
    showing.cancel()
    await guild.general.wait_until(lambda: not guild.general.messages)


async def test_the_next_live_message_is_not_the_one_that_was_taken_away(
    out: Out, server: DiscordServer, guild: Guild, owner: Member
) -> None:
    here = place(owner, guild.general)
    server.limits.enable(messages=(1, 1.0))
    showing = asyncio.create_task(out.live.show(here, None, working("one")))
    await guild.general.wait_for(lambda message: "Stop" in message.buttons)
    showing.cancel()
    await guild.general.wait_until(lambda: not guild.general.messages)
    message = await out.live.show(here, None, working("two"))
    assert [(str(one.id), one.text) for one in guild.general.messages] == [(message, "two")]


async def test_the_next_turn_has_a_live_message_of_its_own_while_the_last_ones_is_held_up(
    out: Out, server: DiscordServer, guild: Guild, owner: Member
) -> None:
    here = place(owner, guild.general)
    server.limits.enable(messages=(50, 5.0))
    await out.sender.send(here, View(text="so that the library knows of the limit", kind="answer"))
    server.faults.add(POST, delay=1.0)
    late = asyncio.create_task(out.live.show(here, None, working("one")))
    await server.wait_for_call(POST, lambda call: call.fault)
    message = await out.live.show(here, None, working("two"))
    late.cancel()
    await server.wait_for_call("DELETE *")
    assert guild.general.texts[1:] == ["two"]
    assert str(guild.general.last.id) == message


async def test_no_stop_button_stays_where_an_answer_overtakes_its_live_message(
    palaver: Palaver, server: DiscordServer, owner: Member
) -> None:
    server.limits.enable(messages=(1, 3.0))
    await owner.dm("hello")
    await owner.direct.wait_for(lambda message: "Stop" in message.buttons)
    await answered(owner.direct, "hello")
    await owner.direct.wait_until(
        lambda: not any("Stop" in one.buttons for one in owner.direct.messages), PATIENT
    )


async def test_an_orderly_end_takes_a_live_message_away_that_is_known_late(
    palaver: Palaver, server: DiscordServer, owner: Member
) -> None:
    server.faults.add(POST, delay=1.0)
    await owner.dm("wait 60")
    await server.wait_for_call(POST, lambda call: call.fault)
    await palaver.stop()
    assert not any("Stop" in one.buttons for one in owner.direct.messages)


# --- one after the other -------------------------------------------------------------------------


async def test_long_answers_in_one_channel_do_not_mix(
    out: Out, guild: Guild, owner: Member, member: Member
) -> None:
    def long(letter: str) -> View:
        return View(text="\n\n".join([letter * 1500] * 4), kind="answer")

    await asyncio.gather(
        out.sender.send(place(owner, guild.general), long("a")),
        out.sender.send(place(member, guild.general), long("b")),
    )
    assert "".join(text[0] for text in guild.general.texts) == "aaaabbbb"


async def test_a_changed_message_and_what_follows_it_stay_together(
    out: Out, guild: Guild, owner: Member, member: Member
) -> None:
    here = place(owner, guild.general)
    message = await out.sender.send(here, View(text="old", kind="answer"))
    long = View(text="\n\n".join(["a" * 1500] * 3), kind="answer")
    await asyncio.gather(
        out.sender.edit(here, message, long),
        out.sender.send(place(member, guild.general), View(text="b", kind="answer")),
    )
    assert "".join(text[0] for text in guild.general.texts) == "aaab"
