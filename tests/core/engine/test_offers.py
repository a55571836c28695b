"""What came while nobody listened, files that come in, and prompts that are changed."""

import errno
from pathlib import Path

import pytest

from palaver.engine import Engine
from palaver.errors import AccessDeniedError, SessionError, StoreError
from palaver.events import Event, Told, TurnFinished
from palaver.feeds import Submission
from palaver.frontends.inbox import safe_name, store_file
from palaver.identity import ConversationId, Namespace
from palaver.keeping import Kept
from palaver.offers import Offers
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


async def test_what_was_taken_before_the_crash_is_neither_offered_nor_run_again(
    engine: Engine, alice: Person
) -> None:
    taken, one, two = (alice.prompt(text, key=text) for text in ("taken", "one", "two"))
    await heard(await engine.submit(taken))
    assert answers(await heard(await engine.offer([taken, one]))) == ["one"]
    assert await heard(await engine.offer([taken, one])) == []
    [event] = await heard(await engine.offer([taken, one, two, alice.prompt("three")]))
    assert isinstance(event, Told)
    assert [item.title for item in event.view.items] == ["two", "three"]


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


@pytest.mark.parametrize("broken", ["{broken", '[{"text": "of another Palaver"}]', "7"])
async def test_offers_move_though_those_of_another_cannot_be_read(
    engine: Engine, alice: Person, tmp_path: Path, broken: str
) -> None:
    (tmp_path / "offers").mkdir()
    (tmp_path / "offers" / "0.json").write_text(broken)
    await engine.offer([alice.prompt("one"), alice.prompt("two")])
    await engine.move("chat", alice.conversation, ConversationId("there"))
    there = await engine.offers.get(alice.namespace, ConversationId("there"))
    assert [prompt.text for prompt in there] == ["one", "two"]
    assert (tmp_path / "offers" / "0.broken").read_text() == broken


async def test_a_disk_that_is_full_is_no_reason_to_lose_offers_that_move(
    engine: Engine, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await engine.offer([alice.prompt("one"), alice.prompt("two")])

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Offers, "_write", full)
        with pytest.raises(StoreError, match="No space left"):
            await engine.move("chat", alice.conversation, ConversationId("there"))
    await engine.move("chat", alice.conversation, ConversationId("there"))
    assert len(await engine.offers.get(alice.namespace, ConversationId("there"))) == 2


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


async def test_what_is_offered_is_found_and_changed_by_its_sender_alone(
    engine: Engine, alice: Person, bob: Person
) -> None:
    await engine.offer([alice.prompt("frist", key="1"), alice.prompt("second", key="2")])
    changed = alice.prompt("first", key="1")
    assert not await engine.amend(bob.prompt("not mine", key="1"))
    assert await engine.kept(bob.prompt("", key="1")) is None
    assert await engine.amend(changed)
    assert await engine.kept(alice.prompt("", key="1")) == Kept(changed, waits=True)
    events = await heard(await alice.submit("/backlog all"))
    assert answers(events) == ["first", "second"]
    kept = await engine.kept(alice.prompt("", key="1"))
    assert kept
    assert not kept.waits


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
    (folder.parent / "notes").mkdir()
    for target in (tmp_path, folder.parent / "notes", tmp_path / "none"):
        folder.symlink_to(target)
        with pytest.raises(SessionError, match="The inbox is a link") as caught:
            await engine.inbox(alice.prompt("here"))
        assert str(folder) in caught.value.hint
        folder.unlink()


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


async def test_a_link_put_in_the_place_of_the_inbox_takes_nothing(
    engine: Engine, alice: Person, tmp_path: Path
) -> None:
    folder = await engine.inbox(alice.prompt("here"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    folder.rmdir()
    folder.symlink_to(elsewhere)  # while the file is fetched
    with pytest.raises(SessionError, match="inbox is no folder") as caught:
        await store_file(folder, "a.txt", b"one")
    assert str(folder) in caught.value.hint
    assert list(elsewhere.iterdir()) == []
    folder.unlink()
    assert (await store_file(await engine.inbox(alice.prompt("here")), "a.txt", b"one")).is_file()


async def test_what_is_palavers_own_is_private_to_its_agents(engine: Engine) -> None:
    agent = engine._pool("scripted").agent
    assert set(engine.settings.private()) <= set(agent.outbox.private)
