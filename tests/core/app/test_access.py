"""`palaver access`: it changes who is let in, and a running Palaver notices."""

import asyncio
import json
import re

import pytest

from core.app.conftest import Call
from core.app.world import World
from palaver.identity import Namespace
from palaver.models import Grant
from palaver.pairing import Pairing
from palaver.store import Store

ALICE = Namespace("telegram", "1001")


def grants(world: World) -> list[Grant]:
    async def read() -> list[Grant]:
        store = await Store.open(world.data / "palaver.db")
        try:
            return await store.grants.all()
        finally:
            await store.close()

    return asyncio.run(read())


def redeem(world: World, code: str, who: Namespace = ALICE) -> Grant | None:
    async def send() -> Grant | None:
        store = await Store.open(world.data / "palaver.db")
        try:
            return await Pairing(store.grants).redeem(who, code)
        finally:
            await store.close()

    return asyncio.run(send())


def code_of(text: str) -> str:
    [code] = re.findall(r"Pairing code: ([A-Z2-9]{8})\n", text)
    return str(code)


def entries(call: Call) -> list[tuple[str, str, str]]:
    lines = call("access", "list", "--json").stdout.splitlines()
    return [(one["namespace"], one["role"], one["from"]) for one in map(json.loads, lines)]


def test_allow_lets_in_and_revoke_shuts_out(world: World, call: Call) -> None:
    assert call("access", "allow", "telegram:1001").stdout == "telegram:1001 is a member now.\n"
    again = call("access", "allow", "telegram:1001", "--owner")
    assert again.stdout == "telegram:1001 is an owner now (was a member).\n"
    assert [(one.namespace, one.owner, one.paired) for one in grants(world)] == [
        (ALICE, True, False)
    ]
    assert call("access", "revoke", "telegram:1001").exit_code == 0
    assert grants(world) == []


def test_list_says_by_what_each_is_let_in(world: World, call: Call) -> None:
    world.configure('[access]\nmembers = ["telegram:*"]\n')
    call("access", "allow", "telegram:1001", "--owner")
    assert redeem(world, code_of(call("access", "pair").stdout), Namespace("discord", "2001"))
    assert entries(call) == [
        ("cli:*", "owner", "the default"),
        ("telegram:*", "member", "palaver.toml"),
        ("discord:2001", "member", "a pairing code"),
        ("telegram:1001", "owner", "palaver access allow"),
    ]
    table = call("access", "list").stdout
    assert "telegram:1001" in table
    assert "palaver.toml" in table


def test_list_names_the_environment_where_it_decides(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PALAVER_ACCESS__OWNERS", '["telegram:1001"]')
    assert entries(call) == [("telegram:1001", "owner", "the environment")]


def test_pair_shows_a_code_that_lets_in_once(world: World, call: Call) -> None:
    result = call("access", "pair", "--owner")
    assert "Who sends it first becomes an owner" in result.stdout
    assert result.stderr == ""
    grant = redeem(world, code_of(result.stdout))
    assert grant is not None
    assert grant.owner
    assert redeem(world, code_of(result.stdout), Namespace("telegram", "6666")) is None


def test_a_code_of_one_frontend_is_no_good_in_another(world: World, call: Call) -> None:
    code = code_of(call("access", "pair", "--frontend", "telegram").stdout)
    assert redeem(world, code, Namespace("discord", "2001")) is None
    assert redeem(world, code)


def test_a_fourth_code_is_refused_until_they_are_taken_back(world: World, call: Call) -> None:
    codes = [code_of(call("access", "pair").stdout) for _ in range(3)]
    assert "3 codes wait" in call("access", "list").stdout
    full = call("access", "pair")
    assert (full.exit_code, full.stdout) == (2, "")
    assert "--cancel" in full.stderr
    assert call("access", "pair", "--cancel").stdout == "Taken back: 3 pairing codes.\n"
    assert redeem(world, codes[0]) is None
    assert call("access", "pair").exit_code == 0


def test_revoking_whom_the_file_lets_in_says_so(world: World, call: Call) -> None:
    world.configure('[access]\nowners = ["telegram:1001"]\n')
    call("access", "allow", "telegram:1001")
    both = call("access", "revoke", "telegram:1001")
    assert both.exit_code == 0
    assert "The settings let it in all the same, as an owner" in both.stderr
    only = call("access", "revoke", "telegram:1001")
    assert only.exit_code == 2
    assert "telegram:1001 was granted nothing" in only.stderr
    assert str(world.config) in only.stderr


@pytest.mark.parametrize("who", ["telegram", "telegram:", "1001", "Telegram:1"])
def test_what_is_no_namespace_is_refused(call: Call, who: str) -> None:
    for command in ("allow", "revoke"):
        result = call("access", command, who)
        assert result.exit_code == 2
        assert "is not a namespace" in result.stderr


def test_a_pattern_is_for_the_file(call: Call) -> None:
    result = call("access", "allow", "telegram:*")
    assert result.exit_code == 2
    assert "palaver.toml" in result.stderr


def test_a_frontend_that_is_not_installed_is_pointed_out(call: Call) -> None:
    result = call("access", "allow", "telgram:1001")
    assert result.exit_code == 0
    assert "No plugin is called 'telgram'" in result.stderr


def test_a_code_is_in_no_log(world: World) -> None:
    done = world.run("-v", "access", "pair")
    code = code_of(done.stdout)
    assert code not in done.stderr


def test_revoking_stops_a_turn_that_runs_in_another_process(world: World) -> None:
    """Alpha's only user asks for a long turn as soon as `palaver serve` runs."""
    world.install_testchat()
    world.configure(
        'frontends = ["alpha"]\n[sessions]\nagent = "scripted"\n'
        f'[plugins.testchat]\njournal = "{world.journal}"\nprompt = "wait 60"\n'
    )
    assert world.run("access", "allow", "alpha:user").returncode == 0
    with world.start("serve") as running:
        running.until_logged("ready")
        assert not any("topped" in line for line in world.journal_lines())
        assert world.run("access", "revoke", "alpha:user").returncode == 0
        running.until_logged("alpha:user is no longer let in")
        running.until(lambda: any("topped" in line for line in world.journal_lines()))
        assert running.end() == 0
