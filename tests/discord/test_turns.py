"""A turn in a thread: acknowledged, shown at work, asked about, answered, with files both ways."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from palaver.testing.discord import Channel, DiscordServer, Guild, Member
from palaver.testing.model import LoopbackModel
from support.discord_people import choose
from support.discords import Launch, Palaver


async def on(person: Member, text: str) -> Channel:
    """Somebody's direct messages with the bot, after he has written this."""
    await person.dm(text)
    return person.direct


async def test_a_turn_is_shown_at_work_and_its_answer_is_a_new_message(
    palaver: Palaver, owner: Member
) -> None:
    chat = await on(owner, "wait 60")
    live = await chat.wait_for(lambda message: "Stop" in message.buttons)
    assert live.silent
    await owner.press(live, "Stop")
    await chat.wait_for_text("Stopped")
    await chat.wait_until(lambda: live.deleted)
    await owner.dm("hello there")
    answer = await chat.wait_for_text("⏱")
    assert answer.text.startswith("hello there")
    assert not answer.silent


async def test_an_old_stop_button_says_that_it_is_one(palaver: Palaver, owner: Member) -> None:
    await owner.dm("wait 60")
    await owner.direct.wait_for(lambda message: "Stop" in message.buttons)
    await owner.dm("/status")
    status = await owner.direct.wait_for_text("At work")
    await owner.press(status, "Stop")
    await owner.direct.wait_for_text("Stopped")
    await (await owner.press(status, "Stop")).wait_for_text("That one is over already.")


async def test_a_message_meanwhile_is_queued_and_can_be_cancelled_or_sent_now(
    palaver: Palaver, owner: Member
) -> None:
    chat = await on(owner, "wait 60")
    await chat.wait_for(lambda message: "Stop" in message.buttons)
    await owner.dm("never mind")
    queued = await chat.wait_for_text("Queued: 1 message")
    await owner.press(queued, "Cancel")
    await chat.wait_until(lambda: queued.deleted)
    await owner.dm("this first")
    waiting = await chat.wait_for_text("Queued: 1 message")
    now = next(label for label in waiting.buttons if label != "Cancel")
    await owner.press(waiting, now)
    await chat.wait_for(lambda message: message.text.startswith("this first"))
    assert not any(text.startswith("never mind") for text in chat.texts)


async def test_a_question_is_answered_by_a_button_or_in_a_window(
    palaver: Palaver, server: DiscordServer, owner: Member
) -> None:
    chat = await on(owner, "ask Which colour?|red|green")
    asked = await chat.wait_for_text("Which colour?")
    await owner.press(asked, "green")
    await chat.wait_for_text("You said: green")
    await owner.dm("ask Which colour?|red|green")
    asked = await chat.wait_for(lambda message: "Other …" in message.buttons)
    modal = await (await owner.press(asked, "Other …")).shown_modal()
    [field] = modal.fields.values()
    await owner.submit(modal, {field: "a kind of blue"})
    await chat.wait_for_text("You said: a kind of blue")


async def test_a_session_is_deleted_by_a_menu_that_asks_first_and_restored_by_undo(
    palaver: Palaver, server: DiscordServer, owner: Member
) -> None:
    chat = await on(owner, "an apple")
    await chat.wait_for_text("⏱")
    await owner.dm("/newsession")
    await chat.wait_for_text("New session started!")
    await owner.dm("a pear")
    await chat.wait_for(lambda message: message.text.startswith("a pear"))
    used = await owner.command("sessions", in_=chat)
    listed = await used.answer()
    assert "👉" in listed.text
    await choose(owner, listed, "Delete", "2. an apple")
    await server.wait_until(lambda: "Delete" in listed.buttons)
    await owner.press(listed, "Delete")
    await server.wait_until(lambda: "Undo" in listed.buttons)
    await owner.press(listed, "Undo")
    await server.wait_until(lambda: "Undo" not in listed.buttons)


@pytest.mark.parametrize("words", [900, 4000])
async def test_nothing_of_a_long_answer_is_cut_and_code_blocks_are_whole(
    palaver: Palaver, owner: Member, words: int
) -> None:
    chat = await on(owner, f"stream {words}")
    await chat.wait_for_text("⏱", timeout=30)
    said = set(" ".join(chat.texts).split())
    files = [one for message in chat.messages for one in message.attachments]
    whole = " ".join(file.data.decode() for file in files)
    assert all(f"word{number}" in said or f"word{number}" in whole for number in range(words))
    assert all(len(message.content) <= 2000 for message in chat.messages)


async def test_an_attachment_reaches_the_agent_under_a_safe_name(
    palaver: Palaver, owner: Member
) -> None:
    await owner.dm("keep this", attachments=[("a b;rm -rf.txt", b"harmless")])
    answer = await owner.direct.wait_for_text("⏱")
    name = re.search(r"with ([^)]*)", answer.text)
    assert name
    assert not set(" ;/") & set(name[1])


@contextmanager
def busy_processors() -> Iterator[None]:
    """Beside programs that want each processor twice over."""
    spin = [sys.executable, "-c", "while True: pass"]
    programs = [subprocess.Popen(spin) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()


async def test_a_command_is_acknowledged_in_time_while_ten_turns_run(
    palaver: Palaver, server: DiscordServer, guild: Guild, owner: Member
) -> None:
    with busy_processors():
        for number in range(10):
            await owner.say(f"<@{server.bot_id}> wait {60 + number}")
        first = await owner.command("status")
        await guild.general.wait_until(lambda: len(guild.general.threads) == 10, timeout=20)
        second = await owner.command("status")
        for used in (first, second):
            await used.answer()
            assert not used.failed
    for thread in guild.general.threads:
        await thread.wait_for(lambda message: "Stop" in message.buttons)
        await owner.command("stop", in_=thread)
        await thread.wait_for_text("Stopped")


async def test_the_real_agent_remembers_asks_and_goes_on_after_a_restart(
    launch: Launch,
    server: DiscordServer,
    guild: Guild,
    owner: Member,
    member: Member,
    claude_home: Path,
    model: LoopbackModel,
    tmp_path: Path,
) -> None:
    del claude_home, model
    palaver = launch(tmp_path / "data", sessions={"agent": "claude"})
    await palaver.start()

    async def told(person: Member, number: int) -> Channel:
        await person.say(f"<@{server.bot_id}> Remember the number {number}")
        thread = await guild.general.wait_for_thread(lambda one: str(number) in one.name)
        await thread.wait_for_text("⏱", timeout=30)
        return thread

    ours, theirs = await asyncio.gather(told(owner, 42), told(member, 7))
    await palaver.restart()
    await owner.say("What number did I tell you?", to=ours)
    await member.say("What number did I tell you?", to=theirs)
    for thread, number in ((ours, "42"), (theirs, "7")):
        answer = await thread.wait_for(
            lambda one: one.text.startswith("You told me") and "⏱" in one.text, timeout=30
        )
        assert f"number {number}." in answer.text
    await palaver.stop()
