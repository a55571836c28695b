"""Threads, forums, permissions, and who is there."""

import pytest

from core.testing.discord.bots import Bot, connected, discord
from palaver.testing.discord import Channel, DiscordServer, Guild, Member


def _channel(bot: Bot, guild: Guild) -> discord.TextChannel:
    channel = bot.get_channel(guild.general.id)
    assert isinstance(channel, discord.TextChannel)
    return channel


async def _thread(server: DiscordServer, bot: Bot) -> discord.Thread:
    await server.wait_until(lambda: bot.threads)
    return bot.threads[-1]


async def test_a_member_opens_a_thread(
    server: DiscordServer, guild: Guild, member: Member, bot: Bot
) -> None:
    thread = await member.open_thread("work")
    seen = await _thread(server, bot)
    assert (seen.id, seen.name, seen.owner_id) == (thread.id, "work", member.id)
    await seen.send("hello in here")
    assert (await thread.wait_for_text("hello in here")).channel_id == thread.id
    assert guild.general.messages == []
    await member.say("and here", to=thread)
    await server.wait_until(lambda: bot.heard)
    assert bot.heard[0].channel.id == thread.id


async def test_the_bot_opens_a_thread_from_a_message(
    server: DiscordServer, guild: Guild, member: Member, bot: Bot
) -> None:
    said = await member.say("a task")
    await server.wait_until(lambda: bot.heard)
    opened = await bot.heard[0].create_thread(name="task")
    thread = await guild.general.wait_for_thread(lambda one: one.name == "task")
    assert thread.id == opened.id == said.id
    with pytest.raises(discord.HTTPException) as refused:
        await bot.heard[0].create_thread(name="again")
    assert refused.value.code == 160004


async def test_a_private_thread_is_hidden(guild: Guild, member: Member, bot: Bot) -> None:
    other = guild.member("other")
    private = discord.ChannelType.private_thread
    opened = await _channel(bot, guild).create_thread(name="secret", type=private)
    thread = await guild.general.wait_for_thread()
    await opened.send("psst")
    assert member.sees(thread) == []
    await opened.add_user(discord.Object(member.id))
    assert [one.content for one in member.sees(thread)] == ["psst"]
    assert thread.thread_members == {member.id, thread.stored.owner_id}
    with pytest.raises(PermissionError):
        await other.say("hello?", to=thread)


async def test_a_bot_without_power_hears_of_a_private_thread_when_it_is_invited(
    server: DiscordServer, guild: Guild, member: Member, bot: Bot
) -> None:
    guild.revoke(guild.bot_role, "manage_threads")
    guild.grant(guild.everyone, "create_private_threads")
    thread = await member.open_thread("secret", private=True)
    await member.say("not yet", to=thread)
    await member.invite(thread, server.bot_id)
    await member.say("hello bot", to=thread)
    await server.wait_until(lambda: bot.heard)
    assert bot.texts == ["hello bot"]
    assert bot.heard[0].channel.id == thread.id
    await bot.heard[0].reply("hello")
    await thread.wait_for_text("hello")


async def test_a_thread_is_archived_and_woken(
    server: DiscordServer, member: Member, bot: Bot
) -> None:
    thread = await member.open_thread("work")
    seen = await _thread(server, bot)
    sent = await seen.send("one")
    await seen.edit(archived=True)
    await thread.wait_until(lambda: thread.archived)
    with pytest.raises(discord.HTTPException) as refused:
        await sent.edit(content="two")
    assert refused.value.code == 50083
    with pytest.raises(PermissionError, match="archived"):
        await member.command("echo", in_=thread, text="x")
    await member.say("wake up", to=thread)
    assert not thread.archived
    await member.archive(thread)
    await seen.send("so do I")
    assert not thread.archived
    assert thread.texts == ["one", "so do I"]


async def test_archived_threads_are_found_again(
    server: DiscordServer, guild: Guild, member: Member, bot: Bot
) -> None:
    thread = await member.open_thread("old")
    await member.archive(thread)
    found = [one.id async for one in _channel(bot, guild).archived_threads()]
    assert found == [thread.id]
    async with connected(server) as another:
        assert list(another.guilds[0].threads) == []


async def test_a_locked_thread_wakes_for_moderators_alone(
    server: DiscordServer, guild: Guild, member: Member, bot: Bot
) -> None:
    thread = await member.open_thread("work")
    seen = await _thread(server, bot)
    thread.archive(locked=True)
    with pytest.raises(PermissionError):
        await member.say("hello?", to=thread)
    guild.revoke(guild.bot_role, "manage_threads")
    with pytest.raises(discord.HTTPException) as refused:
        await seen.send("hello?")
    assert refused.value.code == 50083
    guild.grant(guild.bot_role, "manage_threads")
    await seen.send("hello")
    assert thread.texts == ["hello"]
    assert thread.locked
    guild.revoke(guild.bot_role, "manage_threads")
    with pytest.raises(discord.Forbidden) as refused:
        await seen.send("and now?")
    assert refused.value.code == 160005


async def test_a_thread_is_changed_by_who_opened_it(
    guild: Guild, member: Member, server: DiscordServer, bot: Bot
) -> None:
    guild.revoke(guild.bot_role, "manage_threads", "manage_channels")
    own = await _channel(bot, guild).create_thread(
        name="mine", type=discord.ChannelType.public_thread
    )
    await own.edit(name="still mine")
    assert (await guild.general.wait_for_thread()).name == "still mine"
    await member.open_thread("theirs")
    await server.wait_until(lambda: len(bot.threads) == 2)
    with pytest.raises(discord.Forbidden):
        await bot.threads[1].edit(name="mine now")
    with pytest.raises(discord.Forbidden):
        await own.delete()


async def test_a_post_of_a_member_begins_a_thread(
    server: DiscordServer, guild: Guild, member: Member, bot: Bot
) -> None:
    forum = guild.channel("ideas", forum=True)
    post = await member.post(forum, "An idea", "in detail", attachments=[("a.txt", b"abc")])
    seen = await _thread(server, bot)
    await server.wait_until(lambda: bot.heard)
    assert (seen.id, seen.name, seen.parent_id) == (post.id, "An idea", forum.id)
    assert isinstance(seen.parent, discord.ForumChannel)
    assert (bot.heard[0].id, bot.heard[0].content) == (post.id, "in detail")
    assert await bot.heard[0].attachments[0].read() == b"abc"
    await seen.send("good idea")
    await post.wait_for_text("good idea")


async def test_a_post_of_the_bot_has_the_id_of_its_first_message(
    guild: Guild, bot: Bot, server: DiscordServer
) -> None:
    forum = guild.channel("ideas", forum=True)
    await server.wait_until(lambda: bot.get_channel(forum.id))
    place = bot.get_channel(forum.id)
    assert isinstance(place, discord.ForumChannel)
    created = await place.create_thread(name="report", content="all is well")
    assert created.thread.id == created.message.id
    with pytest.raises(discord.HTTPException) as refused:
        await bot.http.send_message(
            forum.id, params=discord.http.handle_message_parameters(content="x")
        )
    assert refused.value.code == 40058
    [thread] = forum.threads
    assert thread.texts == ["all is well"]


async def test_where_the_bot_may_not_write_it_is_refused(
    server: DiscordServer, guild: Guild, bot: Bot
) -> None:
    guild.general.deny(guild.bot_role, "send_messages")
    with pytest.raises(discord.Forbidden) as refused:
        await _channel(bot, guild).send("x")
    assert refused.value.code == 50013
    guild.general.allow(guild.bot_role, "send_messages")
    await _channel(bot, guild).send("y")
    assert guild.general.texts == ["y"]
    assert [problem.code for problem in server.problems] == [50013]


async def test_what_the_bot_may_not_see_it_is_not_told(
    server: DiscordServer, guild: Guild, member: Member, bot: Bot
) -> None:
    hidden = guild.channel("hidden")
    hidden.deny(guild.bot_role, "view_channel")
    await member.say("secret", to=hidden)
    await member.say("open")
    await server.wait_until(lambda: bot.heard)
    assert bot.texts == ["open"]
    with pytest.raises(discord.Forbidden) as refused:
        await bot.http.send_message(
            hidden.id, params=discord.http.handle_message_parameters(content="x")
        )
    assert refused.value.code == 50001


async def test_members_come_change_and_go(server: DiscordServer, guild: Guild, bot: Bot) -> None:
    there = bot.guilds[0]
    role = guild.role("staff", "manage_messages")
    member = guild.member("new", id=3001, roles=(role,))
    await server.wait_until(lambda: there.get_member(3001))
    seen = there.get_member(3001)
    assert seen is not None
    assert [one.name for one in seen.roles] == ["@everyone", "staff"]
    member.take(role)
    await server.wait_until(lambda: len(seen.roles) == 1)
    assert guild.members[3001].name == server.member(3001).name == "new"
    guild.leave(member)
    with pytest.raises(LookupError):
        server.member(3001)
    await server.wait_until(lambda: there.get_member(3001) is None)
    with pytest.raises(PermissionError):
        await member.say("am I still here?")


async def test_a_guild_that_is_new_and_one_that_is_over(
    server: DiscordServer, guild: Guild, bot: Bot
) -> None:
    server.guild("second", id=600)
    await server.wait_until(lambda: bot.get_guild(600))
    second = Guild(server.world, server.world.guilds[600])
    second.join(guild.member("both", id=3002))
    await server.wait_until(lambda: bot.guilds[1].get_member(3002))
    guild.drop_bot()
    await server.wait_until(lambda: bot.get_guild(500) is None)


async def test_a_channel_that_is_deleted_is_unknown(
    server: DiscordServer, guild: Guild, bot: Bot
) -> None:
    place: Channel = guild.channel("soon gone")
    await server.wait_until(lambda: bot.get_channel(place.id))
    seen = bot.get_channel(place.id)
    assert isinstance(seen, discord.TextChannel)
    place.delete()
    assert place.deleted
    with pytest.raises(discord.NotFound) as refused:
        await seen.send("x")
    assert refused.value.code == 10003


async def test_a_wait_says_what_there_was_instead(guild: Guild, bot: Bot) -> None:
    await _channel(bot, guild).send("something else")
    with pytest.raises(TimeoutError, match="something else"):
        await guild.general.wait_for_text("nothing", timeout=0.01)


async def test_a_member_who_types_is_seen(server: DiscordServer, member: Member, bot: Bot) -> None:
    typing = bot.wait_for("typing", timeout=5)
    await member.type()
    _, user, _ = await typing
    assert user.id == member.id
