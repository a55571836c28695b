"""`palaver ask`, on an engine in this process."""

import asyncio
import io
import json
import os
import pwd
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from palaver import (
    DeliveryState,
    Engine,
    Event,
    PluginHost,
    Settings,
    TextDelta,
    Told,
    TurnFinished,
    View,
    open_engine,
)
from palaver_cli import identity, plugin
from palaver_cli.ask import read_prompt, run_ask
from palaver_cli.exits import Exit
from palaver_cli.markdown import Block
from palaver_cli.surface import Key

EVENTS: TypeAdapter[Event] = TypeAdapter(Event)


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    settings = Settings.model_validate(
        {"data_dir": tmp_path / "data", "sessions": {"agent": "scripted"}}
    )
    host = PluginHost(settings, [])
    host.add("cli", plugin)
    async with open_engine(settings, host) as engine:
        yield engine


class Somebody:
    """A surface with a person who always answers the same."""

    def __init__(self, key: str | None, words: str | None = None) -> None:
        self._key = key
        self._words = words
        self.views: list[View] = []

    def echo(self, text: str) -> None: ...
    def answer(self, block: Block) -> None: ...
    def tool(self, tool: str, summary: str, *, ok: bool, output: str) -> None: ...
    def note(self, text: str, *, joined: bool = False) -> None: ...
    def changed(self) -> None: ...

    def view(self, view: View) -> None:
        self.views.append(view)

    async def key(self, question: str, keys: Sequence[Key]) -> str | None:
        return self._key

    async def words(self, question: str) -> str | None:
        return self._words


class Asked:
    """What came of one `palaver ask`."""

    def __init__(self, code: Exit, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


async def ask(
    engine: Engine,
    text: str,
    *,
    new: bool = False,
    as_json: bool = False,
    somebody: Somebody | None = None,
    workspace: Path = Path("/tmp"),
) -> Asked:
    out, err = io.StringIO(), io.StringIO()
    code = await run_ask(
        engine, text, new=new, json=as_json, workspace=workspace, out=out, err=err,
        surface=somebody,
    )  # fmt: skip
    return Asked(code, out.getvalue(), err.getvalue())


async def test_the_answer_and_nothing_else_is_on_standard_output(engine: Engine) -> None:
    asked = await ask(engine, "remember 42")
    assert (asked.code, asked.out, asked.err) == (Exit.DONE, "I will remember 42.\n", "")


async def test_the_conversation_goes_on_and_new_begins_another(engine: Engine) -> None:
    await ask(engine, "remember 42")
    assert "42" in (await ask(engine, "what number")).out
    assert "no number" in (await ask(engine, "what number", new=True)).out
    assert "no number" in (await ask(engine, "what number")).out


async def test_folders_are_conversations(engine: Engine, tmp_path: Path) -> None:
    await ask(engine, "remember 42", workspace=tmp_path / "one")
    assert "no number" in (await ask(engine, "what number", workspace=tmp_path / "two")).out


async def test_a_failed_turn_is_1_with_the_reason_on_standard_error(engine: Engine) -> None:
    asked = await ask(engine, "fail")
    assert asked.code is Exit.FAILED
    assert "The script says so." in asked.err
    assert asked.out == ""


async def test_a_broken_agent_is_1(engine: Engine) -> None:
    assert (await ask(engine, "crash")).code is Exit.FAILED


async def test_nobody_to_ask_is_a_denial_and_3(engine: Engine) -> None:
    asked = await ask(engine, "run rm")
    assert asked.code is Exit.DENIED
    assert asked.out == "I did not run rm.\n"
    assert "Denied, as nobody could be asked: Bash: rm" in asked.err


@pytest.mark.parametrize(("key", "answer"), [("y", "I ran ls."), ("", "I did not run ls.")])
async def test_somebody_decides_and_it_is_0(engine: Engine, key: str, answer: str) -> None:
    asked = await ask(engine, "run ls", somebody=Somebody(key))
    assert (asked.code, asked.out) == (Exit.DONE, f"{answer}\n")


async def test_an_approval_for_the_session_is_only_offered_where_it_can_be(
    engine: Engine,
) -> None:
    asked = await ask(engine, "run ls", somebody=Somebody("s"))
    assert asked.out == "I ran ls.\n"


async def test_a_question_is_answered_in_words(engine: Engine) -> None:
    asked = await ask(engine, "ask Which?|red|green", somebody=Somebody("", "2"))
    assert asked.out == "You said: green\n"


async def test_a_question_nobody_answers_is_3(engine: Engine) -> None:
    asked = await ask(engine, "ask Which?|red|green")
    assert (asked.code, asked.out) == (Exit.DENIED, "You did not say.\n")


async def test_a_plan_goes_back_with_a_remark(engine: Engine) -> None:
    asked = await ask(engine, "plan this", somebody=Somebody("c", "with tests"))
    assert asked.out == "To change: with tests\n"


async def test_json_is_one_event_a_line(engine: Engine) -> None:
    asked = await ask(engine, "stream 3", as_json=True)
    events = [EVENTS.validate_json(line) for line in asked.out.splitlines()]
    words = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert words == "word0 word1 word2 "
    assert isinstance(events[-1], TurnFinished)
    assert json.loads(asked.out.splitlines()[0])["type"] == "turn_queued"


async def test_a_commands_answer_is_printed(engine: Engine) -> None:
    await ask(engine, "remember 42")
    asked = await ask(engine, "/sessions")
    assert asked.code is Exit.DONE
    assert "remember 42" in asked.out


async def test_a_wrong_command_is_2(engine: Engine) -> None:
    asked = await ask(engine, "/sesions")
    assert asked.code is Exit.USAGE
    assert "/sessions" in asked.err


async def test_a_wrong_command_is_told_in_json_too(engine: Engine) -> None:
    asked = await ask(engine, "/sesions", as_json=True)
    [event] = [EVENTS.validate_json(line) for line in asked.out.splitlines()]
    assert isinstance(event, Told)


class Heard(io.StringIO):
    """Says when something has been written."""

    def __init__(self) -> None:
        super().__init__()
        self.something = asyncio.Event()

    def write(self, text: str) -> int:
        self.something.set()
        return super().write(text)


async def test_a_stopped_turn_is_130(engine: Engine, tmp_path: Path) -> None:
    out, err = Heard(), io.StringIO()
    asking = asyncio.create_task(run_ask(engine, "wait 30", workspace=tmp_path, out=out, err=err))
    await out.something.wait()
    await stop(engine, tmp_path)
    assert await asking is Exit.STOPPED
    assert (out.getvalue(), err.getvalue()) == ("Working. \n", "Stopped.\n")


async def stop(engine: Engine, workspace: Path) -> None:
    turn = await engine.last_turn(identity.namespace(), identity.conversation(workspace))
    assert turn
    assert await engine.stop(identity.namespace(), turn.id)


async def test_two_users_of_one_machine_see_nothing_of_each_other(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ask(engine, "remember 42")
    first, second = os.getuid(), next(u.pw_uid for u in pwd.getpwall() if u.pw_uid != os.getuid())
    monkeypatch.setattr(os, "getuid", lambda: second)
    assert (await ask(engine, "what number")).out == "You have told me no number.\n"
    assert "remember 42" not in (await ask(engine, "/sessions")).out
    monkeypatch.setattr(os, "getuid", lambda: first)
    assert (await ask(engine, "what number")).out == "You told me 42.\n"


async def test_the_delivery_is_recorded(engine: Engine) -> None:
    await ask(engine, "hello")
    turn = await engine.last_turn(identity.namespace(), identity.conversation(Path("/tmp")))
    assert turn
    assert turn.delivery is DeliveryState.DELIVERED


@pytest.mark.parametrize(
    ("words", "piped", "text"),
    [
        (("explain", "this"), None, "explain this"),
        ((), "from a pipe\n", "from a pipe"),
        (("explain",), "a\nb\n", "explain\n\na\nb"),
        (("explain",), "", "explain"),
        ((), "  indented\n", "  indented"),
        ((), "\n", ""),
    ],
)
def test_arguments_come_before_the_pipe(
    words: tuple[str, ...], piped: str | None, text: str
) -> None:
    class Stdin(io.StringIO):
        def isatty(self) -> bool:
            return piped is None

    assert read_prompt(words, Stdin(piped or "")) == text
