"""What was on its way in when Palaver ended: nothing of it is done again long after."""

import asyncio
import os
from pathlib import Path

from palaver.testing.telegram import BotApi, Chat, Person
from palaver.views import Action, encode_button
from palaver_telegram.places import namespace
from support.telegrams import ALICE, Launch, button

PRESS = encode_button(namespace(ALICE), Action(label="New", command="/newsession"))
HELD_S = 0.5
"""Seconds in which what does not wait would have ended."""


def folder_of(api: BotApi, data_dir: Path) -> Path:
    return data_dir / "telegram" / str(api.bot_id)


async def test_a_press_that_was_cut_off_is_not_run_at_a_later_start(
    api: BotApi, launch: Launch, alice: Person, chat: Chat, tmp_path: Path
) -> None:
    palaver = launch(tmp_path / "data")
    await palaver.start()
    await alice.send("something")
    await chat.wait_for_text("⏱")
    await alice.send("/sessioninfo")
    shown = await button(chat, "Rename")
    silent = api.faults.add("answerCallbackQuery", silence=True, times=None)
    await alice.press(shown, data=PRESS)
    await chat.wait_until(lambda: silent.hits and api.updates.empty)
    folder = folder_of(api, tmp_path / "data")
    assert len(list(folder.glob("*.json"))) == 1
    await palaver.stop()
    api.faults.remove(silent)
    await palaver.restart()
    assert list(folder.glob("*.json")) == []
    said = len([text for text in chat.texts if "New session" in text])
    await palaver.stop()
    (folder / "dealt-with.log").write_text("".join(f"{number}\n" for number in range(1000)))
    await palaver.restart()
    await alice.send("hello")
    await chat.wait_for(lambda message: message.text.startswith("hello"))
    assert len([text for text in chat.texts if "New session" in text]) == said


async def test_a_file_that_the_library_cannot_read_is_kept_aside(
    api: BotApi, launch: Launch, alice: Person, chat: Chat, tmp_path: Path
) -> None:
    folder = folder_of(api, tmp_path / "data")
    folder.mkdir(parents=True)
    (folder / "7.json").write_text('{"update_id": 7, "message": {"message_id": 1}}')
    palaver = launch(tmp_path / "data")
    await palaver.start()
    await alice.send("hello")
    await chat.wait_for(lambda message: message.text.startswith("hello"))
    assert list(folder.glob("*.json")) == []
    assert [file.name for file in folder.glob("*.broken")] == ["7.broken"]


async def test_no_message_is_worked_on_after_the_end(
    api: BotApi, launch: Launch, mallory: Person, tmp_path: Path
) -> None:
    """What a stranger has sent meanwhile is answered, again and again until it arrives."""
    palaver = launch(tmp_path / "data")
    chat = api.private(mallory)
    down = api.faults.add("sendMessage", error=502, times=None)
    for text in ("a", "b"):
        await mallory.send(text)
    await palaver.start()
    await chat.wait_until(lambda: down.hits)
    await palaver.stop()
    assert [one for one in map(repr, asyncio.all_tasks()) if "take_missed" in one] == []


async def test_the_end_waits_until_it_is_noted_what_was_dealt_with(
    api: BotApi, launch: Launch, alice: Person, chat: Chat, tmp_path: Path
) -> None:
    """The log is a pipe here, which takes nothing until somebody reads it."""
    palaver = launch(tmp_path / "data")
    await palaver.start()
    folder = folder_of(api, tmp_path / "data")
    folder.mkdir(parents=True, exist_ok=True)
    pipe = folder / "dealt-with.log"
    os.mkfifo(pipe)
    await alice.send("/status")
    await chat.wait_for_text("Idle")
    stopping = asyncio.create_task(palaver.stop())
    done, _ = await asyncio.wait({stopping}, timeout=HELD_S)
    noted = await asyncio.to_thread(pipe.read_text)
    await stopping
    assert not done
    assert noted.endswith("\n")
    assert noted.strip().isdecimal()
    assert list(folder.glob("*.json")) == []
