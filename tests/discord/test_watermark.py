"""How far messages were read: what is newer was missed, and is found."""

import asyncio
from pathlib import Path

import discord
import pytest

from palaver.testing.discord import DiscordServer, Member
from palaver_discord.catching_up import CatchingUp
from palaver_discord.watermark import Watermark
from support.discord_turns import PATIENT, answered
from support.discords import Palaver


async def test_a_clock_that_is_ahead_of_discords_hides_no_message(
    server: DiscordServer, palaver: Palaver, owner: Member, tmp_path: Path
) -> None:
    await palaver.stop()
    server.clock.advance(-600)
    for file in (tmp_path / "data").rglob("watermark"):
        file.unlink()
    palaver.bury()
    await palaver.start()
    await owner.dm("hello")
    await answered(owner.direct, "hello")
    await palaver.stop()
    await owner.dm("missed")
    palaver.bury()
    await palaver.start()
    await answered(owner.direct, "hello", "missed")


async def test_a_clock_that_was_ahead_in_a_life_without_messages_hides_none_later(
    server: DiscordServer, palaver: Palaver, owner: Member, tmp_path: Path
) -> None:
    await palaver.stop()
    server.clock.advance(-600)
    for file in (tmp_path / "data").rglob("watermark"):
        file.unlink()
    for _ in range(2):
        palaver.bury()
        await palaver.start()
        await palaver.stop()
    palaver.bury()
    await palaver.start()
    await owner.dm("hello")
    await answered(owner.direct, "hello")
    await palaver.stop()
    await owner.dm("missed")
    palaver.bury()
    await palaver.start()
    await answered(owner.direct, "hello", "missed")


async def test_what_is_found_for_a_lost_connection_says_nothing_of_what_a_newer_one_missed(
    server: DiscordServer, palaver: Palaver, monkeypatch: pytest.MonkeyPatch
) -> None:
    await palaver.stop()
    palaver.bury()
    happened: list[str] = []
    lost = asyncio.Event()
    missed, hold, release = CatchingUp.missed, Watermark.hold, Watermark.release

    async def slow(self: CatchingUp) -> list[discord.Message]:
        happened.append("looks")
        await lost.wait()
        found = await missed(self)
        happened.append("found")
        return found

    def held(self: Watermark) -> None:
        happened.append("held")
        hold(self)

    def released(self: Watermark) -> None:
        happened.append("released")
        release(self)

    monkeypatch.setattr("palaver_discord.intake.LONGEST_HOLD_S", 0.2)
    monkeypatch.setattr(CatchingUp, "missed", slow)
    monkeypatch.setattr(Watermark, "hold", held)
    monkeypatch.setattr(Watermark, "release", released)
    await palaver.start()
    server.gateway.refuse_resumes()
    server.gateway.invalidate()
    await server.gateway.wait_for_greeting("IDENTIFY", 3, PATIENT)
    await server.wait_until(lambda: happened.count("held") == 2)
    lost.set()
    await server.wait_until(lambda: "released" in happened)
    assert happened == ["held", "looks", "held", "found", "looks", "found", "released"]


async def test_a_message_is_claimed_once(tmp_path: Path) -> None:
    mark = Watermark(tmp_path / "watermark")
    await mark.open()
    assert mark.claim(5)
    assert not mark.claim(5)
    await mark.done(5)
    assert mark.value == 5
    assert not mark.claim(5)
