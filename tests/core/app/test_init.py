"""`palaver init`, in a real terminal and in scripts, against a Bot API of our own."""

import asyncio
import os
import re
import stat
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.app.world import World
from palaver.app import config_file
from palaver.app.access_work import open_store
from palaver.app.pairing_wait import wait_for
from palaver.config import Settings
from palaver.errors import ConfigError
from palaver.identity import Namespace
from palaver.pairing import Pairing
from palaver.store import Store
from palaver.testing.telegram import TOKEN, BotApi
from support.sitting import LIMIT_S, script, sitting

WRONG = "987654321:" + "B" * 35
pytest.importorskip("telegram", reason="needs the extra telegram")


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    async with BotApi() as api:
        yield api


@pytest.fixture
def world(tmp_path: Path, api: BotApi) -> World:
    return World(
        tmp_path,
        environment={
            "PALAVER_PLUGINS_DISABLED": '["discord", "voice"]',
            "PALAVER_PLUGINS__TELEGRAM__BASE_URL": api.base_url,
            "PALAVER_PLUGINS__TELEGRAM__BASE_FILE_URL": api.base_file_url,
            "PALAVER_SESSIONS__AGENT": "scripted",
            "NO_PROXY": "127.0.0.1",
            "COLUMNS": "200",
        },
    )


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def a_token_file(world: World, token: str = TOKEN) -> Path:
    file = world.folder / "given.token"
    file.write_text(token)
    return file


async def owners(world: World) -> list[Namespace]:
    store = await Store.open(world.data / "palaver.db")
    try:
        return [grant.namespace for grant in await store.grants.all() if grant.owner]
    finally:
        await store.close()


async def test_from_nothing_to_a_bot_that_knows_its_owner(world: World, api: BotApi) -> None:
    alice = api.user("Alice", id=1001)
    chat = api.private(alice)
    with sitting(world, "init") as terminal:
        await terminal.until("Names, with commas between")
        terminal.say("")
        assert "@BotFather" in await terminal.until("Token")
        terminal.say(WRONG)
        assert "Telegram does not know this token" in await terminal.until("Token .it is not")
        terminal.say(TOKEN)
        await terminal.until("This is .*@palaver_bot")
        code = re.search(r"start=([A-Z2-9]{8})", await terminal.until("Wait here"))
        assert code
        terminal.say("y")
        await alice.send(f"/start {code[1]}")
        await terminal.until("telegram:1001 is an owner now")
        assert await terminal.end() == 0
    assert "palaver serve" in terminal.seen
    assert TOKEN not in terminal.seen
    assert WRONG not in terminal.seen
    await chat.wait_for_text("Welcome")
    assert await owners(world) == [Namespace("telegram", "1001")]
    token_file = world.config.parent / "telegram.token"
    assert token_file.read_text().strip() == TOKEN
    assert (mode(world.config), mode(token_file)) == (0o600, 0o600)
    assert tomllib.loads(world.config.read_text()) == {
        "frontends": ["telegram"],
        "plugins": {"telegram": {"token_file": str(token_file)}},
    }
    assert not api.problems


async def test_what_it_wrote_is_what_serve_needs(world: World, api: BotApi) -> None:
    alice = api.user("Alice", id=1001)
    chat = api.private(alice)
    given = a_token_file(world)
    arguments = ("init", "--frontend", "telegram", "--token-file", f"telegram={given}")
    status, out, err = await script(world, *arguments)
    assert (status, err) == (0, "")
    [code] = re.findall(r"Pairing code: ([A-Z2-9]{8})", out)
    with world.start("serve") as running:
        await asyncio.to_thread(running.until_logged, "ready")
        await alice.send(code.lower())
        await chat.wait_for_text("Welcome")
        await alice.send("remember 42")
        await chat.wait_for_text("I will remember 42")
        assert await asyncio.to_thread(running.end) == 0


async def test_a_stranger_with_a_wrong_code_stays_one(world: World, api: BotApi) -> None:
    mallory = api.user("Mallory", id=6666)
    chat = api.private(mallory)
    given = a_token_file(world)
    await script(world, "init", "--frontend", "telegram", "--token-file", f"telegram={given}")
    with world.start("serve") as running:
        await asyncio.to_thread(running.until_logged, "ready")
        await mallory.send("/start ABCDEFGH")
        await chat.wait_for_text("This bot is private")
        await asyncio.to_thread(running.end)
        assert "sent a wrong pairing code (1 of 5)" in running.log.read_text()
    assert await owners(world) == []


async def test_an_existing_file_keeps_its_comments_and_all_that_is_in_it(world: World) -> None:
    before = '# mine\nfrontends = ["other"] # of old\n\n[sessions]\nretention_days = 3 # short\n'
    world.configure(before)
    given = a_token_file(world)
    status, _, err = await script(
        world, "init", "--yes", "--no-pair", "--frontend", "telegram",
        "--token-file", f"telegram={given}",
    )  # fmt: skip
    assert (status, err) == (0, "")
    after = world.config.read_text()
    assert '# mine\nfrontends = ["other", "telegram"] # of old\n' in after
    assert "retention_days = 3 # short\n" in after
    assert tomllib.loads(after)["plugins"]["telegram"] == {"token_file": str(given)}
    assert mode(world.config) == 0o600


async def test_an_existing_file_is_not_touched_without_a_yes(world: World) -> None:
    world.configure("# mine\n")
    given = a_token_file(world)
    arguments = ("init", "--frontend", "telegram", "--token-file", f"telegram={given}")
    status, _, err = await script(world, *arguments)
    assert status == 2
    assert "--yes" in err
    with sitting(world, *arguments) as terminal:
        await terminal.until("Go on")
        terminal.say("n")
        assert await terminal.end() == 130
    assert world.config.read_text() == "# mine\n"


async def test_a_wrong_token_writes_nothing(world: World) -> None:
    given = a_token_file(world, WRONG)
    status, out, err = await script(
        world, "init", "--frontend", "telegram", "--token-file", f"telegram={given}"
    )
    assert status == 78
    assert "Telegram does not know this token" in err
    assert WRONG not in out + err
    assert not world.config.exists()


async def test_a_token_of_the_environment_stays_there(world: World) -> None:
    status, out, err = await script(
        world, "init", "--no-pair", "--frontend", "telegram", PALAVER_PLUGINS__TELEGRAM__TOKEN=TOKEN
    )
    assert (status, err) == (0, "")
    assert "@palaver_bot" in out
    assert tomllib.loads(world.config.read_text()) == {"frontends": ["telegram"]}


async def test_a_telegram_that_cannot_be_reached_is_said(world: World, api: BotApi) -> None:
    given = a_token_file(world)
    async with api.refused():
        status, _, err = await script(
            world, "init", "--frontend", "telegram", "--token-file", f"telegram={given}"
        )
    assert status == 1
    assert "Telegram cannot be reached" in err
    assert not world.config.exists()


@pytest.fixture
def without_library(world: World) -> dict[str, str]:
    """A module of that name that is not there to be imported stands before the real one."""
    blocked = world.folder / "blocked" / "telegram"
    blocked.mkdir(parents=True)
    text = "raise ModuleNotFoundError('no telegram', name='telegram')\n"
    (blocked / "__init__.py").write_text(text)
    return {"PYTHONPATH": str(blocked.parent)}


async def test_without_the_library_it_says_what_to_install(
    world: World, without_library: dict[str, str]
) -> None:
    given = f"telegram={a_token_file(world)}"
    arguments = ("init", "--frontend", "telegram", "--token-file", given)
    status, _, err = await script(world, *arguments, **without_library)
    assert status == 1
    assert "pip install 'palaver[telegram]'" in err


async def test_without_the_library_no_token_is_asked_for(
    world: World, without_library: dict[str, str]
) -> None:
    world.configure("# mine\n")
    world.environment |= without_library
    with sitting(world, "init") as terminal:
        await terminal.until("Names, with commas between")
        terminal.say("telegram")
        await terminal.until(r"pip install 'palaver\[telegram\]'")
        assert await terminal.end() == 1
    assert "BotFather" not in terminal.seen
    assert "Go on?" not in terminal.seen
    assert world.config.read_text() == "# mine\n"


async def test_without_a_terminal_it_asks_nothing(world: World) -> None:
    status, _, err = await script(world, "init")
    assert status == 2
    assert "--frontend NAME" in err
    status, _, err = await script(world, "init", "--frontend", "telegram")
    assert status == 2
    assert "PALAVER_PLUGINS__TELEGRAM__TOKEN" in err
    status, _, err = await script(world, "init", "--frontend", "pigeon")
    assert status == 2
    assert "'pigeon'" in err


async def test_a_bot_that_is_served_already_is_left_to_serve(world: World, api: BotApi) -> None:
    alice = api.user("Alice", id=1001)
    chat = api.private(alice)
    arguments = ("init", "--yes", "--frontend", "telegram")
    given = a_token_file(world)
    await script(world, *arguments, "--token-file", f"telegram={given}", "--no-pair")
    with world.start("serve") as running:
        await asyncio.to_thread(running.until_logged, "ready")
        with sitting(world, *arguments) as terminal:
            await terminal.until("Keep its token")
            terminal.say("y")
            code = re.search(r"start=([A-Z2-9]{8})", await terminal.until("Wait here"))
            assert code
            terminal.say("y")
            await terminal.until("Waiting for the code")
            await alice.send(f"/start {code[1]}")
            await terminal.until("telegram:1001 is an owner now")
            assert await terminal.end() == 0
        await alice.send("hello")
        await chat.wait_for_text("hello")
        assert await asyncio.to_thread(running.end) == 0
    assert "another program" not in running.log.read_text()


async def test_a_code_that_was_sent_before_the_waiting_began_counts(world: World) -> None:
    async with open_store(Settings(data_dir=world.data)) as store:
        door = Pairing(store.grants)
        early = await door.redeem(Namespace("telegram", "1"), (await door.make()).text)
        code = await door.make(owner=True)
        assert early
        grant = await door.redeem(Namespace("telegram", "1001"), code.text)
    assert await wait_for(Settings(data_dir=world.data), [], code, lambda: None) == grant


async def test_who_waits_no_longer_can_send_the_code_later(world: World, api: BotApi) -> None:
    alice = api.user("Alice", id=1001)
    chat = api.private(alice)
    given = a_token_file(world)
    arguments = ("--frontend", "telegram", "--token-file", f"telegram={given}")
    with sitting(world, "init", *arguments, "--wait") as terminal:
        code = re.search(r"start=([A-Z2-9]{8})", await terminal.until("Waiting for the code"))
        assert code
        terminal.interrupt()
        await terminal.until("Send it while `palaver serve` runs")
        assert await terminal.end() == 0
    await alice.send(f"/start {code[1]}")  # before anybody listens
    with world.start("serve") as running:
        await chat.wait_for_text("Welcome")
        await asyncio.to_thread(running.end)
    assert await owners(world) == [Namespace("telegram", "1001")]


async def test_the_log_stays_out_of_the_dialogue(world: World, api: BotApi) -> None:
    owner, stranger = api.user("Owner", id=1001), api.user("Stranger", id=6666)
    _, refused = api.private(owner), api.private(stranger)
    given = f"telegram={a_token_file(world)}"
    api.faults.add("getUpdates", error=502, times=2)
    with sitting(world, "init", "--frontend=telegram", "--token-file", given, "--wait") as terminal:
        code = re.search(r"start=([A-Z2-9]{8})", await terminal.until("Waiting for the code"))
        assert code
        await stranger.send("/start ABCDEFGH")
        await refused.wait_for_text("This bot is private")
        await owner.send(f"/start {code[1]}")
        await terminal.until("telegram:1001 is an owner now")
        assert await terminal.end() == 0
    assert not re.search("WARNING|ERROR|palaver_telegram", terminal.seen)


async def test_who_waits_in_vain_is_told_what_went_wrong(world: World, api: BotApi) -> None:
    given = f"telegram={a_token_file(world)}"
    failing = api.faults.add("getUpdates", error=502, times=None)
    with sitting(world, "init", "--frontend=telegram", "--token-file", given, "--wait") as terminal:
        await terminal.until("Waiting for the code")
        async with asyncio.timeout(LIMIT_S):
            while failing.hits < 2:  # noqa: ASYNC110 - another process; the first one is logged
                await asyncio.sleep(0.01)
        terminal.interrupt()
        assert "Bad Gateway" in await terminal.until("Send it while `palaver serve` runs")
        assert await terminal.end() == 0
    assert not re.search("WARNING|ERROR|palaver_telegram", terminal.seen)


async def test_doctor_tries_the_token(world: World, api: BotApi) -> None:
    given = a_token_file(world)
    world.configure(f'frontends = ["telegram"]\n[plugins.telegram]\ntoken_file = "{given}"\n')
    _, out, _ = await script(world, "doctor")
    assert "ok      frontend telegram: @palaver_bot" in out
    given.write_text(WRONG)
    status, out, _ = await script(world, "doctor")
    assert status == 1
    assert "failed  frontend telegram: " in out
    assert "Telegram does not know this token" in out


def test_a_configuration_behind_a_link_is_changed_where_it_is(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "palaver.toml"
    real.parent.mkdir()
    real.touch()
    link = tmp_path / "palaver.toml"
    link.symlink_to(real)
    config_file.write_config(link, ["telegram"], {})
    assert link.is_symlink()
    assert tomllib.loads(real.read_text()) == {"frontends": ["telegram"]}


def test_what_is_added_stands_before_the_tables_and_is_the_whole_of_it(tmp_path: Path) -> None:
    file = tmp_path / "palaver.toml"
    file.write_text('[plugins.telegram]\ntoken = "old" # from before\ndrafts = false\n')
    config_file.write_config(file, ["telegram", "discord"], {"telegram": tmp_path / "a b"})
    assert tomllib.loads(file.read_text()) == {
        "frontends": ["telegram", "discord"],
        "plugins": {"telegram": {"drafts": False, "token_file": str(tmp_path / "a b")}},
    }


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="cannot be written"):
        config_file.write_config(tmp_path / "palaver.toml", ["telegram"], {})


def test_a_file_that_is_no_toml_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "palaver.toml"
    file.write_text("frontends = [")
    with pytest.raises(ConfigError, match="cannot be read"):
        config_file.write_config(file, ["telegram"], {})
    assert file.read_text() == "frontends = ["
