"""Commands, autocompletion, components and modals, and their deadlines."""

import pytest
from simcord.backend.errors import SetupError

from core.testing.discord.bots import Bot, discord
from palaver.testing.discord import DiscordServer, Guild, Interaction, Member, Message


async def test_a_command_is_answered(
    server: DiscordServer, guild: Guild, member: Member, bot: Bot
) -> None:
    asked = await member.command("echo", text="ab", times=2)
    message = await asked.answer()
    assert (message.content, asked.ephemeral, asked.failed) == ("abab", False, False)
    assert message in guild.general.messages
    assert server.problems == []


async def test_an_ephemeral_answer_is_seen_by_one_alone(
    guild: Guild, member: Member, bot: Bot
) -> None:
    other = guild.member("other")
    asked = await member.command("whisper", text="psst")
    message = await asked.answer()
    assert message.ephemeral
    assert message in member.sees(guild.general)
    assert message not in other.sees(guild.general)
    assert guild.general.messages == []


async def test_a_deferred_answer_thinks_and_then_says(
    server: DiscordServer, member: Member, bot: Bot
) -> None:
    asked = await member.command("slow")
    await asked.acknowledged()
    assert asked.deferred
    assert asked.message is not None
    assert asked.message.loading
    bot.go_on.set()
    assert (await asked.answer()).content == "thought"
    await asked.wait_for_text("and more")
    assert [message.ephemeral for message in asked.messages] == [True, True]
    assert asked.followups[0].content == "and more"
    assert server.problems == []


async def test_choices_are_offered_while_typing(member: Member, bot: Bot) -> None:
    choices = await member.autocomplete("use", session="al")
    assert choices == [("Alpha", "alpha"), ("Alone", "alone")]
    asked = await member.command("use", session="alpha")
    assert (await asked.answer()).content == "using alpha"


async def test_a_command_works_in_a_direct_conversation_and_in_a_thread(
    member: Member, bot: Bot
) -> None:
    asked = await member.command("echo", in_=member.direct, text="direct")
    assert (await asked.answer()).channel_id == member.direct.id
    thread = await member.open_thread("work")
    asked = await member.command("echo", in_=thread, text="here")
    assert (await asked.answer()).channel_id == thread.id


async def test_a_command_of_a_guild_is_known_there_alone(
    server: DiscordServer, guild: Guild, member: Member, bot: Bot
) -> None:
    @bot.tree.command(name="here", description="Only here", guild=discord.Object(guild.id))
    async def here(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("here")

    await bot.tree.sync(guild=discord.Object(guild.id))
    assert (await (await member.command("here")).answer()).content == "here"
    elsewhere = server.guild("elsewhere")
    assert server.world.find_command("here", elsewhere.id) is None
    assert server.world.find_command("echo", elsewhere.id) is not None
    fetched = await bot.tree.fetch_commands(guild=discord.Object(guild.id))
    assert [command.name for command in fetched] == ["here"]


async def test_options_name_people_places_and_files(guild: Guild, member: Member, bot: Bot) -> None:
    other = guild.member("other")
    notes = ("n.txt", b"abc")
    asked = await member.command("session share", who=other, where=guild.general, notes=notes)
    assert (await asked.answer()).content == "other general abc"


async def test_a_client_sends_no_options_that_the_command_does_not_have(
    member: Member, bot: Bot
) -> None:
    with pytest.raises(SetupError, match="requires"):
        await member.command("echo")
    with pytest.raises(SetupError, match="no option"):
        await member.command("echo", text="x", colour="red")
    with pytest.raises(SetupError, match="expects str"):
        await member.command("echo", text=5)


async def test_a_command_that_is_not_there_is_waited_for_and_then_missed(
    member: Member, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("palaver.testing.discord.people.WAIT_SECONDS", 0.01)
    with pytest.raises(TimeoutError, match="whisper"):
        await member.command("nothing")


async def test_who_may_not_use_commands_sees_none(guild: Guild, member: Member, bot: Bot) -> None:
    guild.revoke(guild.everyone, "use_application_commands")
    with pytest.raises(PermissionError, match="use-application-commands"):
        await member.command("echo", text="x")


async def test_nobody_presses_what_another_alone_sees(
    server: DiscordServer, guild: Guild, member: Member, bot: Bot
) -> None:
    other = guild.member("other")
    asked = await member.command("slow")
    await asked.acknowledged()
    view = discord.ui.View()
    view.add_item(discord.ui.Button(label="Yes", custom_id="yes"))
    await bot.interactions[0].edit_original_response(content="sure?", view=view)
    message = await asked.answer()
    with pytest.raises(PermissionError):
        await other.press(message, "Yes")
    await (await member.press(message, "Yes")).acknowledged()
    await asked.wait_until(lambda: message.content == "pressed")
    assert message.ephemeral
    assert server.problems == []


async def _with_controls(bot: Bot, guild: Guild) -> Message:
    view = discord.ui.View()
    view.add_item(discord.ui.Button(label="Yes", custom_id="yes"))
    view.add_item(discord.ui.Button(label="No", custom_id="no", disabled=True))
    choices = [discord.SelectOption(label="One", value="1"), discord.SelectOption(label="Two")]
    view.add_item(discord.ui.Select(custom_id="menu", options=choices))
    channel = bot.get_channel(guild.general.id)
    assert isinstance(channel, discord.TextChannel)
    await channel.send("choose", view=view)
    return guild.general.last


@pytest.mark.parametrize("name", ["Yes", "yes"])
async def test_a_button_is_pressed(guild: Guild, member: Member, bot: Bot, name: str) -> None:
    message = await _with_controls(bot, guild)
    assert message.buttons == ["Yes", "No"]
    pressed = await member.press(message, name)
    assert (await pressed.answer()).id == message.id
    assert (message.content, message.buttons) == ("pressed", [])
    assert bot.interactions[0].data is not None
    assert bot.interactions[0].data.get("custom_id") == "yes"


async def test_what_is_disabled_or_not_there_can_t_be_pressed(
    guild: Guild, member: Member, bot: Bot
) -> None:
    message = await _with_controls(bot, guild)
    for name in ("No", "Maybe"):
        with pytest.raises(LookupError):
            await member.press(message, name)


async def test_a_value_is_selected(guild: Guild, member: Member, bot: Bot) -> None:
    message = await _with_controls(bot, guild)
    selected = await member.select(message, ["One"])
    await selected.answer()
    assert bot.interactions[0].data is not None
    assert bot.interactions[0].data.get("values") == ["1"]


async def test_a_modal_is_filled_in(server: DiscordServer, member: Member, bot: Bot) -> None:
    modal = await (await member.command("rename")).shown_modal()
    assert (modal.title, list(modal.fields.values())) == ("Rename", ["New name"])
    sent = await member.submit(modal, {"New name": "winter"})
    assert (await sent.answer()).content == "renamed to winter"
    with pytest.raises(LookupError):
        await member.submit(modal, {"New name": "again"})
    assert server.problems == []


async def test_an_interaction_that_comes_late_can_t_be_answered(
    server: DiscordServer, member: Member, bot: Bot
) -> None:
    asked = await member.command("echo", text="x", late_by=3.5)
    await server.wait_until(lambda: bot.errors)
    assert (bot.errors[0].status, bot.errors[0].code) == (404, 10062)
    assert asked.failed
    assert asked.messages == []


async def test_an_interaction_is_acknowledged_once(
    server: DiscordServer, member: Member, bot: Bot
) -> None:
    asked = await member.command("echo", text="x")
    await asked.answer()
    [interaction] = bot.interactions
    again = discord.http.Route(
        "POST",
        "/interactions/{id}/{token}/callback",
        id=interaction.id,
        token=interaction.token,
    )
    with pytest.raises(discord.HTTPException) as refused:
        await bot.http.request(again, json={"type": 4, "data": {"content": "y"}})
    assert (refused.value.status, refused.value.code) == (400, 40060)


async def _deferred(server: DiscordServer, member: Member) -> Interaction:
    return await (await member.command("slow")).acknowledged()


async def test_the_token_lives_15_minutes(server: DiscordServer, member: Member, bot: Bot) -> None:
    asked = await _deferred(server, member)
    server.clock.advance(15 * 60 + 1)
    bot.go_on.set()
    await server.wait_until(lambda: len(bot.errors) == 2)
    assert [(error.status, error.code) for error in bot.errors] == [(401, 50027)] * 2
    assert asked.messages == []


async def test_nothing_follows_before_the_first_response(
    server: DiscordServer, member: Member, bot: Bot
) -> None:
    bot.tree.remove_command("echo")
    await member.command("echo", text="x")
    await server.wait_until(lambda: bot.interactions)
    with pytest.raises(discord.NotFound) as refused:
        await bot.interactions[0].followup.send("too early")
    assert refused.value.code == 10015
