"""Migrations: they lead where `schema.py` is, and lose nothing on the way."""

import asyncio
import shutil
import sqlite3
import textwrap
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from core.store.samples import ALICE, a_session, a_turn
from palaver.errors import StoreError, StoreNewerError
from palaver.store import Store, database, grants, ledger, sessions, sqlite, store
from palaver.store.migrate import SCRIPTS, configuration, upgrade
from palaver.store.schema import REVISIONS, metadata


def _schema(file: Path) -> list[tuple[str, ...]]:
    connection = sqlite3.connect(file)
    rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
    connection.close()
    return sorted(tuple(" ".join(str(value).split()) for value in row) for row in rows)


async def test_migrations_from_nothing_make_the_schema_of_a_new_database(tmp_path: Path) -> None:
    await asyncio.to_thread(upgrade, sqlite.file_url(tmp_path / "migrated.db"))
    await (await Store.open(tmp_path / "new.db")).close()
    assert _schema(tmp_path / "migrated.db") == _schema(tmp_path / "new.db")


def test_the_revisions_are_those_that_alembic_finds() -> None:
    found = ScriptDirectory.from_config(configuration()).walk_revisions()
    assert tuple(script.revision for script in found) == REVISIONS[::-1]


@pytest.mark.parametrize("revision", REVISIONS)
async def test_every_older_database_is_brought_up_to_date(tmp_path: Path, revision: str) -> None:
    await asyncio.to_thread(upgrade, sqlite.file_url(tmp_path / "old.db"), revision)
    opened = await Store.open(tmp_path / "old.db")
    await opened.of(ALICE).add(a_session())
    await opened.close()
    await (await Store.open(tmp_path / "new.db")).close()
    assert _schema(tmp_path / "old.db") == _schema(tmp_path / "new.db")


NEXT = """
    import sqlalchemy as sa
    from alembic import op

    revision = "9999"
    down_revision = "{before}"

    def upgrade():
        with op.batch_alter_table("sessions", recreate="always") as sessions:
            sessions.add_column(sa.Column("colour", sa.Text()))
        {more}
"""


def _go_on(patch: pytest.MonkeyPatch, folder: Path, more: str = "pass") -> None:
    """Give Palaver one migration more, which makes the table of sessions anew."""
    scripts = folder / "migrations"
    shutil.copytree(SCRIPTS, scripts)
    text = textwrap.dedent(NEXT).format(before=REVISIONS[-1], more=more)
    (scripts / "versions" / "9999_next.py").write_text(text)
    patch.setattr("palaver.store.migrate.SCRIPTS", scripts)
    patch.setattr("palaver.store.database.REVISIONS", (*REVISIONS, "9999"))


async def _with_a_turn(file: Path) -> None:
    opened = await Store.open(file)
    session = a_session(title="kept")
    await opened.of(ALICE).add(session)
    await opened.ledger.add(a_turn(session))
    await opened.close()


async def test_an_upgrade_keeps_every_row(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _with_a_turn(file)
    _go_on(monkeypatch, tmp_path)
    opened = await Store.open(file)
    assert [one.title for one in (await opened.of(ALICE).page())[0]] == ["kept"]
    assert len(await opened.ledger.unfinished(["telegram"])) == 1
    await opened.close()
    connection = sqlite3.connect(file)
    assert connection.execute("SELECT title, colour FROM sessions").fetchall() == [("kept", None)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


async def test_a_version_that_is_gone_back_to_leaves_the_newer_database_alone(
    file: Path, tmp_path: Path
) -> None:
    await _with_a_turn(file)
    with pytest.MonkeyPatch.context() as patch:
        _go_on(patch, tmp_path)
        await (await Store.open(file)).close()
    newer = _schema(file)
    with pytest.raises(StoreNewerError, match="9999"):
        await Store.open(file)
    assert _schema(file) == newer


async def test_an_upgrade_that_fails_half_way_changes_nothing(file: Path, tmp_path: Path) -> None:
    await _with_a_turn(file)
    before = _schema(file)
    with pytest.MonkeyPatch.context() as patch:
        _go_on(patch, tmp_path, "op.execute('INSERT INTO nowhere VALUES (1)')")
        with pytest.raises(StoreError, match="nowhere"):
            await Store.open(file)
    assert _schema(file) == before
    opened = await Store.open(file)
    assert (await opened.of(ALICE).page())[1] == 1
    await opened.close()


STATEMENTS = [
    value
    for module in (database, grants, ledger, sessions, store)
    for value in vars(module).values()
    if isinstance(value, sa.Select | sa.UpdateBase)
] + [statement for pair in sessions._PAGES.values() for statement in pair]


def test_schema_and_statements_are_good_for_postgresql_too() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call] # of SQLAlchemy's
    for table in metadata.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=dialect))
        for index in table.indexes:
            assert "CREATE INDEX" in str(CreateIndex(index).compile(dialect=dialect))
    assert len(STATEMENTS) > 20
    for statement in STATEMENTS:
        assert str(statement.compile(dialect=dialect))
