"""`Runtime`, `run` and what is logged."""

import io
import logging
import signal
import subprocess
import sys
import time

import pytest

from core.app.conftest import Call
from core.app.world import World
from palaver.app.logs import let_speak, set_up
from palaver.app.runtime import Runtime, run
from palaver_cli.identity import namespace as namespace_of_the_cli_plugin

WORK = """
import asyncio
from palaver import run
async def work():
    try:
        print("works", flush=True)
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0.05)
        print("closed", flush=True)
run(work())
"""


def test_run_returns_what_the_work_does() -> None:
    async def work() -> int:
        return 7

    assert run(work()) == 7


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, -signal.SIGINT)],
)
def test_run_closes_everything_when_a_signal_comes(
    world: World, number: signal.Signals, code: int
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WORK],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=world.environment,
        text=True,
    )
    with process:
        assert process.stdout
        assert process.stdout.readline() == "works\n"
        process.send_signal(number)
        assert process.stdout.readline() == "closed\n"
        assert process.wait(20) == code


def test_settings_and_plugins_are_read_once(world: World, call: Call) -> None:
    runtime = Runtime()
    assert runtime.settings().data_dir == world.data
    world.configure("[sessions]\nretention_days = 1\n")
    assert runtime.settings().sessions.retention_days == 30
    assert runtime.host() is runtime.host()
    assert Runtime().settings().sessions.retention_days == 1


def test_the_terminals_namespace_is_that_of_the_cli_plugin() -> None:
    from palaver.app.terminal import terminal_namespace

    assert terminal_namespace() == namespace_of_the_cli_plugin()


def log_to(monkeypatch: pytest.MonkeyPatch, level: int) -> io.StringIO:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    set_up(level)
    return stream


def fail(words: str) -> None:
    raise RuntimeError(words)


@pytest.mark.parametrize(
    "secret",
    [
        "123456789:AAFyJ1-abcdefghijklmnopqrstuvwxyz12",
        "sk-ant-api03-abcdefghijklmnop",
        "MTE3NzU4ODk5MDEyMzQ1Njc4OQ.GabcDE.abcdefghijklmnopqrstuvwxyz0123456789ab",
    ],
)
def test_a_token_is_in_no_log_line_and_in_no_traceback(
    call: Call, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    logged = log_to(monkeypatch, logging.INFO)
    log = logging.getLogger("palaver.test")
    log.info("calling https://api.example/bot%s/getMe", secret)
    try:
        fail(secret)
    except RuntimeError:
        log.exception("it failed")
    assert secret not in logged.getvalue()
    assert "***/getMe" in logged.getvalue()
    assert "Traceback" in logged.getvalue()


def test_what_http_libraries_tell_of_every_request_is_not_logged(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged = log_to(monkeypatch, logging.DEBUG)
    for name in ("httpx", "httpcore.connection", "telegram.ext", "discord.gateway"):
        logging.getLogger(name).info("GET https://api.example/")
        logging.getLogger(name).warning("%s is slow", name)
    assert "GET" not in logged.getvalue()
    assert logged.getvalue().count("is slow") == 4


def test_plugins_speak_at_the_level_of_palaver_and_nobody_beside_them(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged = log_to(monkeypatch, logging.INFO)
    let_speak(["one_plugin.plugin", "two_plugin", "their.chat.plugin", "telegram.plugin"])
    for name in ("one_plugin.frontend", "two_plugin", "their.chat.client"):
        logging.getLogger(name).info("%s listens", name)
        logging.getLogger(name).debug("nothing")
    for name in ("their.shop", "telegram.ext", "other"):
        logging.getLogger(name).info("nothing")
    assert logged.getvalue().count("listens") == 3
    assert "nothing" not in logged.getvalue()


def test_the_demos_model_leaves_the_process_when_it_closes() -> None:
    import threading

    from palaver.app.demonstration.stage import serving
    from palaver.testing.model import LoopbackModel

    with serving(LoopbackModel()) as model:
        assert model.url.startswith("http://127.0.0.1:")
        names = {thread.name for thread in threading.enumerate()}
        assert "loopback model" in names
    deadline = time.monotonic() + 5
    while "loopback model" in {thread.name for thread in threading.enumerate()}:
        assert time.monotonic() < deadline
