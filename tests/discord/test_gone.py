"""Threads and channels that are deleted: what was said in them may grow old, and nobody waits."""

import sqlite3
from pathlib import Path

import pytest

from palaver.testing.discord import Channel, DiscordServer, Guild, Member
from support.discord_people import asked_in_a_thread, newest_with, says
from support.discords import Palaver


@pytest.fixture
def call(server: DiscordServer) -> str:
    return f"<@{server.bot_id}>"


def places(data_dir: Path) -> set[str]:
    """The conversations that have a current session."""
    with sqlite3.connect(data_dir / "palaver.db") as connection:
        rows = connection.execute("SELECT conversation FROM conversations").fetchall()
    connection.close()
    return {conversation for (conversation,) in rows}


async def seen(server: DiscordServer, *rooms: Channel) -> None:
    """Wait until the bot has reacted to all that people have said there."""
    said = [one for room in rooms for one in room.log if not (one.from_bot or one.system)]
    await server.wait_until(lambda: all(one.reactions for one in said))


async def only_in(server: DiscordServer, data_dir: Path, *left: Channel) -> None:
    """Wait until these alone are anybody's conversations."""
    wanted = {str(one.id) for one in left}
    await server.wait_until(lambda: places(data_dir) == wanted)


async def test_in_a_deleted_thread_or_post_nobody_has_a_current_session(
    palaver: Palaver,
    server: DiscordServer,
    guild: Guild,
    owner: Member,
    member: Member,
    call: str,
    tmp_path: Path,
) -> None:
    thread = await asked_in_a_thread(owner, guild.general, f"{call} remember 42")
    await says(member, thread, f"{call} remember 7", "I will remember 7.")
    post = await owner.post(guild.channel("forum", forum=True), "Numbers", f"{call} hello")
    await post.wait_for_text("⏱")
    await owner.dm("hello")
    await owner.direct.wait_for_text("⏱")
    await only_in(server, tmp_path / "data", thread, post, owner.direct)
    await seen(server, guild.general, thread, post)
    thread.delete()
    await only_in(server, tmp_path / "data", post, owner.direct)
    post.delete()
    await only_in(server, tmp_path / "data", owner.direct)
    assert list((tmp_path / "data" / "discord").glob("*/*.thread")) == []
    await says(owner, owner.direct, "/sessions", "remember 42")  # it is not lost


async def test_in_a_deleted_channel_and_its_threads_nobody_has_one(
    palaver: Palaver,
    server: DiscordServer,
    guild: Guild,
    owner: Member,
    call: str,
    tmp_path: Path,
) -> None:
    room = guild.channel("room")
    thread = await asked_in_a_thread(owner, room, f"{call} remember 42")
    await (await owner.command("newsession", in_=room)).answer()
    await only_in(server, tmp_path / "data", thread, room)
    await seen(server, room)
    room.delete()
    await only_in(server, tmp_path / "data")


async def test_what_is_at_work_in_a_deleted_thread_holds_nobody_up(
    palaver: Palaver, server: DiscordServer, guild: Guild, owner: Member, call: str
) -> None:
    await owner.say(f"{call} wait 60")
    thread = await guild.general.wait_for_thread()
    await newest_with(thread, "Stop")
    thread.delete()
    other = await asked_in_a_thread(owner, guild.general, f"{call} hello")
    await says(owner, other, "and again", "and again")
    await palaver.restart()
    await says(owner, other, "and after a restart", "and after a restart")
    assert {problem.code for problem in server.problems} <= {10003}  # it is not there any more
    server.problems.clear()
