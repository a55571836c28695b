"""What came while nobody listened, files that come in, and prompts that are changed."""

from pathlib import Path

import pytest

from palaver.engine import Engine
from palaver.errors import AccessDeniedError, SessionError
from palaver.events import Event, Told, TurnFinished
from palaver.feeds import Submission
from palaver.frontends.inbox import safe_name, store_file
from palaver.identity import ConversationId, Namespace
from support.people import OpenEngine, Person


async def heard(submission: Submission) -> list[Event]:
    events = [event async for event in submission]
    for other in submission.others:
        events += [event async for event in other]
    return events


def answers(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, TurnFinished)]


def titles(events: list[Event]) -> list[str]:
    return [event.view.title for event in events if isinstance(event, Told)]


async def test_one_missed_prompt_is_run(engine: Engine, alice: Person) -> None:
    events = await heard(await engine.offer([alice.prompt("hello")]))
    assert answers(events) == ["hello"]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [("all", ["one", "two", "three"]), ("merge", ["one\n\ntwo\n\nthree"]), ("discard", [])],
)
async def test_several_missed_prompts_wait_for_a_word(
    start: OpenEngine, choice: str, expected: list[str]
) -> None:
    async with start() as engine:
        alice = Person(engine, Namespace("chat", "alice"))
        prompts = [alice.prompt(text) for text in ("one", "two", "three")]
        events = await heard(await engine.offer(prompts))
        assert titles(events) == ["📬 3 messages came while I was away"]
    async with start() as engine:
        alice = Person(engine, Namespace("chat", "alice"))
        assert answers(await heard(await alice.submit(f"/backlog {choice}"))) == expected
        assert titles(await alice.say("/backlog all")) == ["⚠️ Nothing is waiting."]


async def test_an_offer_that_comes_twice_is_kept_once(engine: Engine, alice: Person) -> None:
    prompts = [alice.prompt("one", key="1"), alice.prompt("two", key="2")]
    await engine.offer(prompts)
    events = await heard(await engine.offer(prompts))
    assert titles(events) == ["📬 2 messages came while I was away"]


async def test_a_missed_prompt_joins_those_that_wait(engine: Engine, alice: Person) -> None:
    await engine.offer([alice.prompt("one"), alice.prompt("two")])
    events = await heard(await engine.offer([alice.prompt("three")]))
    assert titles(events) == ["📬 3 messages came while I was away"]


async def test_nobody_decides_about_anothers_missed_prompts(
    engine: Engine, alice: Person, bob: Person
) -> None:
    await engine.offer([alice.prompt("one"), alice.prompt("two")])
    assert titles(await bob.say("/backlog all")) == ["⚠️ Nothing is waiting."]
    assert titles(await alice.say("/backlog")) == ["📬 2 messages came while I was away"]


async def test_strangers_are_offered_nothing(engine: Engine) -> None:
    stranger = Person(engine, Namespace("elsewhere", "mallory"))
    with pytest.raises(AccessDeniedError):
        await engine.offer([stranger.prompt("one"), stranger.prompt("two")])


async def test_a_file_of_offers_that_cannot_be_read_is_kept_aside(
    engine: Engine, alice: Person, tmp_path: Path
) -> None:
    await engine.offer([alice.prompt("one"), alice.prompt("two")])
    [file] = (tmp_path / "offers").iterdir()
    file.write_text("{broken")
    assert titles(await alice.say("/backlog all")) == ["⚠️ Nothing is waiting."]
    assert [one.suffix for one in (tmp_path / "offers").iterdir()] == [".broken"]


# --- prompts that are changed, or taken back ----------------------------------------------------


async def test_a_waiting_prompt_is_changed_and_a_running_one_is_not(
    engine: Engine, alice: Person
) -> None:
    running = await alice.submit("wait 60", key="1")
    waiting = await alice.submit("frist", key="2")
    assert await engine.amend(alice.prompt("first", key="2"))
    assert not await engine.amend(alice.prompt("wait 1", key="1"))
    assert not await engine.amend(alice.prompt("unknown", key="3"))
    await alice.say("/stop")
    await heard(running)
    assert answers(await heard(waiting)) == ["first"]


async def test_a_prompt_is_changed_by_nobody_else(
    engine: Engine, alice: Person, bob: Person
) -> None:
    running = await alice.submit("wait 60")
    waiting = await alice.submit("mine", key="2")
    assert not await engine.amend(bob.prompt("not mine", key="2"))
    elsewhere = Person(engine, alice.namespace, ConversationId("elsewhere"))
    assert not await engine.amend(elsewhere.prompt("nor here", key="2"))
    await alice.say("/stop")
    await heard(running)
    assert answers(await heard(waiting)) == ["mine"]


async def test_a_waiting_prompt_is_taken_back_by_its_owner_alone(
    alice: Person, bob: Person
) -> None:
    running = await alice.submit("wait 60")
    waiting = await alice.submit("never mind")
    assert titles(await bob.say(f"/cancel {waiting.turn_id}")) == ["⚠️ It does not wait any more."]
    assert titles(await alice.say(f"/cancel {waiting.turn_id}")) == ["🚫 Taken back"]
    assert answers(await heard(waiting)) == [""]
    await alice.say("/stop")
    await heard(running)


# --- files --------------------------------------------------------------------------------------


async def test_the_inbox_is_in_the_workspace(engine: Engine, alice: Person) -> None:
    folder = await engine.inbox(alice.prompt("here"))
    session = await alice.session()
    assert (folder, folder.is_dir()) == (session.workspace / "inbox", True)


async def test_an_inbox_that_leads_elsewhere_takes_nothing(
    engine: Engine, alice: Person, tmp_path: Path
) -> None:
    folder = await engine.inbox(alice.prompt("here"))
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(SessionError, match="leads out of the workspace"):
        await engine.inbox(alice.prompt("here"))


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        (".bashrc", "bashrc"),
        ("a\nb;c|d.txt", "a_b_c_d.txt"),
        ("Übersicht 漢字.txt", "Übersicht_漢字.txt"),
        ("/", "file"),
        ("x" * 300 + ".tar", "x" * 196 + ".tar"),
    ],
)
def test_names_of_files_are_made_safe(name: str, safe: str) -> None:
    assert safe_name(name) == safe


async def test_a_file_is_never_written_over_or_through_a_link(tmp_path: Path) -> None:
    target = tmp_path / "target"
    (tmp_path / "a.txt").symlink_to(target)
    first = await store_file(tmp_path, "a.txt", b"one")
    second = await store_file(tmp_path, "a.txt", b"two")
    assert (first.name, second.name) == ("a-2.txt", "a-3.txt")
    assert not target.exists()
