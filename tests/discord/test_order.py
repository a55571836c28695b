"""What people write comes to the agent in their order, whoever else and whatever is in the way."""

import asyncio
from pathlib import Path

import pytest

from palaver import ConversationId, Namespace, Reception
from palaver.errors import StoreLockedError
from palaver.testing.discord import Channel, DiscordServer, Guild, Member
from palaver_discord.places import namespace
from palaver_discord.threads import Starter, Threads
from support.discord_people import asked_in_a_thread, thread_at
from support.discord_turns import PATIENT, answered, answers, ledger, refused
from support.discords import Palaver


@pytest.fixture
def call(server: DiscordServer) -> str:
    return f"<@{server.bot_id}>"


async def switched(
    person: Member, channel: Channel, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody switches there, and all that comes of it is done."""
    done = asyncio.Event()
    commanded = Threads.commanded

    async def noticed(self: Threads, who: Namespace, place: ConversationId, command: str) -> None:
        await commanded(self, who, place, command)
        done.set()

    with monkeypatch.context() as patch:
        patch.setattr(Threads, "commanded", noticed)
        await person.command("switch", session=session, in_=channel)
        await asyncio.wait_for(done.wait(), PATIENT)


@pytest.mark.parametrize("together", [True, False])
async def test_two_messages_in_a_members_own_thread_stay_in_their_order(
    palaver: Palaver, server: DiscordServer, owner: Member, call: str, together: bool
) -> None:
    for number in range(4):
        thread = await owner.open_thread(f"thread {number}")
        if together:
            server.gateway.hold()
        await owner.say(f"{call} first", to=thread)
        await owner.say("second", to=thread)
        server.gateway.release()
        await answered(thread, "first", "second")


async def test_a_missed_command_comes_behind_what_was_asked_before_it(
    palaver: Palaver, owner: Member
) -> None:
    await owner.dm("hello")
    await owner.direct.wait_for_text("⏱")
    await palaver.stop()
    await owner.dm("wait 30")
    await owner.dm("/stop")
    palaver.bury()
    await palaver.start()
    await owner.direct.wait_for_text("Stopped", PATIENT)
    await owner.direct.wait_until(
        lambda: not any("Stop" in one.buttons for one in owner.direct.messages)
    )


async def test_what_was_asked_before_a_missed_newsession_is_asked_in_the_old_one(
    palaver: Palaver, owner: Member
) -> None:
    await owner.dm("remember 42")
    await owner.direct.wait_for_text("⏱")
    await palaver.stop()
    await owner.dm("what number")
    await owner.dm("/newsession")
    palaver.bury()
    await palaver.start()
    await owner.direct.wait_for_text("You told me 42.", PATIENT)
    await owner.direct.wait_for_text("New session started!", PATIENT)
    await owner.dm("what number")
    await owner.direct.wait_for_text("You have told me no number.", PATIENT)


async def test_a_missed_file_that_cannot_be_fetched_yet_holds_up_neither_others_nor_the_start(
    palaver: Palaver, server: DiscordServer, owner: Member, member: Member
) -> None:
    await palaver.stop()
    await owner.dm("look", attachments=[("a.txt", b"1")])
    palaver.bury()
    server.faults.add("GET /attachments/*", delay=6.0)
    await palaver.start()
    await member.dm("hello")
    await answered(member.direct, "hello")
    assert answers(owner.direct) == []
    await owner.direct.wait_for_text("look (with a.txt)", PATIENT)


async def test_a_place_that_cannot_be_read_now_holds_nobody_up_for_long(
    palaver: Palaver,
    server: DiscordServer,
    owner: Member,
    member: Member,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("palaver_discord.intake.LONGEST_HOLD_S", 1.0)
    await owner.dm("hello")
    await answered(owner.direct, "hello")
    await palaver.stop()
    await owner.dm("missed")
    palaver.bury()
    fault = server.faults.add(f"GET /channels/{owner.direct.id}*", error=503, times=None)
    await palaver.start()
    await member.dm("hello")
    await answered(member.direct, "hello")
    assert answers(owner.direct) == ["hello"]
    server.faults.remove(fault)
    await answered(owner.direct, "hello", "missed")


async def test_a_missed_message_that_cannot_be_taken_is_told_and_hides_no_other(
    palaver: Palaver,
    owner: Member,
    member: Member,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    await palaver.stop()
    await owner.dm("/status")
    await member.dm("hello")
    palaver.bury()

    async def locked(*_: object) -> None:
        raise StoreLockedError("locked")

    monkeypatch.setattr("palaver_discord.threads.Threads.commanded", locked)
    await palaver.start()
    await answered(member.direct, "hello")
    await owner.direct.wait_for_text("Idle")
    await owner.direct.wait_for_text("locked")
    assert ledger(tmp_path / "data") == ["hello"]


async def test_one_whose_chosen_session_cannot_be_moved_into_its_thread_is_told(
    palaver: Palaver,
    guild: Guild,
    owner: Member,
    call: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    await asked_in_a_thread(owner, guild.general, f"{call} remember 42")
    await switched(owner, guild.general, "remember 42", monkeypatch)

    async def locked(*_: object) -> None:
        raise StoreLockedError("locked")

    with monkeypatch.context() as patch:
        patch.setattr("palaver.sessions.SessionService.switch", locked)
        await owner.say(f"{call} hello")
        await guild.general.wait_for_text("locked", PATIENT)
    assert ledger(tmp_path / "data") == ["remember 42"]
    thread = await thread_at(await owner.say(f"{call} what number"), guild.general)
    await thread.wait_for_text("You told me 42.", PATIENT)


async def test_where_a_chosen_session_was_deleted_a_new_one_begins(
    palaver: Palaver, guild: Guild, owner: Member, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asked_in_a_thread(owner, guild.general, f"{call} remember 42")
    await switched(owner, guild.general, "remember 42", monkeypatch)
    await owner.dm("/delete remember 42 yes")
    await owner.direct.wait_for_text("Deleted")
    thread = await thread_at(await owner.say(f"{call} what number"), guild.general)
    await thread.wait_for_text("You have told me no number.", PATIENT)


async def test_a_thread_that_a_stranger_opened_first_is_still_that_of_who_asked(
    palaver: Palaver,
    server: DiscordServer,
    owner: Member,
    hostile: Member,
    call: str,
    tmp_path: Path,
) -> None:
    server.faults.add("POST /channels/*/messages/*/threads", delay=0.5)
    asked = await owner.say(f"{call} remember 42")
    thread = await hostile.open_thread("mine", message=asked)
    await thread.wait_for_text("I will remember 42.", PATIENT)
    assert set(refused(server)) <= {160004}
    await hostile.say(f"{call} hi", to=thread)
    await thread.wait_for_text("This bot is private.")
    await owner.say("what number", to=thread)
    await thread.wait_for_text("You told me 42.", PATIENT)
    assert ledger(tmp_path / "data") == ["remember 42", "what number"]


async def test_a_thread_is_that_of_who_asked_though_a_stranger_is_being_looked_up_in_it(
    palaver: Palaver,
    server: DiscordServer,
    owner: Member,
    hostile: Member,
    call: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await palaver.stop()
    asked = await owner.say(f"{call} remember 42")
    thread = await hostile.open_thread("mine", message=asked)
    await hostile.say(f"{call} hi", to=thread)
    palaver.bury()
    looked_up, begun = asyncio.Event(), asyncio.Event()
    lets_in, begin = Reception.lets_in, Threads.begin

    async def slow(self: Reception, sender: Namespace, place: ConversationId) -> bool:
        if sender == namespace(hostile.id):
            looked_up.set()
            await begun.wait()
        return await lets_in(self, sender, place)

    async def later(self: Threads, message: Starter, title: str, owner: int) -> int:
        await looked_up.wait()
        begun.set()
        return await begin(self, message, title, owner)

    monkeypatch.setattr(Reception, "lets_in", slow)
    monkeypatch.setattr(Threads, "begin", later)
    await palaver.start()
    await thread.wait_for_text("I will remember 42.", PATIENT)
    await owner.say("what number", to=thread)
    await thread.wait_for_text("You told me 42.", PATIENT)
    assert set(refused(server)) == {160004}


async def test_who_is_being_looked_up_in_a_thread_holds_up_no_other_thread(
    palaver: Palaver,
    owner: Member,
    hostile: Member,
    call: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_up, answer = asyncio.Event(), asyncio.Event()
    lets_in = Reception.lets_in

    async def slow(self: Reception, sender: Namespace, place: ConversationId) -> bool:
        if sender == namespace(hostile.id):
            looked_up.set()
            await answer.wait()
        return await lets_in(self, sender, place)

    monkeypatch.setattr(Reception, "lets_in", slow)
    theirs, mine = await hostile.open_thread("theirs"), await owner.open_thread("mine")
    await hostile.say(f"{call} hi", to=theirs)
    await looked_up.wait()
    await owner.say(f"{call} hello", to=mine)
    await answered(mine, "hello")
    assert theirs.texts == []
    answer.set()
    await theirs.wait_for_text("This bot is private.")


async def test_strangers_leave_nothing_on_the_disk(
    palaver: Palaver, owner: Member, hostile: Member, call: str, tmp_path: Path
) -> None:
    threads = [await hostile.open_thread(f"thread {number}") for number in range(3)]
    for thread in threads:
        await hostile.say(f"{call} hi", to=thread)
    await threads[0].wait_for_text("This bot is private.")
    await owner.dm("hello")
    await answered(owner.direct, "hello")
    assert list((tmp_path / "data").rglob("*.thread")) == []


async def test_an_edit_whose_link_gets_a_preview_is_answered_once(
    palaver: Palaver, server: DiscordServer, owner: Member
) -> None:
    message = await owner.dm("hello")
    await owner.direct.wait_for_text("⏱")
    await owner.edit(message, "hello https://example.org")
    await owner.direct.wait_for_text("already has that message")
    server.gateway.repeat("MESSAGE_UPDATE", lambda body: body["id"] == str(message.id))
    await owner.dm("next")
    await answered(owner.direct, "hello", "next")
    assert sum("already has that message" in text for text in owner.direct.texts) == 1


async def test_what_was_written_in_a_server_that_was_out_of_order_is_found(
    palaver: Palaver,
    server: DiscordServer,
    guild: Guild,
    owner: Member,
    member: Member,
    call: str,
) -> None:
    server.gateway.lose_guild(guild.id)
    asked = await owner.say(f"{call} missed")
    server.clock.advance(300)
    await member.dm("elsewhere")
    await answered(member.direct, "elsewhere")
    server.gateway.find_guild(guild.id)
    await answered(await thread_at(asked, guild.general), "missed")


async def test_each_place_is_read_once_after_a_new_connection_to_several_servers(
    launch: object, palaver: Palaver, server: DiscordServer, guild: Guild, owner: Member
) -> None:
    for number in range(3):
        server.guild(f"other {number}")
    await palaver.stop()
    palaver.bury()
    await palaver.start()
    server.calls.clear()
    server.gateway.refuse_resumes()
    server.gateway.invalidate()
    await server.gateway.wait_for_greeting("IDENTIFY", 2, PATIENT)
    await owner.dm("hello")
    await owner.direct.wait_for_text("⏱", PATIENT)
    listed = [str(call) for call in server.calls if "threads/archived/public" in call.path]
    assert len(listed) <= 2 * len(set(listed))
