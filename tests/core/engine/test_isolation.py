"""Nobody reaches anything of another namespace: by id, prefix, name, number, button or guess."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from palaver.config import Settings
from palaver.engine import open_engine
from palaver.errors import AccessDeniedError, AccessUnknownError
from palaver.hookspecs import hookimpl
from palaver.identity import ConversationId, Namespace
from palaver.models import Session
from palaver.plugins import PluginHost
from support.people import OpenEngine, Person

COMMANDS = ("switch", "sessioninfo", "fork", "delete", "restore")


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_foreign_session_and_an_unknown_one_give_the_same_answer(
    alice: Person, bob: Person, command: str
) -> None:
    await alice.ask("remember 42")
    await bob.ask("hello")
    foreign = str((await alice.session()).id)
    unknown = "00000000-0000-4000-8000-000000000000"
    for text in (foreign, foreign[:8], "remember 42", f"{foreign} yes"):
        answers = [await bob.view(f"/{command} {one}") for one in (text, unknown)]
        assert answers[0] == answers[1]
    assert await alice.ask("what number") == "You told me 42."


@pytest.mark.parametrize(
    "text", ["../../etc/passwd", "..", "/", "%2e%2e", "a" * 5000, "\x00", "💥"]
)
async def test_an_id_that_is_none_comes_near_no_path(alice: Person, text: str) -> None:
    await alice.ask("hello")
    for command in COMMANDS:
        assert (await alice.view(f"/{command} {text}")).kind == "error"


async def test_the_same_user_in_another_frontend_is_somebody_else(start: OpenEngine) -> None:
    async with start() as engine:
        here = Person(engine, Namespace("chat", "alice"))
        there = Person(engine, Namespace("other", "alice"))
        await here.ask("remember 42")
        assert await there.ask("what number") == "You have told me no number."
        assert len((await there.view("/sessions")).items) == 1


async def test_a_stranger_gets_nothing_and_leaves_nothing(
    start: OpenEngine, tmp_path: Path
) -> None:
    async with start(access={"owners": ["chat:alice"]}) as engine:
        stranger = Person(engine, Namespace("chat", "mallory"))
        for text in ("hello", "/sessions", "/whoami", "/stop"):
            with pytest.raises(AccessDeniedError):
                await stranger.submit(text)
        assert await engine.complete(stranger.namespace, stranger.conversation, "/s") == []
        assert await engine._store.namespaces() == []


async def test_a_pattern_lets_in_the_users_of_one_frontend_only(start: OpenEngine) -> None:
    async with start(access={"members": ["chat:a*"]}) as engine:
        assert await Person(engine, Namespace("chat", "alice")).ask("hello")
        for namespace in (Namespace("chat", "bob"), Namespace("other", "alice")):
            with pytest.raises(AccessDeniedError):
                await Person(engine, namespace).submit("hello")


async def test_a_member_cannot_do_what_is_the_owners(start: OpenEngine) -> None:
    async with start(access={"members": ["chat:alice"]}) as engine:
        alice = Person(engine, Namespace("chat", "alice"))
        assert "for the owner" in (await alice.view("/mode bypassPermissions")).title
        assert "bypassPermissions" not in (await alice.view("/mode")).text
        assert (await alice.view("/mode plan")).title == "🛡️ Mode: plan"


async def test_hook_on_authorize_can_let_in_and_keep_out(start: OpenEngine) -> None:
    class Door:
        @hookimpl
        async def on_authorize(self, namespace: Namespace) -> bool | None:
            return {"guest": True, "banned": False}.get(namespace.user)

    class Broken:
        @hookimpl
        def on_authorize(self, namespace: Namespace) -> bool:
            raise RuntimeError(namespace.user)

    access = {"owners": ["chat:banned", "chat:alice"]}
    async with start({"door": Door()}, access=access) as engine:
        assert await Person(engine, Namespace("chat", "guest")).ask("hello")
        assert await Person(engine, Namespace("chat", "alice")).ask("hello")
        with pytest.raises(AccessDeniedError):
            await Person(engine, Namespace("chat", "banned")).submit("hello")
    async with start({"broken": Broken()}, access=access) as engine:
        with pytest.raises(AccessUnknownError):
            await Person(engine, Namespace("chat", "alice")).submit("hello")


users = strategies.text(
    strategies.characters(blacklist_categories=("Cs", "Cc", "Zs", "Zl", "Zp", "Cn", "Co", "Cf")),
    min_size=1,
    max_size=20,
).filter(lambda text: text.isprintable() and not any(map(str.isspace, text)))


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(names=strategies.lists(users, min_size=2, max_size=4, unique=True), data=strategies.data())
async def test_whatever_users_do_each_sees_and_changes_only_his_own(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], data: strategies.DataObject
) -> None:
    config = Settings.model_validate(
        {
            "data_dir": tmp_path_factory.mktemp("data"),
            "sessions": {"agent": "scripted"},
            "access": {"owners": ["chat:*"]},
        }
    )
    host = PluginHost(config, [])
    async with open_engine(config, host) as engine:
        people = [Person(engine, Namespace("chat", name), ConversationId("room")) for name in names]
        ids: dict[str, set[str]] = {name: set() for name in names}
        for number, person in enumerate(people):
            await person.ask(f"remember {number}")
            ids[person.namespace.user].add(str((await person.session()).id))
        every = sorted(set().union(*ids.values()))
        for _ in range(8):
            person = data.draw(strategies.sampled_from(people))
            target = data.draw(strategies.sampled_from(every))
            command = data.draw(
                strategies.sampled_from(["switch", "sessioninfo", "fork", "rename"])
            )
            argument = f"{target} stolen" if command == "rename" else target
            view = await person.view(f"/{command} {argument}")
            mine = target in ids[person.namespace.user]
            assert (view.kind != "error") == mine
            with contextlib.suppress(AssertionError):
                ids[person.namespace.user].add(str((await person.session()).id))
        for number, person in enumerate(people):
            listed = {str(one.id) for one in await _all(person)}
            assert listed == ids[person.namespace.user]
            assert await person.ask("what number") == f"You told me {number}."


async def _all(person: Person) -> tuple[Session, ...]:
    page = await person.engine.sessions.page(person.namespace, person.conversation)
    return page.sessions
