"""Messages that are changed: what waits is changed with them, and nobody is told what is not so."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import palaver.frontends.known
from palaver.engine import Engine
from palaver.frontends.incoming import Incoming, RemoteFile
from palaver.identity import ConversationId, Namespace
from palaver.models import Grant, now
from palaver.testing.frontends import pretend_killed
from support.halls import Hall
from support.people import engine_starter

HOME, PUBLIC = "home-owner", "public"
OWNER = Namespace("chat", "owner")
ACCESS = {"owners": ["chat:owner"], "members": ["chat:member"]}
Life = Callable[[], AbstractAsyncContextManager[Hall]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part(Incoming):
    """A message that goes on with the one before it."""

    @property
    def unfinished(self) -> bool:
        return True

    def takes(self, other: Incoming) -> bool:
        return isinstance(other, Part)


def part(key: str, text: str) -> Part:
    place = ConversationId(HOME)
    return Part(sender=OWNER, conversation=place, key=key, text=text, private=True)


def file(name: str, size: int = 4, *, spoken: bool = False) -> RemoteFile:
    kind = "audio/ogg" if spoken else "image/png"
    return RemoteFile(id=name, name=name, media_type=kind, size=size, spoken=spoken)


def told(hall: Hall, place: str = HOME) -> list[str]:
    """What was said of changes."""
    return [text for text in hall.texts(place) if "✏️" in text]


async def busy(hall: Hall, place: str = "") -> None:
    await hall.say("owner", "wait 60", place, key="busy")
    await hall.sees(place or HOME, "Working.")


@pytest.fixture
def life(tmp_path: Path) -> Life:
    """A life of Palaver; call it again for the next, for which the one before is dead."""

    @asynccontextmanager
    async def lived() -> AsyncIterator[Hall]:
        async with engine_starter(tmp_path / "data", "scripted")(access=ACCESS) as engine:
            pretend_killed(tmp_path / "data")
            hall = Hall(tmp_path / "chat", coalesce_s=0.05)
            await hall.start(engine)
            yield hall
            await hall.stop()

    return lived


# --- in one life --------------------------------------------------------------------------------


async def test_what_waits_is_changed_and_where_it_is_too_late_that_is_said(hall: Hall) -> None:
    await busy(hall)
    await hall.say("owner", "remember 1", key="2")
    await hall.edit_of("owner", "2", "remember 2")
    await hall.sees(HOME, "Changed before it was run")
    await hall.edit_of("owner", "busy", "wait 1")
    await hall.sees(HOME, "already has that message")
    await hall.say("owner", "/stop")
    await hall.sees(HOME, "I will remember 2.")


async def test_a_message_that_says_what_it_said_changes_nothing_and_nothing_is_said(
    hall: Hall,
) -> None:
    await busy(hall)
    await hall.say("owner", "remember 1", key="2")
    for key, text in (("busy", "wait 60"), ("2", "remember 1")):
        await hall.edit_of("owner", key, text)
    await hall.edit_of("owner", "2", "remember 2")
    await hall.edit_of("owner", "2", "remember 2")
    await hall.say("owner", "/stop")
    await hall.answered(HOME, "I will remember 2.")
    for key, text in (("busy", "wait 60"), ("2", "remember 2")):
        await hall.edit_of("owner", key, text)
    assert len(told(hall)) == 1


async def test_what_was_told_once_to_be_too_late_is_not_told_again(hall: Hall) -> None:
    await hall.say("owner", "hello", key="1")
    await hall.answered(HOME, "hello")
    for _ in range(2):
        await hall.edit_of("owner", "1", "hello you")
    assert len(told(hall)) == 1


async def test_nobody_edits_anothers_prompt(hall: Hall) -> None:
    await busy(hall, PUBLIC)
    await hall.say("owner", "remember 1", PUBLIC, key="2")
    await hall.edit_of("member", "2", "remember 2", PUBLIC)
    await hall.say("owner", "/stop", PUBLIC)
    await hall.sees(PUBLIC, "I will remember 1.")
    assert told(hall, PUBLIC) == []


async def test_a_message_that_speaks_to_the_bot_only_now_is_taken(
    hall: Hall, office: Engine
) -> None:
    message = hall.message("owner", "remember 41", PUBLIC, key="1", sent=now())
    for text in ("remember 42", "remember 42"):
        await hall.change(message, text)
    await hall.answered(PUBLIC, "I will remember 42.")
    await office.idle()
    assert told(hall, PUBLIC) == []
    assert [view.kind for view in hall.seen(PUBLIC)].count("answer") == 1


async def test_a_stranger_is_no_less_one_for_changing_a_message(hall: Hall, office: Engine) -> None:
    await hall.change(hall.message("stranger", "run ls", PUBLIC, sent=now()), "run rm")
    await office.idle()
    assert hall.texts(PUBLIC) == ["This bot is private. (You are chat:stranger.)"]


async def test_strangers_push_nobodys_message_out_of_the_memory(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(palaver.frontends.known, "_REMEMBERED", 2)
    await hall.say("owner", "ask Which?|red|green", PUBLIC, sent=now())
    await hall.sees(PUBLIC, "Which?")
    answer = hall.message("owner", "red", PUBLIC, sent=now())
    await hall.reception.take(answer)
    await hall.sees(PUBLIC, "You said: red")
    for number in range(3):
        await hall.say("stranger", "hello", PUBLIC, key=f"{number}", sent=now())
    await hall.change(answer, "red")
    assert told(hall, PUBLIC) == []


async def test_of_a_message_that_was_turned_away_it_is_not_said_that_it_was_dealt_with(
    hall: Hall, office: Engine
) -> None:
    sent = now() + timedelta(seconds=1)
    message = hall.message("guest", "let me in", key="1", sent=sent)
    await hall.reception.take(message)
    await office._store.grants.allow(Grant(namespace=message.sender))
    await hall.change(message, "hello")
    await hall.answered("home-guest", "hello")
    assert told(hall, "home-guest") == []


@pytest.mark.parametrize("sent", [None, datetime(2025, 1, 1, tzinfo=UTC)])
async def test_what_may_have_been_taken_in_another_life_is_never_run(
    hall: Hall, office: Engine, sent: datetime | None
) -> None:
    for place in ("", PUBLIC):
        await hall.change(hall.message("owner", "old", place, sent=sent), "remember 42")
    await office.idle()
    assert hall.texts(HOME) == []
    assert ["I know nothing of that message" in text for text in hall.texts(PUBLIC)] == [True]


async def test_what_is_forgotten_is_never_run_again(
    hall: Hall, office: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(palaver.frontends.known, "_REMEMBERED", 2)
    await hall.say("owner", "ask Which?|red|green", PUBLIC, sent=now())
    await hall.sees(PUBLIC, "Which?")
    answer = hall.message("owner", "red", PUBLIC, sent=now())
    await hall.reception.take(answer)
    await hall.sees(PUBLIC, "You said: red")
    for text in ("hello", "hello again"):
        await hall.say("owner", text, PUBLIC, sent=now() + timedelta(seconds=1))
        await hall.answered(PUBLIC, text)
    await hall.change(answer, "red")
    await office.idle()
    assert "I know nothing of that message" in hall.texts(PUBLIC)[-1]


async def test_an_answer_to_a_question_has_been_dealt_with(hall: Hall) -> None:
    await hall.say("owner", "ask Which?|red|green")
    await hall.sees(HOME, "Which?")
    await hall.say("owner", "red", key="2")
    await hall.sees(HOME, "You said: red")
    await hall.edit_of("owner", "2", "red")
    await hall.edit_of("owner", "2", "green")
    assert ["has been dealt with" in text for text in told(hall)] == [True]


async def test_what_is_still_fetched_is_changed_once_it_waits(hall: Hall) -> None:
    await busy(hall)
    gate = hall.gates["slow"] = asyncio.Event()
    message = hall.message("owner", "look", files=(file("slow"),))
    taking = asyncio.create_task(hall.reception.take(message))
    await hall.until_taken("look")
    changing = asyncio.create_task(hall.change(message, "look closely"))
    gate.set()
    await asyncio.gather(taking, changing)
    assert ["Changed before" in text for text in told(hall)] == [True]
    await hall.say("owner", "/stop")
    await hall.answered(HOME, "look closely (with slow)")


async def test_a_file_that_takes_the_place_of_another_is_not_said_to_be_changed(
    hall: Hall,
) -> None:
    await busy(hall)
    message = hall.message("owner", "look", files=(file("a", 1),))
    await hall.reception.take(message)
    other = hall.message("owner", "look", files=(file("a", 2),))
    await hall.reception.edited(other)
    assert ["waits as it was" in text for text in told(hall)] == [True]


# --- in an offer --------------------------------------------------------------------------------


async def offered(hall: Hall) -> list[Incoming]:
    missed = [hall.message("owner", text) for text in ("remember 41", "what number")]
    await hall.reception.take_missed(missed)
    await hall.sees(HOME, "2 messages came")
    return missed


async def test_what_is_offered_is_changed(hall: Hall) -> None:
    first, _ = await offered(hall)
    await hall.change(first, "remember 42")
    assert ["Changed before" in text for text in told(hall)] == [True]
    await hall.say("owner", "/backlog all")
    await hall.answered(HOME, "You told me 42.")


async def test_what_is_offered_is_changed_in_the_next_life(life: Life) -> None:
    async with life() as hall:
        first, _ = await offered(hall)
    async with life() as hall:
        await hall.change(first, "remember 41")
        assert told(hall) == []
        await hall.change(first, "remember 42")
        assert ["Changed before" in text for text in told(hall)] == [True]
        await hall.say("owner", "/backlog all")
        await hall.answered(HOME, "You told me 42.")


async def test_what_was_made_one_of_several_is_not_changed_alone(hall: Hall) -> None:
    await busy(hall)
    _, second = await offered(hall)
    await hall.say("owner", "/backlog merge")
    await hall.sees(HOME, "Queued")
    await hall.change(second, "and now?")
    assert ["waits as it was" in text for text in told(hall)] == [True]
    await hall.say("owner", "/stop")
    await hall.sees(HOME, "what number", "answer")


async def test_what_was_discarded_stays_so(hall: Hall, office: Engine) -> None:
    first, _ = await offered(hall)
    await hall.say("owner", "/backlog discard")
    for text in ("remember 41", "remember 42"):
        await hall.change(first, text)
    await office.idle()
    assert ["has been dealt with" in text for text in told(hall)] == [True]
    assert await office.last_turn(OWNER, ConversationId(HOME)) is None


@pytest.mark.parametrize("number", [1, 2])
async def test_what_was_sent_and_changed_while_nobody_listened_is_as_it_was_changed(
    hall: Hall, number: int
) -> None:
    missed = [hall.message("owner", text) for text in ("remember 41", "what number")[:number]]
    changing = asyncio.create_task(hall.change(missed[0], "remember 42"))
    taking = asyncio.create_task(hall.reception.take_missed(missed))
    await asyncio.gather(changing, taking)
    if number == 2:
        await hall.sees(HOME, "2 messages came")
        await hall.say("owner", "/backlog all")
    await hall.answered(HOME, "I will remember 42.")
    assert told(hall) == []


# --- in another life ----------------------------------------------------------------------------


async def test_a_prompt_of_another_life_is_changed_while_it_waits(life: Life) -> None:
    async with life() as hall:
        await busy(hall)
        await hall.say("owner", "remember 1", key="2")
        await hall.say("owner", "wait 60", key="3")
        await hall.say("owner", "remember 3", key="4")
        await hall.sees(HOME, "Queued: 3")
    async with life() as hall:
        await hall.sees(HOME, "Working.")
        for text in ("remember 3", "remember 4"):
            await hall.edit_of("owner", "4", text)
        await hall.edit_of("owner", "2", "remember 1")
        await hall.edit_of("owner", "2", "remember 2")
        assert [text.partition(".")[0] for text in told(hall)] == [
            "✏️ Changed before it was run",
            "✏️ The agent already has that message as it was",
        ]
        await hall.say("owner", "/stop")
        await hall.answered(HOME, "I will remember 4.")


async def test_of_a_prompt_of_another_life_no_part_is_lost_by_a_change_of_another(
    life: Life,
) -> None:
    first, second = part("2", "the beginning"), part("3", "and the end")
    async with life() as hall:
        await busy(hall)
        await hall.say("owner", "wait 60", key="more")
        await asyncio.gather(hall.reception.take(first), hall.reception.take(second))
        await hall.sees(HOME, "Queued: 2")
    async with life() as hall:
        await hall.sees(HOME, "Working.")
        for message in (first, second):
            await hall.reception.edited(message)
        assert told(hall) == []
        for message in (first, second):
            await hall.change(message, "something else")
        assert ["waits as it was" in text for text in told(hall)] == [True, True]
        await hall.say("owner", "/stop")
        await hall.answered(HOME, "the beginning\n\nand the end")
