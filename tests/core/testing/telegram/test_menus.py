"""The bot's commands by scope, its name and its menu button."""

import pytest

from core.testing.telegram.bots import BadRequest, Bot, ask
from palaver.testing.telegram import BotApi, Chat, Person


async def test_commands_are_kept_by_scope_and_the_narrowest_is_shown(
    api: BotApi, alice: Person, chat: Chat
) -> None:
    bob = api.user("Bob")
    group = api.group("Team", members=[alice, bob])

    async def put(name: str, **scope: object) -> None:
        commands = [{"command": name, "description": "does it"}]
        extra = {"scope": scope} if scope else {}
        assert (await ask(api, "setMyCommands", commands=commands, **extra))["ok"]

    assert api.menu(alice) == []
    await put("everywhere")
    assert (api.menu(alice), api.menu(bob, group)) == (["everywhere"], ["everywhere"])
    await put("in_private", type="all_private_chats")
    await put("in_groups", type="all_group_chats")
    await put("for_admins", type="all_chat_administrators")
    assert api.menu(alice) == ["in_private"]
    assert (api.menu(alice, group), api.menu(bob, group)) == (["for_admins"], ["in_groups"])
    await put("hers", type="chat", chat_id=chat.id)
    await put("his", type="chat_member", chat_id=group.id, user_id=bob.id)
    assert (api.menu(alice), api.menu(bob, group)) == (["hers"], ["his"])


async def test_commands_are_set_read_and_deleted(api: BotApi, bot: Bot) -> None:
    await bot.set_my_commands([("start", "Begin"), ("/stop", "End")])
    assert [c.command for c in await bot.get_my_commands()] == ["start", "stop"]
    assert api.commands.of("default") == {"start": "Begin", "stop": "End"}
    await bot.delete_my_commands()
    assert await bot.get_my_commands() == ()


@pytest.mark.parametrize(
    ("command", "description", "refusal"),
    [
        ("Start", "x", "BOT_COMMAND_INVALID"),
        ("new-session", "x", "BOT_COMMAND_INVALID"),
        ("", "x", "command must be non-empty"),
        ("x" * 33, "x", "command length must not exceed 32"),
        ("x", " ", "command description must be non-empty"),
        ("x", "x" * 257, "command description length must not exceed 256"),
    ],
)
async def test_a_bad_command_is_refused(
    api: BotApi, command: str, description: str, refusal: str
) -> None:
    commands = [{"command": command, "description": description}]
    answer = await ask(api, "setMyCommands", commands=commands)
    assert answer["description"] == f"Bad Request: {refusal}"


async def test_there_are_100_commands_at_most(api: BotApi, bot: Bot) -> None:
    many = [(f"command_{number}", "x") for number in range(101)]
    with pytest.raises(BadRequest):
        await bot.set_my_commands(many)
    await bot.set_my_commands(many[:100])
    assert len(api.commands.of("default")) == 100


async def test_the_bots_name_and_texts(bot: Bot) -> None:
    assert (await bot.get_my_name()).name == "Palaver"
    await bot.set_my_name("Talker")
    await bot.set_my_description("Talks.")
    await bot.set_my_short_description("Short.", language_code="de")
    assert (await bot.get_my_name()).name == "Talker"
    assert (await bot.get_my_description()).description == "Talks."
    assert (await bot.get_my_short_description("de")).short_description == "Short."
    assert (await bot.get_my_short_description()).short_description == ""


async def test_the_menu_button(api: BotApi, chat: Chat, bot: Bot) -> None:
    assert (await bot.get_chat_menu_button(chat.id)).type == "commands"
    answer = await ask(api, "setChatMenuButton", chat_id=chat.id, menu_button={"type": "default"})
    assert answer["ok"]
    assert (await bot.get_chat_menu_button(chat.id)).type == "default"
