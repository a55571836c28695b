"""Sessions of a namespace: kept whole, found again, and nobody else's business."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from core.store.samples import ALICE, BOB, HOME, MINUTE, NOON, a_session, a_turn, over
from palaver.errors import SessionBusyError, SessionError, SessionNotFoundError
from palaver.identity import ConversationId, Namespace, SessionId
from palaver.models import Session, Usage
from palaver.store import Sessions, Store

AWAY = ConversationId("away")
NEIGHBOUR = Namespace("discord", "1001")


async def test_a_session_comes_back_as_it_was_kept(store: Store) -> None:
    session = a_session(
        name="Bug hunt",
        title="Where is the café?",
        model="opus",
        mode="plan",
        workspace=Path("/srv/caf\udce9"),  # a name in Latin-1, as old disks have them
        modified=NOON + MINUTE,
        size=2**40,
        turns=3,
        turns_since_compaction=2,
        usage=Usage(input_tokens=1, output_tokens=2, cache_read_tokens=3, cost_usd=0.1),
        transcript=Path("/srv/t.jsonl"),
        lost=True,
    )
    await store.of(ALICE).add(session)
    assert await store.of(ALICE).get(session.id) == session


async def test_sessions_outlive_the_store_that_kept_them(store: Store, file: Path) -> None:
    session = a_session()
    await store.of(ALICE).add(session)
    await store.of(ALICE).set_current(HOME, session.id)
    await store.close()
    again = await Store.open(file)
    assert await again.of(ALICE).current(HOME) == session
    await again.close()


async def test_a_session_cannot_be_added_to_another_namespace(store: Store) -> None:
    with pytest.raises(ValueError, match="telegram:1002"):
        await store.of(BOB).add(a_session(ALICE))


@pytest.mark.parametrize("owner", [ALICE, BOB])
async def test_a_taken_id_is_refused_whoever_has_it(
    store: Store, session: Session, owner: Namespace
) -> None:
    with pytest.raises(SessionError, match=f"A session {session.id} exists already"):
        await store.of(owner).add(a_session(owner, id=session.id))
    assert await store.of(ALICE).get(session.id) == session


Call = Callable[[Sessions, SessionId], Awaitable[object]]
ON_ONE_SESSION: dict[str, Call] = {
    "get": lambda own, id_: own.get(id_),
    "get trashed": lambda own, id_: own.get(id_, trashed=True),
    "update": lambda own, id_: own.update(id_, name="mine"),
    "update nothing": lambda own, id_: own.update(id_),
    "purge": lambda own, id_: own.purge(id_),
    "set_current": lambda own, id_: own.set_current(HOME, id_),
}


@pytest.mark.parametrize("call", ON_ONE_SESSION.values(), ids=ON_ONE_SESSION)
async def test_a_foreign_and_an_unknown_id_give_the_same_answer(
    store: Store, session: Session, call: Call
) -> None:
    answers = []
    for session_id in (session.id, uuid4()):
        with pytest.raises(SessionNotFoundError) as caught:
            await call(store.of(BOB), session_id)
        answers.append((type(caught.value), str(caught.value), caught.value.__cause__))
    assert answers[0] == answers[1]
    assert await store.of(ALICE).get(session.id) == session


async def test_get_finds_a_session_only_where_it_is(store: Store, session: Session) -> None:
    own = store.of(ALICE)
    with pytest.raises(SessionNotFoundError):
        await own.get(session.id, trashed=True)
    trashed = await own.update(session.id, trashed=NOON)
    with pytest.raises(SessionNotFoundError):
        await own.get(session.id)
    assert await own.get(session.id, trashed=True) == trashed


async def test_update_changes_what_it_is_told_and_nothing_else(
    store: Store, session: Session
) -> None:
    other = a_session()
    await store.of(ALICE).add(other)
    usage = Usage(output_tokens=7, cost_usd=0.5)
    updated = await store.of(ALICE).update(session.id, name="New", usage=usage, trashed=NOON)
    assert updated == session.model_copy(update={"name": "New", "usage": usage, "trashed": NOON})
    assert await store.of(ALICE).get(session.id, trashed=True) == updated
    assert await store.of(ALICE).get(other.id) == other


@pytest.mark.parametrize("word", ["id", "namespace", "agent", "created", "colour"])
async def test_what_never_changes_is_no_word_for_update(
    store: Store, session: Session, word: str
) -> None:
    with pytest.raises(TypeError, match=word):
        await store.of(ALICE).update(session.id, **{word: "x"})  # type: ignore[arg-type] # so
    assert await store.of(ALICE).get(session.id) == session


async def test_a_time_without_a_zone_is_refused(store: Store, session: Session) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        await store.of(ALICE).update(session.id, modified=NOON.replace(tzinfo=None))


# --- lists --------------------------------------------------------------------------------------


async def _added(store: Store, *sessions: Session) -> None:
    for session in sessions:
        await store.of(session.namespace).add(session)


async def test_pages_show_the_most_recent_first_and_count_all(store: Store) -> None:
    sessions = [a_session(modified=NOON + MINUTE * (number // 2)) for number in range(25)]
    await _added(store, a_session(BOB), a_session(trashed=NOON), *sessions)
    expected = sorted(sessions, key=lambda one: (-one.modified.timestamp(), str(one.id)))
    for number, page in enumerate((expected[:10], expected[10:20], expected[20:], []), start=1):
        assert await store.of(ALICE).page(number) == (page, 25)
    assert await store.of(ALICE).page(2, size=20) == (expected[20:], 25)


async def test_the_trash_has_pages_of_its_own(store: Store) -> None:
    sessions = [a_session(modified=NOON + MINUTE * number, trashed=NOON) for number in range(3)]
    await _added(store, a_session(), a_session(BOB, trashed=NOON), *sessions)
    assert await store.of(ALICE).page(trashed=True) == (sessions[::-1], 3)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("bug", ["Bug hunt", "A bug"]),
        ("ÄRGER", ["Großer Ärger"]),
        ("GROSSER", ["Großer Ärger"]),
        ("100%", ["100% done"]),
        ("1%d", []),
        ("_", ["snake_case"]),
        ("\\", ["back\\slash"]),
        ("0b0e4d", ["snake_case"]),
        ("0B0E4D4E-5f0a", ["snake_case"]),
        ("0b0", []),
        ("nothing like it", []),
    ],
)
async def test_search_finds_names_titles_and_beginnings_of_ids(
    store: Store, text: str, found: list[str]
) -> None:
    labels = ["A bug", "100% done", "Großer Ärger", "back\\slash", "Bug hunt"]
    sessions = [a_session(name=one) if one[0] in "AG" else a_session(title=one) for one in labels]
    sessions.append(a_session(id="0b0e4d4e-5f0a-4a53-9a5b-0123456789ab", name="snake_case"))
    dated = [
        one.model_copy(update={"modified": NOON + MINUTE * n}) for n, one in enumerate(sessions)
    ]
    await _added(store, a_session(BOB, name=text), a_session(name=text, trashed=NOON), *dated)
    assert [one.label for one in await store.of(ALICE).search(text)] == found


async def test_search_follows_a_new_name_and_keeps_to_its_limit(store: Store) -> None:
    sessions = [a_session(title=f"number {number}") for number in range(30)]
    await _added(store, *sessions)
    own = store.of(ALICE)
    await own.update(sessions[0].id, name="Another", title="word")
    assert [one.id for one in await own.search("ANOTHER")] == [sessions[0].id]
    assert len(await own.search("number")) == 20
    assert len(await own.search("number", limit=50)) == 29


async def test_stale_sessions_are_old_idle_and_current_nowhere(store: Store) -> None:
    own, ledger = store.of(ALICE), store.ledger
    old = [a_session(modified=NOON - MINUTE * age) for age in range(1, 6)]
    idle, current, waiting, done, trashed = old
    await _added(store, a_session(BOB, modified=NOON - MINUTE), a_session(), *old)
    await own.set_current(AWAY, current.id)
    await own.update(trashed.id, trashed=NOON)
    await ledger.add(a_turn(waiting))
    turn = a_turn(done)
    await ledger.add(turn)
    await ledger.finish(over(turn))
    assert [one.id for one in await own.stale(NOON, 10)] == [done.id, idle.id]
    assert [one.id for one in await own.stale(NOON, 1)] == [done.id]


async def test_a_running_session_is_not_stale(store: Store) -> None:
    old = a_session(modified=NOON - MINUTE)
    await _added(store, old)
    turn = a_turn(old)
    await store.ledger.add(turn)
    assert await store.ledger.claim(turn.id, "1:1")
    assert await store.of(ALICE).stale(NOON, 10) == []


async def test_the_trash_gives_up_what_has_lain_there_longest(store: Store) -> None:
    trashed = [a_session(trashed=NOON - MINUTE * age) for age in (1, 3, 2, 0)]
    await _added(store, a_session(), a_session(BOB, trashed=NOON - MINUTE), *trashed)
    own = store.of(ALICE)
    assert await own.trashed_before(NOON, 10) == [trashed[1], trashed[2], trashed[0]]
    assert await own.trashed_before(NOON, 1) == [trashed[1]]


# --- the current one ----------------------------------------------------------------------------


async def test_each_conversation_of_each_namespace_has_its_own_current_session(
    store: Store, session: Session
) -> None:
    second, bobs = a_session(), a_session(BOB)
    await _added(store, second, bobs)
    await store.of(ALICE).set_current(HOME, session.id)
    await store.of(ALICE).set_current(AWAY, second.id)
    await store.of(BOB).set_current(HOME, bobs.id)
    assert await store.of(ALICE).current(HOME) == session
    assert await store.of(ALICE).current(AWAY) == second
    assert await store.of(BOB).current(HOME) == bobs
    assert await store.of(BOB).current(AWAY) is None


async def test_a_refused_switch_leaves_the_conversation_where_it_was(
    store: Store, session: Session
) -> None:
    bobs, trashed = a_session(BOB), a_session(trashed=NOON)
    await _added(store, bobs, trashed)
    own = store.of(ALICE)
    await own.set_current(HOME, session.id)
    for refused in (bobs.id, trashed.id, uuid4()):
        with pytest.raises(SessionNotFoundError):
            await own.set_current(HOME, refused)
    assert await own.current(HOME) == session


async def test_a_conversation_can_be_left_and_trash_is_not_current(
    store: Store, session: Session
) -> None:
    own = store.of(ALICE)
    await own.set_current(HOME, session.id)
    await own.update(session.id, trashed=NOON)
    assert await own.current(HOME) is None
    await own.update(session.id, trashed=None)
    assert await own.current(HOME) == session
    await own.set_current(HOME, None)
    assert await own.current(HOME) is None


async def test_a_conversation_that_is_gone_holds_nobodys_session_any_more(
    store: Store, session: Session
) -> None:
    bobs, elsewhere = a_session(BOB), a_session(Namespace("discord", "1001"))
    await _added(store, bobs, elsewhere)
    for one in (session, bobs, elsewhere):
        await store.of(one.namespace).set_current(HOME, one.id)
    await store.of(ALICE).set_current(AWAY, session.id)
    assert await store.leave("telegram", HOME) == 2
    assert await store.of(ALICE).current(HOME) is None
    assert await store.of(BOB).current(HOME) is None
    assert await store.of(BOB).stale(NOON + MINUTE, 10) == [bobs]
    assert await store.of(ALICE).current(AWAY) == session
    assert await store.of(elsewhere.namespace).current(HOME) == elsewhere
    assert await store.leave("telegram", HOME) == 0


async def test_a_conversation_that_moves_takes_along_what_is_current_and_its_turns(
    store: Store, session: Session
) -> None:
    bobs, bobs_there, elsewhere = a_session(BOB), a_session(BOB), a_session(NEIGHBOUR)
    await _added(store, bobs, bobs_there, elsewhere)
    for one in (session, bobs, elsewhere):
        await store.of(one.namespace).set_current(HOME, one.id)
    await store.of(BOB).set_current(AWAY, bobs_there.id)
    turns = [a_turn(session, key="1"), a_turn(bobs, key="1"), a_turn(elsewhere, key="1")]
    there = a_turn(bobs, key="1", conversation=AWAY)
    for turn in (*turns, there):
        await store.ledger.add(turn)
    for _ in range(2):
        await store.move("telegram", HOME, AWAY)
        assert await store.of(ALICE).current(AWAY) == session
        assert await store.of(BOB).current(AWAY) == bobs_there
        for owner in (ALICE, BOB):
            assert await store.of(owner).current(HOME) is None
        assert await store.of(NEIGHBOUR).current(HOME) == elsewhere
        last = [await store.ledger.last(one.prompt.namespace, AWAY) for one in turns]
        assert [one and one.id for one in last] == [turns[0].id, there.id, None]


async def test_conversations_are_told_apart_whatever_bytes_they_hold(store: Store) -> None:
    odd = [ConversationId(f"/srv/{name}") for name in ("\udce9", "\udce8", "\ufffd", "a\0b")]
    sessions = [a_session() for _ in odd]
    await _added(store, *sessions)
    for conversation, session in zip(odd, sessions, strict=True):
        await store.of(ALICE).set_current(conversation, session.id)
    assert [await store.of(ALICE).current(one) for one in odd] == sessions


# --- the end of it ------------------------------------------------------------------------------


async def test_a_purged_session_takes_its_turns_and_its_place_along(
    store: Store, session: Session
) -> None:
    own, turn = store.of(ALICE), a_turn(session)
    await store.ledger.add(turn)
    await store.ledger.finish(over(turn))
    await own.set_current(HOME, session.id)
    await own.purge(session.id)
    assert await own.current(HOME) is None
    assert await store.ledger.get(ALICE, turn.id) is None
    assert await own.page() == ([], 0)


@pytest.mark.parametrize("running", [False, True])
async def test_a_session_with_a_prompt_to_answer_is_not_purged(
    store: Store, session: Session, running: bool
) -> None:
    turn = a_turn(session)
    await store.ledger.add(turn)
    if running:
        assert await store.ledger.claim(turn.id, "1:1")
    with pytest.raises(SessionBusyError):
        await store.of(ALICE).purge(session.id)
    assert await store.ledger.get(ALICE, turn.id)


async def test_usage_is_of_all_sessions_or_of_the_turns_since(
    store: Store, session: Session
) -> None:
    await _added(
        store,
        a_session(usage=Usage(input_tokens=5), trashed=NOON),
        a_session(BOB, usage=Usage(input_tokens=99)),
    )
    usage = Usage(input_tokens=1, output_tokens=2, cache_write_tokens=3, cost_usd=0.25)
    for minute in (1, 2):
        turn = a_turn(session)
        await store.ledger.add(turn)
        ended = over(turn, usage=usage, finished=NOON + MINUTE * minute)
        await store.ledger.finish(ended, session.model_copy(update={"usage": usage}))
    own = store.of(ALICE)
    assert await own.usage() == usage + Usage(input_tokens=5)
    assert await own.usage(NOON + MINUTE) == usage + usage
    assert await own.usage(NOON + MINUTE * 2) == usage
    assert await own.usage(NOON + timedelta(days=1)) == Usage()
    assert await store.of(BOB).usage(NOON) == Usage()


async def test_everyone_who_has_a_session_is_known(store: Store, session: Session) -> None:
    await _added(store, a_session(BOB, trashed=NOON), a_session(Namespace("cli", "x")), a_session())
    assert await store.namespaces() == [Namespace("cli", "x"), ALICE, BOB]
