"""`palaver serve` as a process: its start, its orderly end, and `kill -9`."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from palaver.testing.model import LoopbackModel, Say, Wait
from palaver.testing.telegram import BotApi, Chat, Person
from support.telegrams import ALICE, button, pressed

STARTED_S = 30.0


@pytest.fixture
def config(api: BotApi, tmp_path: Path) -> Path:
    file = tmp_path / "palaver.toml"
    file.write_text(
        f"""
frontends = ["telegram"]
data_dir = "{tmp_path}/data"
[access]
owners = ["telegram:{ALICE}"]
[sessions]
agent = "scripted"
[plugins.telegram]
token = "{api.token}"
base_url = "{api.base_url}"
base_file_url = "{api.base_file_url}"
poll_timeout_s = 1
"""
    )
    return file


@pytest.fixture
def twins(config: Path) -> tuple[Path, Path]:
    """Two configurations for one bot, with polls long enough to end each other."""
    text = config.read_text().replace("poll_timeout_s = 1", "poll_timeout_s = 20")
    other = config.with_name("other.toml")
    config.write_text(text)
    other.write_text(text.replace("/data", "/other"))
    return config, other


@asynccontextmanager
async def serving(api: BotApi, config: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """`palaver serve`, ready."""
    command = [sys.executable, "-m", "palaver.app", "--config", str(config), "serve"]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    assert process.stderr
    try:
        async with asyncio.timeout(STARTED_S):
            lines = []
            while b"ready: telegram" not in (line := await process.stderr.readline()):
                lines.append(line)
                assert line, b"".join(lines).decode()
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_a_turn_cut_off_by_kill_9_is_told_and_can_be_run_again(
    api: BotApi, config: Path, alice: Person, chat: Chat
) -> None:
    async with serving(api, config) as process:
        await alice.send("wait 60")
        working = await button(chat, "Stop")
        await chat.wait_for_draft(lambda draft: "Working" in draft.text)
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
    await alice.send("are you back?")
    async with serving(api, config) as process:
        await chat.wait_for_text("⚠️ Interrupted")
        await chat.wait_for(lambda message: message.text.startswith("are you back?"))
        await chat.wait_until(lambda: working.deleted)
        process.terminate()
        assert await process.wait() == 0
    assert len([text for text in chat.texts if text.startswith("⚠️ Interrupted")]) == 1
    assert api.problems == []


async def test_what_waited_when_it_was_killed_runs_once_afterwards(
    api: BotApi, config: Path, alice: Person, chat: Chat
) -> None:
    async with serving(api, config) as process:
        await alice.send("wait 60")
        await button(chat, "Stop")
        await alice.send("and then this")
        await chat.wait_for_text("Queued")
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
    async with serving(api, config):
        await chat.wait_for(lambda message: message.text.startswith("and then this"))
    answers = [text for text in chat.texts if text.startswith("and then this")]
    assert len([text for text in answers if "⏱" in text]) == 1


async def test_an_orderly_end_answers_after_the_next_start(
    api: BotApi, config: Path, alice: Person, chat: Chat
) -> None:
    async with serving(api, config) as process:
        await alice.send("wait 60")
        await button(chat, "Stop")
        process.terminate()
        assert await process.wait() == 0
    async with serving(api, config):
        await button(chat, "Run again")
        assert await pressed(alice, chat, "Run again") == ""


async def test_a_second_palaver_for_the_same_bot_ends_with_a_word(
    api: BotApi, twins: tuple[Path, Path]
) -> None:
    api.updates.conflict_pause = 0.1
    async with serving(api, twins[0]) as first, serving(api, twins[1]) as second:
        done, _ = await asyncio.wait(
            [asyncio.create_task(one.communicate()) for one in (first, second)],
            timeout=20,
            return_when=asyncio.FIRST_COMPLETED,
        )
        _, said = done.pop().result()
        assert b"Another program fetches this bot's messages." in said
        assert 1 in (first.returncode, second.returncode)
        for process in (first, second):
            if process.returncode is None:
                process.terminate()
        await asyncio.wait([asyncio.create_task(one.wait()) for one in (first, second)])


async def test_the_answer_that_claude_still_wrote_after_kill_9_is_delivered_once(
    api: BotApi,
    config: Path,
    alice: Person,
    chat: Chat,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = tmp_path / "home"
    await asyncio.to_thread(home.mkdir)
    text = await asyncio.to_thread(config.read_text)
    await asyncio.to_thread(config.write_text, text.replace('"scripted"', '"claude"'))
    async with LoopbackModel() as model:
        for name, value in model.environment(home).items():
            monkeypatch.setenv(name, value)
        model.script = lambda _: [Say("One two three "), Wait(2.0), Say("four.")]
        async with serving(api, config) as process:
            await alice.send("Count to four")
            await chat.wait_for_draft(lambda draft: "One two" in draft.text, timeout=STARTED_S)
            os.kill(process.pid, signal.SIGKILL)
            await process.wait()
        async with serving(api, config):
            await chat.wait_for_text("four.", timeout=STARTED_S)
        assert len([said for said in chat.texts if "four." in said]) == 1
        assert [request.prompt for request in model.requests] == ["Count to four"]
    assert api.problems == []
