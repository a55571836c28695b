"""`palaver ask` as a script or a person calls it."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli.conftest import Sit
from cli.terminals import CTRL_C, environment


def palaver(
    home: Path, folder: Path, *arguments: str, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "palaver.app", *arguments],
        input=stdin, capture_output=True, text=True, timeout=30, check=False,
        env=environment(home), cwd=folder,
    )  # fmt: skip


def test_a_prompt_from_arguments_and_a_pipe(home: Path, workspace: Path) -> None:
    done = palaver(home, workspace, "ask", "look at this:", stdin="piped in\n")
    assert (done.returncode, done.stdout) == (0, "look at this:\n\npiped in\n")
    assert done.stderr == ""


def test_no_prompt_is_a_wrong_use(home: Path, workspace: Path) -> None:
    done = palaver(home, workspace, "ask")
    assert done.returncode == 2
    assert "what do you want to ask?" in done.stderr


def test_json_lines_are_on_standard_output(home: Path, workspace: Path) -> None:
    done = palaver(home, workspace, "ask", "--json", "run ls")
    assert done.returncode == 3
    types = [json.loads(line)["type"] for line in done.stdout.splitlines()]
    assert types[0] == "turn_queued"
    assert "approval_asked" in types
    assert types[-1] == "turn_finished"


def test_a_reader_that_goes_away_is_no_error(home: Path, workspace: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "palaver.app", "ask", "stream 20000"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=environment(home), cwd=workspace,
    )  # fmt: skip
    assert process.stdout
    assert process.stderr
    assert process.stdout.read(5) == b"word0"
    process.stdout.close()
    assert process.wait(30) != 0
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()


def test_ctrl_c_stops_the_turn_and_leaves_with_130(sit: Sit) -> None:
    terminal = sit("ask", "wait 30")
    terminal.until("Working.")
    terminal.send(CTRL_C)
    assert terminal.ended() == 130
    assert "Stopped." in terminal.everything


def test_sigint_from_outside_is_130_too(home: Path, workspace: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "palaver.app", "ask", "wait 30"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment(home), cwd=workspace,
    )  # fmt: skip
    assert process.stdout
    assert process.stdout.read(8) == b"Working."
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    process.stdout.close()


@pytest.mark.parametrize(("key", "answer"), [("y", "I ran ls."), ("\r", "I did not run ls.")])
def test_a_person_at_the_terminal_is_asked(sit: Sit, key: str, answer: str) -> None:
    terminal = sit("ask", "run ls")
    terminal.until("Allow Bash?")
    terminal.quiet(0.7)
    terminal.send(key)
    terminal.until(answer)
    assert terminal.ended() == 0


def test_what_was_typed_ahead_approves_nothing(sit: Sit) -> None:
    terminal = sit("ask", "run ls")
    terminal.send("yyyy\r")
    terminal.until("Allow Bash?")
    terminal.send("y")
    terminal.quiet(1.0)
    assert "I ran" not in terminal.everything
    terminal.send("\r")
    terminal.until("I did not run ls.")


def test_piped_lines_are_messages_and_there_is_no_escape_code(home: Path, workspace: Path) -> None:
    lines = "remember 42\n\nwhat number\nrun ls\n/sessions\n"
    done = palaver(home, workspace, "chat", stdin=lines)
    assert done.returncode == 0
    assert "\x1b" not in done.stdout + done.stderr
    places = [
        done.stdout.index(text)
        for text in (
            "❯ remember 42",
            "I will remember 42.",
            "❯ what number",
            "You told me 42.",
            "nobody could be asked: Bash: ls",
            "I did not run ls.",
            "Your Claude Sessions",
        )
    ]
    assert places == sorted(places)


def test_the_end_of_the_chat_is_told_to_a_pipe_on_sigterm(home: Path, workspace: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "palaver.app", "chat"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=environment(home), cwd=workspace,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    process.stdin.write(b"hello\n")
    process.stdin.flush()
    while b"hello" not in process.stdout.readline():
        pass
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 128 + signal.SIGTERM
    process.stdin.close()
    process.stdout.close()
