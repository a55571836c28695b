"""Every hook is called by the engine when it says it is, and has a test of its own."""

import ast
import asyncio
import inspect
import os
import re
from datetime import timedelta
from pathlib import Path

import pytest

import palaver.hookspecs
from palaver.engine import Engine
from palaver.errors import AccessDeniedError, PromptRejectedError
from palaver.events import ApprovalAsked, Event, TextDelta, TurnFinished
from palaver.identity import ConversationId, Namespace
from palaver.markers import hookimpl
from palaver.models import (
    ApprovalRequest,
    Audio,
    CleanupReport,
    Decision,
    Prompt,
    Session,
    Turn,
    TurnState,
    now,
)
from support.people import OpenEngine, Person, engine_starter

TESTS = Path(__file__).parents[1]


@pytest.fixture
def start(tmp_path: Path) -> OpenEngine:
    return engine_starter(tmp_path, "scripted")


def alice(engine: Engine) -> Person:
    return Person(engine, Namespace("chat", "alice"))


# --- the guard ----------------------------------------------------------------------------------


def hooks() -> list[str]:
    tree = ast.parse(inspect.getsource(palaver.hookspecs))
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]


@pytest.mark.parametrize("hook", hooks())
def test_every_hook_has_a_test(hook: str) -> None:
    pattern = re.compile(rf"def test_hook_{hook}\b")
    assert any(pattern.search(file.read_text("utf-8")) for file in TESTS.rglob("test_*.py"))


@pytest.mark.parametrize("hook", [name for name in hooks() if name.startswith("on_")])
def test_every_hook_at_run_time_is_called_in_one_place_only(hook: str) -> None:
    """`dispatch.py` alone calls plugins, so that nobody calls them without its care."""
    core = Path(palaver.hookspecs.__file__).parent
    speak = [file.name for file in core.glob("*.py") if f'"{hook}"' in file.read_text("utf-8")]
    assert speak == ["dispatch.py"]


# --- the life of the engine ---------------------------------------------------------------------


class Heard:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, object]] = []

    def of(self, hook: str) -> list[object]:
        return [what for name, what in self.told if name == hook]

    @hookimpl
    async def on_startup(self, engine: Engine) -> None:
        namespaces = await engine.sessions.page(Namespace("chat", "alice"), ConversationId("home"))
        self.told.append(("on_startup", namespaces.total))

    @hookimpl
    async def on_shutdown(self, engine: Engine) -> None:
        page = await engine.sessions.page(Namespace("chat", "alice"), ConversationId("home"))
        self.told.append(("on_shutdown", page.total))

    @hookimpl
    def on_session_created(self, session: Session) -> None:
        self.told.append(("on_session_created", session))

    @hookimpl
    def on_session_resumed(self, session: Session) -> None:
        self.told.append(("on_session_resumed", session.id))

    @hookimpl
    def on_session_lost(self, lost: Session, replacement: Session) -> None:
        self.told.append(("on_session_lost", (lost, replacement)))

    @hookimpl
    def on_session_deleted(self, session: Session) -> None:
        self.told.append(("on_session_deleted", session))

    @hookimpl
    def on_event(self, session: Session, turn: Turn, event: Event) -> None:
        self.told.append(("on_event", (session.id, turn.id, event)))

    @hookimpl
    def on_turn_finished(self, session: Session, turn: Turn) -> None:
        self.told.append(("on_turn_finished", (session, turn)))

    @hookimpl
    def on_cleanup(self, report: CleanupReport) -> None:
        self.told.append(("on_cleanup", report))


async def test_hook_on_startup(start: OpenEngine) -> None:
    """The store is open: it can be asked."""
    heard = Heard()
    async with start({"heard": heard}):
        assert heard.told == [("on_startup", 0)]


async def test_hook_on_shutdown(start: OpenEngine) -> None:
    """No turn runs any more, and the store is still open."""
    heard = Heard()
    async with start({"heard": heard}) as engine:
        async for event in await alice(engine).submit("wait 60"):
            if isinstance(event, TextDelta):
                break
    assert heard.told[-1] == ("on_shutdown", 1)
    [(_, turn)] = [what for what in heard.of("on_turn_finished") if isinstance(what, tuple)]
    assert turn.state is TurnState.INTERRUPTED


# --- the way of a prompt ------------------------------------------------------------------------


class Doorkeeper:
    @hookimpl
    def on_authorize(self, namespace: Namespace, conversation: ConversationId) -> bool | None:
        return {"alice": True, "bob": False}.get(namespace.user)


async def test_a_plugin_lets_in_and_shuts_out(start: OpenEngine) -> None:
    access = {"owners": [], "members": ["chat:bob"]}
    async with start({"door": Doorkeeper()}, access=access) as engine:
        assert await alice(engine).ask("hello") == "hello"
        for user in ("bob", "carol"):
            with pytest.raises(AccessDeniedError):
                await Person(engine, Namespace("chat", user)).submit("hello")


class Editor:
    @hookimpl
    def on_prompt(self, session: Session, prompt: Prompt) -> Prompt | None:
        if "secret" in prompt.text:
            raise PromptRejectedError("Keep it to yourself.")
        return prompt.model_copy(update={"text": f"{prompt.text} ({session.namespace})"})


async def test_a_plugin_changes_and_refuses_prompts(start: OpenEngine) -> None:
    async with start({"editor": Editor()}) as engine:
        assert await alice(engine).ask("hello") == "hello (chat:alice)"
        refused = await alice(engine).end_of("my secret")
        assert (refused.state, refused.error) == (TurnState.FAILED, "Keep it to yourself.")


class Approver:
    @hookimpl
    async def on_approval(self, request: ApprovalRequest) -> Decision | None:
        return {"ls": Decision.ONCE, "rm": Decision.DENY}.get(request.summary)


async def test_a_plugin_approves_in_the_users_place_or_leaves_it_to_them(
    start: OpenEngine,
) -> None:
    async with start({"approver": Approver()}) as engine:
        person = alice(engine)
        assert await person.ask("run ls") == "I ran ls."
        assert await person.ask("run rm") == "I did not run rm."
        async for event in await person.submit("run cp"):
            if isinstance(event, ApprovalAsked):
                await person.view(f"/allow {event.request.id}")
            if isinstance(event, TurnFinished):
                assert event.text == "I ran cp."


class Ear:
    @hookimpl
    def transcribe(self, audio: Audio) -> str | None:
        return f"heard {audio.media_type}"


async def test_a_plugin_turns_speech_into_text(start: OpenEngine, tmp_path: Path) -> None:
    audio = Audio(path=tmp_path / "voice.ogg", media_type="audio/ogg")
    async with start({"ear": Ear()}) as engine:
        heard = await engine.transcribe(Namespace("chat", "alice"), audio)
    assert heard == "heard audio/ogg"


# --- what has happened --------------------------------------------------------------------------


async def test_hook_on_session_created(start: OpenEngine) -> None:
    heard = Heard()
    async with start({"heard": heard}) as engine:
        person = alice(engine)
        await person.ask("hello")
        await person.view("/newsession")
        await person.view("/newsession")  # the one that was never used is taken again
        current = await person.session()
    created = heard.of("on_session_created")
    assert len(created) == 2
    assert isinstance(created[1], Session)
    assert (created[1].id, created[1].turns) == (current.id, 0)


async def test_hook_on_session_resumed(start: OpenEngine) -> None:
    heard = Heard()
    async with start({"heard": heard}) as engine:
        await alice(engine).ask("hello")
        await alice(engine).ask("again, in the same process")
        assert heard.of("on_session_resumed") == []
    async with start({"heard": heard}) as engine:
        await alice(engine).ask("once more, in another")
        assert heard.of("on_session_resumed") == [(await alice(engine).session()).id]


async def test_hook_on_session_lost(start: OpenEngine) -> None:
    heard = Heard()
    async with start() as engine:
        await alice(engine).ask("remember 42")
        lost = await alice(engine).session()
    assert lost.transcript
    lost.transcript.unlink()
    async with start({"heard": heard}) as engine:
        await alice(engine).say("what number")
        replacement = await alice(engine).session()
    [what] = heard.of("on_session_lost")
    assert isinstance(what, tuple)
    assert [one.id for one in what] == [lost.id, replacement.id]
    assert what[0].lost


async def test_hook_on_session_deleted(start: OpenEngine) -> None:
    heard = Heard()
    async with start({"heard": heard}) as engine:
        person = alice(engine)
        await person.ask("hello")
        session = await person.session()
        await person.view(f"/delete {session.id} yes")
    [deleted] = heard.of("on_session_deleted")
    assert isinstance(deleted, Session)
    assert deleted.id == session.id
    assert deleted.trashed


async def test_hook_on_event(start: OpenEngine) -> None:
    """In the order in which they happened, and none is missing."""
    heard = Heard()
    async with start({"heard": heard}) as engine:
        seen = await alice(engine).say("stream 50")
        session = await alice(engine).session()
        async with asyncio.timeout(10):
            # a start, the agent's word, fifty deltas; they come beside the turn, so perhaps later
            while len(heard.of("on_event")) < 52:  # noqa: ASYNC110 - they are told in a thread
                await asyncio.sleep(0.01)
    events = [what[2] for what in heard.of("on_event") if isinstance(what, tuple)]
    assert events == [event for event in seen if event in events]
    turn_id = next(event.turn_id for event in seen if isinstance(event, TurnFinished))
    assert {what[:2] for what in heard.of("on_event") if isinstance(what, tuple)} == {
        (session.id, turn_id)
    }


@pytest.mark.parametrize(
    ("prompt", "state"),
    [("hello", TurnState.DONE), ("fail", TurnState.FAILED), ("crash", TurnState.FAILED)],
)
async def test_hook_on_turn_finished(start: OpenEngine, prompt: str, state: TurnState) -> None:
    heard = Heard()
    async with start({"heard": heard}) as engine:
        finished = await alice(engine).end_of(prompt)
        await engine.idle()
    [what] = heard.of("on_turn_finished")
    assert isinstance(what, tuple)
    session, turn = what
    assert (turn.id, turn.state, turn.answer) == (finished.turn_id, state, finished.text)
    assert session.id == turn.session_id


async def test_hook_on_cleanup(start: OpenEngine) -> None:
    """Told once for each namespace where something was done, and for no other."""
    heard = Heard()
    async with start({"heard": heard}) as engine:
        old = await used(engine, "alice", days=40)
        await used(engine, "bob", days=10)
        await engine.trash.clean_up()
    [report] = heard.of("on_cleanup")
    assert isinstance(report, CleanupReport)
    assert (report.namespace.user, report.trashed) == ("alice", (old.id,))


async def used(engine: Engine, user: str, *, days: int) -> Session:
    """A session that was last used so many days ago, and is not the current one."""
    person = Person(engine, Namespace("chat", user))
    await person.ask("hello")
    session = await person.session()
    assert session.transcript
    moment = (now() - timedelta(days=days)).timestamp()
    os.utime(session.transcript, (moment, moment))
    await person.view("/newsession")
    return session


def test_the_hooks_that_are_told_are_those_of_this_file() -> None:
    told = {name for name in hooks() if name.startswith("on_")}
    asked = {"on_authorize", "on_prompt", "on_approval"}
    assert {name for name in vars(Heard) if name.startswith("on_")} == told - asked
