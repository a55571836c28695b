"""Pairing codes: one person each, once, within an hour; and nobody finds one by trying."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palaver import pairing
from palaver.identity import Namespace
from palaver.models import Grant, now
from palaver.pairing import ALPHABET, MOST_TRIES, MOST_WAITING, Pairing, PairingFullError, code_in
from palaver.store import Store

ALICE = Namespace("telegram", "1001")
MALLORY = Namespace("telegram", "6666")
CODES = st.text(ALPHABET, min_size=8, max_size=8)
WRONG = "AAAAAAAA"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "palaver.db"


@pytest.fixture
async def store(file: Path) -> AsyncIterator[Store]:
    opened = await Store.open(file)
    yield opened
    await opened.close()


@pytest.fixture
def door(store: Store) -> Pairing:
    return Pairing(store.grants)


def later(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    """Let pairing believe that it is so much later."""

    def then() -> datetime:
        return now() + by

    monkeypatch.setattr(pairing, "now", then)


async def test_a_right_code_makes_a_member(door: Pairing, store: Store) -> None:
    grant = await door.redeem(ALICE, (await door.make()).text)
    assert grant == await store.grants.get(ALICE)
    assert grant is not None
    assert (grant.namespace, grant.owner, grant.paired) == (ALICE, False, True)


async def test_an_owners_code_makes_an_owner(door: Pairing) -> None:
    grant = await door.redeem(ALICE, (await door.make(owner=True)).text)
    assert grant is not None
    assert grant.owner


async def test_a_members_code_leaves_an_owner_one(door: Pairing, store: Store) -> None:
    await store.grants.allow(Grant(namespace=ALICE, owner=True))
    grant = await door.redeem(ALICE, (await door.make()).text)
    assert grant is not None
    assert grant.owner


async def test_a_code_holds_once(door: Pairing, store: Store) -> None:
    code = (await door.make()).text
    assert await door.redeem(ALICE, code)
    assert await door.redeem(MALLORY, code) is None
    assert await store.grants.get(MALLORY) is None


async def test_of_two_at_one_instant_a_code_lets_in_one(door: Pairing, store: Store) -> None:
    code = (await door.make()).text
    await asyncio.gather(door.redeem(ALICE, code), door.redeem(MALLORY, code))
    assert len(await store.grants.all()) == 1


async def test_a_code_holds_for_an_hour(door: Pairing, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (await door.make()).text
    later(monkeypatch, timedelta(minutes=61))
    assert await door.waiting() == []
    assert await door.redeem(ALICE, code) is None
    later(monkeypatch, timedelta(minutes=59))
    assert await door.redeem(ALICE, code)


async def test_three_codes_wait_at_most(door: Pairing, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(MOST_WAITING):
        await door.make()
    with pytest.raises(PairingFullError, match="3 pairing codes"):
        await door.make()
    later(monkeypatch, timedelta(minutes=61))
    await door.make()
    assert len(await door.waiting()) == 1


async def test_a_code_that_was_taken_back_holds_no_more(door: Pairing) -> None:
    code = (await door.make()).text
    assert await door.cancel() == 1
    assert await door.redeem(ALICE, code) is None


async def test_a_code_for_one_frontend_is_wrong_in_another(door: Pairing) -> None:
    code = (await door.make(frontend="discord")).text
    assert await door.redeem(ALICE, code) is None
    assert await door.redeem(Namespace("discord", "2001"), code)


async def test_after_five_wrong_codes_the_right_one_is_refused_for_an_hour(
    door: Pairing, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (await door.make()).text
    for _ in range(MOST_TRIES):
        assert await door.redeem(MALLORY, WRONG) is None
    assert await door.redeem(MALLORY, code) is None
    later(monkeypatch, timedelta(minutes=61))
    assert await door.redeem(MALLORY, (await door.make()).text)


async def test_a_lock_out_outlives_a_restart_and_locks_out_nobody_else(
    door: Pairing, file: Path
) -> None:
    code = (await door.make()).text
    for _ in range(MOST_TRIES):
        await door.redeem(MALLORY, WRONG)
    again = await Store.open(file)
    assert await Pairing(again.grants).redeem(MALLORY, code) is None
    assert await Pairing(again.grants).redeem(ALICE, code)
    await again.close()


async def test_a_hundred_tries_at_one_instant_are_no_more_than_five(
    door: Pairing, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    look = pairing._right_one

    def counted(*arguments: object) -> object:
        looked.append("")
        return look(*arguments)  # type: ignore[arg-type] # passed on as they came

    monkeypatch.setattr(pairing, "_right_one", counted)
    await door.make()
    await asyncio.gather(*(door.redeem(MALLORY, WRONG) for _ in range(100)))
    assert len(looked) == MOST_TRIES


async def test_while_no_code_waits_a_try_leaves_nothing(door: Pairing, file: Path) -> None:
    assert await door.redeem(MALLORY, WRONG) is None
    assert _rows(file, "pairing_tries") == []


async def test_neither_database_nor_log_ever_holds_a_code(
    door: Pairing, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "palaver")
    code = (await door.make()).text
    await door.redeem(MALLORY, WRONG)
    await door.redeem(ALICE, code)
    other = (await door.make()).text
    kept = b"".join(one.read_bytes() for one in file.parent.iterdir())
    for secret in (code, other, WRONG):
        assert secret.encode() not in kept
        assert secret not in caplog.text
    assert "telegram:6666 sent a wrong pairing code (1 of 5)" in caplog.text
    assert "telegram:1001 is paired, as a member" in caplog.text


async def test_codes_are_made_of_what_cannot_be_mistaken(door: Pairing) -> None:
    code = (await door.make()).text
    assert len(code) == 8
    assert not set(code) & set("01OIL")
    assert set(code) <= set(ALPHABET)
    assert len(ALPHABET) == 31


@given(CODES, st.sampled_from(["/pair {}", "/start {}", "/PAIR  {} ", "/pair@some_bot {}"]))
def test_a_code_is_found_behind_its_commands(code: str, form: str) -> None:
    for sent in (code, code.lower()):
        assert code_in(form.format(sent), plain=False) == code


@given(CODES)
def test_a_code_alone_counts_only_where_it_may(code: str) -> None:
    assert code_in(f" {code.lower()}\n", plain=True) == code
    assert code_in(code, plain=False) is None


@pytest.mark.parametrize(
    "text", ["", "/start", "/pair", "hello", "/pair ABCD234", "/pair ABCD23456", "/pair ABCD234O"]
)
def test_nothing_else_is_taken_for_a_code(text: str) -> None:
    assert code_in(text, plain=True) is None


def _rows(file: Path, table: str) -> list[object]:
    connection = sqlite3.connect(file)
    rows: list[object] = connection.execute(f"SELECT * FROM {table}").fetchall()
    connection.close()
    return rows
