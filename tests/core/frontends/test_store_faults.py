"""A store that refuses for a while loses nothing, and makes a stranger of nobody."""

import asyncio
from typing import Any

import pytest

import palaver.frontends.reception
from palaver.engine import Engine
from palaver.errors import AccessUnknownError, PluginError, StoreLockedError
from palaver.frontends.incoming import RemoteFile
from palaver.hookspecs import hookimpl
from palaver.identity import ConversationId, Namespace
from palaver.models import Audio, Grant
from palaver.pairing import Pairing
from palaver.store import Grants, Ledger, Sessions
from palaver.views import Action, encode_button
from support.halls import Hall, press

PUBLIC, GUEST = "public", Namespace("chat", "guest")
HOME = "home-guest"
LOCKED = StoreLockedError("The database /home/of/the/bot/palaver.db is locked.")

STATUS = Action(label="Status", command="/status")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(palaver.frontends.reception, "RETRY_S", 0.01)


class Refusal:
    """A method of the store that refuses until it is mended."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, kind: type, name: str) -> None:
        self.broken = False
        self.refused = 0
        self._again = asyncio.Event()
        method = getattr(kind, name)

        async def called(own: object, *arguments: Any, **named: Any) -> Any:
            if self.broken:
                self.refused += 1
                self._again.set()
                raise LOCKED
            return await method(own, *arguments, **named)

        monkeypatch.setattr(kind, name, called)

    async def times(self, count: int) -> None:
        async with asyncio.timeout(10):
            while self.refused < count:
                self._again.clear()
                await self._again.wait()


@pytest.fixture
async def grants(monkeypatch: pytest.MonkeyPatch, office: Engine) -> Refusal:
    """Of the grants that let the guest in."""
    await office._store.grants.allow(Grant(namespace=GUEST))
    refusal = Refusal(monkeypatch, Grants, "get")
    refusal.broken = True
    return refusal


# --- who may ------------------------------------------------------------------------------------


async def test_who_was_let_in_waits_until_that_can_be_read_and_is_told_so_once(
    hall: Hall, grants: Refusal
) -> None:
    said = [asyncio.create_task(hall.say("guest", text)) for text in ("remember 42", "what number")]
    await grants.times(4)
    grants.broken = False
    await asyncio.gather(*said)
    await hall.answered(HOME, "You told me 42.")
    assert [text for text in hall.texts(HOME) if "private" in text or "palaver.db" in text] == []
    assert sum("cannot look up" in text for text in hall.texts(HOME)) == 1
    grants.broken = True
    again = asyncio.create_task(hall.say("guest", "what number", key="3"))
    await hall.until(lambda: sum("cannot look up" in text for text in hall.texts(HOME)) == 2)
    grants.broken = False
    await again


async def test_who_is_on_the_list_need_not_wait(hall: Hall, grants: Refusal) -> None:
    assert grants.broken
    surface = await press(hall, "member", encode_button(Namespace("chat", "member"), STATUS))
    assert surface.alerts == [f"{LOCKED.message} {LOCKED.hint}"]
    assert await hall.reception.lets_in(Namespace("chat", "member"), ConversationId(PUBLIC))


async def test_what_was_missed_waits_too(hall: Hall, grants: Refusal) -> None:
    missed = [hall.message("guest", text) for text in ("remember 42", "what number")]
    taking = asyncio.create_task(hall.reception.take_missed(missed))
    await grants.times(2)
    grants.broken = False
    await taking
    await hall.sees(HOME, "2 messages came while I was away")


async def test_a_stranger_is_told_nothing_of_the_store_and_sent_away_when_it_is_back(
    hall: Hall, grants: Refusal
) -> None:
    said = asyncio.create_task(hall.say("stranger", "run ls", PUBLIC))
    await grants.times(2)
    grants.broken = False
    await said
    assert [text.partition(".")[0] for text in hall.texts(PUBLIC)] == [
        "⚠️ I cannot look up just now whether you are let in",
        "This bot is private",
    ]


async def test_a_pairing_code_that_cannot_be_looked_up_is_taken_later(
    hall: Hall, office: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (await Pairing(office._store.grants).make()).text
    refusal = Refusal(monkeypatch, Grants, "codes")
    refusal.broken = True
    said = asyncio.create_task(hall.say("stranger", code))
    await refusal.times(2)
    refusal.broken = False
    await said
    await hall.sees("home-stranger", "Welcome")


async def test_who_waits_for_an_answer_is_told_at_once(hall: Hall, grants: Refusal) -> None:
    assert grants.broken
    said: list[str] = []

    async def answer(view: Any) -> bool:
        said.append(view.plain())
        return True

    message = hall.message("guest", "/sessions", PUBLIC)
    assert not await hall.reception.take(message, answer=answer)
    surface = await press(hall, "guest", encode_button(GUEST, STATUS), PUBLIC)
    for words in (*said, *surface.alerts):
        assert "cannot look up just now" in words
        assert "palaver.db" not in words
    assert len(said) == len(surface.alerts) == 1
    assert not await hall.reception.lets_in(GUEST, ConversationId(PUBLIC))
    assert await hall.reception.complete(GUEST, ConversationId(PUBLIC), "/s") == []


class Doubtful:
    """A plugin that cannot tell."""

    doubts = True

    @hookimpl
    def on_authorize(self, namespace: Namespace) -> bool | None:
        if self.doubts and namespace == GUEST:
            raise PluginError("doubtful", "The chat does not answer.")
        return None


async def test_whom_a_plugin_does_not_know_is_asked_to_try_it_again(
    hall: Hall, office: Engine
) -> None:
    office.host.add("doubtful", Doubtful())
    with pytest.raises(AccessUnknownError):
        await office.authorized(GUEST, ConversationId(HOME))
    await hall.say("guest", "hello")
    [text] = hall.texts(HOME)
    assert "cannot look up just now" in text
    assert "Try it again." in text


async def test_what_a_plugin_does_not_know_is_told_once_until_it_does(
    hall: Hall, office: Engine
) -> None:
    doubtful = Doubtful()
    office.host.add("doubtful", doubtful)
    await office._store.grants.allow(Grant(namespace=GUEST))
    for times in (1, 2):
        doubtful.doubts = True
        await hall.reception.take_missed([hall.message("guest", text) for text in ("a", "b")])
        await hall.say("guest", "c")
        assert sum("cannot look up" in text for text in hall.texts(HOME)) == times
        doubtful.doubts = False
        await hall.say("guest", f"hello {times}")
        await hall.answered(HOME, f"hello {times}")
    assert [view.text for view in hall.seen(HOME) if view.kind == "answer"] == [
        "hello 1",
        "hello 2",
    ]


async def test_a_speaker_in_a_shared_place_is_vouched_for_when_that_can_be_read(
    hall: Hall, office: Engine, grants: Refusal
) -> None:
    grants.broken = False
    await hall.say("owner", "/share", PUBLIC)
    gate = hall.gates["slow"] = asyncio.Event()
    file = RemoteFile(id="slow", name="a.txt", media_type="text/plain")
    late = asyncio.create_task(hall.say("guest", "look", PUBLIC, files=(file,)))
    await hall.until_taken("look")
    grants.broken = True
    gate.set()
    await grants.times(2)
    grants.broken = False
    await late
    await hall.answered(PUBLIC, "Guest: look (with a.txt)")


# --- files --------------------------------------------------------------------------------------


class Ear:
    """Hears voices, and counts them."""

    def __init__(self) -> None:
        self.heard = 0

    @hookimpl
    def transcribe(self, audio: Audio) -> str:
        self.heard += 1
        return f"what {audio.path.name} says"


@pytest.mark.parametrize("missed", [False, True])
async def test_a_file_is_fetched_and_heard_once_however_often_the_store_refuses(
    hall: Hall, office: Engine, monkeypatch: pytest.MonkeyPatch, *, missed: bool
) -> None:
    ear = Ear()
    office.host.add("ear", ear)
    ledger = Refusal(monkeypatch, Ledger, "has" if missed else "add")
    ledger.broken = True
    files = (
        RemoteFile(id="paper", name="a.txt", media_type="text/plain"),
        RemoteFile(id="voice", name="v.ogg", media_type="audio/ogg", spoken=True),
    )
    message = hall.message("owner", "look", files=files)
    work = hall.reception.take_missed([message]) if missed else hall.reception.take(message)
    taking = asyncio.create_task(work)
    await ledger.times(3)
    ledger.broken = False
    await taking
    await hall.answered("home-owner", "what v.ogg says (with a.txt)")
    session = await office.current(Namespace("chat", "owner"), ConversationId("home-owner"))
    assert session
    assert [file.name for file in (session.workspace / "inbox").iterdir()] == ["a.txt"]
    assert ear.heard == 1
    assert sum("I heard" in text for text in hall.texts("home-owner")) == 1
    assert sum("is locked" in text for text in hall.texts("home-owner")) == 1


async def test_a_folder_that_cannot_be_found_out_yet_is_waited_for_between_two_files(
    hall: Hall, office: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = hall.gates["one"] = asyncio.Event()
    files = [RemoteFile(id=name, name=name, media_type="text/plain") for name in ("one", "two")]
    taking = asyncio.create_task(hall.say("owner", "look", files=tuple(files)))
    await hall.until_taken("look")
    current = Refusal(monkeypatch, Sessions, "current")
    current.broken = True
    gate.set()
    await current.times(2)
    current.broken = False
    await taking
    await hall.answered("home-owner", "look (with one, two)")
