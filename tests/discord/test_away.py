"""Connections that break, and messages that were sent while nobody listened."""

from pathlib import Path
from typing import Literal

import pytest

from palaver.testing.discord import DiscordServer, Guild, Member
from support.discords import Launch, Palaver


@pytest.fixture
def call(server: DiscordServer) -> str:
    return f"<@{server.bot_id}>"


async def test_a_message_sent_while_palaver_was_down_is_run(
    palaver: Palaver, owner: Member
) -> None:
    await owner.dm("remember 42")
    await owner.direct.wait_for_text("I will remember 42.")
    await palaver.stop()
    await owner.dm("what number")
    palaver.bury()
    await palaver.start()
    await owner.direct.wait_for_text("You told me 42.")
    assert sum("You told me 42." in text for text in owner.direct.texts) == 1
    assert sum("I will remember" in text for text in owner.direct.texts) == 1


async def test_the_first_words_of_somebody_on_the_list_are_found(
    launch: Launch, owner: Member, member: Member, tmp_path: Path
) -> None:
    first = launch(tmp_path / "data")
    await first.start()
    await first.stop()
    await member.dm("hello from me")
    await first.start()
    await member.direct.wait_for_text("hello from me")


async def test_several_messages_are_offered_and_run_in_order(
    palaver: Palaver, owner: Member
) -> None:
    await palaver.stop()
    for text in ("first words", "second words"):
        await owner.dm(text)
    await palaver.start()
    offer = await owner.direct.wait_for(lambda message: "Run all" in message.buttons)
    await owner.press(offer, "Run all")
    await owner.direct.wait_for(lambda message: message.text.startswith("second words"))
    answers = [text for text in owner.direct.texts if "⏱" in text]
    assert [text.split("\n")[0] for text in answers] == ["first words", "second words"]
    await owner.direct.wait_until(lambda: not offer.buttons)


async def test_a_mention_that_nobody_heard_opens_its_thread_on_return(
    palaver: Palaver, guild: Guild, owner: Member, call: str
) -> None:
    await palaver.stop()
    await owner.say(f"{call} remember 42")
    await owner.say("this is for people")
    await palaver.start()
    thread = await guild.general.wait_for_thread()
    await thread.wait_for_text("I will remember 42.")
    assert len(guild.general.threads) == 1


async def test_a_dropped_socket_is_resumed_and_nothing_lost(
    palaver: Palaver, server: DiscordServer, owner: Member
) -> None:
    server.gateway.drop()
    await owner.dm("hello again")
    await server.gateway.wait_for_greeting("RESUME")
    await owner.direct.wait_for(lambda message: message.text.startswith("hello again"))
    assert sum("⏱" in text for text in owner.direct.texts) == 1


async def test_what_was_said_in_a_gap_that_cannot_be_resumed_is_found_and_runs_once(
    palaver: Palaver, server: DiscordServer, owner: Member
) -> None:
    await owner.dm("remember 42")
    await owner.direct.wait_for_text("I will remember 42.")
    server.gateway.refuse_resumes(1)
    async with server.refused():
        server.gateway.drop()
        await owner.dm("what number")
    await server.gateway.wait_for_greeting("IDENTIFY", 2, timeout=30)
    await owner.direct.wait_until(
        lambda: any("You told me 42." in text for text in owner.direct.texts), timeout=20
    )
    assert sum("⏱" in text for text in owner.direct.texts) == 2


async def test_an_event_that_comes_twice_runs_once(
    palaver: Palaver, server: DiscordServer, owner: Member
) -> None:
    server.gateway.duplicate_events("MESSAGE_CREATE")
    await owner.dm("hello there")
    await owner.direct.wait_for_text("⏱")
    await owner.dm("/sessioninfo")
    shown = await owner.direct.wait_for_text("Session Information")
    assert "Turns" in shown.text
    assert sum("⏱" in text for text in owner.direct.texts) == 1


@pytest.mark.parametrize("fault", [{"error": 503}, {"drop": "after"}, {"drop": "before"}])
async def test_an_answer_survives_a_bad_connection_and_arrives_once(
    palaver: Palaver, server: DiscordServer, owner: Member, fault: dict[str, object]
) -> None:
    server.faults.add(
        "POST /channels/*/messages",
        times=2,
        when=lambda request: "⏱" in str(request.body),
        **fault,  # type: ignore[arg-type]
    )
    await owner.dm("hello there")
    await owner.direct.wait_until(
        lambda: any("⏱" in text for text in owner.direct.texts), timeout=15
    )
    assert sum("⏱" in text for text in owner.direct.texts) == 1


@pytest.mark.parametrize("scope", ["user", "global"])
async def test_a_rate_limit_is_obeyed_and_nothing_lost(
    palaver: Palaver,
    server: DiscordServer,
    owner: Member,
    scope: Literal["user", "global"],
) -> None:
    server.faults.add("POST /channels/*/messages", error=429, retry_after=0.3, scope=scope)
    await owner.dm("hello there")
    await owner.direct.wait_until(
        lambda: any("⏱" in text for text in owner.direct.texts), timeout=15
    )


async def test_a_late_command_is_carried_out_and_answered_all_the_same(
    palaver: Palaver, server: DiscordServer, owner: Member
) -> None:
    await owner.command("newsession", in_=owner.direct, late_by=3.5)
    await owner.direct.wait_for_text("New session started!")
    [problem] = server.problems
    assert problem.code == 10062
    server.problems.clear()


async def test_what_a_prompt_says_pings_nobody(
    palaver: Palaver, guild: Guild, owner: Member, call: str
) -> None:
    await owner.say(f"{call} say @everyone <@{owner.id}>")
    thread = await guild.general.wait_for_thread()
    answer = await thread.wait_for_text("⏱")
    assert "@everyone" in answer.text
    assert not answer.pings
    assert not answer.pings_everyone
