"""A conversation that gets another id for good takes along what belongs to it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

import palaver.frontends.reception
from palaver.agents.contract import Asker
from palaver.agents.scripted import ScriptedProcess
from palaver.engine import Engine
from palaver.errors import StoreLockedError
from palaver.events import AgentEvent
from palaver.hookspecs import hookimpl
from palaver.identity import ConversationId, Namespace
from palaver.models import Prompt
from palaver.store import Store
from palaver.views import encode_button
from support.halls import Hall, press
from support.people import engine_starter

GROUP, AFTER = ConversationId("-1"), ConversationId("-1001")
ACCESS = {"owners": ["chat:owner"], "members": ["chat:member"]}
Life = Callable[[], AbstractAsyncContextManager[Hall]]


class Listener:
    """Lets the scripted agent hear the words alone, without who says them."""

    @hookimpl
    def on_prompt(self, prompt: Prompt) -> Prompt:
        words = prompt.text.removeprefix("Owner: ").removeprefix("Member: ")
        return prompt.model_copy(update={"text": words})


async def move(hall: Hall) -> None:
    await hall.reception.moved(GROUP, AFTER)


async def asks(hall: Hall, user: str, answer: str, place: str = AFTER) -> None:
    """What somebody is told of the number that he has told the agent before."""
    await hall.say(user, "what number", place, key=uuid4().hex)
    await hall.answered(place, answer)


@pytest.fixture(autouse=True)
def _listener(request: pytest.FixtureRequest) -> None:
    if "office" in request.fixturenames:
        request.getfixturevalue("office").host.add("listener", Listener())


@pytest.fixture
def life(tmp_path: Path) -> Life:
    """A life of Palaver; call it again for the next."""

    @asynccontextmanager
    async def lived() -> AsyncIterator[Hall]:
        async with engine_starter(tmp_path / "data", "scripted")(access=ACCESS) as engine:
            engine.host.add("listener", Listener())
            hall = Hall(tmp_path / "chat")
            await hall.start(engine)
            yield hall
            await hall.stop()

    return lived


async def test_everybodys_own_session_goes_along(hall: Hall) -> None:
    await hall.say("owner", "remember 1", GROUP)
    await hall.say("member", "remember 2", GROUP)
    await hall.answered(GROUP, "remember 2")
    await hall.say("owner", "remember 3", "elsewhere")
    await hall.answered("elsewhere", "remember 3")
    await move(hall)
    await asks(hall, "owner", "You told me 1.")
    await asks(hall, "member", "You told me 2.")
    await asks(hall, "owner", "You told me 3.", "elsewhere")


async def test_what_is_shared_is_so_by_the_new_id_and_goes_on_in_this_life_and_the_next(
    life: Life,
) -> None:
    async with life() as hall:
        await hall.say("owner", "/share", GROUP)
        await hall.say("owner", "remember 42", GROUP)
        await hall.answered(GROUP, "remember 42")
        await move(hall)
        assert hall.reception.shared(AFTER)
        await asks(hall, "member", "You told me 42.")
    async with life() as hall:
        await asks(hall, "member", "You told me 42.")
        await hall.say("owner", "/unshare", AFTER)
        assert not hall.reception.shared(AFTER)
        assert not hall.reception.shared(GROUP)
    async with life() as hall:
        assert not hall.reception.shared(AFTER)
        await hall.say("owner", "/share", AFTER)
        await asks(hall, "member", "You told me 42.")


async def test_what_was_shared_before_it_moved_is_found_again_by_sharing_it(hall: Hall) -> None:
    await hall.say("owner", "/share", GROUP)
    await hall.say("owner", "remember 42", GROUP)
    await hall.answered(GROUP, "remember 42")
    await hall.say("owner", "/unshare", GROUP)
    await move(hall)
    assert not hall.reception.shared(AFTER)
    await hall.say("owner", "/share", AFTER)
    await asks(hall, "member", "You told me 42.")


async def test_moving_a_second_time_does_nothing(hall: Hall, office: Engine) -> None:
    await hall.say("owner", "remember 1", GROUP)
    await hall.answered(GROUP, "remember 1")
    await move(hall)
    await hall.say("owner", "/newsession", AFTER)
    await hall.say("owner", "remember 2", AFTER)
    await hall.answered(AFTER, "remember 2")
    await move(hall)
    await asks(hall, "owner", "You told me 2.")
    assert await office.current(Namespace("chat", "owner"), GROUP) is None


async def test_what_is_current_by_the_new_id_already_stays(life: Life) -> None:
    async with life() as hall:
        for place, number in ((GROUP, 1), (AFTER, 2)):
            await hall.say("owner", "/share", place)
            await hall.say("owner", f"remember {number}", place)
            await hall.answered(place, f"remember {number}")
        await move(hall)
        await asks(hall, "member", "You told me 2.")
    async with life() as hall:
        await asks(hall, "member", "You told me 2.")
        await hall.say("owner", "/unshare", AFTER)
        await hall.say("owner", "/share", AFTER)
        await asks(hall, "owner", "You told me 2.")


async def test_what_comes_by_the_old_id_goes_on_by_the_new_one_and_runs_once(
    hall: Hall, office: Engine
) -> None:
    await hall.say("owner", "remember 42", GROUP, key="1")
    await hall.answered(GROUP, "remember 42")
    await move(hall)
    await hall.say("owner", "remember 42", GROUP, key="1")
    await asks(hall, "owner", "You told me 42.")
    await hall.say("owner", "what number", GROUP, key="2")
    await hall.until(lambda: "You told me 42." in " ".join(hall.texts(AFTER)[-1:]))
    await office.idle()
    session = await office.current(Namespace("chat", "owner"), AFTER)
    assert session
    assert session.turns == 3


async def test_what_runs_and_waits_meanwhile_goes_on_and_can_be_changed_and_stopped(
    hall: Hall,
) -> None:
    await hall.say("owner", "/share", GROUP)
    await hall.say("owner", "wait 60", GROUP)
    await hall.sees(GROUP, "Working.")
    await hall.say("member", "remember 1", GROUP, key="2")
    await move(hall)
    await hall.edit_of("member", "2", "remember 2", AFTER)
    await hall.sees(AFTER, "Changed before it was run")
    await hall.say("owner", "/stop", AFTER)
    await hall.until(lambda: "remember 2" in " ".join(hall.texts(GROUP)))


@pytest.mark.parametrize("asked_first", [True, False])
async def test_a_question_is_answered_by_the_new_id(
    hall: Hall, monkeypatch: pytest.MonkeyPatch, asked_first: bool
) -> None:
    begun, moved, act = asyncio.Event(), asyncio.Event(), ScriptedProcess._act

    async def act_later(
        process: ScriptedProcess, word: str, rest: str, prompt: Prompt, asker: Asker
    ) -> AsyncIterator[AgentEvent]:
        begun.set()
        if not asked_first:
            await moved.wait()
        async for event in act(process, word, rest, prompt, asker):
            yield event

    monkeypatch.setattr(ScriptedProcess, "_act", act_later)
    await hall.say("owner", "ask Which?|red|blue", GROUP)
    await begun.wait()
    if asked_first:
        await hall.sees(GROUP, "Which?")
    await move(hall)
    moved.set()
    await hall.sees(GROUP, "Which?")
    await hall.say("owner", "blue", AFTER)
    await hall.sees(GROUP, "You said: blue")


async def test_what_was_offered_is_offered_by_the_new_id(hall: Hall) -> None:
    missed = [hall.message("owner", text, GROUP) for text in ("remember 42", "what number")]
    await hall.reception.take_missed(missed)
    await hall.sees(GROUP, "2 messages came")
    await move(hall)
    await hall.say("owner", "/backlog all", AFTER)
    await hall.sees(AFTER, "You told me 42.")


async def test_a_button_of_the_old_id_works_for_all_who_share_the_new_one(hall: Hall) -> None:
    await hall.say("owner", "/share", GROUP)
    await hall.say("owner", "run ls", GROUP)
    asked = await hall.sees(GROUP, "Allow once")
    await move(hall)
    tag = encode_button(Namespace("chat", f"shared.{GROUP}"), asked.actions[0])
    surface = await press(hall, "member", tag, AFTER)
    assert not surface.alerts


async def test_what_is_said_while_it_moves_waits_and_a_store_that_refuses_is_tried_again(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(palaver.frontends.reception, "RETRY_S", 0.01)
    await hall.say("owner", "remember 42", GROUP)
    await hall.answered(GROUP, "remember 42")
    moved, refused = Store.move, asyncio.Event()
    refusals = [StoreLockedError("The database is locked.")] * 3

    async def move_at_last(self: Store, *arguments: object) -> None:
        if refusals:
            refused.set()
            raise refusals.pop()
        await moved(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Store, "move", move_at_last)
    moving = asyncio.create_task(move(hall))
    await refused.wait()
    await asks(hall, "owner", "You told me 42.")
    await moving
