"""`palaver serve` with a bot, in order and out of it: a clear word, and a clean end."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

from palaver.testing.discord import DiscordServer, Guild, Member
from palaver.testing.telegram import BotApi
from support import served as telegram_served
from support.discord_served import serving, write_config
from support.discords import HOSTILE
from support.served import STARTED_S, Served, begun
from support.telegrams import ALICE

BAD_CONFIG = 78
"""EX_CONFIG of sysexits.h: what `palaver serve` leaves with if its configuration does not hold."""
WRONG = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GBBBBB." + "B" * 38


@pytest.fixture(autouse=True)
def _people(owner: Member, member: Member) -> None:
    """Who is on the access list exists: the bot asks for the chats with them."""


def says_it_well(served: Served, server: DiscordServer) -> None:
    """What is said is for people: an error with what to do, and no secret."""
    assert served.said[-2].startswith("Error: ")
    assert "Traceback" not in served.log
    assert server.token not in served.log


async def answers(member: Member, text: str = "hello there") -> None:
    await member.dm(text)
    await member.direct.wait_for(lambda message: message.text.startswith(text))


async def test_it_is_ready_says_nothing_else_and_leaves_with_0(
    server: DiscordServer, guild: Guild, owner: Member, tmp_path: Path
) -> None:
    async with serving(write_config(server, tmp_path)) as served:
        usual = re.compile(r".* INFO .*: (ready: discord|Discord has been told of \d+ commands)")
        assert [line for line in served.said if not usual.fullmatch(line)] == []
        await answers(owner)
        assert await served.terminate() == 0
    assert not [line for line in served.said if "ERROR" in line or "WARNING" in line]


@pytest.mark.parametrize("token", [WRONG, "no token at all"])
async def test_a_wrong_token(server: DiscordServer, tmp_path: Path, token: str) -> None:
    async with begun(write_config(server, tmp_path, token=token)) as served:
        assert await served.ended() == BAD_CONFIG
    says_it_well(served, server)
    assert "Discord does not know this token" in served.log
    assert "https://discord.com/developers/applications" in served.said[-1]
    assert token not in served.log
    server.problems.clear()


async def test_a_bot_that_may_not_read_messages(tmp_path: Path) -> None:
    async with DiscordServer(privileged=set()) as server:
        server.guild()
        async with begun(write_config(server, tmp_path)) as served:
            assert await served.ended() == BAD_CONFIG
    says_it_well(served, server)
    page = f"https://discord.com/developers/applications/{server.application_id}/bot"
    assert page in served.said[-1]


async def test_a_token_that_is_revoked_while_it_runs(
    server: DiscordServer, guild: Guild, owner: Member, tmp_path: Path
) -> None:
    async with serving(write_config(server, tmp_path)) as served:
        await answers(owner)
        server.revoke_token()
        server.gateway.close(4000)
        assert await served.ended() == BAD_CONFIG
    says_it_well(served, server)
    assert "Discord does not know this token" in served.log
    server.problems.clear()


async def test_the_library_is_missing(server: DiscordServer, tmp_path: Path) -> None:
    """A module of that name that is not there to be imported stands before the real one."""
    blocked = tmp_path / "blocked" / "discord"
    blocked.mkdir(parents=True)
    text = "raise ModuleNotFoundError('no discord', name='discord')\n"
    (blocked / "__init__.py").write_text(text)
    config = write_config(server, tmp_path)
    async with begun(config, PYTHONPATH=str(blocked.parent)) as served:
        assert await served.ended() == BAD_CONFIG
    assert "pip install 'palaver[discord]'" in served.log
    assert "Traceback" not in served.log


async def test_the_token_is_taken_from_the_environment(
    server: DiscordServer, guild: Guild, owner: Member, tmp_path: Path
) -> None:
    config = write_config(server, tmp_path)
    text = await asyncio.to_thread(config.read_text)
    lines = [line for line in text.splitlines() if not line.startswith("token")]
    await asyncio.to_thread(config.write_text, "\n".join(lines))
    async with begun(config) as served:
        assert await served.ended() == BAD_CONFIG
    assert "plugins -> discord -> token" in served.log
    async with serving(config, PALAVER_PLUGINS__DISCORD__TOKEN=server.token):
        await answers(owner)


async def test_both_chats_in_one_process(
    server: DiscordServer, guild: Guild, owner: Member, tmp_path: Path
) -> None:
    async with BotApi() as api:
        config = write_config(server, tmp_path)
        other = telegram_served.write_config(api, tmp_path, name="other")
        text, more = config.read_text(), other.read_text()
        table = more[more.index("[plugins.telegram]") :]
        text = text.replace('frontends = ["discord"]', 'frontends = ["telegram", "discord"]')
        text = text.replace("[access]\nowners = [", f'[access]\nowners = ["telegram:{ALICE}", ')
        await asyncio.to_thread(config.write_text, text + table)
        alice = api.user("Alice", id=ALICE)
        chat = api.private(alice)
        async with begun(config) as served:
            await served.until_said("ready: telegram, discord")
            await alice.send("remember 42")
            await chat.wait_for_text("I will remember 42.")
            await owner.dm("what number")
            await owner.direct.wait_for_text("You have told me no number.")
            assert await served.terminate() == 0
        assert [str(problem) for problem in api.problems] == []


async def test_a_telegram_whose_token_is_revoked_leaves_discord_at_work(
    server: DiscordServer, guild: Guild, owner: Member, tmp_path: Path
) -> None:
    async with BotApi() as api:
        config = write_config(server, tmp_path)
        other = telegram_served.write_config(api, tmp_path, name="other")
        text, more = config.read_text(), other.read_text()
        text = text.replace('frontends = ["discord"]', 'frontends = ["telegram", "discord"]')
        await asyncio.to_thread(config.write_text, text + more[more.index("[plugins.telegram]") :])
        async with begun(config) as served:
            await served.until_said("ready: telegram, discord")
            api.revoke_token()
            await served.until_said("telegram has broken down")
            await answers(owner)
            assert await served.terminate() == 0


async def test_who_is_let_in_changes_at_once(
    server: DiscordServer, guild: Guild, hostile: Member, tmp_path: Path
) -> None:
    config, chat, name = write_config(server, tmp_path), hostile.direct, f"discord:{HOSTILE}"

    async def access(*arguments: str) -> str:
        command = ["-m", "palaver.app", "--config", str(config), "access", *arguments]
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()
        assert process.returncode == 0
        return said.decode()

    async with serving(config) as served:
        await hostile.dm("let me in")
        await chat.wait_for_text("This bot is private.")
        await served.until_said(f"a stranger: {name}, who goes by 'hostile', wrote in {chat.id}")
        await access("allow", name)
        assert name in await access("list")
        await hostile.dm("wait 60")
        await chat.wait_for(lambda message: "Stop" in message.buttons)
        await access("revoke", name)
        await chat.wait_for_text("⏹️ Stopped", STARTED_S)
        await hostile.dm("and now?")
        code = (await access("pair")).split("/pair ")[1].split()[0].rstrip(".,")
        await hostile.dm(f"/pair {code}")
        await chat.wait_for_text("Welcome")
        await answers(hostile)
        assert not [text for text in chat.texts if text.startswith("and now?")]
        assert sum("This bot is private." in text for text in chat.texts) == 1
        assert await served.terminate() == 0
