"""The program's process: what it inherits, how it ends, what it leaves."""

import asyncio
import json
import os
import shutil
import signal
import sys
import textwrap
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from core.agents.claude.conftest import (
    Claude,
    Impostor,
    Person,
    finished,
    only,
    prompt,
    say,
    until,
    use,
)
from palaver.agents.claude.options import build_arguments
from palaver.agents.claude.processes import find_process, process_name
from palaver.agents.claude.settings import ClaudeSettings
from palaver.agents.contract import AgentProcess
from palaver.errors import AgentCrashedError, AgentError
from palaver.events import TextDelta
from palaver.models import Decision

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def pid_of(process: AgentProcess) -> int:
    return int(process.process.partition(":")[0])


def environment_of(process: AgentProcess) -> dict[str, str]:
    raw = Path(f"/proc/{pid_of(process)}/environ").read_text()
    return dict(line.split("=", 1) for line in raw.split("\0") if line)


async def test_the_program_inherits_what_is_allowed_and_nothing_else(
    claude: Claude, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = {
        "PALAVER_PLUGINS__TELEGRAM__TOKEN": "123:secret",
        "TELEGRAM_TOKEN": "123:secret",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "SSH_AUTH_SOCK": "/tmp/agent",
        "CLAUDECODE": "1",
        "CLAUDE_CODE_SESSION_ID": "outer",
        "CLAUDE_CODE_MESSAGING_TOKEN": "outer",
    }
    passed = {
        "LC_ALL": "C.UTF-8",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "CLAUDE_CODE_SOMETHING": "yes",
        "MY_TOOL": "wanted",
    }
    for name, value in {**foreign, **passed}.items():
        monkeypatch.setenv(name, value)
    environment = environment_of(await claude.open(environment=["MY_TOOL", "NOT_SET"]))
    assert not foreign.keys() & environment.keys()
    assert passed.items() <= environment.items()
    allowed = {
        "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "HOME", "PATH", "LANG", "LANGUAGE", "MY_TOOL",
        "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy",
        "all_proxy", "no_proxy", "PWD", "DISABLE_AUTOUPDATER", "CLAUDE_CONFIG_DIR",
        "CLAUDE_AGENT_SDK_VERSION",
    }  # fmt: skip
    others = environment.keys() - allowed
    assert all(name.startswith(("LC_", "CLAUDE_CODE_")) for name in others)
    assert environment["PWD"] == str(claude.workspace)


async def test_no_secret_is_in_the_process_list(
    claude: Claude, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-very-secret")
    process = await claude.open()
    assert "sk-very-secret" not in " ".join(psutil.Process(pid_of(process)).cmdline())


async def test_the_program_leads_its_own_session(claude: Claude) -> None:
    pid = pid_of(await claude.open())
    assert os.getsid(pid) == pid
    assert os.getsid(pid) != os.getsid(0)


async def test_its_name_is_that_of_this_very_process(claude: Claude) -> None:
    process = await claude.open()
    assert process.process == process_name(pid_of(process))
    found = find_process(process.process)
    assert found is not None
    assert found.pid == pid_of(process)
    assert find_process(f"{found.pid}:{found.create_time() - 100}") is None
    for nonsense in ("", "x", "1:", ":1", "999999999:1"):
        assert find_process(nonsense) is None


async def test_closing_ends_it_twice_over(claude: Claude) -> None:
    process = await claude.open()
    await say(process, "hello")
    name = process.process
    await process.close()
    await process.close()
    assert find_process(name) is None
    assert not process.alive
    assert process.memory() == 0
    with pytest.raises(AgentError):
        await say(process, "hello")


async def test_closing_in_the_middle_of_a_turn_ends_what_the_tool_started(
    claude: Claude,
) -> None:
    process = await claude.open()
    beat = claude.workspace / "beat"
    command = f"for i in $(seq 1000); do echo $$ > {beat}; sleep 0.05; done"
    running = asyncio.create_task(say(process, use("Bash", command=command)))
    await until(lambda: beat.exists() and beat.read_text().strip())
    shell = int(beat.read_text())
    await process.close()
    with pytest.raises(AgentCrashedError):
        await running
    await until(lambda: not psutil.pid_exists(shell))


async def test_a_cancelled_close_leaves_no_process(claude: Claude) -> None:
    process = await claude.open()
    name = process.process
    closing = asyncio.create_task(process.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    await until(lambda: find_process(name) is None)


async def test_a_cancelled_start_leaves_no_process(claude: Claude) -> None:
    def children() -> list[psutil.Process]:
        return psutil.Process().children(recursive=True)

    before = len(children())
    opening = asyncio.create_task(claude.open())
    await until(lambda: len(children()) > before)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    await until(lambda: len(children()) == before)


async def test_a_cancelled_turn_makes_the_process_useless(claude: Claude) -> None:
    process = await claude.open()
    running = asyncio.create_task(say(process, "slow 500"))
    await claude.model.wait_for_request()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not process.alive


async def test_a_program_that_ignores_every_request_to_end_is_killed(
    claude: Claude, impostor: Impostor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("palaver.agents.claude.transport._GRACE_S", 0.3)
    program = impostor(
        "import signal\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "result(user_message_uuid=prompt)\n"
        "time.sleep(1000)"
    )
    process = await claude.open(cli_path=program)
    name = process.process
    await say(process, "hello")
    await asyncio.wait_for(process.close(), 5)
    assert find_process(name) is None


async def test_a_crash_in_the_middle_is_told_with_its_signal(claude: Claude) -> None:
    process = await claude.open()

    async def run() -> None:
        async for event in process.run(uuid4(), prompt("slow 500"), Person()):
            if isinstance(event, TextDelta):
                os.kill(pid_of(process), signal.SIGKILL)

    with pytest.raises(AgentCrashedError, match="SIGKILL") as caught:
        await asyncio.wait_for(run(), 10)
    assert caught.value.exit_code_of_agent == -signal.SIGKILL
    assert "memory" in caught.value.hint
    assert not process.alive


async def test_a_crash_between_turns_is_noticed(claude: Claude) -> None:
    process = await claude.open()
    os.kill(pid_of(process), signal.SIGKILL)
    await until(lambda: not process.alive)


async def test_its_memory_is_known_after_a_turn(claude: Claude) -> None:
    process = await claude.open()
    await say(process, "hello")
    await until(process.memory)
    assert process.memory() > 10_000_000


async def test_settling_waits_for_a_process_that_ends_by_itself(claude: Claude) -> None:
    child = await asyncio.create_subprocess_exec("sleep", "0.5", start_new_session=True)
    name = process_name(child.pid)
    await claude.agent().settle(name, limit_s=10)
    assert find_process(name) is None
    assert await child.wait() == 0


async def test_settling_ends_a_process_that_does_not(claude: Claude) -> None:
    child = await asyncio.create_subprocess_exec("sleep", "1000", start_new_session=True)
    name = process_name(child.pid)
    await claude.agent().settle(name, limit_s=0.1)
    assert find_process(name) is None
    assert await child.wait() == -signal.SIGTERM


async def test_settling_leaves_another_process_with_the_same_pid_alone(claude: Claude) -> None:
    child = await asyncio.create_subprocess_exec("sleep", "1000", start_new_session=True)
    started = psutil.Process(child.pid).create_time() - 60
    await claude.agent().settle(f"{child.pid}:{started}", limit_s=0.1)
    assert child.returncode is None
    child.kill()
    await child.wait()


_PARENT = """
    import asyncio, os, sys, uuid
    from pathlib import Path
    from core.agents.claude.conftest import ALICE, HOME, Person, prompt
    from palaver.agents.claude.agent import ClaudeAgent
    from palaver.agents.claude.settings import ClaudeSettings
    from palaver.models import Session, now

    async def main():
        session = Session(id=uuid.UUID(sys.argv[1]), namespace=ALICE, agent="claude",
            workspace=Path(sys.argv[2]), created=now(), modified=now())
        process = await ClaudeAgent(ClaudeSettings(), Path("none")).open(session, resume=False)
        print(process.process, flush=True)
        async for event in process.run(uuid.UUID(sys.argv[3]), prompt("slow 30"), Person()):
            print(event.type, flush=True)

    asyncio.run(main())
"""


async def test_after_a_kill_of_palaver_the_answer_is_found_in_the_transcript(
    claude: Claude,
) -> None:
    session, turn_id = claude.session(), uuid4()
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", textwrap.dedent(_PARENT)),
        *(str(session.id), str(claude.workspace), str(turn_id)),
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        stdout=asyncio.subprocess.PIPE,
    )
    assert parent.stdout is not None
    name = (await parent.stdout.readline()).decode().strip()
    while await parent.stdout.readline() != b"text_delta\n":
        pass
    parent.kill()
    await parent.wait()
    agent = claude.agent()
    assert find_process(name) is not None
    assert await agent.transcripts.answer(session, turn_id) is None
    await agent.settle(name, limit_s=20)
    answer = await agent.transcripts.answer(session, turn_id)
    assert answer is not None
    assert answer.split() == ["word"] * 30
    resumed = await claude.open(session, resume=True)
    assert "slow 30" in finished(await say(resumed, "recall")).text


def test_values_cannot_become_flags(claude: Claude) -> None:
    settings = ClaudeSettings(append_system_prompt="--dangerously-skip-permissions")
    session = claude.session(model="--debug")
    arguments = build_arguments(
        settings, session, Path("/bin/claude"), claude.home, [claude.home], resume=False
    )
    assert "--model=--debug" in arguments
    assert "--append-system-prompt=--dangerously-skip-permissions" in arguments
    assert all(argument.startswith("--") for argument in arguments[1:])


def test_only_a_trusted_workspace_brings_its_own_settings(tmp_path: Path) -> None:
    trusted, other = tmp_path / "mine", tmp_path / "other"
    trusted.mkdir()
    other.mkdir()
    (tmp_path / "link").symlink_to(other)
    settings = ClaudeSettings(trusted_workspaces=[str(trusted), str(tmp_path / "li*")])
    assert settings.sources(trusted) == ("user", "project", "local")
    assert settings.sources(other) == ("user",)
    assert settings.sources(tmp_path / "link") == ("user",)
    assert settings.sources(trusted / ".." / "other") == ("user",)


async def test_a_workspace_that_is_not_trusted_runs_no_hooks(claude: Claude) -> None:
    folder = claude.workspace / ".claude"
    folder.mkdir()
    hook = f'{{"type": "command", "command": "touch {claude.home}/hooked"}}'
    (folder / "settings.json").write_text(
        f'{{"hooks": {{"UserPromptSubmit": [{{"hooks": [{hook}]}}]}}}}'
    )
    await say(await claude.open(), "hello")
    assert not (claude.home / "hooked").exists()
    trusted = await claude.open(trusted_workspaces=[str(claude.workspace)])
    await say(trusted, "hello")
    assert (claude.home / "hooked").exists()


async def test_without_what_the_sandbox_needs_no_session_starts(
    claude: Claude, monkeypatch: pytest.MonkeyPatch
) -> None:
    (claude.home / "bin").mkdir()
    monkeypatch.setenv("PATH", str(claude.home / "bin"))
    with pytest.raises(AgentError, match="sandbox cannot be used") as caught:
        await claude.open(sandbox=True)
    assert "bubblewrap" in caught.value.hint
    found = await claude.agent(sandbox=True).examine()
    assert [item.ok for item in found if item.name == "claude sandbox"] == [False]


@pytest.mark.skipif(
    not (shutil.which("bwrap") and shutil.which("socat")), reason="needs bubblewrap and socat"
)
async def test_a_sandboxed_command_sees_and_writes_its_own_workspace_only(claude: Claude) -> None:
    data = claude.home / "data"
    mine, other = data / "workspaces" / "mine", data / "workspaces" / "other"
    for folder in (mine, other):
        folder.mkdir(parents=True)
        (folder / "note.txt").write_text("milk")
    session = claude.session(workspace=mine)
    process = await claude.open(session, sandbox=True, sandbox_in_container=True)
    person = Person(decision=Decision.DENY)

    async def run(command: str) -> str:
        return finished(await say(process, use("Bash", command=command), person=person)).text

    assert "milk" in await run("cat note.txt; touch made.txt")
    assert (mine / "made.txt").exists()
    assert "milk" not in await run(f"cat {other}/note.txt")
    assert str(session.id) not in await run(f"ls -R {claude.home}/.claude")
    await run(f"touch {claude.home}/made.txt")
    assert not (claude.home / "made.txt").exists()
    assert not person.approvals


@pytest.mark.skipif(
    not (shutil.which("bwrap") and shutil.which("socat")), reason="needs bubblewrap and socat"
)
async def test_a_sandboxed_command_spares_what_is_palavers_in_its_workspace(claude: Claude) -> None:
    data = claude.home / "data"
    data.mkdir()
    (data / "palaver.db").write_text("milk")
    token = claude.home / "chat.token"
    token.write_text("milk")
    agent = claude.agent(sandbox=True, sandbox_in_container=True)
    agent.outbox.private += (token, claude.home / "none", claude.home / "none.toml")
    process = await agent.open(claude.session(workspace=claude.home), resume=False)
    claude.opened.append(process)

    async def run(command: str) -> str:
        return finished(await say(process, use("Bash", command=command))).text

    await run(
        "echo x > chat.token; touch data/made.txt; rm -rf data; "
        "touch .claude/made.txt; touch made.txt"
    )
    assert (claude.home / "made.txt").exists()
    assert not (claude.home / ".claude" / "made.txt").exists()
    assert [path.name for path in data.iterdir()] == ["palaver.db"]
    assert token.read_text() == "milk"
    assert "milk" not in await run("cat data/palaver.db chat.token")


def test_what_is_palavers_is_not_written_only_where_the_workspace_contains_it(
    claude: Claude, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    data, configuration = tmp_path / "data", tmp_path / ".claude"

    def denied(workspace: Path) -> list[str]:
        settings, session = ClaudeSettings(sandbox=True), claude.session(workspace=workspace)
        arguments = build_arguments(
            settings, session, Path("claude"), configuration, [configuration, data], resume=False
        )
        [own] = [one for one in arguments if one.startswith("--settings=")]
        filesystem = json.loads(own.partition("=")[2])["sandbox"]["filesystem"]
        return list(filesystem["denyWrite"])

    assert denied(data / "workspaces" / "mine") == []
    assert denied(tmp_path / "elsewhere") == []
    for workspace in (tmp_path, tmp_path / "link"):
        assert denied(workspace) == [str(configuration), str(data)]


async def test_a_denied_folder_cannot_be_read(claude: Claude) -> None:
    secret = claude.workspace / "secret"
    secret.mkdir()
    (secret / "key.txt").write_text("the-secret-word")
    process = await claude.open(deny_read=[str(secret)])
    events = await say(process, use("Read", file_path=str(secret / "key.txt")))
    assert "the-secret-word" not in finished(events).text
    assert only(events, TextDelta)


async def test_a_session_that_is_open_in_a_terminal_is_not_opened_again(claude: Claude) -> None:
    session = claude.session()
    process = await claude.open(session)
    await say(process, "hello")
    await process.close()
    terminal = await asyncio.create_subprocess_exec("sleep", "1000")
    folder = claude.home / ".claude" / "sessions"
    folder.mkdir(exist_ok=True)
    entry = {
        "pid": terminal.pid,
        "sessionId": str(session.id),
        "entrypoint": "cli",
        "startedAt": int(psutil.Process(terminal.pid).create_time() * 1000) + 300,
    }
    (folder / f"{terminal.pid}.json").write_text(json.dumps(entry))
    (folder / "broken.json").write_text("{")
    with pytest.raises(AgentError, match=f"open in a terminal .*{terminal.pid}"):
        await claude.open(session, resume=True)
    terminal.kill()
    await terminal.wait()
    assert finished(await say(await claude.open(session, resume=True), "recall")).text


async def test_a_process_opened_after_anothers_turn_remembers_it(claude: Claude) -> None:
    session = claude.session()
    first = await claude.open(session)
    await say(first, "one")
    second = await claude.open(session, resume=True)
    await say(second, "two")
    await first.close()
    third = await claude.open(session, resume=True)
    assert finished(await say(third, "recall")).text == "one | two | recall"
