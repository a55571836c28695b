"""How hooks are called: in order or all at once, in time, contained, and by name."""

import asyncio
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest

from palaver.config import Settings
from palaver.dispatch import Hooks
from palaver.engine import Engine
from palaver.errors import AccessUnknownError, PalaverError, PromptRejectedError
from palaver.events import Event, TextDelta
from palaver.frontends.contract import Frontend, MessageId, Place
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
)
from palaver.plugins import PluginHost
from palaver.views import View

ALICE = Namespace("bell", "alice")
HERE = ConversationId("here")
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
PROMPT = Prompt(namespace=ALICE, conversation=HERE, text="hello", key="1")
SESSION = Session(
    id=uuid4(), namespace=ALICE, agent="scripted", workspace=Path("/"), created=MOMENT,
    modified=MOMENT,
)  # fmt: skip
TURN = Turn(
    id=uuid4(), session_id=SESSION.id, prompt=PROMPT, state=TurnState.RUNNING, created=MOMENT
)
REQUEST = ApprovalRequest(
    id="ABC",
    session_id=SESSION.id,
    turn_id=TURN.id,
    namespace=ALICE,
    conversation=HERE,
    tool="Bash",
    summary="ls",
)
AUDIO = Audio(path=Path("/voice.ogg"), media_type="audio/ogg")

TIMEOUT_S = 0.2


def hooks(*plugins: object, timeout_s: float = TIMEOUT_S) -> Hooks:
    """Of these plugins, `p0`, `p1` and so on, in the order of their registration."""
    host = PluginHost(Settings.model_validate({"hooks": {"timeout_s": timeout_s}}), [])
    for number, plugin in enumerate(plugins):
        host.add(f"p{number}", plugin)
    host.frontends()
    return host.hooks


class Plugin:
    """Implements one hook, with that function, which gets its arguments as a dictionary."""

    def __init__(self, hook: str, act: Callable[[dict[str, Any]], object]) -> None:
        implementations: dict[str, Any] = {
            "on_authorize": lambda namespace, conversation: act(locals()),
            "on_prompt": lambda session, prompt: act(locals()),
            "on_approval": lambda request: act(locals()),
            "transcribe": lambda audio: act(locals()),
            "on_turn_finished": lambda session, turn: act(locals()),
            "on_cleanup": lambda report: act(locals()),
        }
        self.__dict__[hook] = hookimpl(implementations[hook])


class AsyncPlugin:
    """Implements one hook with that coroutine function."""

    def __init__(self, hook: str, function: Callable[..., Awaitable[object]]) -> None:
        self.__dict__[hook] = hookimpl(function)


def changes(text: str) -> Callable[[dict[str, Any]], Prompt]:
    def act(arguments: dict[str, Any]) -> Prompt:
        prompt: Prompt = arguments["prompt"]
        return prompt.model_copy(update={"text": prompt.text + text})

    return act


def fails(_: object) -> None:
    raise RuntimeError("broken on purpose")


def hangs(_: object) -> None:
    time.sleep(1.5)


# --- told ---------------------------------------------------------------------------------------

TOLD: dict[str, tuple[Callable[[Hooks], Awaitable[None]], set[str]]] = {
    "on_startup": (lambda hooks: hooks.startup("engine"), {"engine"}),
    "on_shutdown": (lambda hooks: hooks.shutdown("engine"), {"engine"}),
    "on_session_created": (lambda hooks: hooks.session_created(SESSION), {"session"}),
    "on_session_resumed": (lambda hooks: hooks.session_resumed(SESSION), {"session"}),
    "on_session_lost": (
        lambda hooks: hooks.session_lost(SESSION, SESSION),
        {"lost", "replacement"},
    ),
    "on_session_deleted": (lambda hooks: hooks.session_deleted(SESSION), {"session"}),
    "on_turn_finished": (lambda hooks: hooks.turn_finished(SESSION, TURN), {"session", "turn"}),
    "on_cleanup": (lambda hooks: hooks.cleanup(CleanupReport(namespace=ALICE)), {"report"}),
    "on_event": (
        lambda hooks: hooks.event(SESSION, TURN, TextDelta(text="x")),
        {"session", "turn", "event"},
    ),
}


class Everything:
    """Hears every hook that is told, and keeps what it was given."""

    def __init__(self) -> None:
        self.told: list[tuple[str, set[str]]] = []

    @hookimpl
    def on_startup(self, engine: Engine) -> None:
        self.told.append(("on_startup", {"engine"}))

    @hookimpl
    async def on_shutdown(self, engine: Engine) -> None:
        self.told.append(("on_shutdown", {"engine"}))

    @hookimpl
    def on_session_created(self, session: Session) -> None:
        self.told.append(("on_session_created", {"session"}))

    @hookimpl
    async def on_session_resumed(self, session: Session) -> None:
        self.told.append(("on_session_resumed", {"session"}))

    @hookimpl
    def on_session_lost(self, lost: Session, replacement: Session) -> None:
        self.told.append(("on_session_lost", {"lost", "replacement"}))

    @hookimpl
    async def on_session_deleted(self, session: Session) -> None:
        self.told.append(("on_session_deleted", {"session"}))

    @hookimpl
    def on_turn_finished(self, session: Session, turn: Turn) -> None:
        self.told.append(("on_turn_finished", {"session", "turn"}))

    @hookimpl
    async def on_event(self, session: Session, turn: Turn, event: Event) -> None:
        self.told.append(("on_event", {"session", "turn", "event"}))

    @hookimpl
    def on_cleanup(self, report: CleanupReport) -> None:
        self.told.append(("on_cleanup", {"report"}))


@pytest.mark.parametrize("hook", TOLD)
async def test_every_hook_that_is_told_is_heard_with_its_arguments(hook: str) -> None:
    tell, arguments = TOLD[hook]
    plugin = Everything()
    await tell(hooks(plugin))
    assert plugin.told == [(hook, arguments)]


async def test_a_plugin_gets_only_the_arguments_that_it_names() -> None:
    heard: list[dict[str, object]] = []

    class Modest:
        @hookimpl
        def on_turn_finished(self, turn: Turn) -> None:
            heard.append(locals())

    await hooks(Modest()).turn_finished(SESSION, TURN)
    assert [one["turn"] for one in heard] == [TURN]


async def test_those_who_are_told_hear_it_at_one_time() -> None:
    barrier = threading.Barrier(2, timeout=5)
    meet = Plugin("on_turn_finished", lambda _: barrier.wait())
    again = Plugin("on_turn_finished", lambda _: barrier.wait())
    await hooks(meet, again, timeout_s=6).turn_finished(SESSION, TURN)
    assert not barrier.broken


async def test_a_failure_is_logged_with_the_plugins_name_and_stops_nobody_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    plugins = [Plugin("on_turn_finished", fails), Everything(), Plugin("on_turn_finished", fails)]
    await hooks(*plugins).turn_finished(SESSION, TURN)
    assert isinstance(plugins[1], Everything)
    assert len(plugins[1].told) == 1
    messages = sorted(record.getMessage() for record in caplog.records)
    assert [message.split(":")[0] for message in messages] == ["plugin p0", "plugin p2"]
    assert "RuntimeError: broken on purpose" in caplog.text


# --- in time ------------------------------------------------------------------------------------


async def test_a_hook_that_takes_too_long_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    began = time.monotonic()
    await hooks(Plugin("on_turn_finished", hangs)).turn_finished(SESSION, TURN)
    assert time.monotonic() - began < 1.2
    assert "plugin p0: " in caplog.text
    assert f"took longer than {TIMEOUT_S} s" in caplog.text


async def test_an_async_hook_that_takes_too_long_is_cancelled() -> None:
    ends = []

    async def on_turn_finished(turn: Turn) -> None:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise

    await hooks(AsyncPlugin("on_turn_finished", on_turn_finished)).turn_finished(SESSION, TURN)
    assert ends == ["cancelled"]


async def test_a_timeout_of_the_plugins_own_is_not_called_ours(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def act(_: object) -> None:
        raise TimeoutError("its server is slow")

    await hooks(Plugin("on_turn_finished", act)).turn_finished(SESSION, TURN)
    assert "its server is slow" in caplog.text
    assert "took longer" not in caplog.text


async def test_a_plain_def_never_holds_up_the_event_loop() -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    await hooks(Plugin("on_turn_finished", hangs)).turn_finished(SESSION, TURN)
    ticking.cancel()
    assert ticks >= 5


async def test_hanging_hooks_leave_the_loops_own_threads_free() -> None:
    release = threading.Event()
    plugin = Plugin("on_turn_finished", lambda _: release.wait(10))
    called = hooks(plugin, timeout_s=8)
    waiting = [asyncio.create_task(called.turn_finished(SESSION, TURN)) for _ in range(100)]
    await asyncio.sleep(0.05)
    async with asyncio.timeout(2):
        assert await asyncio.to_thread(lambda: "free") == "free"
    release.set()
    await asyncio.gather(*waiting)


def test_a_hook_that_hangs_does_not_keep_the_program_from_ending() -> None:
    program = f"""
import asyncio, sys, threading
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from core.test_dispatch import *

def forever(_):
    threading.Event().wait()

asyncio.run(hooks(Plugin("on_turn_finished", forever)).turn_finished(SESSION, TURN))
print("over")
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )
    assert ended.stdout == "over\n"


# --- contained ----------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [StopIteration(), SystemExit(1), asyncio.CancelledError()])
async def test_no_exception_of_a_plugin_gets_out(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    def act(_: object) -> None:
        raise error

    async def on_approval(request: ApprovalRequest) -> None:
        raise error if not isinstance(error, StopIteration) else RuntimeError

    plugins = Plugin("on_approval", act), AsyncPlugin("on_approval", on_approval)
    assert await hooks(*plugins).approval(REQUEST) is None
    assert {record.getMessage().split(":")[0] for record in caplog.records} == {
        "plugin p0",
        "plugin p1",
    }
    assert "took longer" not in caplog.text


@pytest.mark.parametrize(
    "call",
    [
        lambda hooks: hooks.turn_finished(SESSION, TURN),
        lambda hooks: hooks.prompt(SESSION, PROMPT),
        lambda hooks: hooks.approval(REQUEST),
        lambda hooks: hooks.authorize(ALICE, HERE),
        lambda hooks: hooks.transcribe(ALICE, AUDIO),
    ],
)
@pytest.mark.parametrize("plain", [True, False])
async def test_a_cancellation_from_outside_is_passed_on(
    call: Callable[[Hooks], Awaitable[object]], plain: bool
) -> None:
    release = threading.Event()
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def plain_hook(_: object) -> None:
        loop.call_soon_threadsafe(begun.set)
        release.wait(5)

    async def async_hook() -> None:
        begun.set()
        await asyncio.sleep(5)

    names = ("on_turn_finished", "on_prompt", "on_approval", "on_authorize", "transcribe")
    plugin = type("All", (), {})()
    for name in names:
        made = Plugin(name, plain_hook) if plain else AsyncPlugin(name, async_hook)
        plugin.__dict__.update(made.__dict__)
    task = asyncio.ensure_future(call(hooks(plugin, timeout_s=10)))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    release.set()


async def test_an_async_function_behind_a_plain_one_is_awaited() -> None:
    async def answer() -> Decision:
        return Decision.ONCE

    plugin = Plugin("on_approval", lambda _: answer())
    assert await hooks(plugin).approval(REQUEST) is Decision.ONCE


# --- first answer wins --------------------------------------------------------------------------


async def test_hook_on_approval() -> None:
    """The plugin that was registered last is asked first; later ones are not asked."""
    asked: list[str] = []

    def answers(name: str, decision: Decision | None) -> Plugin:
        def act(_: object) -> Decision | None:
            asked.append(name)
            return decision

        return Plugin("on_approval", act)

    plugins = [answers("a", Decision.ONCE), answers("b", Decision.DENY), answers("c", None)]
    assert await hooks(*plugins).approval(REQUEST) is Decision.DENY
    assert asked == ["c", "b"]


@pytest.mark.parametrize("answer", ["once", True, 1, "deny", object()])
async def test_an_approval_is_given_by_a_decision_and_nothing_else(answer: object) -> None:
    assert await hooks(Plugin("on_approval", lambda _: answer)).approval(REQUEST) is None


async def test_a_plugin_that_fails_at_an_approval_leaves_it_to_the_next() -> None:
    plugins = Plugin("on_approval", lambda _: Decision.DENY), Plugin("on_approval", fails)
    assert await hooks(*plugins).approval(REQUEST) is Decision.DENY


@pytest.mark.parametrize(
    ("answer", "expected"), [(True, True), (False, False), (None, None), (1, False), ("", False)]
)
async def test_hook_on_authorize(answer: object, expected: bool | None) -> None:
    plugin = Plugin("on_authorize", lambda _: answer)
    assert await hooks(plugin).authorize(ALICE, HERE) is expected


@pytest.mark.parametrize("failure", [fails, hangs])
async def test_a_plugin_that_fails_to_authorize_says_neither_yes_nor_no(
    failure: Callable[[object], None],
) -> None:
    plugins = Plugin("on_authorize", lambda _: True), Plugin("on_authorize", failure)
    with pytest.raises(AccessUnknownError):
        await hooks(*plugins).authorize(ALICE, HERE)


async def test_a_plugin_that_says_what_is_wrong_is_logged_in_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def says(_: object) -> None:
        raise PalaverError("The chat does not answer.", hint="Wait.")

    with pytest.raises(AccessUnknownError):
        await hooks(Plugin("on_authorize", says)).authorize(ALICE, HERE)
    [record] = caplog.records
    assert "The chat does not answer." in record.getMessage()
    assert record.exc_info is None


async def test_hook_transcribe() -> None:
    plugins = Plugin("transcribe", lambda _: "hello"), Plugin("transcribe", lambda _: None)
    assert await hooks(*plugins).transcribe(ALICE, AUDIO) == "hello"
    assert await hooks().transcribe(ALICE, AUDIO) is None


async def test_a_transcription_takes_as_long_as_it_takes() -> None:
    async def transcribe(audio: Audio) -> str:
        await asyncio.sleep(TIMEOUT_S * 2)
        return audio.media_type

    assert (
        await hooks(AsyncPlugin("transcribe", transcribe)).transcribe(ALICE, AUDIO) == "audio/ogg"
    )


# --- in order -----------------------------------------------------------------------------------


async def test_hook_on_prompt() -> None:
    """In the order of registration, each with the last one's result."""
    plugins = [Plugin("on_prompt", changes(text)) for text in " there"]
    plugins.insert(3, Plugin("on_prompt", lambda _: None))
    assert (await hooks(*plugins).prompt(SESSION, PROMPT)).text == "hello there"


async def test_a_plugin_may_refuse_a_prompt_and_later_ones_are_not_asked() -> None:
    asked: list[object] = []

    def refuses(_: object) -> None:
        raise PromptRejectedError("Not on Sundays.")

    plugins = Plugin("on_prompt", refuses), Plugin("on_prompt", asked.append)
    with pytest.raises(PromptRejectedError, match=r"Not on Sundays\."):
        await hooks(*plugins).prompt(SESSION, PROMPT)
    assert asked == []


async def test_what_makes_a_prompt_the_users_own_cannot_be_changed() -> None:
    def act(arguments: dict[str, Any]) -> Prompt:
        prompt: Prompt = arguments["prompt"]
        bob = {"namespace": Namespace("bell", "bob"), "conversation": "there", "key": "2"}
        return prompt.model_copy(update={"text": "changed", **bob})

    changed = await hooks(Plugin("on_prompt", act)).prompt(SESSION, PROMPT)
    assert changed == PROMPT.model_copy(update={"text": "changed"})


@pytest.mark.parametrize("act", [fails, hangs, lambda _: "a text", lambda _: True])
async def test_a_plugin_that_makes_no_sense_leaves_the_prompt_as_it_is(
    act: Callable[[object], object],
) -> None:
    plugins = Plugin("on_prompt", act), Plugin("on_prompt", changes("!"))
    assert (await hooks(*plugins).prompt(SESSION, PROMPT)).text == "hello!"


# --- who hears whom -----------------------------------------------------------------------------


class Bell(Everything, Frontend):
    """A frontend and the plugin that has it."""

    name: ClassVar[str] = "bell"

    @hookimpl
    def register_frontends(self) -> list[Frontend]:
        return [self]

    async def start(self, engine: Engine) -> None: ...

    async def stop(self) -> None: ...

    async def send(self, place: Place, view: View) -> MessageId:
        return MessageId("")


class Gong(Bell):
    name: ClassVar[str] = "gong"


async def test_a_frontends_plugin_hears_only_of_its_own_namespaces() -> None:
    bell, gong, other = Bell(), Gong(), Everything()
    called = hooks(bell, gong, other)
    await called.session_created(SESSION)
    assert [len(one.told) for one in (bell, gong, other)] == [1, 0, 1]
    assert called.hears_events(ALICE)


async def test_what_is_about_no_namespace_is_heard_by_all() -> None:
    bell, gong = Bell(), Gong()
    await hooks(bell, gong).startup("engine")
    assert [one.told for one in (bell, gong)] == [[("on_startup", {"engine"})]] * 2


async def test_before_its_frontends_are_made_a_plugin_hears_only_what_its_own_name_would() -> None:
    bell, gong = Bell(), Gong()
    host = PluginHost(Settings(), [])
    host.add("bell", bell)
    host.add("gong", gong)
    await host.hooks.session_created(SESSION)
    assert [len(one.told) for one in (bell, gong)] == [1, 0]


async def test_nobody_listens_where_no_plugin_implements_the_hook(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    assert not hooks().hears_events(ALICE)
    await hooks().event(SESSION, TURN, TextDelta(text="x"))
    assert caplog.records == []


async def test_a_thousand_calls_at_once_are_all_answered() -> None:
    before = set(threading.enumerate())
    called = hooks(Plugin("on_authorize", lambda _: True), timeout_s=10)
    answers = await asyncio.gather(*(called.authorize(ALICE, HERE) for _ in range(1000)))
    assert answers == [True] * 1000
    assert len(set(threading.enumerate()) - before) <= 16
