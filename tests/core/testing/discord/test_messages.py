"""Messages, replies, reactions, typing, history, files."""

import io

import pytest

from core.testing.discord.bots import Bot, connected, discord
from palaver.testing.discord import DiscordServer, Guild, Member, Message


def _channel(bot: Bot, guild: Guild) -> discord.TextChannel:
    channel = bot.get_channel(guild.general.id)
    assert isinstance(channel, discord.TextChannel)
    return channel


async def _heard(server: DiscordServer, bot: Bot, count: int = 1) -> discord.Message:
    await server.wait_until(lambda: len(bot.heard) >= count)
    return bot.heard[count - 1]


async def test_a_message_goes_both_ways(
    server: DiscordServer, guild: Guild, member: Member, bot: Bot
) -> None:
    said = await member.say("hello")
    heard = await _heard(server, bot)
    assert (heard.id, heard.content, heard.author.id) == (said.id, "hello", member.id)
    sent = await heard.reply("good day")
    answer = await guild.general.wait_for_text("good day")
    assert (answer.id, answer.reply_to) == (sent.id, said.id)
    await member.say("and to you", reply_to=answer)
    back = await _heard(server, bot, 2)
    assert back.reference is not None
    assert back.reference.message_id == sent.id
    assert server.problems == []


async def test_edits_and_deletions_are_seen(guild: Guild, bot: Bot) -> None:
    sent = await _channel(bot, guild).send("one")
    await sent.edit(content="two", embed=discord.Embed(title="T", description="D"))
    message = guild.general.last
    assert message.text == "two\nT\nD"
    assert [version.content for version in message.versions] == ["one", "two"]
    await sent.delete()
    assert guild.general.messages == []
    assert message.deleted


async def test_members_edit_delete_and_react(
    server: DiscordServer, guild: Guild, member: Member, bot: Bot
) -> None:
    said = await member.say("frist")
    heard = await _heard(server, bot)
    await member.edit(said, "first")
    edited = await bot.wait_for("message_edit", timeout=5)
    assert edited[1].content == "first"
    await heard.add_reaction("👀")
    assert said.reactions == {"👀": [server.bot_id]}
    sent = await heard.channel.send("x")
    await member.react(guild.general.last, "👍")
    reaction, user = await bot.wait_for("reaction_add", timeout=5)
    assert (str(reaction.emoji), user.id, reaction.message.id) == ("👍", member.id, sent.id)
    await member.delete(said)
    gone = await bot.wait_for("raw_message_delete", timeout=5)
    assert gone.message_id == said.id


async def test_the_preview_of_a_link_comes_as_an_event_of_its_own(
    server: DiscordServer, member: Member, bot: Bot
) -> None:
    heard: list[discord.Message] = []

    async def on_raw_message_edit(payload: discord.RawMessageUpdateEvent) -> None:
        heard.append(payload.message)

    bot.event(on_raw_message_edit)
    said = await member.say("see https://example.org/page.")
    await server.wait_until(lambda: len(heard) == 1)
    assert [embed.url for embed in heard[0].embeds] == ["https://example.org/page"]
    assert heard[0].edited_at is None
    await member.edit(said, "or https://example.org/other, that is")
    await server.wait_until(lambda: len(heard) == 3)
    edited, shown = heard[1:]
    assert [len(one.embeds) for one in (edited, shown)] == [0, 1]
    assert edited.edited_at
    assert shown.edited_at
    cut = edited.edited_at.microsecond // 1000 * 1000
    assert shown.edited_at == edited.edited_at.replace(microsecond=cut)
    await member.edit(said, "not <https://example.org>")
    await server.wait_until(lambda: len(heard) == 4)
    assert said.embeds == []


async def test_typing_is_shown_until_a_message_comes(
    server: DiscordServer, guild: Guild, bot: Bot
) -> None:
    channel = _channel(bot, guild)
    async with channel.typing():
        assert guild.general.shows_typing()
    server.clock.advance(11)
    assert not guild.general.shows_typing()
    async with channel.typing():
        await channel.send("x")
        assert not guild.general.shows_typing()
    assert len(guild.general.typings) == 2


async def test_direct_messages(server: DiscordServer, member: Member, bot: Bot) -> None:
    await member.dm("psst")
    heard = await _heard(server, bot)
    assert heard.guild is None
    await heard.channel.send("yes?")
    assert (await member.direct.wait_for_text("yes?")).author_id == server.bot_id
    user = await bot.fetch_user(member.id)
    await user.send("one more")
    await member.direct.wait_for_text("one more")
    assert server.problems == []


async def test_what_was_said_while_no_bot_was_there_is_only_in_history(
    server: DiscordServer, guild: Guild, member: Member
) -> None:
    async with connected(server) as bot:
        before = await member.say("before")
        await _heard(server, bot)
    said = [(await member.say(f"while away {number}")).id for number in range(150)]
    async with connected(server) as bot:
        await member.say("after")
        await _heard(server, bot)
        assert bot.texts == ["after"]
        missed = _channel(bot, guild).history(
            after=discord.Object(before.id), limit=None, oldest_first=True
        )
        assert [one.id async for one in missed][:150] == said
    assert server.gateway.greetings == ["IDENTIFY", "IDENTIFY"]


async def test_history_gives_the_next_messages_not_the_newest(
    guild: Guild, member: Member, bot: Bot
) -> None:
    said = [(await member.say(str(number))).id for number in range(5)]
    after = discord.Object(said[0])
    found = [one.id async for one in _channel(bot, guild).history(after=after, limit=2)]
    assert found == said[1:3]
    assert [one.id async for one in _channel(bot, guild).history(limit=2)] == said[:2:-1]


async def test_the_same_nonce_sends_once(guild: Guild, bot: Bot) -> None:
    first = await _channel(bot, guild).send("once", nonce="n-1")
    second = await _channel(bot, guild).send("once", nonce="n-1")
    assert first.id == second.id
    assert first.nonce == "n-1"
    await _channel(bot, guild).send("another", nonce="n-2")
    assert guild.general.texts == ["once", "another"]


async def test_an_answer_to_a_message_that_is_gone_is_refused(
    server: DiscordServer, guild: Guild, member: Member, bot: Bot
) -> None:
    said = await member.say("gone soon")
    heard = await _heard(server, bot)
    await member.delete(said)
    with pytest.raises(discord.HTTPException, match="Unknown message"):
        await heard.reply("too late")
    reference = discord.MessageReference.from_message(heard, fail_if_not_exists=False)
    await heard.channel.send("still", reference=reference)
    assert guild.general.texts == ["still"]


async def test_nobody_is_pinged_unless_it_is_allowed(
    guild: Guild, member: Member, bot: Bot
) -> None:
    text = f"@everyone <@{member.id}>"
    quiet = await _channel(bot, guild).send(text, allowed_mentions=discord.AllowedMentions.none())
    loud = await _channel(bot, guild).send(text)
    [first, second] = guild.general.messages
    assert (first.id, first.pings, first.pings_everyone) == (quiet.id, set(), False)
    assert (second.id, second.pings, second.pings_everyone) == (loud.id, {member.id}, True)


async def test_files_come_and_go(
    server: DiscordServer, guild: Guild, member: Member, bot: Bot
) -> None:
    await member.say("here", attachments=[("a b.txt", b"abc"), ("x.bin", bytes(300_000))])
    heard = await _heard(server, bot)
    [text, binary] = heard.attachments
    assert (text.filename, text.size, text.content_type) == ("a b.txt", 3, "text/plain")
    assert await text.read() == b"abc"
    assert await binary.read() == bytes(300_000)
    report = discord.File(io.BytesIO(b"{}"), "report.json", description="a report")
    await heard.channel.send("there", files=[report, discord.File(io.BytesIO(b"2"), "2.txt")])
    [first, second] = guild.general.last.attachments
    assert (first.name, first.data, first.description) == ("report.json", b"{}", "a report")
    assert first.content_type == "application/json"
    assert second.data == b"2"


async def test_a_file_can_be_added_by_an_edit(guild: Guild, bot: Bot) -> None:
    sent = await _channel(bot, guild).send("x", file=discord.File(io.BytesIO(b"1"), "1.txt"))
    more = discord.File(io.BytesIO(b"2"), "2.txt")
    await sent.edit(attachments=[*sent.attachments, more])
    assert [one.data for one in guild.general.last.attachments] == [b"1", b"2"]


async def test_a_file_that_has_expired_is_not_there(
    server: DiscordServer, member: Member, bot: Bot
) -> None:
    await member.say(attachments=[("a.txt", b"abc")])
    heard = await _heard(server, bot)
    server.world.files.forget()
    with pytest.raises(discord.NotFound):
        await heard.attachments[0].read()


async def test_a_voice_message_is_one(server: DiscordServer, member: Member, bot: Bot) -> None:
    said: Message = await member.say_voice(b"OggS", seconds=2.5)
    heard = await _heard(server, bot)
    [voice] = heard.attachments
    assert said.voice
    assert heard.flags.voice
    assert voice.is_voice_message()
    assert (voice.duration, voice.content_type) == (2.5, "audio/ogg")
    assert await voice.read() == b"OggS"
