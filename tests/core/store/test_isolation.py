"""Whatever anybody does, in whatever order: nobody sees or changes another's session."""

import asyncio
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from core.store.samples import HOME, NOON, a_session, a_turn
from palaver.errors import SessionBusyError, SessionNotFoundError
from palaver.identity import ConversationId, Namespace, SessionId
from palaver.models import Session, Turn
from palaver.store import Store

T = TypeVar("T")

# alike where a careless query would take one for the other
NAMESPACES = [
    Namespace("telegram", "1"),
    Namespace("telegram", "11"),
    Namespace("telegram", "%"),
    Namespace("discord", "1"),
    Namespace("telegra", "m:1"),
]
CONVERSATIONS = [HOME, ConversationId("away")]
WHO = st.sampled_from(NAMESPACES)
WHERE = st.sampled_from(CONVERSATIONS)


class Isolation(RuleBasedStateMachine):
    """A model of who has what, and the store beside it."""

    ids: Bundle[SessionId] = Bundle("ids")
    asked: Bundle[Turn] = Bundle("asked")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.store = self.run(Store.open(Path(self.folder.name) / "palaver.db"))
        self.theirs: dict[Namespace, dict[SessionId, Session]] = {who: {} for who in NAMESPACES}
        self.turns: dict[Namespace, dict[Any, SessionId]] = {who: {} for who in NAMESPACES}
        self.current: dict[tuple[Namespace, ConversationId], SessionId] = {}

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(call)

    def teardown(self) -> None:
        self.run(self.store.close())
        self.run(self.loop.shutdown_default_executor())
        self.loop.close()
        self.folder.cleanup()

    def run_on(self, owned: bool, call: Coroutine[Any, Any, T]) -> T | None:
        """Run what must succeed on one's own session, and find nothing on any other."""
        try:
            answer = self.run(call)
        except SessionNotFoundError:
            assert not owned
            return None
        assert owned
        return answer

    def live(self, who: Namespace, session_id: SessionId) -> bool:
        session = self.theirs[who].get(session_id)
        return session is not None and session.trashed is None

    @initialize(target=ids)
    def begin(self) -> SessionId:
        return self.added(NAMESPACES[0])

    @rule(target=ids, who=WHO)
    def add(self, who: Namespace) -> SessionId:
        return self.added(who)

    def added(self, who: Namespace) -> SessionId:
        session = a_session(who, title="the same title")
        self.run(self.store.of(who).add(session))
        self.theirs[who][session.id] = session
        return session.id

    @rule(who=WHO, session_id=ids)
    def get(self, who: Namespace, session_id: SessionId) -> None:
        live = self.live(who, session_id)
        found = self.run_on(live, self.store.of(who).get(session_id))
        assert not live or found == self.theirs[who][session_id]

    @rule(who=WHO, session_id=ids, name=st.text(max_size=5), trash=st.booleans())
    def change(self, who: Namespace, session_id: SessionId, name: str, trash: bool) -> None:
        own = self.theirs[who]
        trashed = NOON if trash else None
        call = self.store.of(who).update(session_id, name=name, trashed=trashed)
        changed = self.run_on(session_id in own, call)
        if changed:
            own[session_id] = own[session_id].model_copy(
                update={"name": changed.name, "trashed": trashed}
            )
            assert changed == own[session_id]

    @rule(who=WHO, where=WHERE, session_id=ids)
    def enter(self, who: Namespace, where: ConversationId, session_id: SessionId) -> None:
        live = self.live(who, session_id)
        self.run_on(live, self.store.of(who).set_current(where, session_id))
        if live:
            self.current[who, where] = session_id

    @rule(target=asked, who=WHO, session_id=ids, where=WHERE)
    def ask(self, who: Namespace, session_id: SessionId, where: ConversationId) -> Turn:
        own = self.live(who, session_id)
        turn = a_turn(a_session(who, id=session_id), conversation=where)
        self.run_on(own, self.store.ledger.add(turn))
        if own:
            self.turns[who][turn.id] = session_id
        return turn

    @rule(who=WHO, turn=asked)
    def look_at(self, who: Namespace, turn: Turn) -> None:
        found = self.run(self.store.ledger.get(who, turn.id))
        assert (found.session_id if found else None) == self.turns[who].get(turn.id)

    @rule(who=WHO, turn=asked, session_id=ids)
    def move(self, who: Namespace, turn: Turn, session_id: SessionId) -> None:
        own = turn.id in self.turns[who] and self.live(who, session_id)
        self.run_on(own, self.store.ledger.move(who, turn.id, session_id))
        if own:
            self.turns[who][turn.id] = session_id

    @rule(who=WHO, session_id=ids)
    def purge(self, who: Namespace, session_id: SessionId) -> None:
        try:
            self.run_on(session_id in self.theirs[who], self.store.of(who).purge(session_id))
        except SessionBusyError:
            assert session_id in self.turns[who].values()
            return
        if self.theirs[who].pop(session_id, None):
            self.current = {at: id_ for at, id_ in self.current.items() if id_ != session_id}

    @invariant()
    def everybody_has_their_own(self) -> None:
        for who in NAMESPACES:
            self.run(self.check(who))

    async def check(self, who: Namespace) -> None:
        own, theirs = self.store.of(who), self.theirs[who]
        live = {id_: one for id_, one in theirs.items() if one.trashed is None}
        trashed = {id_: one for id_, one in theirs.items() if one.trashed}
        for found, expected in (
            (await own.page(size=1000), live),
            (await own.page(size=1000, trashed=True), trashed),
        ):
            assert ({one.id: one for one in found[0]}, found[1]) == (expected, len(expected))
        found_by_title = await own.search("same title", limit=1000)
        assert {one.id for one in found_by_title} == live.keys()
        for where in CONVERSATIONS:
            current = await own.current(where)
            expected_id = self.current.get((who, where))
            assert current == live.get(expected_id) if expected_id else current is None
        soon = NOON.replace(year=2026)
        assert {one.id for one in await own.stale(soon, 1000)} <= live.keys()
        assert {one.id for one in await own.trashed_before(soon, 1000)} == trashed.keys()


TestIsolation = Isolation.TestCase
TestIsolation.settings = settings(
    max_examples=12,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
