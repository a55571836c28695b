"""A turn at work, through the real library to a strict server."""

import contextlib
from collections.abc import AsyncIterator

import aiohttp
import discord
import pytest

from palaver import Action, MessageId, View
from palaver.testing.discord import DiscordServer, Guild, Member
from support.discord_out import PATCH, POST, Out, place, sending


@pytest.fixture
async def out(server: DiscordServer) -> AsyncIterator[Out]:
    async with sending(server) as out:
        yield out


def working(text: str, turn: str = "") -> View:
    stop = Action(label="Stop", command=f"/stop {turn}".strip(), style="danger")
    return View(text=text, actions=(stop,), kind="progress")


async def test_a_live_message_is_changed_and_taken_away(
    out: Out, server: DiscordServer, guild: Guild, owner: Member
) -> None:
    here = place(owner, guild.general)
    message = await out.live.show(here, None, working("one"))
    assert guild.general.last.buttons == ["Stop"]
    assert guild.general.last.silent
    for _ in range(2):
        assert await out.live.show(here, message, working("one two")) == message
    assert guild.general.texts == ["one two"]
    assert len(server.calls.of(PATCH)) == 1
    await out.live.end(here, message)
    assert guild.general.messages == []


async def test_a_live_message_whose_answer_was_lost_is_not_sent_twice(
    out: Out, server: DiscordServer, guild: Guild, owner: Member
) -> None:
    here = place(owner, guild.general)
    server.faults.add(POST, drop="after")
    message: MessageId | None = None
    for text in ("one", "one two", "one two three"):
        with contextlib.suppress(aiohttp.ServerDisconnectedError):  # the presenter bears it
            message = await out.live.show(here, message, working(text))
    assert guild.general.texts == ["one two three"]


async def test_a_turn_whose_first_live_message_was_lost_leaves_its_button_to_no_other(
    out: Out, server: DiscordServer, guild: Guild, owner: Member
) -> None:
    here = place(owner, guild.general)
    server.faults.add(POST, drop="after")
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await out.live.show(here, None, working("one", "first"))
    await out.live.show(here, None, working("one", "second"))
    [message] = guild.general.messages
    assert "/stop second" in str(message.components)


async def test_a_button_that_could_not_be_changed_is_changed_the_next_time(
    out: Out, server: DiscordServer, guild: Guild, owner: Member
) -> None:
    here = place(owner, guild.general)
    server.faults.add(POST, drop="after")
    server.faults.add(PATCH, error=503)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await out.live.show(here, None, working("one", "first"))
    message = await out.live.show(here, None, working("one", "second"))
    assert "/stop first" in str(guild.general.last.components)
    assert await out.live.show(here, message, working("one", "second")) == message
    [message_now] = guild.general.messages
    assert "/stop second" in str(message_now.components)


async def test_a_change_is_tried_once(
    out: Out, server: DiscordServer, guild: Guild, owner: Member
) -> None:
    here = place(owner, guild.general)
    message = await out.live.show(here, None, working("one"))
    server.faults.add(PATCH, error=503)
    with pytest.raises(discord.DiscordServerError):
        await out.live.show(here, message, working("two"))
    await out.live.show(here, message, working("two"))
    assert guild.general.texts == ["two"]


async def test_typing_is_shown(out: Out, guild: Guild, owner: Member) -> None:
    await out.live.typing(place(owner, guild.general))
    assert guild.general.shows_typing()
