"""Login, intents, and what a bot learns when it comes."""

import pytest

from core.testing.discord.bots import Bot, ask, connected, discord
from core.testing.discord.conftest import point_at
from palaver.testing.discord import DiscordServer, Guild, Member


async def test_a_bot_comes_and_knows_where_it_is(
    server: DiscordServer, guild: Guild, member: Member, bot: Bot
) -> None:
    assert bot.user is not None
    assert (bot.user.id, bot.user.name) == (server.bot_id, "palaver")
    assert bot.application_id == server.application_id
    [seen] = bot.guilds
    assert seen.id == guild.id
    assert [channel.name for channel in seen.text_channels] == ["general"]
    assert {one.id for one in seen.members} >= {member.id, server.bot_id}
    assert server.gateway.greetings == ["IDENTIFY"]
    assert server.problems == []


async def test_the_application_has_an_owner(server: DiscordServer, bot: Bot) -> None:
    information = await bot.application_info()
    assert information.owner.id == server.owner_id


async def test_a_wrong_token_is_refused_at_login(server: DiscordServer) -> None:
    async with Bot() as bot:
        with pytest.raises(discord.LoginFailure):
            await bot.login("wrong")
    [problem] = server.problems
    assert (problem.path, problem.status) == ("/users/@me", 401)


async def test_a_token_that_is_revoked_ends_the_bot_at_the_gateway(
    server: DiscordServer,
) -> None:
    async with Bot() as bot:
        await bot.login(server.token)
        server.revoke_token()
        with pytest.raises(discord.ConnectionClosed) as closed:
            await bot.connect()
    assert closed.value.code == 4004
    assert [problem.code for problem in server.problems] == [4004]


async def test_intents_that_were_not_granted_end_the_bot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with DiscordServer(privileged={"members"}) as server:
        point_at(server, monkeypatch)
        with pytest.raises(discord.PrivilegedIntentsRequired):
            async with connected(server):
                pass
        assert [problem.code for problem in server.problems] == [4014]


async def test_without_the_intent_messages_have_no_content(
    server: DiscordServer, member: Member
) -> None:
    intents = discord.Intents.default()
    async with connected(server, Bot(intents)) as bot:
        await member.say("secret")
        await member.say(f"<@{server.bot_id}> for you")
        await member.dm("direct")
        await server.wait_until(lambda: len(bot.heard) == 3)
        assert bot.texts == ["", f"<@{server.bot_id}> for you", "direct"]


async def test_without_the_members_intent_only_itself_is_told(
    server: DiscordServer, guild: Guild, member: Member
) -> None:
    async with connected(server, Bot(discord.Intents.default())) as bot:
        assert [one.id for one in bot.guilds[0].members] == [server.bot_id]
        found = await bot.guilds[0].query_members(user_ids=[member.id])
        assert [one.id for one in found] == [member.id]


async def test_a_route_that_nobody_knows_is_refused(server: DiscordServer) -> None:
    status, body = await ask(server, "GET", "/nothing/here")
    assert (status, body) == (404, {"code": 0, "message": "404: Not Found"})
    assert [problem.path for problem in server.problems] == ["/nothing/here"]


async def test_json_that_is_none_is_refused(server: DiscordServer, guild: Guild) -> None:
    path = f"/channels/{guild.general.id}/messages"
    status, body = await ask(server, "POST", path, data=b"{")
    assert (status, body["code"]) == (400, 50109)


async def test_an_unknown_field_is_refused(server: DiscordServer, guild: Guild) -> None:
    path = f"/channels/{guild.general.id}/messages"
    status, body = await ask(server, "POST", path, json={"content": "x", "colour": "red"})
    assert (status, body["code"]) == (400, 50035)
    assert "colour" in body["errors"]
    assert guild.general.texts == []


async def test_the_way_to_the_gateway_can_be_asked_for(server: DiscordServer) -> None:
    status, body = await ask(server, "GET", "/gateway/bot")
    assert (status, body["url"], body["shards"]) == (200, server.gateway_url, 1)
