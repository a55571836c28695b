"""Bad days of the REST API: errors, limits, delays, lost requests and answers."""

import asyncio

import aiohttp
import pytest

from core.testing.discord.bots import Bot, discord
from palaver.testing.discord import DiscordServer, Guild, Member
from palaver.testing.discord.faults import Drop, Scope

SEND = "POST /channels/*/messages"


def _channel(bot: Bot, guild: Guild) -> discord.TextChannel:
    channel = bot.get_channel(guild.general.id)
    assert isinstance(channel, discord.TextChannel)
    return channel


async def test_an_error_strikes_as_often_as_asked(
    server: DiscordServer, guild: Guild, bot: Bot
) -> None:
    fault = server.faults.add(SEND, error=503, times=2)
    for _ in range(2):
        with pytest.raises(discord.DiscordServerError):
            await _channel(bot, guild).send("x")
    await _channel(bot, guild).send("third time")
    assert guild.general.texts == ["third time"]
    assert (fault.hits, fault.spent) == (2, True)
    assert [call.fault for call in server.calls.of(SEND)] == ["error 503", "error 503", ""]
    assert server.problems == []


async def test_an_error_that_the_library_tries_again(
    server: DiscordServer, guild: Guild, bot: Bot
) -> None:
    server.faults.add(SEND, error=502)
    await _channel(bot, guild).send("x")
    assert [call.status for call in server.calls.of(SEND)] == [502, 200]


async def test_an_error_with_a_code_of_discord(
    server: DiscordServer, member: Member, bot: Bot
) -> None:
    server.faults.add(SEND, error=403, code=50007, message="Cannot send messages to this user")
    user = await bot.fetch_user(member.id)
    with pytest.raises(discord.Forbidden) as refused:
        await user.send("x")
    assert refused.value.code == 50007


@pytest.mark.parametrize("scope", ["user", "shared", "global"])
async def test_a_rate_limit_is_waited_for(
    server: DiscordServer, guild: Guild, bot: Bot, scope: Scope
) -> None:
    server.faults.add(SEND, error=429, retry_after=0.2, scope=scope)
    await _channel(bot, guild).send("x")
    first, second = server.calls.of(SEND)
    assert (first.status, second.status) == (429, 200)
    assert first.answer["global"] is (scope == "global")
    assert server.problems == []


async def test_a_limit_of_cloudflare_is_not_waited_for(
    server: DiscordServer, guild: Guild, bot: Bot
) -> None:
    server.faults.add(SEND, error=429, via=False)
    with pytest.raises(discord.HTTPException) as refused:
        await _channel(bot, guild).send("x")
    assert refused.value.status == 429


async def test_limits_as_the_live_service_has_them(
    server: DiscordServer, guild: Guild, bot: Bot
) -> None:
    server.limits.enable(messages=(2, 0.3))
    channel = _channel(bot, guild)
    await asyncio.gather(*(channel.send(str(number)) for number in range(5)))
    assert sorted(guild.general.texts) == ["0", "1", "2", "3", "4"]
    refused = [call for call in server.calls.of(SEND) if call.status == 429]
    assert len(refused) <= 3, "the library reads the buckets in the headers"
    assert server.calls.of(SEND)[0].headers["X-RateLimit-Limit"] == "2"
    assert server.problems == []


async def test_too_many_requests_overall(server: DiscordServer, guild: Guild, bot: Bot) -> None:
    server.limits.enable(messages=(100, 1.0), overall=3)
    channel = _channel(bot, guild)
    await asyncio.gather(*(channel.send(str(number)) for number in range(4)))
    assert len(guild.general.texts) == 4
    limited = [call for call in server.calls.of(SEND) if call.status == 429]
    assert limited
    assert all(call.answer["global"] for call in limited)


async def test_reactions_and_typings_and_deletions_are_limited_each_for_itself(
    server: DiscordServer, guild: Guild, member: Member, bot: Bot
) -> None:
    server.limits.enable()
    channel = _channel(bot, guild)
    message = await channel.fetch_message((await member.say("x")).id)
    await asyncio.gather(*(message.add_reaction(emoji) for emoji in "👀👍"))
    await channel.typing()
    await (await channel.send("y")).delete()

    def limits(route: str) -> set[str]:
        return {call.headers["X-RateLimit-Limit"] for call in server.calls.of(route) if call.ok}

    assert limits("PUT /channels/*/reactions/*") == {"1"}
    assert limits("POST /channels/*/typing") == limits("DELETE /channels/*/messages/*") == {"5"}
    assert server.problems == []


async def test_a_third_name_in_ten_minutes_is_refused(
    server: DiscordServer, guild: Guild, bot: Bot
) -> None:
    server.limits.enable()
    channel = _channel(bot, guild)
    bot.http.max_ratelimit_timeout = 30.0
    for name in ("one", "two"):
        await channel.edit(name=name)
    await channel.edit(slowmode_delay=5)
    with pytest.raises(discord.RateLimited) as refused:
        await channel.edit(name="three")
    assert 500 < refused.value.retry_after <= 600
    server.clock.advance(600)
    await channel.edit(name="three")
    assert guild.general.name == "three"


async def test_a_delay_delays(server: DiscordServer, guild: Guild, bot: Bot) -> None:
    server.faults.add("POST /channels/*/typing", delay=0.2)
    typing = asyncio.ensure_future(_channel(bot, guild).typing())
    await _channel(bot, guild).send("x")
    assert not typing.done()
    await typing
    assert len(guild.general.typings) == 1
    assert [call.fault for call in server.calls.of("POST /channels/*/typing")] == ["delay"]


@pytest.mark.parametrize(("drop", "texts"), [("before", []), ("after", ["x"])])
async def test_a_connection_is_dropped_before_or_after(
    server: DiscordServer, guild: Guild, bot: Bot, drop: Drop, texts: list[str]
) -> None:
    server.faults.add(SEND, drop=drop)
    with pytest.raises((aiohttp.ClientError, OSError)):
        await _channel(bot, guild).send("x")
    assert guild.general.texts == texts
    [call] = server.calls.of(SEND)
    assert (call.status, call.fault) == (0, f"drop {drop}")


async def test_a_send_that_is_tried_again_after_a_lost_answer_is_there_once(
    server: DiscordServer, guild: Guild, bot: Bot
) -> None:
    server.faults.add(SEND, drop="after")
    with pytest.raises((aiohttp.ClientError, OSError)):
        await _channel(bot, guild).send("x", nonce="n-1")
    again = await _channel(bot, guild).send("x", nonce="n-1")
    assert [message.id for message in guild.general.messages] == [again.id]


async def test_a_request_that_is_never_answered(
    server: DiscordServer, guild: Guild, bot: Bot
) -> None:
    server.faults.add(SEND, silence=True)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await _channel(bot, guild).send("x")
    assert guild.general.texts == []
    await _channel(bot, guild).send("y")


async def test_a_fault_strikes_only_where_it_fits(
    server: DiscordServer, guild: Guild, bot: Bot
) -> None:
    fault = server.faults.add(
        SEND, error=503, times=None, when=lambda call: call.body["content"] == "bad"
    )
    await _channel(bot, guild).send("good")
    with pytest.raises(discord.DiscordServerError):
        await _channel(bot, guild).send("bad")
    server.faults.remove(fault)
    await _channel(bot, guild).send("bad")
    assert guild.general.texts == ["good", "bad"]


async def test_a_file_that_can_t_be_fetched(
    server: DiscordServer, member: Member, bot: Bot
) -> None:
    server.faults.add("GET /attachments/*", error=503)
    await member.say(attachments=[("a.txt", b"abc")])
    await server.wait_until(lambda: bot.heard)
    with pytest.raises(discord.HTTPException):
        await bot.heard[0].attachments[0].read()
    assert await bot.heard[0].attachments[0].read() == b"abc"


async def test_a_call_can_be_waited_for(server: DiscordServer, guild: Guild, bot: Bot) -> None:
    sent = await _channel(bot, guild).send("x")
    editing = asyncio.ensure_future(sent.edit(content="y"))
    call = await server.wait_for_call("PATCH /channels/*/messages/*")
    assert (call.status, call.body["content"]) == (200, "y")
    await editing
    with pytest.raises(TimeoutError, match="PATCH /channels"):
        await server.wait_for_call("DELETE /*", timeout=0.01)
