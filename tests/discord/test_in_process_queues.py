"""Prompts that wait for their turn, alone and in shared threads; in one process."""

import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import discord
import pytest
from simcord.actors import MemberActor

from palaver_discord.live import EDIT_INTERVAL_S
from support.simcord_house import House, Place, house_in, labels, text_of, told

NOW, CANCEL = "Stop the other, send now", "Cancel"
FOREIGN, NOT_LISTED = "This button belongs to somebody else.", "You are not on this bot's access"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_in(tmp_path / "data") as house:
        await house.start()
        yield house


def notes(house: House, place: Place) -> list[discord.Message]:
    return [one for one in house.messages(place) if "Queued" in text_of(one)]


def places(house: House, place: Place) -> list[int]:
    """What is said of the places in the queue."""
    found = (re.search(r"Queued: (\d+) message", text_of(one)) for one in notes(house, place))
    return [int(one[1]) for one in found if one]


def answered(house: House, place: Place) -> list[str]:
    """The first lines of the final answers there; those of two turns that take no time at all
    may come in any order, so it is what was heard that tells theirs."""
    return sorted(text.split("\n")[0] for text in house.said(place) if "⏱" in text)


async def queue(house: House, place: Place, *who: MemberActor) -> Sequence[discord.Message]:
    """A turn that works for a minute; each of these then says a number; their notes."""
    await house.says(house.owner, place, "wait 60")
    for number, person in enumerate(who, 1):
        await house.says(person, place, f"number {number}")
    return notes(house, place)


@pytest.fixture
async def thread(house: House) -> Place:
    return await house.asks(house.owner, "begin")


@pytest.fixture
async def shared(house: House, thread: Place) -> Place:
    await house.uses(house.owner, thread, "share")
    return thread


async def test_each_that_waits_is_told_its_place_until_its_turn_comes(
    house: House, thread: Place
) -> None:
    found = await queue(house, thread, *[house.owner] * 3)
    assert places(house, thread) == [1, 2, 3]
    assert [labels(one) for one in found] == [[NOW, CANCEL]] * 3
    await house.env.advance_time(60)
    assert notes(house, thread) == []
    numbers = ["number 1", "number 2", "number 3"]
    assert house.heard() == ["begin", "wait 60", *numbers]
    assert answered(house, thread) == ["Working. Done.", "begin", *numbers]


async def test_one_is_taken_back_and_one_goes_first(house: House, thread: Place) -> None:
    one, _, three = await queue(house, thread, *[house.owner] * 3)
    await house.owner.click(one, label=CANCEL)
    await house.owner.click(three, label=NOW)
    assert house.heard() == ["begin", "wait 60", "number 3", "number 2"]
    assert answered(house, thread) == ["begin", "number 2", "number 3"]
    assert notes(house, thread) == []
    assert sum("Stopped" in text for text in house.said(thread)) == 1


async def test_sessions_in_one_thread_do_not_wait_for_each_other(
    house: House, thread: Place
) -> None:
    await queue(house, thread)
    await house.says(house.member, thread, f"{house.call} hello")
    assert answered(house, thread) == ["begin", "hello"]
    assert notes(house, thread) == []


async def test_nobody_else_takes_back_or_hurries_what_waits(house: House, thread: Place) -> None:
    [note] = await queue(house, thread, house.owner)
    for person in (house.member, house.hostile):
        for label in (NOW, CANCEL):
            assert FOREIGN in told(await person.click(note, label=label))
    assert [one.id for one in notes(house, thread)] == [note.id]


async def test_in_a_shared_thread_all_wait_in_one_queue_and_all_decide_about_it(
    house: House, shared: Place
) -> None:
    found = await queue(house, shared, house.member, house.owner, house.member)
    assert places(house, shared) == [1, 2, 3]
    for label in (NOW, CANCEL):
        assert NOT_LISTED in told(await house.hostile.click(found[0], label=label))
    await house.owner.click(found[0], label=CANCEL)
    await house.member.click(found[2], label=NOW)
    assert house.heard()[2:] == ["member: number 3", "owner: number 2"]
    assert answered(house, shared) == ["begin", "number 2", "number 3"]


@pytest.mark.parametrize("command", ["stop", "stop all"])
async def test_any_member_stops_what_all_wait_for(
    house: House, shared: Place, command: str
) -> None:
    await queue(house, shared, house.owner, house.owner)
    name, _, argument = command.partition(" ")
    await house.uses(house.member, shared, name, argument or None)
    rest = ["number 1", "number 2"] if command == "stop" else []
    assert answered(house, shared) == ["begin", *rest]
    assert notes(house, shared) == []


async def test_a_turn_at_work_is_painted_no_more_often_than_discord_bears(
    house: House, thread: Place
) -> None:
    await queue(house, thread)
    before = len(house.env.http_requests)
    await house.env.advance_time(30)
    edits = [one for one in house.env.http_requests[before:] if one.method == "PATCH"]
    assert len(edits) <= 30 / EDIT_INTERVAL_S
    await house.env.advance_time(30)
    assert answered(house, thread) == ["Working. Done.", "begin"]
    assert not [one for one in house.messages(thread) if "Stop" in labels(one)]


async def test_what_is_said_while_the_agent_asks_waits_or_answers(
    house: House, thread: Place
) -> None:
    await house.says(house.owner, thread, "run ls")
    await house.says(house.owner, thread, "yes")
    assert places(house, thread) == [1]
    await house.owner.click(house.newest(thread, "Deny"), label="Deny")
    assert answered(house, thread) == ["I did not run ls.", "begin", "yes"]
    await house.says(house.owner, thread, "ask Which?|red|green")
    await house.says(house.owner, thread, "green")
    assert "You said: green" in answered(house, thread)
