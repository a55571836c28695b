"""`palaver serve` as a process, killed with `kill -9` wherever it hurts: nothing is lost, nothing
runs twice, and everybody is told."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from palaver.testing.discord import Channel, DiscordServer, Guild, Member, Message
from palaver.testing.model import LoopbackModel, ModelRequest, Reply, Say, Use, Wait
from support.claude import claude_processes
from support.discord_people import newest_with, thread_at
from support.discord_served import serving, write_config
from support.discord_turns import PATIENT, answered, answers, deliveries, ledger
from support.noting import noted
from support.served import STARTED_S

OPEN_THREAD, POST = "POST /channels/*/messages/*/threads", "POST /channels/*/messages"
CUT_OFF = "It waited for your word on Bash: touch ran.txt"


@pytest.fixture(autouse=True)
def _removed_once_more(server: DiscordServer) -> Iterator[None]:
    """A kill may fall between the removal of a live message and the note of it."""
    yield
    server.problems[:] = [
        one for one in server.problems if (one.method, one.code) != ("DELETE", 10008)
    ]


@pytest.fixture(autouse=True)
def _people(owner: Member, member: Member) -> None:
    """Who is on the access list exists: the bot asks for the chats with them."""


@pytest.fixture
def config(server: DiscordServer, tmp_path: Path) -> Path:
    return write_config(server, tmp_path)


@pytest.fixture
def call(server: DiscordServer) -> str:
    return f"<@{server.bot_id}>"


def prompts(model: LoopbackModel) -> list[str]:
    return [request.prompt for request in model.requests]


async def delivered(server: DiscordServer, data_dir: Path) -> None:
    """Wait until it is noted of all answers that they have arrived."""
    await server.wait_until(lambda: deliveries(data_dir) == {"delivered"}, PATIENT)


def but_for(server: DiscordServer, *codes: int) -> None:
    """A killed life has done things that the next one does not know of: a thread was there already
    (160004), a live message was gone (10008)."""
    server.problems[:] = [one for one in server.problems if one.code not in codes]


# --- in the middle of a turn ----------------------------------------------------------------------


async def test_a_turn_that_was_cut_off_is_told_once_and_can_be_run_again(
    config: Path, guild: Guild, owner: Member, call: str
) -> None:
    async with serving(config) as served:
        thread = await thread_at(await owner.say(f"{call} wait 60"), guild.general)
        working = await newest_with(thread, "Stop")
        await thread.wait_until(lambda: "Working" in working.text)
        await served.kill()
    async with serving(config) as served:
        told = await thread.wait_for_text("⚠️ Interrupted")
        await thread.wait_until(lambda: working.deleted)
        await owner.press(told, "Run again")
        again = await newest_with(thread, "Stop")
        await owner.press(again, "Stop")
        await thread.wait_for_text("⏹️ Stopped")
        assert await served.terminate() == 0
    assert sum("⚠️ Interrupted" in text for text in thread.texts) == 1


async def test_what_waited_and_what_was_said_meanwhile_runs_once_in_its_order(
    server: DiscordServer, config: Path, guild: Guild, owner: Member, call: str, tmp_path: Path
) -> None:
    async with serving(config) as served:
        thread = await thread_at(await owner.say(f"{call} wait 60"), guild.general)
        await newest_with(thread, "Stop")
        await owner.say("and then this", to=thread)
        await thread.wait_for_text("Queued")
        await served.kill()
    await owner.say("and at last that", to=thread)
    for _ in range(2):
        async with serving(config) as served:
            await answered(thread, "and then this", "and at last that")
            await delivered(server, tmp_path / "palaver")
            await served.kill()
    assert ledger(tmp_path / "palaver") == ["wait 60", "and then this", "and at last that"]
    but_for(server, 10008)


async def test_the_answer_that_claude_still_wrote_is_delivered_once(
    server: DiscordServer,
    guild: Guild,
    owner: Member,
    call: str,
    model: LoopbackModel,
    claude_home: Path,
    tmp_path: Path,
) -> None:
    del claude_home
    config = write_config(server, tmp_path, agent="claude")
    model.script = lambda _: [Say("One two three "), Wait(2.0), Say("four.")]
    async with serving(config) as served:
        thread = await thread_at(await owner.say(f"{call} Count to four"), guild.general)
        await thread.wait_for_text("One two", STARTED_S)
        await served.kill()
    async with serving(config):
        await thread.wait_for_text("four.", STARTED_S)
        await thread.wait_until(lambda: len(thread.messages) == 1, STARTED_S)  # no live message
    assert prompts(model) == ["Count to four"]


# --- before a message is durable, and before that is noted ----------------------------------------


@pytest.mark.parametrize(
    ("route", "fault"),
    [
        (OPEN_THREAD, {"silence": True}),
        (OPEN_THREAD, {"drop": "after", "delay": 0.1}),
        ("GET /attachments/*", {"silence": True}),
    ],
    ids=["thread not open", "thread open", "file on its way"],
)
async def test_a_message_that_was_being_taken_is_found_and_runs_once(
    server: DiscordServer,
    config: Path,
    guild: Guild,
    owner: Member,
    call: str,
    tmp_path: Path,
    route: str,
    fault: dict[str, Any],
) -> None:
    async with serving(config) as served:
        struck = server.faults.add(route, times=None, **fault)
        said = await owner.say(f"{call} keep this", attachments=[("a.txt", b"data")])
        await server.wait_until(lambda: struck.hits)
        await served.kill()
        server.faults.remove(struck)
    assert ledger(tmp_path / "palaver") == []
    for _ in range(2):
        async with serving(config) as served:
            thread = await thread_at(said, guild.general)
            await answered(thread, "keep this (with a.txt)")
            await delivered(server, tmp_path / "palaver")
            await served.kill()
    assert ledger(tmp_path / "palaver") == ["keep this"]
    assert len(guild.general.threads) == 1
    but_for(server, 160004, 10008)


async def test_a_message_that_was_taken_but_not_noted_runs_once(
    server: DiscordServer,
    guild: Guild,
    owner: Member,
    call: str,
    model: LoopbackModel,
    claude_home: Path,
    tmp_path: Path,
) -> None:
    """As if it was killed after it had kept the prompt, and before it noted up to where."""
    del claude_home
    config = write_config(server, tmp_path, agent="claude")
    async with serving(config) as served:
        [noted] = (tmp_path / "palaver" / "discord").glob("*/watermark")
        before = await asyncio.to_thread(noted.read_text)
        said = await owner.say(f"{call} Remember the number 42")
        thread = await thread_at(said, guild.general)
        await thread.wait_for_text("I'll remember the number 42.", STARTED_S)
        await thread.wait_until(lambda: answers(thread), STARTED_S)
        await served.kill()
    await asyncio.to_thread(noted.write_text, before)
    async with serving(config):
        await owner.say("What number did I tell you?", to=thread)
        await thread.wait_for_text("You told me the number 42", STARTED_S)
    assert prompts(model) == ["Remember the number 42", "What number did I tell you?"]
    assert len(guild.general.threads) == 1


async def test_several_that_nobody_heard_are_offered_once_however_often_it_is_killed(
    config: Path, owner: Member, tmp_path: Path
) -> None:
    async with serving(config) as served:
        await served.kill()
    for text in ("first", "second"):
        await owner.dm(text)
    async with serving(config) as served:
        await owner.direct.wait_for(lambda one: "Run all" in one.buttons)
        await served.kill()
    async with serving(config) as served:
        offer = await owner.direct.wait_for(lambda one: "Run all" in one.buttons)
        await owner.press(offer, "Run all")
        await answered(owner.direct, "first", "second")
        await served.kill()
    assert ledger(tmp_path / "palaver") == ["first", "second"]


# --- while it answers -----------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [{"silence": True}, {"drop": "after"}], ids=["lost", "arrived"])
async def test_an_answer_that_was_being_sent_comes_and_says_if_it_may_have_come_before(
    server: DiscordServer, config: Path, owner: Member, fault: dict[str, Any], tmp_path: Path
) -> None:
    async with serving(config) as served:
        struck = server.faults.add(
            POST, times=None, when=lambda request: "⏱" in str(request.body), **fault
        )
        await owner.dm("hello")
        await server.wait_until(lambda: struck.hits)
        await served.kill()
        server.faults.remove(struck)
    arrived = len(answers(owner.direct))
    async with serving(config):
        await owner.direct.wait_until(lambda: len(answers(owner.direct)) == arrived + 1, STARTED_S)
        newest = [text for text in owner.direct.texts if "⏱" in text][-1]
        assert "may have seen this before" in newest
    assert ledger(tmp_path / "palaver") == ["hello"]


# --- while something waits for a decision ---------------------------------------------------------


def persistent(request: ModelRequest) -> Reply:
    """An agent that wants the file, and asks again when it is told that nobody has decided."""
    if not request.tool_results:
        return Use("Bash", {"command": "touch ran.txt", "description": "make a file"})
    [result] = request.tool_results
    return Say("It was not possible." if result.is_error else "The file is there.")


async def asked_again(place: Channel, old: Message) -> Message:
    return await place.wait_for(
        lambda one: "Allow once" in one.buttons and one.id != old.id, STARTED_S
    )


async def files(folder: Path) -> list[Path]:
    return await asyncio.to_thread(lambda: list(folder.rglob("ran.txt")))


@pytest.mark.parametrize("end", ["palaver killed", "all killed", "orderly"])
async def test_a_tool_that_waited_for_a_yes_is_told_and_asked_for_again(
    server: DiscordServer,
    guild: Guild,
    owner: Member,
    member: Member,
    call: str,
    model: LoopbackModel,
    claude_home: Path,
    tmp_path: Path,
    end: str,
) -> None:
    model.script = persistent
    config = write_config(server, tmp_path, agent="claude")
    async with serving(config) as served:
        thread = await thread_at(await owner.say(f"{call} Make the file"), guild.general)
        old = await thread.wait_for(lambda one: "Allow once" in one.buttons, STARTED_S)
        await noted(tmp_path)
        if end == "orderly":
            assert await served.terminate() == 0
        else:
            await served.kill()
        if end == "all killed":
            for pid in claude_processes(claude_home):
                os.kill(pid, signal.SIGKILL)
    await owner.say("and after that this", to=thread)
    async with serving(config) as served:
        told = await thread.wait_for_text(CUT_OFF, STARTED_S)
        assert told.buttons == []
        again = await asked_again(thread, old)
        assert "touch ran.txt" in again.text
        await thread.wait_until(lambda: old.buttons == [])
        assert "touch ran.txt" in old.text
        refused = await member.press(again, "Allow once")
        await refused.wait_for_text("This button belongs to somebody else.")
        assert await files(tmp_path) == []
        await owner.press(again, "Allow once")
        await thread.wait_for_text("The file is there.", STARTED_S)
        assert len(await files(tmp_path)) == 1
        await thread.wait_until(lambda: "and after that this" in prompts(model), STARTED_S)
        await served.terminate()
    assert sum("⚠️ Interrupted" in text for text in thread.texts) == 1


async def test_a_question_that_waited_is_asked_again_after_each_kill(
    config: Path, owner: Member
) -> None:
    async def asked(times: int) -> Message:
        def those() -> list[Message]:
            return [one for one in owner.direct.messages if "green" in one.text]

        await owner.direct.wait_until(lambda: len(those()) == times, STARTED_S)
        return those()[-1]

    async with serving(config) as served:
        await owner.dm("ask Which colour?|red|green")
        await asked(1)
        await served.kill()
    for times in (2, 3):
        async with serving(config) as served:
            await asked(times)
            await served.kill()
    async with serving(config):
        await owner.press(await asked(4), "green")
        await owner.direct.wait_for_text("You said: green", STARTED_S)
