"""What comes in: in its order, from those who may, and nothing of it lost."""

import asyncio
import logging
from dataclasses import replace
from pathlib import Path

import pytest

import palaver.frontends.reception
from palaver.engine import Engine
from palaver.errors import PluginError, StoreFullError
from palaver.frontends.incoming import RemoteFile
from palaver.hookspecs import hookimpl
from palaver.identity import ConversationId, Namespace
from palaver.models import Prompt, Turn
from palaver.pairing import Pairing
from palaver.store import Store
from palaver.turns import Turns
from palaver.views import encode_button
from support.halls import Hall, press
from support.people import engine_starter

HOME, PUBLIC = "home-owner", "public"
OWNER = Namespace("chat", "owner")


def picture(name: str) -> RemoteFile:
    return RemoteFile(id=name, name=f"{name}.png", media_type="image/png", size=4)


async def newest_prompt(engine: Engine, place: str = HOME, owner: Namespace = OWNER) -> Prompt:
    turn: Turn | None = await engine.last_turn(owner, ConversationId(place))
    assert turn
    return turn.prompt


# --- order --------------------------------------------------------------------------------------


async def test_a_prompt_behind_newsession_runs_in_the_new_session(hall: Hall) -> None:
    said = ("remember 42", "/newsession", "what number")
    await asyncio.gather(*(hall.say("owner", text) for text in said))
    await hall.sees(HOME, "You have told me no number.")


async def test_what_is_fetched_for_long_is_answered_before_what_was_sent_later(
    hall: Hall, office: Engine
) -> None:
    gate = hall.gates["slow"] = asyncio.Event()
    first = asyncio.create_task(hall.say("owner", "first", files=(picture("slow"),)))
    await hall.until_taken("first")
    second = asyncio.create_task(hall.say("owner", "second"))
    await hall.say("member", "meanwhile")
    await hall.sees("home-member", "meanwhile")
    assert hall.texts(HOME) == []
    gate.set()
    await asyncio.gather(first, second)
    await hall.answered(HOME, "second")
    answers = [view.text for view in hall.seen(HOME) if view.kind == "answer"]
    assert [text.split()[0] for text in answers] == ["first", "second"]


async def test_stop_waits_for_no_file_and_no_other_command_waits_for_long(hall: Hall) -> None:
    hall.gates["never"] = asyncio.Event()
    fetched = asyncio.create_task(hall.say("owner", "look", files=(picture("never"),)))
    await hall.until_taken("look")
    await hall.say("owner", "/stop")
    await hall.say("owner", "/sessions")
    await hall.sees(HOME, "Sessions")
    assert not fetched.done()
    fetched.cancel()


async def test_a_message_that_comes_twice_runs_once(hall: Hall, office: Engine) -> None:
    await hall.say("owner", "hello", key="1")
    await hall.say("owner", "hello", key="1")
    await office.idle()
    await hall.say("owner", "/sessioninfo")
    await hall.sees(HOME, "Turns: 1")


# --- who may ------------------------------------------------------------------------------------


async def test_a_stranger_gets_one_line_and_the_log_tells_who(
    hall: Hall, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for text in ("run ls", "/sessions", "hello?"):
        await hall.say("stranger", text, PUBLIC)
        await hall.say("stranger", text)
    assert hall.texts(PUBLIC) == ["This bot is private. (You are chat:stranger.)"]
    assert hall.texts("home-stranger") == []
    assert caplog.text.count("a stranger: chat:stranger, who goes by 'Stranger'") == 1


async def test_a_strangers_command_is_answered_each_time_where_the_chat_wants_an_answer(
    hall: Hall,
) -> None:
    said: list[str] = []

    async def answer(view: object) -> bool:
        said.append(str(view))
        return True

    for key in ("1", "2"):
        message = hall.message("stranger", "/sessions", PUBLIC, key=key)
        assert not await hall.reception.take(message, answer=answer)
    assert len(said) == 2
    assert all("private" in one for one in said)
    assert hall.texts(PUBLIC) == []


async def test_a_pairing_code_is_taken_in_private_and_nowhere_else(tmp_path: Path) -> None:
    async with engine_starter(tmp_path / "data", "scripted")(access={"owners": []}) as engine:
        hall = Hall(tmp_path / "chat")
        await hall.start(engine)
        store = await Store.open(tmp_path / "data" / "palaver.db")
        code = (await Pairing(store.grants).make()).text
        await store.close()
        await hall.say("stranger", code, PUBLIC)
        await hall.say("stranger", code.lower())
        await hall.sees("home-stranger", "Welcome")
        await hall.say("stranger", "hello there")
        await hall.sees("home-stranger", "hello there")
        assert hall.texts(PUBLIC) == ["This bot is private. (You are chat:stranger.)"]
        await hall.stop()


# --- what it says -------------------------------------------------------------------------------


async def test_what_nothing_can_be_made_of_is_said(hall: Hall) -> None:
    await hall.say("owner", unreadable="stickers")
    assert hall.texts(HOME) == ["I cannot read stickers."]


async def test_what_only_its_reader_may_see_is_whispered_where_others_read_along(
    hall: Hall,
) -> None:
    await hall.say("owner", "hello")
    await hall.answered(HOME, "hello")
    await hall.say("owner", "/sessions", PUBLIC)
    await hall.until(lambda: hall.whispered)
    assert [(owner, "Sessions" in view.plain()) for owner, view in hall.whispered] == [
        (OWNER, True)
    ]
    assert hall.texts(PUBLIC) == []
    await hall.say("owner", "/sessions")
    await hall.sees(HOME, "Sessions")


@pytest.mark.parametrize("missed", [False, True])
async def test_a_command_that_its_frontend_has_not_seen_is_whispered_too(
    hall: Hall, *, missed: bool
) -> None:
    await hall.say("owner", "hello")
    await hall.answered(HOME, "hello")
    message = replace(hall.message("owner", "/sessions", PUBLIC), command=False)
    if missed:
        await hall.reception.take_missed([message, hall.message("owner", "hi", PUBLIC)])
    else:
        await hall.reception.take(message)
    await hall.until(lambda: hall.whispered)
    assert [(who, "Sessions" in view.plain()) for who, view in hall.whispered] == [(OWNER, True)]
    assert not any("Sessions" in text for text in hall.texts(PUBLIC))


@pytest.mark.parametrize("words", ["/newsession", "/stop"])
async def test_what_stands_below_a_file_is_no_command(
    hall: Hall, office: Engine, words: str
) -> None:
    message = hall.message("owner", words, PUBLIC, files=(picture("a"),))
    await hall.reception.take(replace(message, command=False))
    await hall.answered(PUBLIC, f"{words} (with a.png)")
    assert hall.whispered == []
    assert (await newest_prompt(office, PUBLIC)).text == words


async def test_a_command_that_is_refused_says_why(hall: Hall) -> None:
    assert not await hall.say("owner", "/switch nowhere")
    assert (await hall.sees(HOME, "/sessions")).kind == "error"


async def test_whether_a_command_has_begun_a_turn_is_told(hall: Hall) -> None:
    await hall.say("owner", "fail")
    await hall.sees(HOME, "Run again")
    assert await hall.say("owner", "/retry")
    assert not await hall.say("owner", "/status")


# --- files --------------------------------------------------------------------------------------


async def test_a_file_that_cannot_be_had_is_said_and_the_words_run(
    hall: Hall, office: Engine
) -> None:
    hall.trouble["fetch"] = PluginError("chat", "The file is too large.", hint="Send a link.")
    await hall.say("owner", "look", files=(picture("huge"),))
    await hall.sees(HOME, "The file is too large.")
    await office.idle()
    assert (await newest_prompt(office)).attachments == ()
    await hall.sees(HOME, "look")


async def test_a_file_lands_in_the_inbox_under_a_safe_name(hall: Hall, office: Engine) -> None:
    file = RemoteFile(id="x", name="../../.bashrc", media_type="text/plain")
    await hall.say("owner", "look", files=(file,))
    await office.idle()
    [attachment] = (await newest_prompt(office)).attachments
    assert attachment.path.name == "bashrc"
    assert attachment.path.parent.name == "inbox"
    assert attachment.path.read_bytes() == b"x"


# --- shared places ------------------------------------------------------------------------------


async def test_in_a_shared_place_all_who_are_let_in_work_in_one_session(
    hall: Hall, office: Engine
) -> None:
    await hall.say("owner", "/share", PUBLIC)
    await hall.sees(PUBLIC, "Shared by Owner")
    await hall.say("owner", "remember 42", PUBLIC)
    await hall.sees(PUBLIC, "Owner: remember 42")
    await hall.say("member", "what number", PUBLIC)
    await hall.sees(PUBLIC, "Member: what number")
    await hall.say("stranger", "what number", PUBLIC)
    await hall.sees(PUBLIC, "This bot is private. (You are chat:stranger.)")
    await office.idle()
    shared = Namespace("chat", f"shared.{PUBLIC}")
    assert (await newest_prompt(office, PUBLIC, shared)).text == "Member: what number"
    await hall.say("owner", "what number")
    await hall.sees(HOME, "You have told me no number.")


async def test_what_is_shared_is_so_after_a_restart_until_it_is_ended(tmp_path: Path) -> None:
    start, place = engine_starter(tmp_path / "data", "scripted"), ConversationId(PUBLIC)
    async with start() as engine:
        hall = Hall(tmp_path / "chat")
        await hall.start(engine)
        await hall.say("owner", "/share", PUBLIC)
        await hall.stop()
    async with start() as engine:
        again = Hall(tmp_path / "chat")
        await again.start(engine)
        assert again.reception.shared(place)
        await again.say("member", "/unshare", PUBLIC)
        await again.sees(PUBLIC, "Not shared any more: Member")
        assert not again.reception.shared(place)
        await again.stop()


async def test_who_may_not_share_a_place_is_told_why(hall: Hall) -> None:
    hall.refusal = "Only its owner may."
    await hall.say("member", "/share", PUBLIC)
    assert hall.texts(PUBLIC) == ["Only its owner may."]
    assert not hall.reception.shared(ConversationId(PUBLIC))


class Door:
    """Lets a guest in for as long as it is open."""

    open = True

    @hookimpl
    def on_authorize(self, namespace: Namespace) -> bool | None:
        return self.open if namespace.user == "guest" else None


async def test_who_is_shut_out_meanwhile_runs_nothing_in_a_shared_place(
    hall: Hall, office: Engine
) -> None:
    door, shared = Door(), Namespace("chat", f"shared.{PUBLIC}")
    office.host.add("door", door)
    await hall.say("owner", "/share", PUBLIC)
    gate = hall.gates["slow"] = asyncio.Event()
    late = asyncio.create_task(hall.say("guest", "look", PUBLIC, files=(picture("slow"),)))
    await hall.until_taken("look")
    door.open = False
    gate.set()
    await late
    await office.idle()
    assert await office.last_turn(shared, ConversationId(PUBLIC)) is None


# --- what came while nobody listened ------------------------------------------------------------


async def test_one_message_that_was_missed_is_run(hall: Hall) -> None:
    await hall.reception.take_missed([hall.message("owner", "remember 42")])
    await hall.sees(HOME, "I will remember 42.")


async def test_several_that_were_missed_are_offered_and_run_when_that_is_wanted(
    hall: Hall, office: Engine
) -> None:
    missed = [hall.message("owner", text) for text in ("remember 42", "what number")]
    await hall.reception.take_missed(missed)
    offer = await hall.sees(HOME, "2 messages came while I was away")
    assert [action.label for action in offer.actions] == [
        "Run all", "Make one of them", "Discard",
    ]  # fmt: skip
    assert await office.last_turn(OWNER, ConversationId(HOME)) is None
    assert {"remember 42", "what number"} <= set(hall.taken)
    surface = await press(hall, "owner", encode_button(OWNER, offer.actions[0]))
    await hall.sees(HOME, "You told me 42.")
    await surface.until(lambda: surface.disarmed)
    again = await press(hall, "owner", encode_button(OWNER, offer.actions[0]), key="again")
    await office.idle()
    assert len(again.alerts) == 1


async def test_what_strangers_wrote_meanwhile_is_not_offered(hall: Hall, office: Engine) -> None:
    missed = [hall.message("stranger", text) for text in ("run ls", "hello?")]
    await hall.reception.take_missed(missed)
    await office.idle()
    assert hall.texts("home-stranger") == ["This bot is private. (You are chat:stranger.)"]


# --- when things go wrong -----------------------------------------------------------------------


async def test_a_full_disk_is_told_once_and_the_prompt_tried_until_it_is_kept(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(palaver.frontends.reception, "RETRY_S", 0.01)
    submit, failures = Turns.submit, [StoreFullError("The disk is full.")] * 3

    async def full(self: Turns, *arguments: object, **named: object) -> object:
        if failures:
            raise failures.pop()
        return await submit(self, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Turns, "submit", full)
    await hall.say("owner", "remember 42")
    assert not failures
    await hall.sees(HOME, "I will remember 42.")
    assert sum("The disk is full." in text for text in hall.texts(HOME)) == 1


@pytest.mark.parametrize("what", ["acknowledge", "heard", "fetch"])
async def test_what_a_frontend_raises_ends_no_other_message(hall: Hall, what: str) -> None:
    hall.trouble[what] = RuntimeError("broken")
    await hall.say("owner", "first", files=(picture("a"),))
    hall.trouble.clear()
    await hall.say("owner", "remember 42")
    await hall.sees(HOME, "I will remember 42.")


async def test_what_nobody_foresaw_is_said_to_its_sender(
    hall: Hall, caplog: pytest.LogCaptureFixture
) -> None:
    hall.trouble["fetch"] = RuntimeError("broken")
    await hall.say("owner", "look", files=(picture("a"),))
    await hall.sees(HOME, "That could not be taken")
    assert "a message could not be taken" in caplog.text


async def test_a_chat_that_takes_nothing_loses_no_prompt(hall: Hall, office: Engine) -> None:
    hall.trouble["send"] = RuntimeError("broken")
    await hall.say("owner", unreadable="stickers")
    await hall.say("owner", "remember 42")
    hall.trouble.clear()
    await hall.say("owner", "what number")
    await hall.sees(HOME, "You told me 42.")


async def test_on_closing_what_is_still_fetched_is_given_up_with_all_behind_it(
    hall: Hall,
) -> None:
    hall.gates["never"] = asyncio.Event()
    first = asyncio.create_task(hall.say("owner", "look", files=(picture("never"),)))
    await hall.until_taken("look")
    second = asyncio.create_task(hall.say("owner", "and then"))
    await hall.stop()
    async with asyncio.timeout(10):
        await asyncio.wait([first, second])
    assert first.cancelled()
    assert second.cancelled()
