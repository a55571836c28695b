"""`palaver serve` as a process: ready, signals, frontends that fail, upkeep."""

import asyncio
import os
import signal
import time
from uuid import UUID

import pytest

from core.app.world import World
from palaver.identity import Namespace
from support.people import Person, engine_starter

CONFIG = """
frontends = {frontends}
[access]
members = ["alpha:*", "beta:*"]
[sessions]
agent = "scripted"
cleanup_interval_h = {cleanup_h}
[plugins.testchat]
journal = "{journal}"
prompt = "{prompt}"
does = {{ alpha = "{alpha}", beta = "{beta}" }}
"""


def configure(
    world: World,
    *,
    frontends: str = '["alpha", "beta"]',
    alpha: str = "",
    beta: str = "",
    prompt: str = "",
    cleanup_h: float = 24,
) -> None:
    world.configure(
        CONFIG.format(
            frontends=frontends,
            alpha=alpha,
            beta=beta,
            prompt=prompt,
            cleanup_h=cleanup_h,
            journal=world.journal,
        )
    )


@pytest.fixture
def served(world: World) -> World:
    world.install_testchat()
    return world


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_every_frontend_then_the_engine_and_leaves_with_0(
    served: World, number: signal.Signals
) -> None:
    configure(served)
    with served.start("serve") as running:
        running.until_logged("ready: alpha, beta")
        assert {"alpha started", "beta started"} <= set(served.journal_lines())
        assert running.end(number) == 0
    assert sorted(served.journal_lines()[-3:-1]) == ["alpha stopped", "beta stopped"]
    assert served.journal_lines()[-1] == "shutdown"
    assert running.log.read_text().count("ready") == 1


def test_ready_waits_for_the_slowest_frontend_and_a_signal_does_not(served: World) -> None:
    configure(served, beta="hang")
    with served.start("serve") as running:
        running.until(lambda: "alpha started" in served.journal_lines())
        assert "ready" not in running.log.read_text()
        assert running.end() == 0
    assert "ready" not in running.log.read_text()
    assert {"alpha stopped", "beta stopped"} <= set(served.journal_lines())


def test_a_second_signal_ends_it_at_once(served: World) -> None:
    configure(served, beta="stay")
    with served.start("serve") as running:
        running.until_logged("ready")
        running.process.send_signal(signal.SIGTERM)
        running.until(lambda: "beta stays" in served.journal_lines())
        started = time.monotonic()
        # its loop is blocked, as it may be when somebody wants to force it
        assert running.end() == -signal.SIGTERM
        assert time.monotonic() - started < 5


def test_a_frontend_that_refuses_to_start_is_told_and_the_others_are_stopped(
    served: World,
) -> None:
    configure(served, beta="refuse")
    done = served.run("serve")
    assert done.returncode == 1
    assert "beta could not start" in done.stderr
    assert done.stderr.endswith("Error: the chat has refused.\nAsk it nicely.\n")
    assert "alpha stopped" in served.journal_lines()
    assert served.journal_lines()[-1] == "shutdown"


def test_a_frontend_that_breaks_at_its_start_is_named_without_its_secrets(served: World) -> None:
    configure(served, beta="crash")
    done = served.run("serve")
    assert done.returncode == 1
    expected = "Error: plugin beta: it could not start: RuntimeError: no network ***"
    assert expected in done.stderr.splitlines()
    assert "Traceback" not in done.stderr
    verbose = served.run("-v", "serve")
    assert "Traceback" in verbose.stderr
    assert "AAAA" not in verbose.stderr


def test_when_one_frontend_breaks_down_the_others_go_on(served: World) -> None:
    configure(served, beta="break")
    with served.start("serve") as running:
        running.until_logged("beta has broken down: the line is dead. Mend it.")
        time.sleep(0.2)
        assert running.process.poll() is None
        assert running.end() == 0


def test_when_all_have_ended_it_ends_and_an_error_counts(served: World) -> None:
    configure(served, alpha="end", beta="end")
    assert served.run("serve").returncode == 0
    configure(served, alpha="break", beta="end")
    done = served.run("serve")
    assert done.returncode == 1
    assert done.stderr.endswith("Error: the line is dead.\nMend it.\n")


def test_nothing_configured_says_what_sets_it_up_and_what_to_write(served: World) -> None:
    done = served.run("serve")
    assert done.returncode == 78
    assert "no frontend is configured" in done.stderr
    assert "`palaver init`" in done.stderr
    assert 'frontends = ["telegram"]' in done.stderr
    assert str(served.config) in done.stderr


def test_a_frontend_that_is_not_there_is_told_with_those_that_are(served: World) -> None:
    configure(served, frontends='["alpha", "gamma"]')
    done = served.run("serve")
    assert done.returncode == 78
    assert "there is no frontend 'gamma'; there are: alpha, beta" in done.stderr


def test_a_frontend_whose_plugin_has_failed_is_told_with_the_reason(served: World) -> None:
    (served.folder / "site" / "palaver_testchat.py").write_text("import not_installed_here\n")
    served.configure('frontends = ["testchat"]')
    done = served.run("serve")
    assert done.returncode == 78
    assert "frontends -> testchat: the package 'not_installed_here' is not installed" in done.stderr


def test_a_turn_that_runs_is_interrupted_and_told_after_the_next_start(served: World) -> None:
    configure(served, frontends='["alpha"]', prompt="wait 30")
    with served.start("serve") as running:
        running.until_logged("ready")
        time.sleep(0.5)
        started = time.monotonic()
        assert running.end() == 0
        assert time.monotonic() - started < 8
    with served.start("serve") as running:
        running.until(lambda: any("Interrupted" in line for line in served.journal_lines()))
        assert running.end() == 0
    assert sum("Interrupted" in line for line in served.journal_lines()) == 1


async def old_session(world: World) -> UUID:
    """A session of alpha's user, that is 40 days old and current nowhere."""
    async with engine_starter(world.data, "scripted")(access={"owners": ["alpha:*"]}) as engine:
        user = Person(engine, Namespace("alpha", "user"))
        await user.ask("remember 42")
        session = await user.session()
        await user.view("/newsession")
    assert session.transcript
    old = time.time() - 40 * 86400
    os.utime(session.transcript, (old, old))
    return session.id


async def test_old_sessions_are_cleaned_up_in_the_background(served: World) -> None:
    await old_session(served)
    configure(served, frontends='["alpha"]', cleanup_h=0.0001)
    with served.start("serve") as running:
        running.until_logged("cleaned up for alpha:user: 1 to the trash, 0 purged, 0 failed")
        assert running.end() == 0


async def test_without_an_interval_nothing_is_cleaned_up(served: World) -> None:
    session = await old_session(served)
    configure(served, frontends='["alpha"]', cleanup_h=0)
    with served.start("serve") as running:
        running.until_logged("ready")
        await asyncio.sleep(0.7)
        assert running.end() == 0
    listed = served.run("sessions", "list", "--namespace", "alpha:user", "--json").stdout
    assert str(session) in listed
