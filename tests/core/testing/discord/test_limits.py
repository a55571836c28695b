"""What is above a limit is refused, with the code of the live service."""

import io
from typing import Any

import pytest

from core.testing.discord.bots import Bot, ask, discord
from palaver.testing.discord import DiscordServer, Guild, Member


def _buttons(count: int, **details: Any) -> list[dict[str, Any]]:
    row = [
        {"type": 2, "style": 1, "label": "x", "custom_id": str(number), **details}
        for number in range(count)
    ]
    return [{"type": 1, "components": row}]


def _select(options: int) -> list[dict[str, Any]]:
    menu = {
        "type": 3,
        "custom_id": "m",
        "options": [{"label": str(one), "value": str(one)} for one in range(options)],
    }
    return [{"type": 1, "components": [menu]}]


_FIELD = {"name": "n" * 257, "value": "v"}
MESSAGES: list[tuple[dict[str, Any], int]] = [
    ({"content": "x" * 2001}, 50035),
    ({"content": " "}, 50006),
    ({}, 50006),
    ({"content": "x", "nonce": "n" * 26}, 50035),
    ({"embeds": [{"title": "x"}] * 11}, 50035),
    ({"embeds": [{"title": "x" * 257}]}, 50035),
    ({"embeds": [{"description": "x" * 4097}]}, 50035),
    ({"embeds": [{"fields": [{"name": "n", "value": "v"}] * 26}]}, 50035),
    ({"embeds": [{"fields": [_FIELD]}]}, 50035),
    ({"embeds": [{"description": "x" * 3100}] * 2}, 50035),
    ({"components": _buttons(6)}, 50035),
    ({"components": _buttons(1) * 6}, 50035),
    ({"components": _buttons(1, label="x" * 81)}, 50035),
    ({"components": _buttons(1, custom_id="x" * 101)}, 50035),
    ({"components": _select(26)}, 50035),
    ({"flags": 8192, "content": "x"}, 50160),
]


@pytest.mark.parametrize(("body", "code"), MESSAGES)
async def test_a_message_above_a_limit(
    server: DiscordServer, guild: Guild, body: dict[str, Any], code: int
) -> None:
    path = f"/channels/{guild.general.id}/messages"
    status, answer = await ask(server, "POST", path, json=body)
    assert (status, answer["code"]) == (400, code)
    assert guild.general.messages == []
    assert [problem.code for problem in server.problems] == [code]


ALLOWED: list[dict[str, Any]] = [
    {"content": "x" * 2000},
    {"embeds": [{"description": "x" * 4096}]},
    {"content": "x", "components": _buttons(5)},
    {"content": "x", "components": _buttons(1, label="x" * 80, custom_id="y" * 100)},
    {"content": "x", "components": _select(25)},
]


@pytest.mark.parametrize("body", ALLOWED)
async def test_a_message_at_a_limit(
    server: DiscordServer, guild: Guild, body: dict[str, Any]
) -> None:
    status, _ = await ask(server, "POST", f"/channels/{guild.general.id}/messages", json=body)
    assert status == 200
    assert server.problems == []


@pytest.mark.parametrize(("size", "fits"), [(10 << 20, True), ((10 << 20) + 1, False)])
async def test_a_file_has_at_most_10_mib(
    server: DiscordServer, guild: Guild, bot: Bot, size: int, fits: bool
) -> None:
    channel = bot.get_channel(guild.general.id)
    assert isinstance(channel, discord.TextChannel)
    file = discord.File(io.BytesIO(bytes(size)), "big.bin")
    if fits:
        await channel.send(file=file)
        assert guild.general.last.attachments[0].size == size
    else:
        with pytest.raises(discord.HTTPException) as refused:
            await channel.send(file=file)
        assert (refused.value.status, refused.value.code) == (413, 40005)


async def test_a_request_has_at_most_25_mib(server: DiscordServer, guild: Guild, bot: Bot) -> None:
    channel = bot.get_channel(guild.general.id)
    assert isinstance(channel, discord.TextChannel)
    files = [discord.File(io.BytesIO(bytes(9 << 20)), f"{one}.bin") for one in range(3)]
    with pytest.raises(discord.HTTPException) as refused:
        await channel.send(files=files)
    assert (refused.value.status, refused.value.code) == (413, 40005)


@pytest.mark.parametrize("name", ["", "x" * 101])
async def test_a_thread_s_name_has_1_to_100_characters(
    server: DiscordServer, guild: Guild, name: str
) -> None:
    path = f"/channels/{guild.general.id}/threads"
    status, answer = await ask(server, "POST", path, json={"name": name, "type": 11})
    assert (status, answer["code"]) == (400, 50035)
    assert guild.general.threads == []


async def test_a_page_of_history_has_at_most_100(server: DiscordServer, guild: Guild) -> None:
    path = f"/channels/{guild.general.id}/messages?limit=101"
    assert (await ask(server, "GET", path))[0] == 400


async def test_files_need_a_permission(server: DiscordServer, guild: Guild, bot: Bot) -> None:
    guild.revoke(guild.bot_role, "attach_files")
    guild.revoke(guild.everyone, "attach_files")
    channel = bot.get_channel(guild.general.id)
    assert isinstance(channel, discord.TextChannel)
    with pytest.raises(discord.Forbidden):
        await channel.send(file=discord.File(io.BytesIO(b"x"), "x.txt"))
    await channel.send("words are free")


def _command(**details: Any) -> dict[str, Any]:
    return {"name": "x", "description": "d", "type": 1, **details}


def _option(name: str, **details: Any) -> dict[str, Any]:
    return {"name": name, "description": "d", "type": 3, **details}


@pytest.mark.parametrize(
    "commands",
    [
        [_command(name="Upper")],
        [_command(name="two words")],
        [_command(name="n" * 33)],
        [_command(description="")],
        [_command(description="d" * 101)],
        [_command(), _command()],
        [_command(options=[_option(f"o{one}") for one in range(26)])],
        [_command(options=[_option("a"), _option("b", required=True)])],
        [_command(options=[_option("a", choices=[{"name": "n", "value": "v"}] * 26)])],
        [_command(name=f"c{one}") for one in range(101)],
    ],
)
async def test_commands_above_a_limit(
    server: DiscordServer, commands: list[dict[str, Any]]
) -> None:
    path = f"/applications/{server.application_id}/commands"
    status, answer = await ask(server, "PUT", path, json=commands)
    assert status == 400
    assert answer["code"] in (50035, 30032)
    assert server.world.commands == {}


async def test_a_modal_s_title_has_at_most_45_characters(
    server: DiscordServer, member: Member, bot: Bot
) -> None:
    bot.tree.remove_command("rename")
    asked = await member.command("rename")
    await server.wait_until(lambda: bot.interactions)
    [interaction] = bot.interactions
    field = {"type": 4, "custom_id": "f", "label": "L", "style": 1}
    form = {
        "custom_id": "m",
        "title": "t" * 46,
        "components": [{"type": 1, "components": [field]}],
    }
    path = f"/interactions/{interaction.id}/{interaction.token}/callback"
    status, answer = await ask(server, "POST", path, json={"type": 9, "data": form})
    assert (status, answer["code"]) == (400, 50035)
    form["title"] = "t" * 45
    assert (await ask(server, "POST", path, json={"type": 9, "data": form}))[0] == 204
    assert (await asked.shown_modal()).title == "t" * 45


async def test_an_autocompletion_offers_at_most_25(
    server: DiscordServer, member: Member, bot: Bot
) -> None:
    choices = [discord.app_commands.Choice(name="n", value="v")] * 26
    command = bot.tree.get_command("use")
    assert isinstance(command, discord.app_commands.Command)

    async def too_many(
        interaction: discord.Interaction, _current: str
    ) -> list[discord.app_commands.Choice[str]]:
        path = f"/interactions/{interaction.id}/{interaction.token}/callback"
        body = {"type": 8, "data": {"choices": [one.to_dict() for one in choices]}}
        status, answer = await ask(server, "POST", path, json=body)
        assert (status, answer["code"]) == (400, 50035)
        return choices[:25]

    command.autocomplete("session")(too_many)
    assert len(await member.autocomplete("use", session="")) == 25
