"""Messages that were sent while Palaver was down."""

import asyncio
import json
from pathlib import Path

import pytest

from palaver.testing.telegram import Attached, BotApi, Chat, Person, png
from support.telegrams import Launch, Palaver, button, pressed


async def test_one_message_is_simply_run(
    launch: Launch, api: BotApi, alice: Person, chat: Chat, tmp_path: Path
) -> None:
    await alice.send("remember 42")
    palaver = launch(tmp_path)
    await palaver.start()
    await chat.wait_for_text("I will remember 42.")
    await palaver.stop()


async def offered(launch: Launch, api: BotApi, alice: Person, chat: Chat, data: Path) -> Palaver:
    for text in ("first", "second", "third"):
        await alice.send(text)
    palaver = launch(data)
    await palaver.start()
    message = await button(chat, "Run all")
    assert message.text.startswith("📬 3 messages came while I was away")
    assert "2. second" in message.text
    assert api.updates.pending == []
    return palaver


async def test_several_are_run_in_their_order_if_so_wished(
    launch: Launch, api: BotApi, alice: Person, chat: Chat, tmp_path: Path
) -> None:
    palaver = await offered(launch, api, alice, chat, tmp_path)
    await pressed(alice, chat, "Run all")
    await chat.wait_for(lambda message: message.text.startswith("third"))
    answers = [text.split()[0] for text in chat.texts if "⏱" in text]
    assert answers == ["first", "second", "third"]
    await palaver.stop()


async def test_several_are_made_one_if_so_wished(
    launch: Launch, api: BotApi, alice: Person, chat: Chat, tmp_path: Path
) -> None:
    palaver = await offered(launch, api, alice, chat, tmp_path)
    await pressed(alice, chat, "Make one of them")
    await chat.wait_for(lambda message: message.text.startswith("first\n\nsecond\n\nthird"))
    await palaver.stop()


async def test_several_are_discarded_if_so_wished(
    launch: Launch, api: BotApi, alice: Person, chat: Chat, tmp_path: Path
) -> None:
    palaver = await offered(launch, api, alice, chat, tmp_path)
    await pressed(alice, chat, "Discard")
    await chat.wait_for_text("3 messages discarded")
    await alice.send("/backlog")
    await chat.wait_for_text("Nothing is waiting.")
    await palaver.stop()


async def test_an_offer_outlives_a_restart(
    launch: Launch, api: BotApi, alice: Person, chat: Chat, tmp_path: Path
) -> None:
    palaver = await offered(launch, api, alice, chat, tmp_path)
    await palaver.restart()
    await pressed(alice, chat, "Run all")
    await chat.wait_for(lambda message: message.text.startswith("third"))
    await palaver.stop()


async def test_each_user_is_asked_about_his_own(
    launch: Launch,
    api: BotApi,
    alice: Person,
    bob: Person,
    mallory: Person,
    chat: Chat,
    tmp_path: Path,
) -> None:
    others = {person: api.private(person) for person in (bob, mallory)}
    for person in (alice, bob, mallory):
        for number in range(2):
            await person.send(f"{person.name} {number}")
    palaver = launch(tmp_path)
    await palaver.start()
    for person, place in ((alice, chat), (bob, others[bob])):
        message = await place.wait_for(lambda one: "Discard" in one.buttons)
        assert f"1. {person.name} 0" in message.text
    await others[mallory].wait_for_text("This bot is private.")
    assert len(others[mallory].messages) == 1
    await palaver.stop()


async def test_an_album_counts_as_one_message(
    launch: Launch, api: BotApi, alice: Person, chat: Chat, tmp_path: Path
) -> None:
    picture = png(10, 10)
    await alice.send_album(
        [Attached("photo", picture, caption="these"), Attached("photo", picture)]
    )
    palaver = launch(tmp_path)
    await palaver.start()
    await chat.wait_for_text("these (with photo-")
    await palaver.stop()


async def test_nothing_is_acknowledged_before_it_is_kept(
    launch: Launch, api: BotApi, alice: Person, chat: Chat, tmp_path: Path
) -> None:
    """What takes long is written down before Telegram may forget it, and taken up again."""
    palaver = launch(tmp_path)
    await palaver.start()
    api.faults.add("getFile", silence=True, times=None)
    await alice.send_document(b"data", "a.txt", "keep this")
    await chat.wait_until(lambda: not api.updates.pending)
    [kept] = (tmp_path / "telegram").glob("*/*.json")
    assert json.loads(kept.read_text())["message"]["caption"] == "keep this"
    await palaver.stop()
    api.faults.clear()
    await palaver.start()
    await chat.wait_for_text("keep this (with a.txt)")
    await chat.wait_until(lambda: not kept.exists())
    await palaver.stop()


async def test_a_file_of_the_journal_that_cannot_be_read_is_kept_aside(
    launch: Launch, api: BotApi, alice: Person, chat: Chat, tmp_path: Path
) -> None:
    folder = tmp_path / "telegram" / "123456789"
    folder.mkdir(parents=True)
    (folder / "17.json").write_text("{broken")
    palaver = launch(tmp_path)
    await palaver.start()
    await alice.send("hello")
    await chat.wait_for_text("hello")
    await palaver.stop()
    assert {file.name for file in folder.iterdir()} - {"dealt-with.log"} == {"17.broken"}


async def test_a_full_disk_loses_no_message(
    api: BotApi,
    palaver: Palaver,
    alice: Person,
    chat: Chat,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from palaver.errors import StoreFullError
    from palaver.models import Turn

    ledger = palaver.engine._store.ledger
    add, failures = ledger.add, iter([True, True])

    async def full(turn: Turn) -> bool:
        if next(failures, False):
            raise StoreFullError("The disk is full.")
        return await add(turn)

    monkeypatch.setattr(ledger, "add", full)
    monkeypatch.setattr("palaver.frontends.reception.RETRY_S", 0.2)
    await alice.send("precious")
    await chat.wait_for_text("The disk is full.")
    await chat.wait_for(lambda message: message.text.startswith("precious"))
    await asyncio.sleep(0)
