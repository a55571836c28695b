"""The ledger: nothing is lost in it, nothing runs twice, nothing is answered twice."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from core.store.samples import ALICE, BOB, HOME, MINUTE, NOON, a_session, a_turn, over
from palaver.errors import SessionBusyError, SessionNotFoundError
from palaver.identity import ConversationId, Namespace
from palaver.models import Attachment, DeliveryState, Session, Turn, TurnState, Usage
from palaver.store import Ledger, Store

AWAY = ConversationId("away")


@pytest.fixture
def ledger(store: Store) -> Ledger:
    return store.ledger


async def _added(ledger: Ledger, *turns: Turn) -> None:
    for turn in turns:
        assert await ledger.add(turn)


async def _ended(ledger: Ledger, turn: Turn, **fields: Any) -> Turn:
    ended = over(turn, **fields)
    assert await ledger.add(turn)
    assert await ledger.finish(ended)
    return ended


# --- in -----------------------------------------------------------------------------------------


async def test_a_turn_is_found_by_each_of_its_messages_the_newest_first(
    ledger: Ledger, session: Session
) -> None:
    keys = ("1", '2" \\%_', "\ud800")
    turn = a_turn(session, "one", key="1")
    turn = turn.model_copy(update={"prompt": turn.prompt.model_copy(update={"messages": keys})})
    await _added(ledger, turn, a_turn(session, 'it says "3"', key="unlike"))
    for key in keys:
        assert await ledger.find(turn.prompt.model_copy(update={"key": key})) == turn
    for changes in ({"key": "3"}, {"key": "2"}, {"namespace": BOB}, {"conversation": AWAY}):
        assert await ledger.find(turn.prompt.model_copy(update=changes)) is None
    again = a_turn(session, "one", key="again", created=NOON + MINUTE)
    again = again.model_copy(update={"prompt": again.prompt.model_copy(update={"messages": keys})})
    await _added(ledger, again)
    assert await ledger.find(turn.prompt) == again


async def test_a_turn_comes_back_as_it_was_added(ledger: Ledger, session: Session) -> None:
    turn = a_turn(
        session, conversation="/srv/caf\udce9", key="k\0", runner="1:2", agent_process="3:4"
    )
    attachment = Attachment(name="a.png", media_type="image/png", path=Path("/tmp/\udce9.png"))
    workspace = {"workspace": Path("/srv/\udce9"), "attachments": (attachment,)}
    turn = turn.model_copy(update={"prompt": turn.prompt.model_copy(update=workspace)})
    await _added(ledger, turn)
    assert await ledger.get(ALICE, turn.id) == turn


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("caf\u00e9 \U0001f600", "caf\u00e9 \U0001f600"),
        ("cut \ud83d", "cut \ufffd"),
        ("in two \ud83d\ude00", "in two \U0001f600"),
        ("nul \0", "nul \ufffd"),
    ],
)
async def test_no_text_is_too_odd_to_be_kept(
    ledger: Ledger, session: Session, sent: str, kept: str
) -> None:
    turn = a_turn(session, sent)
    await _ended(ledger, turn, answer=sent, error=sent)
    found = await ledger.get(ALICE, turn.id)
    assert found is not None
    assert (found.prompt.text, found.answer, found.error) == (kept, kept, kept)


async def test_the_same_message_is_added_once(ledger: Ledger, session: Session) -> None:
    first = a_turn(session, "first", key="7")
    await _added(ledger, first)
    assert not await ledger.add(a_turn(session, "again", key="7"))
    assert await ledger.waiting(session.id) == [first]
    await _added(ledger, a_turn(session, key="7", conversation=AWAY))


async def test_the_same_message_is_known_when_its_turn_is_over(
    ledger: Ledger, session: Session
) -> None:
    await _ended(ledger, a_turn(session, key="7"))
    assert not await ledger.add(a_turn(session, key="7"))


async def test_keys_of_two_namespaces_have_nothing_to_do_with_each_other(
    store: Store, session: Session
) -> None:
    bobs = a_session(BOB)
    await store.of(BOB).add(bobs)
    await _added(store.ledger, a_turn(session, key="7"), a_turn(bobs, key="7"))


async def test_a_turn_cannot_be_added_to_a_foreign_session(store: Store, session: Session) -> None:
    for session_id in (session.id, uuid4()):
        with pytest.raises(SessionNotFoundError):
            await store.ledger.add(a_turn(a_session(BOB, id=session_id)))
    assert await store.ledger.waiting(session.id) == []


# --- running ------------------------------------------------------------------------------------


async def test_a_claimed_turn_runs_and_says_where(ledger: Ledger, session: Session) -> None:
    turn = a_turn(session)
    await _added(ledger, turn)
    claimed = await ledger.claim(turn.id, "12:34")
    assert claimed is not None
    assert (claimed.state, claimed.runner) == (TurnState.RUNNING, "12:34")
    assert claimed.started is not None
    await ledger.note_process(turn.id, "56:78")
    assert await ledger.get(ALICE, turn.id) == claimed.model_copy(update={"agent_process": "56:78"})


async def test_of_many_who_claim_a_turn_one_gets_it(ledger: Ledger, session: Session) -> None:
    turn = a_turn(session)
    await _added(ledger, turn)
    claims = await asyncio.gather(*(ledger.claim(turn.id, f"{n}:1") for n in range(20)))
    [claimed] = filter(None, claims)
    assert await ledger.get(ALICE, turn.id) == claimed


async def test_turns_of_a_session_run_one_by_one_in_their_order(
    ledger: Ledger, session: Session
) -> None:
    second = a_turn(session, created=NOON)
    third = a_turn(session, created=NOON)
    first = a_turn(session, created=NOON - MINUTE)
    turns = [first, second, third]
    await _added(ledger, second, third, first)
    assert await ledger.waiting(session.id) == turns
    while turns:
        turn, *rest = turns
        for other in rest:
            assert await ledger.claim(other.id, "1:1") is None
        assert await ledger.claim(turn.id, "1:1")
        for other in turns:
            assert await ledger.claim(other.id, "1:1") is None
        await ledger.finish(over(turn))
        turns = rest


async def test_sessions_do_not_wait_for_each_other(store: Store, session: Session) -> None:
    other = a_session()
    await store.of(ALICE).add(other)
    turns = [a_turn(session), a_turn(other)]
    await _added(store.ledger, *turns)
    assert all([await store.ledger.claim(turn.id, "1:1") for turn in turns])


async def test_what_is_unknown_or_over_cannot_be_claimed(ledger: Ledger, session: Session) -> None:
    turn = a_turn(session)
    await _ended(ledger, turn)
    assert await ledger.claim(turn.id, "1:1") is None
    assert await ledger.claim(uuid4(), "1:1") is None


async def test_what_a_queued_turn_asks_can_be_changed_by_its_owner_until_it_runs(
    ledger: Ledger, session: Session
) -> None:
    turn = a_turn(session, "as typed")
    await _added(ledger, turn)
    asked = turn.prompt.model_copy(update={"text": "as meant"})
    assert not await ledger.amend(turn.id, asked.model_copy(update={"namespace": BOB}))
    assert await ledger.amend(turn.id, asked)
    claimed = await ledger.claim(turn.id, "1:1")
    assert claimed is not None
    assert claimed.prompt == asked
    assert not await ledger.amend(turn.id, turn.prompt)


# --- the end ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state", [TurnState.DONE, TurnState.FAILED, TurnState.STOPPED, TurnState.INTERRUPTED]
)
async def test_a_turn_ends_once(ledger: Ledger, session: Session, state: TurnState) -> None:
    turn = a_turn(session)
    usage = Usage(input_tokens=1, output_tokens=2, cache_read_tokens=3, cache_write_tokens=4)
    ended = await _ended(ledger, turn, state=state, answer="so", error="but", usage=usage)
    assert await ledger.get(ALICE, turn.id) == ended
    assert not await ledger.finish(over(turn, answer="otherwise"))
    assert await ledger.get(ALICE, turn.id) == ended


async def test_with_its_turn_a_session_counts_on_and_keeps_its_owner_s_changes(
    store: Store, session: Session
) -> None:
    turn = a_turn(session)
    await _added(store.ledger, turn)
    counted = {
        "turns": 1,
        "turns_since_compaction": 1,
        "usage": Usage(output_tokens=9, cost_usd=0.1),
        "size": 99,
        "modified": NOON + MINUTE,
        "transcript": Path("/t.jsonl"),
    }
    renamed = await store.of(ALICE).update(session.id, name="Meanwhile", model="opus")
    await store.ledger.finish(over(turn), session.model_copy(update=counted))
    assert await store.of(ALICE).get(session.id) == renamed.model_copy(update=counted)


async def test_a_turn_that_was_over_counts_nothing(store: Store, session: Session) -> None:
    turn = a_turn(session)
    await _ended(store.ledger, turn)
    assert not await store.ledger.finish(over(turn), session.model_copy(update={"turns": 9}))
    assert await store.of(ALICE).get(session.id) == session


async def test_a_turn_and_its_session_are_written_both_or_neither(
    store: Store, session: Session
) -> None:
    turn = a_turn(session)
    await _added(store.ledger, turn)
    broken = session.model_copy(update={"turns": 1, "modified": NOON.replace(tzinfo=None)})
    with pytest.raises(ValueError, match="no time zone"):
        await store.ledger.finish(over(turn), broken)
    assert await store.ledger.get(ALICE, turn.id) == turn


async def test_a_turn_cannot_end_unfinished_or_count_for_somebody_else(
    ledger: Ledger, session: Session
) -> None:
    turn = a_turn(session)
    await _added(ledger, turn)
    with pytest.raises(ValueError, match="running"):
        await ledger.finish(over(turn, TurnState.RUNNING))
    with pytest.raises(ValueError, match="not the turn's owner's"):
        await ledger.finish(over(turn), a_session(BOB))
    assert await ledger.get(ALICE, turn.id) == turn


async def test_what_is_delivered_stays_delivered(ledger: Ledger, session: Session) -> None:
    turn = a_turn(session)
    await _ended(ledger, turn)
    seen = []
    for state in (
        DeliveryState.ATTEMPTED,
        DeliveryState.PENDING,
        DeliveryState.DELIVERED,
        DeliveryState.ATTEMPTED,
    ):
        await ledger.deliver(turn.id, state)
        found = await ledger.get(ALICE, turn.id)
        assert found is not None
        seen.append(found.delivery.value)
    assert seen == ["attempted", "pending", "delivered", "delivered"]


# --- looking back -------------------------------------------------------------------------------


async def test_after_a_crash_the_unfinished_are_found_by_frontend_the_oldest_first(
    store: Store, session: Session
) -> None:
    bobs = a_session(Namespace("discord", "1"))
    await store.of(bobs.namespace).add(bobs)
    running, queued = a_turn(session, created=NOON - MINUTE), a_turn(session)
    other = a_turn(bobs, created=NOON - MINUTE * 2)
    await _added(store.ledger, queued, running, other)
    await _ended(store.ledger, a_turn(session, created=NOON - MINUTE * 5))
    claimed = await store.ledger.claim(running.id, "1:1")
    assert await store.ledger.unfinished(["telegram"]) == [claimed, queued]
    assert await store.ledger.unfinished(["telegram", "discord"]) == [other, claimed, queued]
    assert await store.ledger.unfinished([]) == []


async def test_answers_that_may_not_have_arrived_are_found(
    ledger: Ledger, session: Session
) -> None:
    pending = await _ended(ledger, a_turn(session, created=NOON - MINUTE))
    attempted = await _ended(ledger, a_turn(session), delivery=DeliveryState.ATTEMPTED)
    await _ended(ledger, a_turn(session), delivery=DeliveryState.DELIVERED)
    await _ended(ledger, a_turn(session), finished=NOON - timedelta(days=9))
    await _added(ledger, a_turn(session))
    assert await ledger.undelivered(["telegram"], NOON) == [pending, attempted]
    assert await ledger.undelivered(["discord"], NOON) == []


async def test_a_foreign_and_an_unknown_turn_are_alike(ledger: Ledger, session: Session) -> None:
    turn = a_turn(session)
    await _added(ledger, turn)
    assert await ledger.get(BOB, turn.id) is None
    assert await ledger.get(BOB, uuid4()) is None


async def test_the_last_turn_is_the_newest_of_its_conversation(
    ledger: Ledger, session: Session
) -> None:
    turns = [a_turn(session, created=NOON), a_turn(session, created=NOON)]
    away = a_turn(session, created=NOON + MINUTE, conversation=AWAY)
    await _added(ledger, *turns, away, a_turn(session, created=NOON - MINUTE))
    assert await ledger.last(ALICE, HOME) == turns[1]
    assert await ledger.last(ALICE, AWAY) == away
    assert await ledger.last(BOB, HOME) is None


async def test_only_delivered_turns_are_forgotten_with_time(
    ledger: Ledger, session: Session
) -> None:
    delivered = DeliveryState.DELIVERED
    old = await _ended(ledger, a_turn(session, key="old"), delivery=delivered)
    young = await _ended(ledger, a_turn(session), delivery=delivered, finished=NOON + MINUTE * 2)
    pending = await _ended(ledger, a_turn(session))
    queued = a_turn(session)
    await _added(ledger, queued)
    assert await ledger.forget(NOON + MINUTE * 2) == 1
    assert await ledger.get(ALICE, old.id) is None
    for turn in (young, pending, queued):
        assert await ledger.get(ALICE, turn.id) == turn


async def test_much_is_forgotten_in_steps(ledger: Ledger, session: Session) -> None:
    for _ in range(3):
        await _ended(ledger, a_turn(session), delivery=DeliveryState.DELIVERED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("palaver.store.ledger.FORGET_AT_ONCE", 2)
        assert await ledger.forget(NOON + MINUTE * 2) == 3


# --- to another session -------------------------------------------------------------------------


async def test_a_turn_moves_to_the_session_that_replaces_a_lost_one(
    store: Store, session: Session
) -> None:
    ledger, new = store.ledger, a_session()
    await store.of(ALICE).add(new)
    running, queued = a_turn(session), a_turn(session)
    await _added(ledger, running, queued)
    await ledger.claim(running.id, "1:1")
    for turn in (running, queued):
        await ledger.move(ALICE, turn.id, new.id)
    assert [turn.id for turn in await ledger.waiting(new.id)] == [running.id, queued.id]
    assert await ledger.waiting(session.id) == []
    assert await ledger.claim(queued.id, "1:1") is None


async def test_a_turn_moves_only_within_its_namespace(store: Store, session: Session) -> None:
    turn, bobs, trashed = a_turn(session), a_session(BOB), a_session(trashed=NOON)
    await store.of(BOB).add(bobs)
    await store.of(ALICE).add(trashed)
    await _added(store.ledger, turn)
    for namespace, turn_id, session_id in (
        (ALICE, turn.id, bobs.id),
        (ALICE, turn.id, trashed.id),
        (ALICE, turn.id, uuid4()),
        (ALICE, uuid4(), session.id),
        (BOB, turn.id, bobs.id),
        (BOB, turn.id, session.id),
    ):
        with pytest.raises(SessionNotFoundError):
            await store.ledger.move(namespace, turn_id, session_id)
    assert await store.ledger.get(ALICE, turn.id) == turn


async def test_a_turn_that_is_over_stays_where_it_was(store: Store, session: Session) -> None:
    new = a_session()
    await store.of(ALICE).add(new)
    ended = await _ended(store.ledger, a_turn(session))
    with pytest.raises(SessionNotFoundError):
        await store.ledger.move(ALICE, ended.id, new.id)
    assert await store.ledger.get(ALICE, ended.id) == ended


async def test_two_running_turns_never_share_a_session(store: Store, session: Session) -> None:
    other = a_session()
    await store.of(ALICE).add(other)
    turns = [a_turn(session), a_turn(other)]
    await _added(store.ledger, *turns)
    for turn in turns:
        assert await store.ledger.claim(turn.id, "1:1")
    with pytest.raises(SessionBusyError):
        await store.ledger.move(ALICE, turns[0].id, other.id)
