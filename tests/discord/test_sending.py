"""Views through the real library to a strict server."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import discord
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from palaver import Action, ConversationId, Item, Place, View
from palaver.testing.discord import DiscordServer, Guild, Member
from palaver_discord.client import log_in, make_client
from palaver_discord.delivery import Delivery
from palaver_discord.places import namespace
from palaver_discord.sending import Sender
from support.discord_out import POST, Out, place, sending, settings_of
from support.discord_views import views


@pytest.fixture
async def out(server: DiscordServer) -> AsyncIterator[Out]:
    async with sending(server) as out:
        yield out


# --- sending -------------------------------------------------------------------------------------


async def test_buttons_are_under_the_last_message_and_only_it_rings(
    out: Out, guild: Guild, owner: Member
) -> None:
    action = Action(label="Stop", command="/stop")
    view = View(text="word " * 1000, actions=(action,), kind="answer")
    message = await out.sender.send(place(owner, guild.general), view)
    first, middle, last = guild.general.messages
    assert str(last.id) == message
    assert [first.buttons, middle.buttons, last.buttons] == [[], [], ["Stop"]]
    assert [first.silent, middle.silent, last.silent] == [True, True, False]


async def test_notices_do_not_ring(out: Out, guild: Guild, owner: Member) -> None:
    await out.sender.send(place(owner, guild.general), View(title="⏳", kind="notice"))
    assert guild.general.last.silent


async def test_nobody_is_mentioned(out: Out, guild: Guild, owner: Member) -> None:
    text = f"@everyone @here <@{owner.id}> <@&{guild.everyone.id}>"
    await out.sender.send(place(owner, guild.general), View(text=text, kind="answer"))
    assert not guild.general.last.pings
    assert not guild.general.last.pings_everyone


async def test_links_show_no_preview_but_never_at_the_cost_of_an_embed(
    out: Out, server: DiscordServer, guild: Guild, owner: Member
) -> None:
    here = place(owner, guild.general)
    link = View(text="https://example.org", kind="answer")
    button = {"actions": (Action(label="Sessions", command="/sessions"),)}
    await out.sender.send(here, link)
    await out.sender.send(here, link.model_copy(update=button))
    await out.live.show(here, None, link.model_copy(update={**button, "kind": "progress"}))
    hides = discord.MessageFlags(suppress_embeds=True).value
    flags = [bool(call.body.get("flags", 0) & hides) for call in server.calls.of(POST)]
    assert flags == [True, False, True]


async def test_what_no_button_can_carry_is_typed(out: Out, guild: Guild, owner: Member) -> None:
    view = View(title="x", actions=(Action(label="Long", command="/long " + "x" * 90),))
    await out.sender.send(place(owner, guild.general), view)
    assert f"Long: /long {'x' * 90}" in guild.general.last.text


async def test_an_answer_replies_to_what_its_member_asked(
    out: Out, guild: Guild, owner: Member, member: Member
) -> None:
    asked = await owner.say("question")
    out.sender.remember(place(owner, guild.general), asked.id)
    await out.sender.send(place(owner, guild.general), View(text="word " * 1000, kind="answer"))
    await out.sender.send(place(member, guild.general), View(text="other", kind="answer"))
    first, *more = guild.general.messages
    assert first.reply_to == asked.id
    assert {message.reply_to for message in more} == {None}


async def test_a_question_that_was_deleted_is_answered_all_the_same(
    out: Out, guild: Guild, owner: Member
) -> None:
    asked = await owner.say("question")
    out.sender.remember(place(owner, guild.general), asked.id)
    await owner.delete(asked)
    await out.sender.send(place(owner, guild.general), View(text="answer", kind="answer"))
    assert guild.general.texts == ["answer"]


# --- changing ------------------------------------------------------------------------------------


async def test_an_edit_takes_away_what_the_new_view_has_not(
    out: Out, guild: Guild, owner: Member
) -> None:
    here = place(owner, guild.general)
    ask = View(title="Sure?", actions=(Action(label="Yes", command="/yes"),), kind="approval")
    message = await out.sender.send(here, ask)
    await out.sender.edit(here, message, View(text="done", kind="answer"))
    [left] = guild.general.messages
    assert (left.content, left.embeds, left.buttons) == ("done", [], [])


async def test_an_edit_that_is_too_long_goes_on_below(
    out: Out, guild: Guild, owner: Member
) -> None:
    here = place(owner, guild.general)
    message = await out.sender.send(here, View(text="short", kind="answer"))
    actions = (Action(label="Yes", command="/yes"),)
    view = View(text="word " * 1000, actions=actions, kind="answer")
    await out.sender.edit(here, message, view)
    assert str(guild.general.messages[0].id) == message
    assert "".join(guild.general.texts).count("word") == 1000
    assert [one.buttons for one in guild.general.messages] == [[], [], ["Yes"]]


async def test_what_is_gone_is_removed_without_a_word(
    out: Out, server: DiscordServer, guild: Guild, owner: Member
) -> None:
    here = place(owner, guild.general)
    message = await out.sender.send(here, View(text="x", kind="answer"))
    await out.sender.remove(here, message)
    await out.sender.remove(here, message)
    assert guild.general.messages == []
    assert [problem.code for problem in server.problems] == [10008]
    server.problems.clear()


# --- privately -----------------------------------------------------------------------------------


async def test_what_is_private_comes_as_a_direct_message(
    out: Out, guild: Guild, owner: Member
) -> None:
    await out.sender.send_privately(place(owner, guild.general), View(title="Secret"))
    assert "Secret" in owner.direct.last.text
    assert "Secret" not in guild.general.last.text
    assert "direct messages" in guild.general.last.text


async def test_one_who_takes_no_direct_messages_is_told_what_to_do(
    out: Out, server: DiscordServer, guild: Guild, owner: Member
) -> None:
    direct = str(owner.direct.id)
    server.faults.add(
        POST, error=403, code=50007, times=None, when=lambda call: direct in call.path
    )
    await out.sender.send_privately(place(owner, guild.general), View(title="Secret"))
    assert owner.direct.messages == []
    assert "Privacy Settings" in guild.general.last.text
    assert "Secret" not in guild.general.last.text


# --- bad lines -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        {"drop": "before"},
        {"drop": "after"},
        {"error": 503},
        {"error": 502},
        {"error": 429, "retry_after": 0.1},
        {"error": 429, "retry_after": 0.1, "scope": "global"},
        {"error": 429, "via": False},
    ],
    ids=["lost", "answer lost", "503", "502", "bucket", "global", "cloudflare"],
)
async def test_what_must_arrive_arrives_once(
    out: Out, server: DiscordServer, guild: Guild, owner: Member, fault: dict[str, Any]
) -> None:
    struck = server.faults.add(POST, times=1, **fault)
    await out.sender.send(place(owner, guild.general), View(text="answer", kind="answer"))
    assert struck.spent
    assert guild.general.texts == ["answer"]


async def test_a_silent_connection_is_given_up(
    server: DiscordServer, guild: Guild, owner: Member
) -> None:
    server.faults.add(POST, silence=True)
    async with sending(server, timeout_s=0.3) as out:
        await out.sender.send(place(owner, guild.general), View(text="answer", kind="answer"))
    assert guild.general.texts == ["answer"]


async def test_nothing_that_comes_later_overtakes_it(
    out: Out, server: DiscordServer, guild: Guild, owner: Member
) -> None:
    here = place(owner, guild.general)
    lost = server.faults.add(POST, drop="before")
    first = asyncio.create_task(out.sender.send(here, View(text="first", kind="answer")))
    await server.wait_until(lambda: lost.spent)
    await out.sender.send(here, View(text="second", kind="answer"))
    await first
    assert guild.general.texts == ["first", "second"]


async def test_a_refusal_is_raised_and_says_which_permission_lacks(
    listening: discord.Client,
    server: DiscordServer,
    guild: Guild,
    owner: Member,
    caplog: pytest.LogCaptureFixture,
) -> None:
    guild.general.deny(guild.bot_role, "embed_links", "send_messages")
    channel = listening.get_channel(guild.general.id)
    assert isinstance(channel, discord.TextChannel)
    await server.wait_until(lambda: not channel.permissions_for(channel.guild.me).send_messages)
    sender = Sender(listening, Delivery(listening, 30))
    with pytest.raises(discord.Forbidden):
        await sender.send(place(owner, guild.general), View(title="x"))
    assert "Send Messages, Embed Links" in caplog.text
    server.problems.clear()


async def test_an_unknown_channel_is_raised(out: Out, server: DiscordServer, owner: Member) -> None:
    nowhere = Place(namespace(owner.id), ConversationId("999"))
    with pytest.raises(discord.NotFound):
        await out.sender.send(nowhere, View(title="x"))
    server.problems.clear()


@pytest.fixture
async def listening(server: DiscordServer, guild: Guild) -> AsyncIterator[discord.Client]:
    """A bot that listens."""
    own = settings_of(server)
    client = make_client(own, discord.Client)
    await log_in(client, own)
    running = asyncio.create_task(client.connect())
    await server.gateway.wait_connected()
    await server.wait_until(lambda: client.get_channel(guild.general.id))
    yield client
    await client.close()
    await running


# --- threads -------------------------------------------------------------------------------------


async def test_a_message_opens_an_archived_thread_again(
    out: Out, guild: Guild, owner: Member
) -> None:
    thread = await owner.open_thread("work")
    thread.archive()
    await out.sender.send(place(owner, thread), View(text="answer", kind="answer"))
    assert thread.texts == ["answer"]
    assert not thread.archived


async def test_a_locked_thread_stays_closed(
    out: Out, server: DiscordServer, guild: Guild, owner: Member
) -> None:
    thread = await owner.open_thread("work")
    thread.archive(locked=True)
    guild.revoke(guild.bot_role, "manage_threads")
    with pytest.raises(discord.Forbidden):
        await out.sender.send(place(owner, thread), View(text="answer", kind="answer"))
    assert thread.archived
    server.problems.clear()


async def test_an_edit_opens_an_archived_thread_again(
    out: Out, server: DiscordServer, guild: Guild, owner: Member
) -> None:
    thread = await owner.open_thread("work")
    message = await out.sender.send(place(owner, thread), View(text="x", kind="answer"))
    thread.archive()
    server.faults.add("GET /channels/*", drop="before")
    await out.sender.edit(place(owner, thread), message, View(text="y", kind="answer"))
    assert thread.texts == ["y"]
    assert [problem.code for problem in server.problems] == [50083]
    server.problems.clear()


# --- anything ------------------------------------------------------------------------------------


@given(st.lists(views, min_size=1, max_size=8))
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink takes minutes over sockets
)
async def test_nothing_that_is_sent_is_refused_by_the_server(given_views: list[View]) -> None:
    async with DiscordServer() as server:
        guild = server.guild()
        here = place(guild.member("owner"), guild.general)
        async with sending(server) as out:
            for view in given_views:
                message = await out.sender.send(here, view)
                await out.sender.edit(here, message, view.model_copy(update={"footer": ("over",)}))
                live = await out.live.show(here, None, view)
                await out.live.end(here, live)
        assert server.problems == []


async def test_a_page_of_items_is_accepted(out: Out, guild: Guild, owner: Member) -> None:
    actions = tuple(Action(label=name, command=f"/{name.lower()} 1") for name in ("Switch", "Info"))
    items = (Item(title="one", text="1 turn", actions=actions),)
    await out.sender.send(place(owner, guild.general), View(title="Sessions", items=items))
    assert [row["components"][0]["placeholder"] for row in guild.general.last.components] == [
        "Switch …",
        "Info …",
    ]
