"""`palaver serve` with a bot that cannot be served: a clear word, and a clean end."""

import asyncio
import sys
from pathlib import Path

import pytest

from palaver.testing.telegram import BotApi, Chat, Person
from support.served import STARTED_S, Served, begun, serving, write_config
from support.telegrams import MALLORY

BAD_CONFIG = 78
"""EX_CONFIG of sysexits.h: what `palaver serve` leaves with if its configuration does not hold."""


def says_it_well(served: Served, api: BotApi) -> None:
    """What is said is for people: an error with what to do, and no secret."""
    assert served.said[-2].startswith("Error: ")
    assert "Traceback" not in served.log
    assert api.token not in served.log


@pytest.mark.parametrize("token", ["123456789:" + "B" * 35, "no token at all"])
async def test_a_wrong_token(api: BotApi, tmp_path: Path, token: str) -> None:
    async with begun(write_config(api, tmp_path, token=token)) as served:
        assert await served.ended() == BAD_CONFIG
    says_it_well(served, api)
    assert "Telegram does not know this token" in served.log
    assert "@BotFather" in served.said[-1]
    assert token not in served.log


async def test_a_token_that_is_revoked_while_it_runs(
    api: BotApi, alice: Person, chat: Chat, tmp_path: Path
) -> None:
    async with serving(write_config(api, tmp_path)) as served:
        await alice.send("hello")
        await chat.wait_for_text("hello")
        api.revoke_token()
        assert await served.ended() == BAD_CONFIG
    says_it_well(served, api)
    assert "Telegram does not accept this token any more" in served.log


async def test_what_the_plugin_has_to_tell_is_in_the_log(
    api: BotApi, alice: Person, chat: Chat, tmp_path: Path
) -> None:
    api.faults.add("setMessageReaction", error=400)
    async with serving(write_config(api, tmp_path)) as served:
        await alice.send("hello")
        await served.until_said("INFO palaver_telegram.reactions: ")
        assert await served.terminate() == 0
    assert "HTTP Request" not in served.log
    assert api.token not in served.log


async def test_the_library_is_missing(api: BotApi, tmp_path: Path) -> None:
    """A module of that name that is not there to be imported stands before the real one."""
    blocked = tmp_path / "blocked" / "telegram"
    blocked.mkdir(parents=True)
    text = "raise ModuleNotFoundError('no telegram', name='telegram')\n"
    (blocked / "__init__.py").write_text(text)
    config = write_config(api, tmp_path)
    async with begun(config, PYTHONPATH=str(blocked.parent)) as served:
        assert await served.ended() == BAD_CONFIG
    assert "pip install 'palaver[telegram]'" in served.log
    assert "Traceback" not in served.log


async def test_the_token_is_taken_from_the_environment(
    api: BotApi, alice: Person, chat: Chat, tmp_path: Path
) -> None:
    config = write_config(api, tmp_path)
    text = await asyncio.to_thread(config.read_text)
    lines = [line for line in text.splitlines() if not line.startswith("token")]
    await asyncio.to_thread(config.write_text, "\n".join(lines))
    async with begun(config) as served:
        assert await served.ended() == BAD_CONFIG
    assert "plugins -> telegram -> token" in served.log
    async with serving(config, PALAVER_PLUGINS__TELEGRAM__TOKEN=api.token):
        await alice.send("hello")
        await chat.wait_for_text("hello")


async def test_who_is_let_in_changes_at_once(api: BotApi, mallory: Person, tmp_path: Path) -> None:
    chat, config = api.private(mallory), write_config(api, tmp_path)
    name = f"telegram:{MALLORY}"

    async def access(*arguments: str) -> str:
        command = ["-m", "palaver.app", "--config", str(config), "access", *arguments]
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()
        assert process.returncode == 0
        return said.decode()

    async with serving(config) as served:
        await mallory.send("let me in")
        await chat.wait_for_text("This bot is private.")
        await served.until_said(f"a stranger: {name}, who goes by 'Mallory', wrote in {MALLORY}")
        await access("allow", name)
        assert name in await access("list")
        await mallory.send("wait 60")
        await chat.wait_for(lambda message: "Stop" in message.buttons)
        await access("revoke", name)
        await chat.wait_for_text("⏹️ Stopped", STARTED_S)
        await mallory.send("and now?")
        await chat.wait_until(lambda: api.updates.empty)
        code = (await access("pair")).split("/pair ")[1].split()[0].rstrip(".,")
        await mallory.send(f"/pair {code}")
        await chat.wait_for_text("Welcome")
        await mallory.send("hello there")
        await chat.wait_for(lambda message: message.text.startswith("hello there"))
        assert not [text for text in chat.texts if text.startswith("and now?")]
        assert sum("This bot is private." in text for text in chat.texts) == 1
        assert await served.terminate() == 0
