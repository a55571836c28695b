"""Opening: what is missing is made, what cannot be used is left alone and said clearly."""

import asyncio
import os
import random
import shutil
import sqlite3
import stat
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from core.store.samples import ALICE, HOME, a_session, a_turn, another_process, over
from palaver.errors import (
    StoreCorruptError,
    StoreError,
    StoreFullError,
    StoreLockedError,
    StoreNewerError,
    StoreReadOnlyError,
)
from palaver.store import Store


async def _opened_once(file: Path, sessions: int = 0) -> None:
    store = await Store.open(file)
    for number in range(sessions):
        await store.of(ALICE).add(a_session(title=f"session {number} " * 20))
    await store.close()


def _bytes(file: Path) -> bytes:
    return file.read_bytes()


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def test_folder_and_files_are_made_for_their_owner_alone(store: Store, file: Path) -> None:
    await store.of(ALICE).add(a_session())
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}
    assert modes == dict.fromkeys(("palaver.db", "palaver.db-shm", "palaver.db-wal"), 0o600)
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


async def test_a_closed_store_leaves_one_file_and_takes_no_more_calls(
    store: Store, file: Path
) -> None:
    await store.close()
    await store.close()
    assert _names(file.parent) == {"palaver.db"}
    with pytest.raises(StoreError, match="closed"):
        await store.of(ALICE).page()
    with pytest.raises(StoreError, match="closed"):
        await store.of(ALICE).add(a_session())


async def test_close_waits_for_the_calls_under_way(store: Store, file: Path) -> None:
    sessions = [a_session() for _ in range(20)]
    calls = [asyncio.create_task(store.of(ALICE).add(session)) for session in sessions]
    await asyncio.sleep(0)
    await store.close()
    assert _names(file.parent) == {"palaver.db"}
    assert await asyncio.gather(*calls) == [None] * 20
    again = await Store.open(file)
    assert (await again.of(ALICE).page())[1] == 20
    await again.close()


@pytest.mark.parametrize("form", [str, lambda file: f"sqlite:///{file}"], ids=["path", "url"])
async def test_a_place_can_be_a_path_or_a_url(file: Path, form: Callable[[Path], str]) -> None:
    store = await Store.open(form(file))
    await store.close()
    assert _names(file.parent) == {"palaver.db"}


async def test_no_character_of_a_path_is_in_the_way(tmp_path: Path) -> None:
    folder = tmp_path / "caf\udce9 50%20 ?mode=ro #1"
    await _opened_once(folder / "palaver.db", sessions=1)
    await _opened_once(folder / "palaver.db", sessions=1)
    assert _names(folder) == {"palaver.db"}
    assert _names(tmp_path) == {folder.name}


@pytest.mark.parametrize("url", ["nothing://like:a-secret@it", "postgresql://x:a-secret@h:port/"])
async def test_a_url_of_no_database_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(StoreError, match="no place for a database at") as caught:
        await Store.open(url)
    assert "a-secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory"])
async def test_a_database_in_memory_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match="needs a file"):
        await Store.open(url)


async def test_a_database_without_its_driver_says_what_to_install() -> None:
    with pytest.raises(StoreError, match="asyncpg") as caught:
        await Store.open("postgresql://someone:a-secret@localhost/palaver")
    assert "a-secret" not in str(caught.value)


async def test_commits_reach_the_disk_and_keys_are_checked(store: Store) -> None:
    async with store._database._writer.connect() as connection:
        found = [
            (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert found == ["wal", 2, 1]


async def test_what_reads_cannot_write(store: Store) -> None:
    with pytest.raises(sa.exc.OperationalError, match="readonly"):
        async with store._database._readers.connect() as connection:
            await connection.execute(sa.text("DELETE FROM sessions"))


def test_neither_a_new_nor_a_known_database_needs_alembic(file: Path) -> None:
    script = """
        import asyncio, sys
        from palaver.store import Store

        async def twice(file):
            for _ in range(2):
                await (await Store.open(file)).close()

        asyncio.run(twice(sys.argv[1]))
        print("alembic" in sys.modules)
    """
    process = another_process(script, file)
    assert process.communicate()[0] == "False\n"


def test_a_program_that_forgets_to_close_ends_all_the_same(file: Path) -> None:
    script = """
        import asyncio, sys
        from palaver.store import Store

        async def leave():
            store = await Store.open(sys.argv[1])
            await store.namespaces()
            return store

        store = asyncio.run(leave())
        print("end")
    """
    process = another_process(script, file)
    assert process.communicate(timeout=30)[0] == "end\n"
    assert process.returncode == 0


# --- what is no database of ours ----------------------------------------------------------------


def _garbage(file: Path) -> None:
    file.write_bytes(random.Random(1).randbytes(10_000))


def _a_text(file: Path) -> None:
    file.write_text("x")


def _truncated(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2 // 4096 * 4096)


def _cut_within_a_page(file: Path) -> None:
    os.truncate(file, 1000)


def _a_hole(file: Path) -> None:
    with file.open("r+b") as writer:
        writer.seek(3 * 4096)
        writer.write(bytes(range(256)) * 16 * (file.stat().st_size // 4096 - 4))


def _a_bad_last_page(file: Path) -> None:
    with file.open("r+b") as writer:
        writer.seek(file.stat().st_size - 4096)
        writer.write(b"\xff" * 4096)


def _somebody_else_s(file: Path) -> None:
    file.unlink()
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE sessions (id)")
    connection.close()


@pytest.mark.parametrize(
    "damage",
    [
        _garbage,
        _a_text,
        _truncated,
        _cut_within_a_page,
        _a_hole,
        _a_bad_last_page,
        _somebody_else_s,
    ],
)
async def test_a_file_that_cannot_be_understood_is_left_as_it_is(
    file: Path, damage: Callable[[Path], None]
) -> None:
    await _opened_once(file, sessions=50)
    damage(file)
    before = _bytes(file)
    with pytest.raises(StoreCorruptError, match="Move the file aside"):
        await Store.open(file)
    assert _bytes(file) == before


async def test_damage_that_happens_while_it_is_open_is_told(file: Path) -> None:
    await _opened_once(file, sessions=50)
    store = await Store.open(file)
    _a_hole(file)
    with pytest.raises(StoreCorruptError):
        await store.of(ALICE).page(size=50)
    await store.close()


async def test_a_database_of_a_newer_version_is_left_as_it_is(file: Path) -> None:
    await _opened_once(file, sessions=3)
    connection = sqlite3.connect(file)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    before = _bytes(file)
    with pytest.raises(StoreNewerError, match=r"revision 9999.*Install that version"):
        await Store.open(file)
    assert _bytes(file) == before


# --- what cannot be written ---------------------------------------------------------------------
# To root every folder is writable; so a URL takes the right away, or another user does the work.


async def test_a_database_opened_read_only_is_refused(file: Path) -> None:
    await _opened_once(file, sessions=3)
    before = _bytes(file)
    with pytest.raises(StoreReadOnlyError, match="cannot be written"):
        await Store.open(f"sqlite:///file:{file}?mode=ro&uri=true")
    assert _bytes(file) == before


@pytest.mark.parametrize("place", ["file/palaver.db", "folder"])
async def test_a_place_that_cannot_be_a_file_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreReadOnlyError, match="Give yourself the right"):
        await Store.open(tmp_path / place)


AS_NOBODY = """
    import asyncio, os, sys, tempfile
    from palaver.errors import StoreError
    from palaver.store import Store

    async def once(file):
        await (await Store.open(file)).close()

    if os.geteuid() == 0:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(once(folder + "/x.db"))  # imports what nobody could not read
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    try:
        asyncio.run(once(sys.argv[1]))
    except StoreError as error:
        print(type(error).__name__)
"""


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that everybody can reach, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.parametrize("existing", [False, True])
def test_a_folder_without_the_right_to_write_is_refused(shared: Path, existing: bool) -> None:
    file = shared / "palaver.db"
    if existing:
        asyncio.run(_opened_once(file))
        file.chmod(0o444)
    shared.chmod(0o555)
    process = another_process(AS_NOBODY, file)
    assert process.communicate()[0] == "StoreReadOnlyError\n"


async def test_on_a_full_disk_nothing_is_half_written(store: Store) -> None:
    """`max_page_count` makes SQLite answer as it does when the disk has no room (SQLITE_FULL)."""
    own = store.of(ALICE)
    async with store._database._writer.connect() as connection:
        pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
        await connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 5}")
    added = 0

    async def add_without_end() -> None:
        nonlocal added
        while True:
            await own.add(a_session(title="word " * 1000))
            added += 1

    with pytest.raises(StoreFullError, match="no room"):
        await add_without_end()
    assert added > 0
    assert (await own.page())[1] == added
    async with store._database._writer.connect() as connection:
        await connection.exec_driver_sql("PRAGMA max_page_count=100000")
    await own.add(a_session(title="word " * 1000))


# --- others in it -------------------------------------------------------------------------------


async def test_a_database_that_another_program_holds_is_told_and_still_read(file: Path) -> None:
    await _opened_once(file, sessions=1)
    store = await Store.open(file, busy_timeout=0.1)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreLockedError, match="another program"):
        await store.of(ALICE).add(a_session())
    with pytest.raises(StoreLockedError, match="another program"):
        await Store.open(file, busy_timeout=0.1)
    assert (await store.of(ALICE).page())[1] == 1
    other.execute("ROLLBACK")
    other.close()
    await store.of(ALICE).add(a_session())
    await store.close()


async def test_a_short_hold_of_another_program_is_waited_for(store: Store, file: Path) -> None:
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    call = asyncio.create_task(store.of(ALICE).add(a_session()))
    await asyncio.sleep(0.2)
    assert not call.done()
    other.execute("COMMIT")
    other.close()
    await call


async def test_a_new_file_that_another_program_looks_at_is_waited_for(file: Path) -> None:
    file.parent.mkdir()
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("PRAGMA user_version=1")
    other.execute("BEGIN")
    other.execute("SELECT * FROM sqlite_master").fetchall()
    call = asyncio.create_task(Store.open(file))
    await asyncio.sleep(0.2)
    other.execute("COMMIT")
    other.close()
    await (await call).close()


async def test_readers_do_not_wait_for_a_writer(store: Store) -> None:
    async with store._database._writer.begin() as connection:
        await connection.exec_driver_sql("BEGIN IMMEDIATE")
        await connection.execute(sa.text("DELETE FROM sessions"))
        async with asyncio.timeout(2):
            pages = await asyncio.gather(*(store.of(ALICE).page() for _ in range(20)))
    assert pages == [([], 0)] * 20


async def test_callers_that_give_up_do_no_harm(store: Store) -> None:
    own, kept, dice = store.of(ALICE), [], random.Random(1)

    async def add() -> None:
        session = a_session()
        await own.add(session)
        turn = a_turn(session)
        await store.ledger.add(turn)
        await own.set_current(HOME, session.id)
        session = session.model_copy(update={"turns": 1})
        await store.ledger.finish(over(turn), session)
        kept.append(session)

    for _ in range(60):
        calls = [asyncio.create_task(add()) for _ in range(3)]
        await asyncio.sleep(dice.random() * 0.006)
        calls[dice.randrange(3)].cancel()
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert all(one is None or isinstance(one, asyncio.CancelledError) for one in answers)
    assert [await own.get(session.id) for session in kept] == kept
    assert len(kept) >= 120


def test_an_opening_that_is_given_up_has_ended_all_its_work_before_its_event_loop_ends(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[object] = []
    monkeypatch.setattr(threading, "excepthook", failures.append)
    file.parent.mkdir()
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("PRAGMA user_version=1")
    other.execute("BEGIN")
    other.execute("SELECT * FROM sqlite_master").fetchall()

    async def give_up() -> None:
        opening = asyncio.create_task(Store.open(file))
        await asyncio.sleep(0.3)
        assert not opening.done()
        opening.cancel()
        asyncio.get_running_loop().call_later(0.2, other.close)
        await asyncio.wait({opening})

    asyncio.run(give_up())
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            thread.join()
    assert failures == []


@pytest.mark.skipif(sys.platform != "linux", reason="looks at Linux's list of open files")
async def test_nothing_stays_open(file: Path) -> None:
    for _ in range(3):
        await _opened_once(file, sessions=2)
    assert [path for path in _open_files() if str(file) in path] == []


def _open_files() -> list[str]:
    return [os.path.realpath(path) for path in Path("/proc/self/fd").iterdir()]
