"""A group that becomes a supergroup is another chat for Telegram; its sessions go along."""

import re
from pathlib import Path

import pytest

from palaver.hookspecs import hookimpl
from palaver.models import Prompt, Session
from palaver.testing.telegram import BotApi, Chat, Person
from support.telegrams import Launch, Palaver

UPGRADED = "Bad Request: group chat was upgraded to a supergroup chat"


class Speakers:
    """Takes the speakers away: the scripted agent obeys what a prompt begins with."""

    @hookimpl
    def on_prompt(self, session: Session, prompt: Prompt) -> Prompt:
        del session
        return prompt.model_copy(update={"text": re.sub("^(Alice|Bob): ", "", prompt.text)})


@pytest.fixture
async def palaver(launch: Launch, tmp_path: Path) -> Palaver:
    palaver = launch(tmp_path / "data", telegram={"reactions": False})
    await palaver.start({"speakers": Speakers()})
    return palaver


async def told(place: Chat, text: str, times: int = 1) -> None:
    """It is said so often, and nothing is at work."""

    def probe() -> bool:
        said = sum(text in one for one in place.texts) == times
        return said and not any("Stop" in message.buttons for message in place.messages)

    await place.wait_until(probe)


@pytest.fixture
def group(api: BotApi, alice: Person, bob: Person) -> Chat:
    return api.group("Team", members=[alice, bob])


async def test_what_is_shared_stays_shared_and_its_session_goes_on(
    api: BotApi, palaver: Palaver, group: Chat, alice: Person, bob: Person
) -> None:
    await alice.send("/share@palaver_bot", to=group)
    await told(group, "👥 Shared by Alice")
    await alice.send("@palaver_bot remember 42", to=group)
    await told(group, "I will remember 42.")
    moved = api.migrate(group)
    await api.all_taken()
    await bob.send("@palaver_bot what number", to=moved)
    await told(moved, "You told me 42.")
    await alice.send("/unshare@palaver_bot", to=moved)
    await told(moved, "Not shared any more")


async def test_members_go_on_with_sessions_of_their_own(
    api: BotApi, palaver: Palaver, group: Chat, alice: Person, bob: Person
) -> None:
    for person, number in ((alice, 1), (bob, 2)):
        await person.send(f"@palaver_bot remember {number}", to=group)
        await told(group, f"I will remember {number}.")
    moved = api.migrate(group)
    await api.all_taken()
    for person, number in ((alice, 1), (bob, 2)):
        await person.send("@palaver_bot what number", to=moved)
        await told(moved, f"You told me {number}.")


async def test_it_is_known_before_the_first_message_there_when_all_came_at_once(
    api: BotApi, palaver: Palaver, group: Chat, alice: Person, bob: Person
) -> None:
    await alice.send("/share@palaver_bot", to=group)
    await told(group, "👥 Shared by Alice")
    await alice.send("@palaver_bot remember 42", to=group)
    await told(group, "I will remember 42.")
    await palaver.stop()
    palaver.bury()
    moved = api.migrate(group)
    await bob.send("@palaver_bot what number", to=moved)
    await palaver.start({"speakers": Speakers()})
    await told(moved, "You told me 42.")
    await palaver.stop()
    palaver.bury()
    await palaver.start({"speakers": Speakers()})
    await alice.send("@palaver_bot what number", to=moved)
    await told(moved, "You told me 42.", 2)
    # what it could not note as delivered comes again, by the old id first
    assert {one.text for one in api.problems} <= {UPGRADED}
    api.problems.clear()


async def test_either_service_message_is_enough_and_a_late_one_undoes_nothing(
    api: BotApi, palaver: Palaver, group: Chat, alice: Person
) -> None:
    await alice.send("@palaver_bot remember 42", to=group)
    await told(group, "I will remember 42.")
    api.faults.late_updates(1.0)
    moved = api.migrate(group)
    await alice.send("@palaver_bot what number", to=moved)
    await told(moved, "You told me 42.")
    await alice.send("/newsession@palaver_bot", to=moved)
    await told(moved, "New session")
    await api.all_taken()
    await alice.send("@palaver_bot what number", to=moved)
    await told(moved, "You have told me no number.")


async def test_a_move_that_fails_as_nobody_foresaw_ends_neither_this_life_nor_the_next(
    api: BotApi, palaver: Palaver, group: Chat, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise RuntimeError("as nobody foresaw")

    with monkeypatch.context() as patched:
        patched.setattr(palaver.engine, "move", fails)
        moved = api.migrate(group)
        await api.all_taken()
    await alice.send("@palaver_bot hello", to=moved)
    await told(moved, "hello")
    await palaver.stop()
    palaver.bury()
    await palaver.start({"speakers": Speakers()})
    await alice.send("@palaver_bot good day", to=moved)
    await told(moved, "good day")
