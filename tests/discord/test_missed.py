"""What people wrote while nobody listened, wherever it was, and whatever stood in the way."""

from pathlib import Path
from typing import Any

import pytest

from palaver.testing.discord import DiscordServer, Guild, Member, Message
from palaver.testing.model import LoopbackModel
from support.discord_people import thread_at
from support.discord_turns import PATIENT, answered, answers, ledger
from support.discords import Launch, Palaver

HISTORY, ARCHIVED = "GET /channels/*/messages", "GET /channels/*/threads/*"
DIRECT = "GET /channels/*[0-9]"


@pytest.fixture
def call(server: DiscordServer) -> str:
    return f"<@{server.bot_id}>"


# --- where ---------------------------------------------------------------------------------------


async def test_one_message_in_each_place_is_found_and_run_once(
    palaver: Palaver, guild: Guild, owner: Member, member: Member, call: str, tmp_path: Path
) -> None:
    begun = []
    for text in ("open", "archived"):
        asked = await owner.say(f"{call} {text} thread")
        begun.append(await thread_at(asked, guild.general))
        await begun[-1].wait_for_text("⏱")
    ours, archived = begun
    theirs = await member.open_thread("theirs")
    await palaver.stop()
    await owner.say("in the open thread", to=ours)
    await owner.say("in the archived thread", to=archived)
    archived.archive()
    asked = await owner.say(f"{call} in the channel")
    await member.say(f"{call} in another's thread", to=theirs)
    await member.dm("directly")
    palaver.bury()
    await palaver.start()
    opened = await thread_at(asked, guild.general)
    await answered(ours, "open thread", "in the open thread")
    await answered(archived, "archived thread", "in the archived thread")
    await answered(opened, "in the channel")
    await answered(theirs, "in another's thread")
    await answered(member.direct, "directly")
    before = ledger(tmp_path / "data")
    assert len(before) == 7
    await palaver.restart()
    await owner.dm("last")
    await owner.direct.wait_for_text("⏱")
    assert ledger(tmp_path / "data") == [*before, "last"]


async def test_a_message_in_an_archived_thread_is_seen_though_the_answer_takes_long(
    palaver: Palaver, server: DiscordServer, guild: Guild, owner: Member, call: str
) -> None:
    """Nobody reacts in an archived thread: the server would refuse it."""
    thread = await thread_at(await owner.say(f"{call} one"), guild.general)
    await answered(thread, "one")
    await palaver.stop()
    message = await owner.say("two", to=thread)
    thread.archive()
    server.faults.add("POST /channels/*/messages", delay=0.5, times=None)
    palaver.bury()
    await palaver.start()
    await thread.wait_until(lambda: message.reactions == {"👀": [server.bot_id]})
    await answered(thread, "one", "two")


async def test_a_post_in_a_forum_is_found(
    palaver: Palaver, guild: Guild, owner: Member, call: str
) -> None:
    forum = guild.channel("forum", forum=True)
    await palaver.stop()
    post = await owner.post(forum, "a title", f"{call} hello")
    await palaver.start()
    await post.wait_for_text("⏱")


async def test_a_private_thread_that_was_archived_is_found(
    palaver: Palaver, server: DiscordServer, guild: Guild, owner: Member, call: str
) -> None:
    guild.grant(guild.everyone, "create_private_threads")
    thread = await owner.open_thread("secret", private=True)
    await owner.invite(thread, server.bot_id)
    await owner.say(f"{call} one", to=thread)
    await thread.wait_for_text("⏱")
    await palaver.stop()
    await owner.say(f"{call} two", to=thread)
    thread.archive()
    await palaver.start()
    await answered(thread, "one", "two")


async def test_behind_many_messages_of_others_it_is_found(
    palaver: Palaver, guild: Guild, owner: Member, hostile: Member, call: str
) -> None:
    await palaver.stop()
    for number in range(1200):
        await hostile.say(f"{number}")
    asked = await owner.say(f"{call} hello")
    await palaver.start()
    thread = await thread_at(asked, guild.general)
    await thread.wait_for_text("⏱")


async def test_nothing_is_asked_of_channels_that_it_may_not_read(
    palaver: Palaver, guild: Guild, owner: Member, call: str
) -> None:
    """The server refuses what is asked there, which the fixture takes for a fault."""
    hidden, deaf = guild.channel("hidden"), guild.channel("deaf")
    forum = guild.channel("forum", forum=True)
    await palaver.stop()
    for place in (hidden, deaf, guild.general):
        await owner.say(f"{call} hello", to=place)
    await owner.post(forum, "a title", f"{call} hello")
    hidden.deny(guild.bot_role, "view_channel")
    for place in (deaf, forum):
        place.deny(guild.bot_role, "read_message_history")
    await palaver.start()
    thread = await guild.general.wait_for_thread()
    await thread.wait_for_text("⏱")
    assert hidden.threads == deaf.threads == []


async def reacted(person: Member, message: Message, bot: int) -> None:
    await person.direct.wait_until(lambda: message.reactions == {"👀": [bot]})


# --- how many ------------------------------------------------------------------------------------


async def offered(palaver: Palaver, person: Member, *texts: str) -> tuple[Message, list[Message]]:
    """Several are sent to nobody; what asks about them afterwards, and they."""
    await palaver.stop()
    sent = [await person.dm(text) for text in texts]
    palaver.bury()
    await palaver.start()
    offer = await person.direct.wait_for(lambda one: "Run all" in one.buttons)
    assert offer.text.startswith(f"📬 {len(texts)} messages came while I was away")
    for number, text in enumerate(texts, 1):
        assert f"**{number}.** {text}" in offer.text
    return offer, sent


async def test_several_are_seen_and_made_one_if_so_wished(
    palaver: Palaver, server: DiscordServer, owner: Member, tmp_path: Path
) -> None:
    offer, sent = await offered(palaver, owner, "first", "second", "third")
    for message in sent:
        await reacted(owner, message, server.bot_id)
    await owner.press(offer, "Make one of them")
    await owner.direct.wait_for_text("⏱")
    assert ledger(tmp_path / "data")[-1] == "first\n\nsecond\n\nthird"
    await owner.direct.wait_until(lambda: offer.deleted or not offer.buttons)
    assert len(answers(owner.direct)) == 1


async def test_several_are_discarded_if_so_wished(palaver: Palaver, owner: Member) -> None:
    offer, _ = await offered(palaver, owner, "first", "second")
    await owner.press(offer, "Discard")
    await owner.direct.wait_for_text("2 messages discarded")
    await owner.direct.wait_until(lambda: offer.deleted or not offer.buttons)
    await owner.dm("/backlog")
    await owner.direct.wait_for_text("Nothing is waiting.")
    assert answers(owner.direct) == []


async def test_an_offer_outlives_a_restart_and_is_not_made_again(
    palaver: Palaver, owner: Member
) -> None:
    offer, _ = await offered(palaver, owner, "first", "second")
    await palaver.restart()
    await owner.press(offer, "Run all")
    await answered(owner.direct, "first", "second")
    assert sum("came while I was away" in text for text in owner.direct.texts) <= 1


async def test_each_is_asked_about_his_own_in_each_place(
    palaver: Palaver, guild: Guild, owner: Member, member: Member, hostile: Member, call: str
) -> None:
    asked = await owner.say(f"{call} begin")
    thread = await thread_at(asked, guild.general)
    await thread.wait_for_text("⏱")
    await palaver.stop()
    for number in range(2):
        await owner.say(f"in the thread {number}", to=thread)
        await member.say(f"{call} of the member {number}", to=thread)
        await hostile.say(f"{call} of a stranger {number}", to=thread)
        await owner.dm(f"directly {number}")
    palaver.bury()
    await palaver.start()
    direct = await owner.direct.wait_for(lambda one: "Discard" in one.buttons)
    assert "directly 1" in direct.text
    await thread.wait_until(
        lambda: sum("Discard" in one.buttons for one in thread.messages) == 2, PATIENT
    )
    offers = [one.text for one in thread.messages if "Discard" in one.buttons]
    assert sorted("in the thread 1" in text for text in offers) == [False, True]
    assert not any("in the thread" in text and "of the member" in text for text in offers)
    assert not any("stranger" in text for text in thread.texts)
    assert sum("This bot is private." in text for text in thread.texts) == 1


async def test_commands_that_nobody_heard_are_carried_out_once(
    palaver: Palaver, owner: Member, tmp_path: Path
) -> None:
    await owner.dm("hello")
    await owner.direct.wait_for_text("⏱")
    await palaver.stop()
    await owner.dm("/newsession")
    palaver.bury()
    await palaver.start()
    await owner.direct.wait_for_text("New session started!")
    await palaver.restart()
    await owner.dm("/status")
    await owner.direct.wait_for_text("Idle")
    assert sum("New session started!" in text for text in owner.direct.texts) == 1


async def test_the_real_agent_hears_what_was_said_meanwhile_once(
    launch: Launch,
    server: DiscordServer,
    guild: Guild,
    owner: Member,
    member: Member,
    call: str,
    claude_home: Path,
    model: LoopbackModel,
    tmp_path: Path,
) -> None:
    del claude_home, member
    palaver = launch(tmp_path / "data", sessions={"agent": "claude"})
    await palaver.start()
    thread = await thread_at(await owner.say(f"{call} Remember the number 42"), guild.general)
    await thread.wait_until(lambda: answers(thread), PATIENT)
    await palaver.stop()
    await owner.say("What number did I tell you?", to=thread)
    palaver.bury()
    await palaver.start()
    await thread.wait_until(lambda: len(answers(thread)) == 2, PATIENT)
    assert "42" in answers(thread)[-1]
    prompts = ["Remember the number 42", "What number did I tell you?"]
    assert [request.prompt for request in model.requests] == prompts
    await palaver.stop()


# --- what stands in the way ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        {"error": 503},
        {"drop": "after"},
        {"error": 429, "retry_after": 0.2, "scope": "global"},
        {"error": 429, "via": False},
        {"silence": True},
    ],
    ids=["503", "answer lost", "global", "cloudflare", "silence"],
)
@pytest.mark.parametrize("route", [HISTORY, ARCHIVED, DIRECT], ids=["history", "archived", "chat"])
async def test_a_bad_connection_hides_nothing(
    palaver: Palaver,
    server: DiscordServer,
    guild: Guild,
    owner: Member,
    call: str,
    route: str,
    fault: dict[str, Any],
) -> None:
    thread = await thread_at(await owner.say(f"{call} one"), guild.general)
    await thread.wait_for_text("⏱")
    await owner.dm("one")
    await owner.direct.wait_for_text("⏱")
    await palaver.stop()
    await owner.say("two", to=thread)
    await owner.dm("two")
    thread.archive()
    struck = server.faults.add(route, times=2, **fault)
    palaver.bury()
    await palaver.start()
    await answered(thread, "one", "two")
    await answered(owner.direct, "one", "two")
    assert struck.spent


async def test_what_is_done_is_noted_in_a_file_that_may_be_broken(
    palaver: Palaver, owner: Member, tmp_path: Path
) -> None:
    await owner.dm("one")
    await owner.direct.wait_for_text("⏱")
    await palaver.stop()
    [file] = (tmp_path / "data" / "discord").glob("*/watermark")
    file.write_text("{broken")
    palaver.bury()
    await palaver.start()
    await owner.dm("two")
    await answered(owner.direct, "one", "two")
    assert file.with_suffix(".broken").read_text() == "{broken"
