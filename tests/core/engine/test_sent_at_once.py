"""A message that waits is sent at once: what runs is stopped, and the message is next."""

import asyncio

from palaver.events import Told, TurnFinished, TurnStarted
from palaver.feeds import Submission
from palaver.models import TurnState
from support.people import Person


async def end_of(submission: Submission) -> TurnFinished:
    async with asyncio.timeout(10):
        [end] = [event async for event in submission if isinstance(event, TurnFinished)]
    return end


async def begun(submission: Submission) -> None:
    async with asyncio.timeout(10):
        async for event in submission:
            if isinstance(event, TurnStarted):
                return


async def said(person: Person, command: str) -> str:
    [event] = await person.say(command)
    assert isinstance(event, Told)
    return event.view.title


async def test_it_comes_before_all_that_waits(alice: Person) -> None:
    running = await alice.submit("wait 60")
    await begun(running)
    others = [await alice.submit("wait 60"), await alice.submit("never")]
    urgent = await alice.submit("urgent")
    assert await said(alice, f"/now {urgent.turn_id}") == "⏩ It is next"
    assert (await end_of(running)).state is TurnState.STOPPED
    assert (await end_of(urgent)).text == "urgent"
    await begun(others[0])
    assert "1 waiting message" in (await alice.view("/stop all")).text
    assert [(await end_of(one)).text for one in others] == ["Working. ", ""]


async def test_the_others_stay_in_their_order(alice: Person) -> None:
    running = await alice.submit("wait 60")
    await begun(running)
    second, third, urgent = [await alice.submit(f"remember {n}") for n in (2, 3, 4)]
    await said(alice, f"/now {urgent.turn_id}")
    for one in (urgent, second, third):
        assert (await end_of(one)).state is TurnState.DONE
    assert (await alice.end_of("what number")).text == "You told me 3."


async def test_a_press_that_comes_too_late_stops_nothing(alice: Person) -> None:
    first = await alice.submit("wait 60")
    await begun(first)
    second = await alice.submit("wait 60")
    await alice.say("/stop")
    await end_of(first)
    await begun(second)
    assert await said(alice, f"/now {second.turn_id}") == "⚠️ It does not wait any more."
    await alice.say("/stop")
    assert (await end_of(second)).state is TurnState.STOPPED


async def test_nobody_else_can_send_it(alice: Person, bob: Person) -> None:
    running = await alice.submit("wait 60")
    await begun(running)
    waiting = await alice.submit("mine")
    assert await said(bob, f"/now {waiting.turn_id}") == "⚠️ It does not wait any more."
    assert await said(alice, "/now that") == "⚠️ Which message?"
    await alice.say("/stop all")
    assert (await end_of(waiting)).state is TurnState.STOPPED
