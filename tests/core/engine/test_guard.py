"""What happens while nobody can tell who is let in: nothing is stopped, dropped or begun."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from palaver.engine import Engine
from palaver.errors import AccessDeniedError, AccessUnknownError, PalaverError
from palaver.events import TurnFinished
from palaver.feeds import Submission
from palaver.identity import ConversationId, Namespace
from palaver.markers import hookimpl
from palaver.models import Turn, TurnState, now
from support.people import OpenEngine, Person

OWNER, OTHER = Namespace("chat", "owner"), Namespace("chat", "other")
DEAD = "1:1"
"""A process that has ended long ago."""


class Doorkeeper:
    """A plugin that lets everybody in, shuts some out, and does not know of others."""

    def __init__(self) -> None:
        self.unknown: set[Namespace] = set()
        self.shut_out: set[Namespace] = set()
        self.asked = asyncio.Event()

    @hookimpl
    async def on_authorize(self, namespace: Namespace, conversation: ConversationId) -> bool | None:
        del conversation
        self.asked.set()
        if namespace in self.unknown:
            raise PalaverError("The chat does not answer.")
        return namespace not in self.shut_out

    async def is_asked(self, times: int = 2) -> None:
        """Return when it was asked so often from now on."""
        async with asyncio.timeout(20):
            for _ in range(times):
                self.asked.clear()
                await self.asked.wait()


@pytest.fixture
def doorkeeper() -> Doorkeeper:
    return Doorkeeper()


async def end(submission: Submission) -> TurnFinished:
    async with asyncio.timeout(20):
        [finished] = [event async for event in submission if isinstance(event, TurnFinished)]
    return finished


async def left(person: Person, text: str, *, ago_s: float = 10) -> Turn:
    """A prompt that another life of Palaver took, and did not run."""
    session = await person.engine.sessions.current(person.prompt(text))
    turn = Turn(
        id=uuid4(),
        session_id=session.id,
        prompt=person.prompt(text, key=text),
        state=TurnState.QUEUED,
        created=now() - timedelta(seconds=ago_s),
        runner=DEAD,
    )
    assert await person.engine._store.ledger.add(turn)
    return turn


async def recover(engine: Engine) -> list[Submission]:
    async with asyncio.timeout(10):
        return [submission async for _, submission in engine.recover(["chat"])]


# --- turns at work -------------------------------------------------------------------------------


async def test_a_turn_goes_on_while_nobody_can_tell_whether_its_user_is_let_in(
    start: OpenEngine, doorkeeper: Doorkeeper
) -> None:
    async with start({"doorkeeper": doorkeeper}) as engine:
        owner = Person(engine, OWNER)
        running, waiting = await owner.submit("wait 3"), await owner.submit("hello")
        doorkeeper.unknown.add(OWNER)
        assert [(await end(one)).state for one in (running, waiting)] == ["done", "done"]


async def test_a_turn_is_stopped_once_it_is_known_that_its_user_is_shut_out(
    start: OpenEngine, doorkeeper: Doorkeeper
) -> None:
    async with start({"doorkeeper": doorkeeper}) as engine:
        running = await Person(engine, OWNER).submit("wait 60")
        doorkeeper.unknown.add(OWNER)
        await doorkeeper.is_asked()
        doorkeeper.shut_out.add(OWNER)
        doorkeeper.unknown.clear()
        assert (await end(running)).state == "stopped"


async def test_what_is_not_known_of_one_keeps_nobody_else_in(
    start: OpenEngine, doorkeeper: Doorkeeper
) -> None:
    async with start({"doorkeeper": doorkeeper}) as engine:
        stopped = await Person(engine, OTHER).submit("wait 60")
        unknown = await Person(engine, OWNER).submit("wait 60")
        doorkeeper.unknown.add(OWNER)
        doorkeeper.shut_out.add(OTHER)
        assert (await end(stopped)).state == "stopped"
        await engine.stop(OWNER, unknown.turn_id or uuid4())


# --- new prompts ---------------------------------------------------------------------------------


async def test_a_new_prompt_is_not_taken_and_its_sender_hears_what_to_do(
    start: OpenEngine, doorkeeper: Doorkeeper
) -> None:
    async with start({"doorkeeper": doorkeeper}) as engine:
        owner = Person(engine, OWNER)
        doorkeeper.unknown.add(OWNER)
        with pytest.raises(AccessUnknownError, match="again"):
            await owner.submit("hello")
        with pytest.raises(AccessUnknownError):
            await engine.authorized(OWNER, owner.prompt("hello").conversation)
        assert await engine._store.ledger.unfinished(["chat"]) == []
        doorkeeper.unknown.clear()
        assert await owner.ask("hello") == "hello"


# --- what was left -------------------------------------------------------------------------------


async def test_what_was_left_waits_until_it_is_known_and_runs_in_its_order(
    start: OpenEngine, doorkeeper: Doorkeeper
) -> None:
    async with start({"doorkeeper": doorkeeper}) as engine:
        owner, other = Person(engine, OWNER), Person(engine, OTHER)
        await left(owner, "remember 1", ago_s=9)
        await left(owner, "remember 2", ago_s=8)
        await left(other, "hello", ago_s=7)
        doorkeeper.unknown.add(OWNER)
        waits_for_nobody, first, second = await recover(engine)
        assert (await end(waits_for_nobody)).text == "hello"
        states = [turn.state for turn in await engine._store.ledger.unfinished(["chat"])]
        assert states == ["queued", "queued"]
        doorkeeper.unknown.clear()
        texts = [(await end(one)).text for one in (first, second)]
        assert texts == ["I will remember 1.", "I will remember 2."]
        assert await owner.ask("what number") == "You told me 2."


async def test_what_was_left_does_not_run_once_it_is_known_that_its_sender_is_shut_out(
    start: OpenEngine, doorkeeper: Doorkeeper
) -> None:
    async with start({"doorkeeper": doorkeeper}) as engine:
        await left(Person(engine, OWNER), "hello")
        doorkeeper.unknown.add(OWNER)
        [submission] = await recover(engine)
        doorkeeper.shut_out.add(OWNER)
        doorkeeper.unknown.clear()
        async with asyncio.timeout(20):
            assert [event async for event in submission] == []
        assert await engine._store.ledger.unfinished(["chat"]) == []


async def test_what_was_left_is_found_again_if_it_was_not_known_until_the_end(
    start: OpenEngine, doorkeeper: Doorkeeper
) -> None:
    async with start({"doorkeeper": doorkeeper}) as engine:
        await left(Person(engine, OWNER), "hello")
        doorkeeper.unknown.add(OWNER)
        await recover(engine)
        unfinished = await engine._store.ledger.unfinished(["chat"])
        assert [turn.state for turn in unfinished] == ["queued"]


# --- a plugin that is simply broken --------------------------------------------------------------


class Broken:
    @hookimpl
    def on_authorize(self, namespace: Namespace) -> bool | None:
        raise RuntimeError(str(namespace))


async def test_a_broken_plugin_lets_nobody_in(start: OpenEngine) -> None:
    async with start({"broken": Broken()}) as engine:
        with pytest.raises(AccessUnknownError):
            await Person(engine, OWNER).submit("hello")


async def test_a_no_needs_no_other_plugin(start: OpenEngine, doorkeeper: Doorkeeper) -> None:
    doorkeeper.shut_out.add(OWNER)
    async with start({"broken": Broken(), "doorkeeper": doorkeeper}) as engine:
        with pytest.raises(AccessDeniedError):
            await Person(engine, OWNER).submit("hello")
