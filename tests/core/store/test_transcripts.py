"""The index of transcripts: what a scan of the disk is compared with."""

from pathlib import Path

from core.store.samples import ALICE, BOB, MINUTE, NOON, a_session
from palaver.identity import Namespace
from palaver.models import Session, Stamp
from palaver.store import Store
from palaver.store.rows import session_values
from palaver.store.schema import sessions as table

NOON_NS = int(NOON.timestamp()) * 10**9 + 123_456_789
NEVER = Stamp(0, 0)


def _at(name: str) -> Path:
    return Path("/srv/projects") / f"{name}.jsonl"


async def known(store: Store, agent: str, namespace: Namespace | None = None) -> dict[Path, Stamp]:
    rows = await store.transcripts(agent, namespace)
    return {Path(path): Stamp(size, modified_ns) for path, size, modified_ns in rows}


async def _added(store: Store, *sessions: Session) -> None:
    for session in sessions:
        await store.of(session.namespace).add(session)


async def test_the_transcripts_of_an_agent_s_live_sessions_are_known(store: Store) -> None:
    await _added(
        store,
        a_session(transcript=_at("alice")),
        a_session(BOB, transcript=_at("caf\udce9")),
        a_session(transcript=None),
        a_session(transcript=_at("trash"), trashed=NOON),
        a_session(transcript=_at("other"), agent="scripted"),
    )
    both = {_at("alice"): NEVER, _at("caf\udce9"): NEVER}
    assert await known(store, "claude") == both
    assert await known(store, "claude", BOB) == {_at("caf\udce9"): NEVER}
    assert await known(store, "scripted") == {_at("other"): NEVER}


async def test_a_change_is_kept_to_the_nanosecond(store: Store) -> None:
    changed, other = a_session(transcript=_at("a")), a_session(transcript=_at("b"))
    await _added(store, changed, other)
    stamp = Stamp(2**33, NOON_NS + 1)
    assert await store.note_changes([(_at("a"), stamp)]) == 1
    assert (await known(store, "claude"))[_at("a")] == stamp
    session = await store.of(ALICE).get(changed.id)
    assert (session.size, session.modified) == (2**33, NOON.replace(microsecond=123_456))
    assert await store.of(ALICE).get(other.id) == other


async def test_a_session_s_time_goes_with_its_transcript_also_back(store: Store) -> None:
    session = a_session(transcript=_at("a"))
    await _added(store, session)
    modified = []
    for minutes in (1, -1):
        stamp = Stamp(1, NOON_NS + minutes * 60 * 10**9)
        await store.note_changes([(_at("a"), stamp)])
        modified.append((await store.of(ALICE).get(session.id)).modified)
    assert modified == [NOON + MINUTE, NOON - MINUTE]


async def test_a_transcript_that_is_gone_loses_its_session_until_it_is_back(store: Store) -> None:
    session = a_session(transcript=_at("a"))
    await _added(store, session)
    own = store.of(ALICE)
    await store.note_changes([(_at("a"), Stamp(1, NOON_NS))])
    assert await store.note_changes([(_at("a"), None)]) == 1
    assert (await own.get(session.id)).lost
    assert await known(store, "claude") == {_at("a"): NEVER}
    assert await store.note_changes([(_at("a"), None)]) == 0
    assert await store.note_changes([(str(_at("a")), Stamp(1, NOON_NS))]) == 1
    assert not (await own.get(session.id)).lost


async def test_unknown_and_trashed_transcripts_change_nothing(store: Store) -> None:
    trashed = a_session(transcript=_at("trash"), trashed=NOON)
    await _added(store, trashed)
    changes = [(_at("trash"), None), (_at("trash"), Stamp(9, NOON_NS)), (_at("?"), None)]
    assert await store.note_changes(changes) == 0
    assert await store.note_changes([]) == 0
    assert await store.of(ALICE).get(trashed.id, trashed=True) == trashed


async def test_many_changes_are_kept_in_one_go(store: Store) -> None:
    sessions = [a_session(transcript=_at(str(number))) for number in range(2500)]
    rows = [session_values(one) for one in sessions]
    await store._database.transaction(lambda connection: connection.execute(table.insert(), rows))
    changes = ((_at(str(number)), Stamp(number, NOON_NS + number)) for number in range(2500))
    assert await store.note_changes(changes) == 2500
    stamps = await known(store, "claude")
    assert stamps == {_at(str(number)): Stamp(number, NOON_NS + number) for number in range(2500)}
