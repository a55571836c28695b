"""Voice messages: real speech over sockets, understood here, shown as heard, and then run."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import palaver_voice.plugin
from palaver.testing.discord import Channel, DiscordServer, Guild, Member
from palaver.testing.model import LoopbackModel
from support.discord_people import thread_at
from support.discord_turns import PATIENT, answered, answers
from support.discords import Launch, Palaver
from voice.conftest import RECORDINGS
from voice.speech import ESPEAK, say, silence

pytest.importorskip("moonshine_voice", reason="needs the extra voice")

LIMIT_S = 30.0
"""Seconds; the machine may be busy."""
NUMBERS = "One, two, three, four, five."
PLUGINS: dict[str, object] = {"voice": palaver_voice.plugin}


@pytest.fixture
async def palaver(
    launch: Launch, owner: Member, member: Member, tmp_path: Path
) -> AsyncIterator[Palaver]:
    del owner, member
    palaver = launch(tmp_path / "data")
    await palaver.start(PLUGINS)
    yield palaver
    await palaver.stop()


@pytest.fixture
def call(server: DiscordServer) -> str:
    return f"<@{server.bot_id}>"


@pytest.fixture
def numbers() -> bytes:
    return (RECORDINGS / "numbers.ogg").read_bytes()


async def test_what_was_heard_is_shown_and_then_run(
    palaver: Palaver, owner: Member, numbers: bytes
) -> None:
    await owner.say_voice(numbers, seconds=2, to=owner.direct)
    heard = await owner.direct.wait_for_text("I heard", LIMIT_S)
    assert NUMBERS in heard.text
    # the scripted agent repeats what it does not know
    await answered(owner.direct, NUMBERS)
    assert owner.direct.messages[0].id == heard.id


@pytest.mark.skipif(not ESPEAK, reason="needs espeak-ng")
async def test_the_real_agent_is_asked_aloud_in_its_thread(
    launch: Launch,
    guild: Guild,
    owner: Member,
    member: Member,
    call: str,
    claude_home: Path,
    model: LoopbackModel,
    tmp_path: Path,
) -> None:
    del claude_home, member
    palaver = launch(tmp_path / "data", sessions={"agent": "claude"})
    await palaver.start(PLUGINS)
    asked = await owner.say(f"{call} Remember the number 42")
    thread = await thread_at(asked, guild.general)
    await thread.wait_until(lambda: answers(thread), PATIENT)
    spoken = await asyncio.to_thread(say, "What number did I tell you?")
    await owner.say_voice(spoken, seconds=2, to=thread)
    heard = await thread.wait_for_text("I heard", LIMIT_S)
    assert "What number did I tell you?" in heard.text
    await thread.wait_for_text("You told me the number 42", LIMIT_S)
    prompts = ["Remember the number 42", "What number did I tell you?"]
    assert [request.prompt for request in model.requests] == prompts
    await palaver.stop()


async def test_a_voice_message_while_nobody_listened_is_heard_on_return(
    palaver: Palaver, owner: Member, numbers: bytes
) -> None:
    await palaver.stop()
    await owner.say_voice(numbers, seconds=2, to=owner.direct)
    palaver.bury()
    await palaver.start(PLUGINS)
    await owner.direct.wait_for_text("I heard", LIMIT_S)
    await answered(owner.direct, NUMBERS)


async def test_what_cannot_be_understood_is_said(palaver: Palaver, owner: Member) -> None:
    await owner.say_voice(silence(1), seconds=1, to=owner.direct)
    await owner.direct.wait_for_text("I heard nothing", LIMIT_S)
    await owner.say_voice(b"OggS", seconds=301, to=owner.direct)
    await owner.direct.wait_for_text("longer than 300 seconds", LIMIT_S)
    assert answers(owner.direct) == []


async def test_while_one_is_listened_to_others_are_answered(
    palaver: Palaver, owner: Member, member: Member, numbers: bytes
) -> None:
    await owner.say_voice(numbers, seconds=2, to=owner.direct)
    await member.dm("/whoami")
    await member.direct.wait_for_text("Who you are")
    assert not any("I heard" in text for text in owner.direct.texts)
    await owner.direct.wait_for_text(NUMBERS, LIMIT_S)


async def test_a_voice_message_in_a_channel_is_for_people_unless_all_is_heard(
    launch: Launch, guild: Guild, owner: Member, member: Member, numbers: bytes, tmp_path: Path
) -> None:
    """Discord lets nobody write a mention beside a recording."""
    del member
    lab = guild.channel("lab")
    palaver = launch(tmp_path / "data", discord={"hear_all": [lab.id]})
    await palaver.start(PLUGINS)
    await owner.say_voice(numbers, seconds=2, to=guild.general)
    await owner.say_voice(numbers, seconds=2, to=lab)
    thread: Channel = await lab.wait_for_thread()
    await thread.wait_for_text("I heard", LIMIT_S)
    await answered(thread, NUMBERS)
    assert (guild.general.threads, guild.general.messages) == ([], [])
    await palaver.stop()
