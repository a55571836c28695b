"""Programs that are not what they should be: each has its own plain words."""

import asyncio
import os
import stat
from pathlib import Path
from uuid import uuid4

import pytest

from core.agents.claude.conftest import Claude, Impostor, Person, finished, only, prompt, say, until
from palaver.agents.claude.agent import MINIMUM_VERSION
from palaver.agents.claude.failures import crashed, redact, turn_failure
from palaver.agents.claude.processes import find_process
from palaver.errors import (
    AgentCrashedError,
    AgentError,
    AgentHungError,
    AgentLoginError,
    AgentMismatchError,
    AgentMissingError,
    AgentOutdatedError,
    AgentProtocolError,
    SessionLostError,
)
from palaver.events import TextBlock


def script(tmp_path: Path, text: str) -> Path:
    """An executable shell script."""
    program = tmp_path / "script"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


async def test_the_impostor_passes_when_it_behaves(claude: Claude, impostor: Impostor) -> None:
    program = impostor('text("hello")\nresult(user_message_uuid=prompt, result="hello")')
    process = await claude.open(cli_path=program)
    events = await say(process, "hi")
    assert [block.text for block in only(events, TextBlock)] == ["hello"]
    assert finished(events).text == "hello"


async def test_broken_json_is_a_protocol_error(claude: Claude, impostor: Impostor) -> None:
    process = await claude.open(cli_path=impostor("print('{not json', flush=True)"))
    with pytest.raises(AgentProtocolError, match="not valid JSON"):
        await say(process, "hi")
    assert not process.alive


async def test_chatter_between_the_messages_is_passed_over(
    claude: Claude, impostor: Impostor
) -> None:
    behaviour = "print('[debug] noise\\n\\n', flush=True)\nresult(user_message_uuid=prompt)"
    process = await claude.open(cli_path=impostor(behaviour))
    assert finished(await say(process, "hi")).text == "fine"


async def test_a_message_of_an_unknown_type_is_passed_over(
    claude: Claude, impostor: Impostor
) -> None:
    behaviour = 'say(type="news")\nsay(type="user")\nresult(user_message_uuid=prompt)'
    process = await claude.open(cli_path=impostor(behaviour))
    assert finished(await say(process, "hi")).text == "fine"


async def test_a_result_that_cannot_be_read_is_a_protocol_error(
    claude: Claude, impostor: Impostor
) -> None:
    process = await claude.open(cli_path=impostor('say(type="result")'))
    with pytest.raises(AgentProtocolError, match="cannot be understood"):
        await asyncio.wait_for(say(process, "hi"), 10)


async def test_another_session_than_asked_for_is_a_mismatch(
    claude: Claude, impostor: Impostor
) -> None:
    other = uuid4()
    behaviour = f'session = "{other}"\ntext("secrets")\nresult(user_message_uuid=prompt)'
    process = await claude.open(cli_path=impostor(behaviour))
    turn = process.run(uuid4(), prompt("hi"), Person())
    with pytest.raises(AgentMismatchError, match=str(other)):
        await anext(turn)
    assert not process.alive


async def test_fifty_megabytes_in_many_lines_are_read(claude: Claude, impostor: Impostor) -> None:
    behaviour = (
        "for _ in range(5000):\n"
        '    say(type="system", subtype="noise", session_id=session, data="x" * 10_000)\n'
        "result(user_message_uuid=prompt)"
    )
    process = await claude.open(cli_path=impostor(behaviour))
    assert finished(await say(process, "hi")).text == "fine"


async def test_one_line_of_fifty_megabytes_is_read(claude: Claude, impostor: Impostor) -> None:
    behaviour = 'text("x" * 50_000_000)\nresult(user_message_uuid=prompt)'
    process = await claude.open(cli_path=impostor(behaviour))
    assert len(finished(await say(process, "hi")).text) == 50_000_000


async def test_a_line_that_is_longer_than_allowed_is_a_protocol_error(
    claude: Claude, impostor: Impostor
) -> None:
    program = impostor('text("x" * 2_000_000)')
    process = await claude.open(cli_path=program, max_line_mb=1)
    with pytest.raises(AgentProtocolError, match="more than 1 MB"):
        await say(process, "hi")


async def test_silence_in_a_turn_is_a_hang(claude: Claude, impostor: Impostor) -> None:
    process = await claude.open(cli_path=impostor('text("so")'), silence_timeout_s=0.3)
    name = process.process
    with pytest.raises(AgentHungError, match=r"0\.3 seconds"):
        await asyncio.wait_for(say(process, "hi"), 5)
    await until(lambda: find_process(name) is None)


async def test_a_program_that_does_not_obey_an_interrupt_is_given_up(
    claude: Claude, impostor: Impostor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("palaver.agents.claude.turn._OBEYS_WITHIN_S", 0.3)
    process = await claude.open(cli_path=impostor('text("so far")'))
    running = asyncio.create_task(say(process, "hi"))
    await asyncio.sleep(0.2)
    await process.interrupt()
    end = finished(await asyncio.wait_for(running, 5))
    assert (end.stopped, end.text) == (True, "so far")
    assert not process.alive


async def test_a_program_that_never_gets_ready_is_given_up(claude: Claude, tmp_path: Path) -> None:
    program = script(tmp_path, '[ "$1" = --version ] && echo 9.9.9 && exit\nsleep 1000')
    opening = claude.open(cli_path=program, start_timeout_s=0.5)
    with pytest.raises(AgentHungError, match=r"not ready after 0\.5 seconds"):
        await asyncio.wait_for(opening, 10)


async def test_a_program_that_ends_at_its_start_says_why(claude: Claude, tmp_path: Path) -> None:
    program = script(
        tmp_path, '[ "$1" = --version ] && echo 9.9.9 && exit\necho "no disk" >&2\nexit 3'
    )
    with pytest.raises(AgentCrashedError, match="ended with code 3: no disk") as caught:
        await asyncio.wait_for(claude.open(cli_path=program), 10)
    assert caught.value.exit_code_of_agent == 3


async def test_an_end_without_an_error_in_a_turn_is_a_crash(
    claude: Claude, impostor: Impostor
) -> None:
    process = await claude.open(cli_path=impostor("sys.exit(0)"))
    with pytest.raises(AgentCrashedError, match="ended with code 0"):
        await asyncio.wait_for(say(process, "hi"), 10)


async def test_what_it_complains_about_is_told_without_secrets(
    claude: Claude, impostor: Impostor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-very-secret")
    behaviour = "sys.stderr.write('bad key ' + os.environ['ANTHROPIC_API_KEY'])\nsys.exit(1)"
    process = await claude.open(cli_path=impostor(behaviour))
    with pytest.raises(AgentCrashedError, match="bad key <ANTHROPIC_API_KEY>") as caught:
        await say(process, "hi")
    assert "sk-very-secret" not in str(caught.value)


async def test_a_program_that_is_too_old_is_refused(claude: Claude, tmp_path: Path) -> None:
    program = script(tmp_path, 'echo "2.0.1 (Claude Code)"')
    with pytest.raises(AgentOutdatedError, match=r"2\.0\.1 .* too old") as caught:
        await claude.open(cli_path=program)
    assert "claude update" in caught.value.hint
    assert ".".join(map(str, MINIMUM_VERSION)) in caught.value.message


async def test_a_program_that_is_something_else_is_refused(claude: Claude, tmp_path: Path) -> None:
    with pytest.raises(AgentError, match="does not tell a version"):
        await claude.open(cli_path=script(tmp_path, "echo hello"))


@pytest.mark.parametrize("path", ["none", "folder", "plain"])
async def test_a_program_that_is_not_there_is_missing(
    claude: Claude, tmp_path: Path, path: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "plain").write_text("no program")
    with pytest.raises(AgentMissingError, match="no Claude Code at") as caught:
        await claude.open(cli_path=tmp_path / path)
    assert "cli_path" in caught.value.hint


async def test_a_program_that_cannot_be_executed_is_missing(claude: Claude, tmp_path: Path) -> None:
    program = tmp_path / "broken"
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o755)
    with pytest.raises(AgentMissingError, match="cannot be started"):
        await claude.open(cli_path=program)


async def test_a_workspace_that_is_gone_is_said(claude: Claude, tmp_path: Path) -> None:
    session = claude.session(workspace=tmp_path / "none")
    with pytest.raises(AgentError, match="none is not there"):
        await claude.open(session)


async def test_a_session_without_a_transcript_is_lost(claude: Claude) -> None:
    session = claude.session()
    with pytest.raises(SessionLostError, match=str(session.id)):
        await claude.open(session, resume=True)


async def test_a_transcript_that_the_program_cannot_use_is_lost(claude: Claude) -> None:
    session = claude.session()
    home = await claude.agent().transcripts.home(session)
    home.mkdir(parents=True)
    (home / f"{session.id}.jsonl").write_bytes(os.urandom(5000))
    with pytest.raises(SessionLostError):
        await claude.open(session, resume=True)


async def test_a_transcript_with_broken_lines_resumes(claude: Claude) -> None:
    session = claude.session()
    process = await claude.open(session)
    await say(process, "my number is 42")
    await say(process, "hello")
    await process.close()
    transcript = await claude.agent().transcripts.locate(session)
    assert transcript is not None
    lines = transcript.read_bytes().splitlines(keepends=True)
    transcript.write_bytes(b"".join([*lines[:-3], b'{"broken": \n', *lines[-3:]]) + b'{"cut')
    resumed = await claude.open(session, resume=True)
    assert "42" in finished(await say(resumed, "recall")).text


async def test_permissions_are_not_skipped_for_root(claude: Claude) -> None:
    if os.geteuid() != 0:
        pytest.skip("an ordinary user may")
    with pytest.raises(AgentError, match="root") as caught:
        await claude.open(claude.session(mode="bypassPermissions"))
    assert "/mode" in caught.value.hint


def test_each_end_has_its_own_words() -> None:
    assert isinstance(crashed(1, "Invalid API key · Please run /login", None), AgentLoginError)
    assert isinstance(crashed(1, "error: unknown option '--foo'", None), AgentOutdatedError)
    assert "middle of its work" in crashed(None, "", None).message
    assert "SIGSEGV" in crashed(-11, "", None).message
    failed = {"errors": ["no room"], "result": None}
    assert "no room" in crashed(1, "noise", failed).message


def test_a_failed_turn_always_says_what_to_do() -> None:
    kinds = ["error_max_turns", "error_max_budget_usd", "error_during_execution", "success"]
    for subtype in kinds:
        for status in (None, 400, 401, 404, 413, 418, 429, 500, 503, 529):
            text = turn_failure(subtype, status, [], "API Error: something", None)
            assert any(word in text for word in ("/", "Run ", "Wait", "Check", "Raise"))
            assert "API Error" not in text
    assert "billing" in turn_failure(
        "success", 400, [], "Credit balance is too low", "billing_error"
    )
    assert "/compact" in turn_failure("success", 400, [], "Prompt is too long · ...", None)


def test_only_secrets_are_taken_out_of_a_text() -> None:
    environment = {"ANTHROPIC_API_KEY": "sk-12345678", "HOME": "/home/alice", "SHORT_KEY": "a"}
    text = redact("a sk-12345678 in /home/alice", environment)
    assert text == "a <ANTHROPIC_API_KEY> in /home/alice"
