"""What nobody knows to have arrived: it comes again, says so, and does not come for ever."""

import asyncio
from pathlib import Path

import pytest

from palaver import Place
from palaver.testing.telegram import BotApi, Chat, Person, png
from palaver.testing.telegram.wire import Fields
from palaver_telegram.places import Spot, namespace
from palaver_telegram.wire import ServerError, passes
from support.telegrams import ALICE, Palaver

SEEN = "(you may have seen this before)"
PATIENT = 20.0
HERE = Place(namespace(ALICE), Spot(ALICE).conversation)


@pytest.fixture(params=["report.txt", "plot.png"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A document and a photo."""
    path = tmp_path / str(request.param)
    path.write_bytes(png(32, 24) if path.suffix == ".png" else b"all is well")
    return path


def is_answer(fields: Fields) -> bool:
    return "hello" in fields.text("text")


async def test_a_file_that_may_have_arrived_says_so_when_it_comes_again(
    api: BotApi, palaver: Palaver, chat: Chat, file: Path
) -> None:
    api.faults.add("send[PD]*", drop="after", when=lambda fields: "caption" in fields)
    await palaver.frontend.send_file(HERE, file, "look at this")
    first, second = chat.messages
    assert first.file
    assert second.file
    assert (first.text, second.text) == ("look at this", f"{SEEN}\nlook at this")


async def test_a_file_does_not_come_for_ever_and_its_reader_is_told(
    api: BotApi, palaver: Palaver, chat: Chat, file: Path
) -> None:
    api.faults.add("send[PD]*", drop="after", times=None)
    await palaver.frontend.send_file(HERE, file, "")
    *files, told = chat.messages
    assert 1 < len(files) < 5
    assert all(message.file for message in files)
    assert told.text.startswith(f"📎 {file.name} could not be sent")
    assert "may have come" in told.text


async def test_a_file_takes_longer_than_a_word_and_comes_once(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat, file: Path
) -> None:
    api.faults.add("send[PD]*", delay=2.5)
    sending = asyncio.create_task(palaver.frontend.send_file(HERE, file, "look at this"))
    await chat.wait_until(lambda: [call for call in api.calls if call.fault == "delay"])
    await alice.send("/status")  # and holds up nothing else
    await chat.wait_for_text("Idle")
    assert not sending.done()
    await sending
    assert [message.text for message in chat.messages if message.file] == ["look at this"]


async def test_a_file_that_a_server_finds_too_large_is_told_of(
    api: BotApi, palaver: Palaver, chat: Chat, file: Path
) -> None:
    api.faults.add("send[PD]*", error=413, times=None)
    await palaver.frontend.send_file(HERE, file, "")
    [told] = chat.texts
    assert told.startswith(f"📎 {file.name}")
    assert "too large" in told


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_an_answer_that_a_server_broke_down_over_may_have_arrived(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat, status: int
) -> None:
    api.faults.add("sendMessage", error=status, when=is_answer)
    await alice.send("hello")
    said = await chat.wait_for_text("hello", PATIENT)
    assert said.text.startswith(SEEN)


async def test_a_long_part_that_may_have_arrived_says_so_too(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    api.faults.add("sendMessage", drop="after", times=2, when=lambda one: "yyy" in one.text("text"))
    await alice.send_long("y" * 8100)
    await chat.wait_for_text("⏱", PATIENT)
    first, again, arrived, rest = (text for text in chat.texts if "yyy" in text)
    assert not first.startswith(SEEN)
    assert again == arrived == f"{SEEN}\n{first}"
    assert first.count("y") + rest.partition("\n")[0].count("y") == 8100


async def test_what_a_server_never_takes_holds_up_nothing_that_comes_later(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    api.faults.add("sendMessage", error=500, times=None, when=is_answer)
    await alice.send("hello")
    await chat.wait_until(lambda: [call for call in api.calls if call.status == 500])
    await alice.send("/status")
    await chat.wait_for_text("Idle", PATIENT)


async def test_a_request_of_the_agents_arrives_though_the_server_is_broken_for_a_while(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    api.faults.add("sendMessage", error=500, times=7, when=lambda one: "ls" in one.text("text"))
    await alice.send("run ls")
    asked = await chat.wait_for(lambda message: "Allow once" in message.buttons, PATIENT)
    assert asked.text.startswith(SEEN)


async def test_a_bot_api_server_that_restarts_is_waited_for() -> None:
    assert passes(ServerError(500, restarts=True))
    assert passes(ServerError(502, restarts=False))
    assert not passes(ServerError(500, restarts=False))
