"""`palaver serve` that ends in the midst of its work: a clear word, a clean end, nothing lost."""

import asyncio
from pathlib import Path

import pytest

from palaver.testing.discord import DiscordServer, Guild, Member
from support.discord_people import newest_with, thread_at
from support.discord_served import serving, write_config
from support.discord_turns import answered, ledger
from support.served import STARTED_S

BAD_CONFIG = 78
"""EX_CONFIG of sysexits.h: what `palaver serve` leaves with if its configuration does not hold."""


@pytest.fixture(autouse=True)
def _people(owner: Member, member: Member) -> None:
    """Who is on the access list exists: the bot asks for the chats with them."""


@pytest.mark.parametrize(("code", "page"), [(4004, ""), (4014, "/bot")], ids=["token", "intent"])
async def test_what_is_taken_away_in_mid_turn_ends_it_with_the_page_to_open(
    server: DiscordServer, guild: Guild, owner: Member, tmp_path: Path, code: int, page: str
) -> None:
    config = write_config(server, tmp_path)
    token = server.token
    async with serving(config) as served:
        said = await owner.say(f"<@{server.bot_id}> wait 60")
        thread = await thread_at(said, guild.general)
        await newest_with(thread, "Stop")
        server.gateway.close(code)
        assert await served.ended() == BAD_CONFIG
    portal = "https://discord.com/developers/applications"
    assert (f"{portal}/{server.application_id}{page}" if page else portal) in served.said[-1]
    assert "Error: " in served.said[-2]
    assert "Traceback" not in served.log
    assert token not in served.log
    async with serving(config):
        again = await thread.wait_for_text("⚠️ Interrupted", STARTED_S)
        await owner.press(again, "Run again")
        await newest_with(thread, "Stop")
    assert ledger(tmp_path / "palaver") == ["wait 60", "wait 60"]


async def test_a_token_from_a_file_is_read_and_never_said(
    server: DiscordServer, guild: Guild, owner: Member, tmp_path: Path
) -> None:
    del guild
    file = tmp_path / "token"
    await asyncio.to_thread(file.write_text, f"{server.token}\n")
    config = write_config(server, tmp_path, token_file=str(file))
    text = await asyncio.to_thread(config.read_text)
    lines = [line for line in text.splitlines() if not line.startswith("token =")]
    await asyncio.to_thread(config.write_text, "\n".join(lines))
    async with serving(config) as served:
        await owner.dm("hello there")
        await answered(owner.direct, "hello there")
        assert await served.terminate() == 0
    assert server.token not in served.log


async def test_an_end_that_is_asked_for_in_the_midst_of_many_turns_is_an_end(
    server: DiscordServer, guild: Guild, owner: Member, tmp_path: Path
) -> None:
    """Whatever their queries are at: all connections of the database end."""
    config = write_config(server, tmp_path)
    for _ in range(3):
        async with serving(config) as served:
            for _ in range(4):
                await owner.say(f"<@{server.bot_id}> stream 300")
            await guild.general.wait_until(
                lambda: any("word" in text for one in guild.general.threads for text in one.texts)
            )
            assert await served.terminate() == 0
    # what was done in the last moment, the next life does again: to open a thread, to remove
    assert {problem.code for problem in server.problems} <= {160004, 10008}
    server.problems.clear()
