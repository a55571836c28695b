"""Where a prompt goes: direct messages, channels with their threads, forums."""

from pathlib import Path

import pytest

from palaver.testing.discord import Channel, DiscordServer, Guild, Member
from palaver_discord import threads
from support.discord_people import (
    Listener,
    asked_in_a_thread,
    newest_with,
    says,
    session_in,
    thread_at,
)
from support.discords import Launch, Palaver


@pytest.fixture
def call(server: DiscordServer) -> str:
    return f"<@{server.bot_id}>"


@pytest.fixture
def general(guild: Guild) -> Channel:
    return guild.general


@pytest.fixture
async def listener(palaver: Palaver) -> Listener:
    listener = Listener()
    palaver.engine.host.add("listener", listener)
    return listener


# --- which messages are for the bot -------------------------------------------------------------


async def test_what_people_say_to_each_other_is_no_prompt(
    palaver: Palaver,
    listener: Listener,
    general: Channel,
    owner: Member,
    member: Member,
    call: str,
) -> None:
    thread = await asked_in_a_thread(owner, general, f"{call} hello")
    await owner.say("just talking", to=general)
    said = await member.say("what is this?", to=thread)
    await owner.say(f"<@{member.id}> it is mine", to=thread)
    await owner.say("my session", to=thread, reply_to=said)
    await says(owner, thread, "go on", "go on")
    assert listener.heard == ["hello", "go on"]


async def test_a_reply_to_the_bot_is_a_prompt_wherever_it_is_made(
    palaver: Palaver, listener: Listener, general: Channel, member: Member, owner: Member, call: str
) -> None:
    thread = await asked_in_a_thread(owner, general, f"{call} hello")
    answer = await thread.wait_for_text("⏱")
    await member.say("and for me?", to=thread, reply_to=answer)
    reply = await thread.wait_for(lambda message: message.text.startswith("and for me?"))
    assert listener.heard == ["hello", "and for me?"]
    assert reply.reply_to


async def test_the_message_that_is_answered_is_quoted_to_the_agent(
    palaver: Palaver, listener: Listener, general: Channel, owner: Member, member: Member, call: str
) -> None:
    said = await member.say("shall we use tabs?", to=general)
    asked = await owner.say(f"{call} what does <@{member.id}> mean?", to=general, reply_to=said)
    await (await thread_at(asked, general)).wait_for_text("⏱")
    assert listener.heard == ["> shall we use tabs?\n\nwhat does @member mean?"]


async def test_bots_and_webhooks_are_not_heard(
    palaver: Palaver,
    server: DiscordServer,
    listener: Listener,
    general: Channel,
    owner: Member,
    call: str,
) -> None:
    bot = server.world.user("another bot", bot=True)
    server.world.add_member(general.guild_id or 0, bot.id, announce=True)
    server.world.create_message(general.id, bot.id, f"{call} run ls")
    hook = server.world.create_message(general.id, owner.id, f"{call} run ls", webhook_id=77)
    assert hook.webhook_id == 77
    asked = await owner.say(f"{call} hello", to=general)
    await (await thread_at(asked, general)).wait_for_text("⏱")
    assert listener.heard == ["hello"]
    assert general.messages == []
    assert len(general.threads) == 1


async def test_a_channel_that_is_configured_so_is_heard_all(
    launch: Launch, guild: Guild, owner: Member, member: Member, tmp_path: Path
) -> None:
    lab = guild.channel("lab")
    await launch(tmp_path / "data", discord={"hear_all": [lab.id]}).start()
    thread = await asked_in_a_thread(owner, lab, "hello")
    await says(member, thread, "what number", "You have told me no number.")
    await owner.say("just talking", to=guild.general)
    await asked_in_a_thread(owner, lab, "hello again")
    assert guild.general.threads == []


async def test_a_mention_that_is_added_later_is_heard(
    palaver: Palaver, listener: Listener, general: Channel, owner: Member, call: str
) -> None:
    message = await owner.say("remember 42", to=general)
    await owner.edit(message, f"{call} remember 42")
    thread = await thread_at(message, general)
    await thread.wait_for_text("I will remember 42.")
    assert not [text for text in thread.texts if "already" in text]
    await owner.edit(message, f"{call} remember 43")
    await thread.wait_for_text("The agent already has that message")
    assert listener.heard == ["remember 42"]


async def test_a_prompt_that_waits_is_changed_by_an_edit(
    palaver: Palaver, listener: Listener, general: Channel, owner: Member, call: str
) -> None:
    thread = await thread_at(await owner.say(f"{call} wait 60", to=general), general)
    await newest_with(thread, "Stop")
    message = await owner.say("helo", to=thread)
    await newest_with(thread, "Cancel")
    await owner.edit(message, "hello")
    await thread.wait_for_text("Changed before it was run.")
    await owner.press(await newest_with(thread, "Stop"), "Stop")
    await thread.wait_for(lambda one: one.text.startswith("hello"))
    assert listener.heard == ["wait 60", "hello"]


@pytest.fixture
def _archived_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "ARCHIVE_AFTER_S", 0.2)


# --- threads ------------------------------------------------------------------------------------


async def test_words_that_follow_at_once_in_a_new_thread_are_heard(
    palaver: Palaver,
    server: DiscordServer,
    listener: Listener,
    general: Channel,
    owner: Member,
    call: str,
) -> None:
    server.faults.add("POST /channels/*/messages/*/threads", drop="after")
    asked = await owner.say(f"{call} remember 1", to=general)
    thread = await thread_at(asked, general)
    await owner.say("what number", to=thread)
    await thread.wait_for_text("You told me 1.")
    assert listener.heard == ["remember 1", "what number"]
    assert {problem.code for problem in server.problems} == {160004}  # it was there already
    server.problems.clear()


async def test_ask_opens_a_thread_below_what_was_asked(
    palaver: Palaver, general: Channel, owner: Member
) -> None:
    asked = await owner.command("ask", prompt="remember 42")
    quoted = await asked.wait_for_text("> remember 42")
    assert not quoted.ephemeral
    thread = await thread_at(quoted, general)
    await thread.wait_for_text("I will remember 42.")
    await says(owner, thread, "what number", "You told me 42.")


async def test_ask_goes_on_where_it_is_in_threads_and_direct_messages(
    palaver: Palaver, general: Channel, owner: Member, call: str
) -> None:
    thread = await asked_in_a_thread(owner, general, f"{call} remember 42")
    for place in (thread, owner.direct):
        await owner.command("ask", in_=place, prompt="what number")
        await place.wait_for_text("number")
    await thread.wait_for_text("You told me 42.")
    await owner.direct.wait_for_text("You have told me no number.")


async def test_where_no_thread_can_be_opened_it_goes_on_in_the_channel(
    palaver: Palaver, server: DiscordServer, guild: Guild, owner: Member, call: str
) -> None:
    guild.general.deny(guild.bot_role, "create_public_threads")
    await owner.say(f"{call} remember 42")
    await guild.general.wait_for_text("I will remember 42.")
    asked = await owner.command("ask", prompt="what number")
    await asked.wait_for_text("> what number")
    answer = await guild.general.wait_for_text("You told me 42.")
    assert answer.reply_to
    assert {problem.code for problem in server.problems} == {50013}
    server.problems.clear()


async def test_a_thread_bears_the_name_of_its_session(
    palaver: Palaver, general: Channel, owner: Member, call: str
) -> None:
    thread = await asked_in_a_thread(owner, general, f"{call} remember\n42 " + "x" * 80)
    assert thread.name.startswith("remember 42 xxx")
    assert len(thread.name) <= 100
    await owner.command("rename", in_=thread, name="My Project")
    await thread.wait_until(lambda: thread.name == "My Project")
    await (await owner.command("newsession", in_=thread)).answer()
    await says(owner, thread, "another matter", "another matter")
    await thread.wait_until(lambda: thread.name == "another matter")


async def test_a_name_that_people_give_a_thread_stays_until_its_session_gets_another(
    palaver: Palaver, general: Channel, owner: Member, call: str
) -> None:
    thread = await asked_in_a_thread(owner, general, f"{call} remember 42")
    thread.rename("Our thread")
    await says(owner, thread, "what number", "You told me 42.")
    await palaver.restart()
    await says(owner, thread, "what number", "You told me 42.")
    await says(owner, thread, "wait 0.3", "Done.")
    assert thread.name == "Our thread"
    await owner.command("rename", in_=thread, name="My Project")
    await thread.wait_until(lambda: thread.name == "My Project")


async def test_a_thread_that_may_not_be_renamed_yet_gets_its_newest_name_and_holds_nothing_up(
    palaver: Palaver,
    server: DiscordServer,
    general: Channel,
    owner: Member,
    call: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    thread = await asked_in_a_thread(owner, general, f"{call} remember 42")
    # the library waits this out by itself; what Discord really asks for, 10 minutes, it does not
    http = palaver.frontend._client.http  # type: ignore[attr-defined]
    monkeypatch.setattr(http, "max_ratelimit_timeout", 0.1)
    server.faults.add("PATCH /channels/*", error=429, retry_after=1.0)
    for name in ("One", "Two", "Three"):
        await (await owner.command("rename", in_=thread, name=name)).answer()
    await says(owner, thread, "what number", "You told me 42.")
    await thread.wait_until(lambda: thread.name == "Three")
    names = [one.body["name"] for one in server.calls.of(f"PATCH /channels/{thread.id}")]
    assert names == ["One", "Three"]


@pytest.mark.usefixtures("_archived_soon")
async def test_what_others_do_in_a_thread_neither_renames_nor_archives_it(
    palaver: Palaver,
    server: DiscordServer,
    general: Channel,
    owner: Member,
    member: Member,
    call: str,
) -> None:
    thread = await asked_in_a_thread(owner, general, f"{call} the matter")
    await says(member, thread, f"{call} another matter", "another matter")
    theirs = await session_in(member, thread)
    await (await member.command("rename", in_=thread, name="Mine now")).answer()
    await (await member.command("delete", in_=thread, session=f"{theirs} yes")).wait_for_text("🗑️")
    await says(owner, thread, "wait 0.5", "Done.")
    assert (thread.name, thread.archived) == ("the matter", False)
    assert server.calls.of(f"PATCH /channels/{thread.id}") == []


@pytest.mark.usefixtures("_archived_soon")
async def test_a_thread_is_archived_with_its_deleted_session_and_opened_again_by_a_message(
    palaver: Palaver, general: Channel, owner: Member, call: str
) -> None:
    thread = await asked_in_a_thread(owner, general, f"{call} remember 42")
    asked = await owner.command("delete", in_=thread)
    sure = await asked.wait_for(lambda message: "Delete" in message.buttons)
    await owner.press(sure, "Delete")
    await thread.wait_until(lambda: thread.archived)
    await says(owner, thread, "what number", "You have told me no number.")
    assert not thread.archived


async def test_a_message_in_an_archived_thread_goes_on_with_its_session(
    palaver: Palaver, general: Channel, owner: Member, call: str
) -> None:
    thread = await asked_in_a_thread(owner, general, f"{call} remember 42")
    thread.archive()
    await says(owner, thread, "what number", "You told me 42.")
    thread.archive()
    await palaver.restart()
    await says(owner, thread, "what number", "You told me 42.")


async def test_a_members_own_thread_is_heard_from_the_first_mention_on(
    palaver: Palaver, listener: Listener, owner: Member, member: Member, call: str
) -> None:
    thread = await owner.open_thread("Release")
    await owner.say("just talking", to=thread)
    await says(owner, thread, f"{call} remember 42", "I will remember 42.")
    await says(owner, thread, "what number", "You told me 42.")
    await member.say("what number", to=thread)
    await says(owner, thread, "enough", "enough")
    assert listener.heard == ["remember 42", "what number", "enough"]
    assert thread.name == "Release"


async def test_a_session_that_was_chosen_in_a_channel_goes_on_in_the_next_thread(
    palaver: Palaver, general: Channel, owner: Member, call: str
) -> None:
    first = await asked_in_a_thread(owner, general, f"{call} remember 42")
    session = await session_in(owner, first)
    await (await owner.command("switch", session=session)).wait_for_text("👉 remember 42")
    second = await thread_at(await owner.say(f"{call} what number"), general)
    await second.wait_for_text("You told me 42.")
    third = await thread_at(await owner.say(f"{call} what number"), general)
    await third.wait_for_text("You have told me no number.")


# --- forums -------------------------------------------------------------------------------------


async def test_in_a_forum_a_post_that_mentions_the_bot_is_a_session(
    palaver: Palaver, listener: Listener, guild: Guild, owner: Member, member: Member, call: str
) -> None:
    forum = guild.channel("questions", forum=True)
    await owner.post(forum, "For people", "remember 7")
    post = await owner.post(forum, "Numbers", f"{call} good day")
    await post.wait_for_text("good day")
    await says(owner, post, "remember 42", "I will remember 42.")
    await says(owner, post, "what number", "You told me 42.")
    await member.say("what number", to=post)
    other = await member.post(forum, "what number", f"{call} please")
    await other.wait_for_text("You have told me no number.")
    said = ["Numbers\n\ngood day", "remember 42", "what number", "what number\n\nplease"]
    assert listener.heard == said
    assert (post.name, other.name) == ("Numbers", "what number")


async def test_in_a_forum_that_is_heard_each_post_is_a_session(
    launch: Launch, guild: Guild, owner: Member, member: Member, tmp_path: Path
) -> None:
    forum = guild.channel("questions", forum=True)
    await launch(tmp_path / "data", discord={"hear_all": [forum.id]}).start()
    one = await owner.post(forum, "remember 1", "please")
    two = await owner.post(forum, "remember 2", "please")
    for post, number in ((one, 1), (two, 2)):
        await post.wait_for_text(f"I will remember {number}")
        await says(owner, post, "what number", f"You told me {number}")


# --- what nobody foresaw ------------------------------------------------------------------------


async def test_a_message_that_cannot_be_taken_is_answered_so_and_holds_nothing_up(
    palaver: Palaver, server: DiscordServer, owner: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("nobody foresaw this")

    with monkeypatch.context() as patched:
        patched.setattr(palaver.frontend, "fetch", broken)
        await owner.dm("look at this", attachments=[("a.txt", b"1")])
        await owner.direct.wait_for_text("Something unexpected went wrong")
    await owner.dm("hello")
    await owner.direct.wait_for_text("⏱")
    await palaver.restart()
    await owner.dm("hello again")
    await owner.direct.wait_for(lambda message: message.text.startswith("hello again"))
    assert sum("unexpected" in text for text in owner.direct.texts) == 1


async def test_a_thread_works_even_if_it_cannot_be_noted_whose_it_is(
    palaver: Palaver,
    server: DiscordServer,
    general: Channel,
    owner: Member,
    call: str,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "data" / "discord" / str(server.application_id)
    folder.rename(folder.with_name("kept"))
    folder.write_text("in the way")
    thread = await asked_in_a_thread(owner, general, f"{call} remember 42")
    await says(owner, thread, "what number", "You told me 42.")
