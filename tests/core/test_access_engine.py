"""Access as a frontend meets it: strangers, pairing, and what another process changes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.store.samples import a_turn
from palaver.engine import Engine
from palaver.errors import AccessDeniedError
from palaver.events import Told, TurnFinished
from palaver.feeds import Submission
from palaver.identity import Namespace
from palaver.markers import hookimpl
from palaver.models import Grant, Prompt
from palaver.pairing import Pairing
from palaver.store import Store
from support.people import HOME, OpenEngine, Person, engine_starter

MALLORY = Namespace("telegram", "6666")


class NoEntry:
    """A plugin that lets nobody in."""

    @hookimpl
    def on_authorize(self, namespace: Namespace) -> bool:
        return False


class Doorkeeper:
    """A plugin that lets everybody in, until it does not."""

    def __init__(self) -> None:
        self.lets_in: bool | None = True

    @hookimpl
    def on_authorize(self, namespace: Namespace) -> bool | None:
        return self.lets_in


@pytest.fixture
def start(tmp_path: Path) -> OpenEngine:
    return engine_starter(tmp_path, "scripted")


@pytest.fixture
async def engine(start: OpenEngine) -> AsyncIterator[Engine]:
    async with start() as engine:
        yield engine


@pytest.fixture
async def elsewhere(engine: Engine, tmp_path: Path) -> AsyncIterator[Store]:
    """The same database, as another process sees it."""
    del engine
    store = await Store.open(tmp_path / "palaver.db")
    yield store
    await store.close()


@pytest.fixture
def stranger(engine: Engine) -> Person:
    return Person(engine, MALLORY)


def private(person: Person, text: str, key: str = "1") -> Prompt:
    return person.prompt(text, key).model_copy(update={"private": True})


async def title(submission: Submission) -> str:
    [event] = [event async for event in submission]
    assert isinstance(event, Told)
    return event.view.title


async def refused(stranger: Person, text: str = "hello") -> bool:
    try:
        await stranger.submit(text)
    except AccessDeniedError:
        return True
    return False


async def test_what_another_process_grants_holds_for_the_next_message(
    stranger: Person, elsewhere: Store
) -> None:
    assert await refused(stranger)
    await elsewhere.grants.allow(Grant(namespace=MALLORY))
    assert await stranger.ask("hello")
    await elsewhere.grants.revoke(MALLORY)
    assert await refused(stranger)


async def test_a_grant_makes_a_member_or_an_owner(stranger: Person, elsewhere: Store) -> None:
    roles = []
    for owner in (False, True, False):
        await elsewhere.grants.allow(Grant(namespace=MALLORY, owner=owner))
        fields = (await stranger.view("/whoami")).fields
        roles.append(next(field.value for field in fields if field.name == "Role"))
    assert roles == ["member", "owner", "member"]


@pytest.mark.parametrize("text", ["{}", "/pair {}", "/start {}"])
async def test_a_stranger_who_sends_the_code_in_private_is_let_in(
    stranger: Person, elsewhere: Store, text: str
) -> None:
    code = (await Pairing(elsewhere.grants).make(owner=True)).text
    answer = await stranger.engine.submit(private(stranger, text.format(code)))
    assert "Welcome" in await title(answer)
    assert await stranger.ask("hello")


async def test_the_message_with_the_code_never_reaches_the_agent_even_if_it_comes_twice(
    stranger: Person, elsewhere: Store
) -> None:
    code = (await Pairing(elsewhere.grants).make()).text
    await stranger.engine.submit(private(stranger, code))
    assert (await stranger.engine.submit(private(stranger, code))).duplicate
    assert await elsewhere.of(MALLORY).page() == ([], 0)


async def test_a_code_that_others_can_read_lets_in_nobody(
    stranger: Person, elsewhere: Store
) -> None:
    code = (await Pairing(elsewhere.grants).make()).text
    assert await refused(stranger, code)
    assert await refused(stranger, f"/pair {code}")


async def test_a_wrong_code_gets_the_answer_that_any_message_of_a_stranger_gets(
    stranger: Person, elsewhere: Store
) -> None:
    await Pairing(elsewhere.grants).make()
    answers = []
    for text in ("/pair ABCDEFGH", "ABCDEFGH", "hello"):
        with pytest.raises(AccessDeniedError) as denied:
            await stranger.engine.submit(private(stranger, text, key=text))
        answers.append(str(denied.value))
    assert len(set(answers)) == 1


async def test_a_member_becomes_an_owner_by_an_owners_code(
    stranger: Person, elsewhere: Store
) -> None:
    await elsewhere.grants.allow(Grant(namespace=MALLORY))
    code = (await Pairing(elsewhere.grants).make(owner=True)).text
    await stranger.engine.submit(private(stranger, f"/pair {code}"))
    grant = await elsewhere.grants.get(MALLORY)
    assert grant is not None
    assert grant.owner


async def test_a_code_that_was_sent_while_nobody_listened_lets_in(
    stranger: Person, elsewhere: Store
) -> None:
    code = (await Pairing(elsewhere.grants).make()).text
    sent = [private(stranger, text, key=text) for text in ("/start", code)]
    assert "Welcome" in await title(await stranger.engine.offer(sent))


async def test_no_code_gets_past_a_plugin_that_says_no(start: OpenEngine, tmp_path: Path) -> None:
    async with start({"doorkeeper": NoEntry()}) as engine:
        store = await Store.open(tmp_path / "palaver.db")
        code = (await Pairing(store.grants).make()).text
        with pytest.raises(AccessDeniedError):
            await engine.submit(private(Person(engine, MALLORY), code))
        assert await store.grants.all() == []
        await store.close()


async def test_the_log_tells_of_a_stranger_once_an_hour_and_not_what_he_wrote(
    stranger: Person, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        assert await refused(stranger, "let me in, my name is Mallory")
    lines = [record.getMessage() for record in caplog.records]
    assert lines == ["telegram:6666 is not on the access list"]


async def test_revoking_stops_what_runs_and_what_waits(stranger: Person, elsewhere: Store) -> None:
    await elsewhere.grants.allow(Grant(namespace=MALLORY))
    running = await stranger.submit("wait 60")
    waiting = await stranger.submit("wait 60")
    await elsewhere.grants.revoke(MALLORY)
    async with asyncio.timeout(20):
        ends = [event for one in (running, waiting) async for event in one]
    states = [event.state for event in ends if isinstance(event, TurnFinished)]
    assert states == ["stopped", "stopped"]


async def test_revoking_one_leaves_the_turns_of_others_alone(
    engine: Engine, stranger: Person, elsewhere: Store
) -> None:
    await elsewhere.grants.allow(Grant(namespace=MALLORY))
    running = await stranger.submit("wait 60")
    other = Person(engine, Namespace("chat", "alice"))
    task = asyncio.create_task(other.end_of("wait 3"))
    await elsewhere.grants.revoke(MALLORY)
    async with asyncio.timeout(20):
        assert [event async for event in running]
        assert (await task).state == "done"


async def test_a_plugin_that_changes_its_mind_stops_what_runs(start: OpenEngine) -> None:
    doorkeeper = Doorkeeper()
    async with start({"doorkeeper": doorkeeper}) as engine:
        running = await Person(engine, MALLORY).submit("wait 60")
        doorkeeper.lets_in = None
        async with asyncio.timeout(20):
            ends = [event async for event in running if isinstance(event, TurnFinished)]
    assert [event.state for event in ends] == ["stopped"]


async def test_what_waited_when_its_sender_was_revoked_does_not_run_after_a_restart(
    start: OpenEngine, tmp_path: Path
) -> None:
    async with start() as engine:
        await engine._store.grants.allow(Grant(namespace=MALLORY))
        session = await engine.sessions.current(Person(engine, MALLORY).prompt("later"))
        await engine._store.ledger.add(a_turn(session, "later", conversation=HOME))
        await engine._store.grants.revoke(MALLORY)
    async with start() as engine:
        assert [turn async for turn, _ in engine.recover(["telegram"])] == []
        assert await engine._store.ledger.unfinished(["telegram"]) == []
