"""`palaver chat` and `palaver ask` with the real Claude Code; only the model is scripted."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from cli.terminals import CTRL_C, CTRL_D, LiveTerminal, environment, sitting_at, takes_keys
from palaver.testing.model import LoopbackModel


def variables(model: LoopbackModel, home: Path) -> dict[str, str]:
    return {
        **environment(home),
        **model.environment(home),
        "PALAVER_SESSIONS__AGENT": "claude",
    }


async def test_a_day_at_the_terminal(model: LoopbackModel, home: Path, workspace: Path) -> None:
    """Remember, write a file, stop, leave, come back; ask from a script; crash and recover."""
    around = variables(model, home)
    await asyncio.to_thread(morning, around, workspace)
    asked = await asyncio.to_thread(ask, around, workspace, "What number did I tell you?")
    assert (asked.returncode, asked.stdout) == (0, "You told me the number 42.\n")
    await asyncio.to_thread(crash, around, workspace)
    assert processes_of(home) == []


def morning(around: dict[str, str], workspace: Path) -> None:
    with sitting_at("chat", environment=around, folder=workspace) as chat:
        chat.until("❯")
        chat.say("Remember the number 42.")
        chat.until("I'll remember the number 42.")
        chat.say("Write a file hello.txt with hello")
        chat.until("Allow Write?")
        assert "+hello" in chat.everything
        assert not (workspace / "hello.txt").exists()
        chat.until(takes_keys("Allow Write?"))
        chat.send("y")
        chat.until("I have written hello.txt.")
        assert (workspace / "hello.txt").read_text().strip() == "hello"
        stop_in_the_middle(chat)
        chat.send(CTRL_D)
        assert chat.ended() == 0


def stop_in_the_middle(chat: LiveTerminal) -> None:
    chat.say("count slowly")
    chat.until("1 2 3")
    chat.send(CTRL_C)
    chat.until("Stopped")
    assert "and done." not in chat.everything


def ask(around: dict[str, str], workspace: Path, text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "palaver.app", "ask", text],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
        env=around, cwd=workspace,
    )  # fmt: skip


def crash(around: dict[str, str], workspace: Path) -> None:
    """Claude Code finishes alone what it was at; its answer comes after the restart."""
    with sitting_at("chat", environment=around, folder=workspace) as chat:
        chat.until("❯")
        chat.say("count slowly")
        chat.until("1 2 3")
        os.kill(chat.child.pid, signal.SIGKILL)
        chat.ended()
    with sitting_at("chat", environment=around, folder=workspace) as chat:
        chat.until("From before Palaver was stopped:")
        chat.until("40 and done.")
        chat.say("What number did I tell you?")
        chat.until("You told me the number 42.")
        chat.until(lambda screen: "Ctrl-C stops" not in screen)
        chat.send(CTRL_D)
        assert chat.ended() == 0


def processes_of(home: Path) -> list[str]:
    """Claude Code's processes that work with this home."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("HOME") == str(home):
                found.append(process.name())
        except psutil.Error:
            continue
    return found
