"""What becomes of prompts where the bot may not do all that it needs; in one process."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import discord
import pytest

from support.simcord_house import House, Place, answers, house_in, text_of

LACKING = "the bot lacks permissions in channel"


@pytest.fixture
async def house(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[House]:
    caplog.set_level(logging.WARNING)
    async with house_in(tmp_path / "data") as house:
        await house.start()
        yield house


def warned(caplog: pytest.LogCaptureFixture, place: Place) -> set[str]:
    """Which permissions the log says are missing there."""
    said = (record.getMessage() for record in caplog.records)
    found = (line.partition(f"{LACKING} {place.id}: ")[2] for line in said)
    return {name for line in found if line for name in line.split(", ")}


async def test_without_threads_it_goes_on_in_the_channel_for_each_member_apart(
    house: House,
) -> None:
    await house.deny(house.general, "create_public_threads")
    for person, number in ((house.owner, "1"), (house.member, "2")):
        await house.says(person, house.general, f"{house.call} remember {number}")
    for person, number in ((house.owner, "1"), (house.member, "2")):
        asked = await house.says(person, house.general, f"{house.call} what number")
        answer = house.newest_saying(house.general, f"You told me {number}.")
        assert answer.reference
        assert answer.reference.message_id == asked.id
    assert house.general.threads == []


async def test_ask_is_answered_in_the_channel_below_its_quotation(house: House) -> None:
    await house.deny(house.general, "create_public_threads")
    [quoted] = answers(await house.uses(house.owner, house.general, "ask", "remember 42"))
    answer = house.newest_saying(house.general, "I will remember 42.")
    assert answer.reference
    assert answer.reference.message_id == quoted.id


@pytest.mark.parametrize("permission", ["add_reactions", "send_messages", "manage_threads"])
async def test_what_a_thread_does_not_need_is_not_missed(house: House, permission: str) -> None:
    await house.deny(house.general, permission)
    thread = await house.asks(house.owner, "remember 42")
    assert house.said(thread)[-1].startswith("I will remember 42.")


async def test_an_answer_that_may_not_be_sent_comes_when_it_may(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    thread = await house.asks(house.owner, "begin")
    await house.deny(house.general, "send_messages_in_threads")
    await house.says(house.owner, thread, "remember 42")
    await house.env.advance_time(5)
    assert (house.heard(), len(house.said(thread))) == (["begin", "remember 42"], 1)
    assert "Send Messages in Threads" in warned(caplog, thread)
    await house.deny(house.general)
    await house.env.advance_time(10)
    [said] = house.said(thread)[1:]
    assert "I will remember 42." in said
    assert "may have" in said  # it cannot be known whether the first try arrived


async def test_a_request_that_may_not_be_shown_is_a_no_in_the_end(house: House) -> None:
    thread = await house.asks(house.owner, "begin")
    await house.deny(house.general, "send_messages_in_threads")
    await house.says(house.owner, thread, "run ls")
    await house.deny(house.general)
    assert len(house.said(thread)) >= 1
    await house.env.advance_time(house.engine.settings.sessions.approval_timeout_s + 1)
    assert "I did not run ls." in house.said(thread)[-1]


async def test_commands_are_answered_where_the_bot_may_not_write(house: House) -> None:
    await house.deny(house.general, "send_messages", "create_public_threads")
    asked = await house.uses(house.owner, house.general, "status")
    assert [text_of(one) for one in answers(asked)]
    assert house.said(house.general) == []


async def test_a_stranger_in_a_mute_channel_is_no_trouble(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    await house.deny(house.general, "send_messages")
    await house.says(house.hostile, house.general, f"{house.call} hello")
    assert (house.heard(), house.said(house.general)) == ([], [])
    assert "Send Messages" in warned(caplog, house.general)
    thread = await house.asks(house.owner, "hello")
    assert house.said(thread)


async def test_a_thread_that_was_closed_for_good_loses_no_other(house: House) -> None:
    closed, other = await house.asks(house.owner, "one"), await house.asks(house.owner, "two")
    await house.says(house.owner, closed, "wait 60")
    house.env.backend.delete_channel(closed.id)
    await house.env.settle()
    await house.says(house.owner, other, "remember 42")
    await house.env.advance_time(200)
    assert house.said(other)[-1].startswith("I will remember 42.")
    assert isinstance(house.env.bot.get_channel(other.id), discord.Thread)
