"""Turns of the real Claude Code as members see them in their threads."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from palaver.testing.discord import Channel, DiscordServer, Guild, Member, Message
from palaver.testing.images import png
from palaver.testing.model import LoopbackModel, ModelRequest, Reply, Say, Use, replies
from support.discord_people import newest_with, thread_at, told
from support.discord_reading import read
from support.discord_turns import answers
from support.discords import Launch, Palaver

SLOW = 30.0
"""Seconds that the real agent may take; the machine may be busy."""
SEND_FILE = "mcp__palaver__send_file"
PICTURE = png(32, 24)


@pytest.fixture
async def palaver(
    launch: Launch, owner: Member, member: Member, claude_home: Path, tmp_path: Path
) -> AsyncIterator[Palaver]:
    del owner, member, claude_home
    (tmp_path / "work").mkdir()
    sessions = {"agent": "claude", "workspace": str(tmp_path / "work")}
    palaver = launch(tmp_path / "data", sessions=sessions)
    await palaver.start()
    yield palaver
    await palaver.stop()


@pytest.fixture
def call(server: DiscordServer) -> str:
    return f"<@{server.bot_id}>"


async def offered(place: Channel, label: str) -> Message:
    await place.wait_for(lambda one: label in one.buttons, SLOW)
    return await newest_with(place, label)


async def finished(place: Channel, text: str) -> Message:
    return await place.wait_for(lambda one: one.text.startswith(text) and "⏱" in one.text, SLOW)


async def answered_times(person: Member, count: int) -> None:
    """Wait until somebody has had so many answers directly."""
    await person.direct.wait_until(lambda: len(answers(person.direct)) == count, SLOW)


def shown(message: Message) -> str:
    """All that was ever to be read in it."""
    return "\n".join(version.content for version in message.versions)


# --- a turn ---------------------------------------------------------------------------------------


async def test_a_turn_from_its_mention_to_its_receipt(
    palaver: Palaver,
    server: DiscordServer,
    guild: Guild,
    owner: Member,
    call: str,
    model: LoopbackModel,
) -> None:
    said = await owner.say(f"{call} write a file hello.txt with hi")
    thread = await thread_at(said, guild.general)
    working = await offered(thread, "Stop")
    await thread.wait_until(lambda: said.reactions == {"👀": [server.bot_id]}, SLOW)
    assert working.silent
    asked = await offered(thread, "Allow once")
    assert "hello.txt" in asked.text
    assert [block for _, block in read(asked.text).blocks if "+hi" in block]
    await thread.wait_until(lambda: "🔧 Write hello.txt" in shown(working), SLOW)
    assert "Starting new session" in shown(working)
    await owner.press(asked, "Allow for this session")
    answer = await finished(thread, "I have written hello.txt.")
    assert not answer.silent
    for part in ("⏱", "🔧 1 tool use", "📝 hello.txt", "💰 $"):
        assert part in answer.text
    await thread.wait_until(lambda: working.deleted)
    assert thread.typings
    # for this session: the next edit asks nothing
    await owner.say("write a file other.txt with ho", to=thread)
    await finished(thread, "I have written other.txt.")
    assert not [one for one in thread.messages if "Allow once" in one.buttons]
    assert model.requests[-1].tool_results[0].is_error is False


async def test_it_is_stopped_and_what_waits_is_sent_at_once_or_taken_back(
    palaver: Palaver, guild: Guild, owner: Member, call: str, model: LoopbackModel
) -> None:
    model.script = lambda request: (
        Say("one " * 400, words_per_chunk=1, delay_s=0.1)
        if request.prompt.startswith("slow")
        else Say(f"Heard: {request.prompt}")
    )
    thread = await thread_at(await owner.say(f"{call} slowly"), guild.general)
    await thread.wait_for_text("one one", SLOW)
    await owner.say("never mind", to=thread)
    await owner.press(await offered(thread, "Cancel"), "Cancel")
    await thread.wait_until(lambda: not any("Cancel" in one.buttons for one in thread.messages))
    await owner.say("rather this", to=thread)
    now = "Stop the other, send now"
    await owner.press(await offered(thread, now), now)
    stopped = await thread.wait_for_text("⏹️ Stopped", SLOW)
    assert "one one" in stopped.text
    await finished(thread, "Heard: rather this")
    await thread.wait_until(lambda: not any("Stop" in one.buttons for one in thread.messages))
    await owner.say("slow again", to=thread)
    await owner.press(await offered(thread, "Stop"), "Stop")
    await thread.wait_until(lambda: sum("⏹️ Stopped" in text for text in thread.texts) == 2, SLOW)
    assert "never mind" not in [request.prompt for request in model.requests]


async def test_a_plan_is_sent_back_with_a_remark_and_then_accepted(
    palaver: Palaver, guild: Guild, owner: Member, call: str, model: LoopbackModel
) -> None:
    remarks: list[str] = []

    def script(request: ModelRequest) -> Reply:
        if request.tool_results and not request.tool_results[0].is_error:
            return Say("Then I begin.")
        remarks.extend(result.text for result in request.tool_results)
        return Use("ExitPlanMode", {"plan": "1. Paint it"})

    model.script = script
    thread = await owner.open_thread("Painting")
    assert "plan" in await told(await owner.command("mode", in_=thread, name="plan"))
    await owner.say(f"{call} make a plan", to=thread)
    first = await offered(thread, "Change …")
    modal = await (await owner.press(first, "Change …")).shown_modal()
    await owner.submit(modal, {next(iter(modal.fields)): "in blue, please"})
    again = await thread.wait_for(
        lambda one: "Go ahead" in one.buttons and one.id != first.id, SLOW
    )
    assert "in blue, please" in remarks[0]
    await owner.press(again, "Go ahead")
    await finished(thread, "Then I begin.")


async def test_a_question_is_answered_in_own_words_in_a_window(
    palaver: Palaver, guild: Guild, owner: Member, call: str, model: LoopbackModel
) -> None:
    options = [{"label": one, "description": f"all {one}"} for one in ("red", "green")]
    question = {"question": "Which colour?", "header": "Colour", "multiSelect": False}
    model.script = replies(
        Use("AskUserQuestion", {"questions": [{**question, "options": options}]})
    )
    thread = await thread_at(await owner.say(f"{call} paint it"), guild.general)
    asked = await offered(thread, "Other …")
    assert "all green" in asked.text
    modal = await (await owner.press(asked, "Other …")).shown_modal()
    await owner.submit(modal, {next(iter(modal.fields)): "a kind of blue"})
    await thread.wait_until(lambda: answers(thread), SLOW)
    [result] = model.requests[-1].tool_results
    assert "a kind of blue" in result.text
    assert asked.buttons == []


async def test_a_very_long_answer_comes_in_parts_with_whole_code_blocks_and_as_a_file(
    palaver: Palaver, guild: Guild, owner: Member, call: str, model: LoopbackModel
) -> None:
    code = "\n".join(f"    line({number})" for number in range(1500))
    text = f"# It is long\n\nAs follows.\n\n```python\n{code}\n```\n\nThat was all."
    model.script = lambda _: Say(text, words_per_chunk=500)
    thread = await thread_at(await owner.say(f"{call} tell me all"), guild.general)
    sent = await thread.wait_for(lambda one: one.attachments, SLOW)
    assert [one.data.decode() for one in sent.attachments] == [text]
    parts = [one for one in thread.messages if not one.attachments]
    blocks = [block for one in parts for block in read(one.content).blocks]
    assert {language for language, _ in blocks} == {"python"}
    assert " ".join(block for _, block in blocks).split() == code.split()
    assert all(len(one.content) <= 2000 for one in parts)
    assert parts[0].content.startswith("# It is long")
    assert "That was all." in parts[-1].content
    assert "⏱" in parts[-1].content
    assert [one.silent for one in parts].count(False) == 1


async def test_a_shared_thread_is_one_session_of_the_real_agent(
    palaver: Palaver, guild: Guild, owner: Member, member: Member, call: str, model: LoopbackModel
) -> None:
    def script(request: ModelRequest) -> Reply:
        if request.tool_results:
            return Say("It is made.")
        if "make" in request.prompt:
            return Use("Bash", {"command": "touch made.txt", "description": "make it"})
        return Say(f"I have heard {[text for role, text in request.history if role == 'user']}")

    model.script = script
    thread = await owner.open_thread("Release")
    await (await owner.command("share", in_=thread)).answer()
    await owner.say("the first", to=thread)
    await thread.wait_for_text("I have heard ['owner: the first']", SLOW)
    await member.say("the second", to=thread)
    await thread.wait_for_text("'member: the second']", SLOW)
    await member.say("make it", to=thread)
    await owner.press(await offered(thread, "Allow once"), "Allow once")
    await finished(thread, "It is made.")


# --- files ----------------------------------------------------------------------------------------


async def test_a_picture_reaches_the_agent_as_an_image_and_other_files_in_its_inbox(
    palaver: Palaver, owner: Member, model: LoopbackModel, tmp_path: Path
) -> None:
    await owner.dm("what is this?", attachments=[("plot.png", PICTURE)])
    await answered_times(owner, 1)
    assert model.requests[-1].prompt == "what is this?"
    assert model.requests[-1].images == [("image/png", PICTURE)]
    await owner.dm("read", attachments=[("a b;rm -rf.pdf", b"paper"), ("song.mp3", b"song")])
    await answered_times(owner, 2)
    inbox = tmp_path / "work" / "inbox"
    names = await asyncio.to_thread(lambda: {file.name for file in inbox.iterdir()})
    kept = {name for name in names if name.endswith((".pdf", ".mp3"))}
    assert len(kept) == 2
    assert all(str(inbox / name) in model.requests[-1].prompt for name in kept)


def hands_over(model: LoopbackModel, path: str) -> list[tuple[str, bool]]:
    """The agent hands over this file; what it was told of that, and whether it was refused."""
    results: list[tuple[str, bool]] = []

    def script(request: ModelRequest) -> Reply:
        if request.tool_results:
            results.extend((one.text, one.is_error) for one in request.tool_results)
            return Say("I am done.")
        return Use(SEND_FILE, {"path": path, "caption": "as you wished"})

    model.script = script
    return results


async def test_a_file_of_the_workspace_is_handed_over_and_nothing_from_outside(
    palaver: Palaver, server: DiscordServer, owner: Member, model: LoopbackModel, tmp_path: Path
) -> None:
    (tmp_path / "work" / "report.txt").write_text("all is well")
    (tmp_path / "secret.txt").write_text("nobody may read this")
    (tmp_path / "work" / "link.txt").symlink_to(tmp_path / "secret.txt")
    results = hands_over(model, "report.txt")
    await owner.dm("give it to me")
    sent = await owner.direct.wait_for(lambda one: one.attachments, SLOW)
    await answered_times(owner, 1)
    assert [(one.name, one.data) for one in sent.attachments] == [("report.txt", b"all is well")]
    assert (sent.content, [refused for _, refused in results]) == ("as you wished", [False])
    for count, path in enumerate(("link.txt", "../secret.txt", str(tmp_path / "secret.txt")), 2):
        results = hands_over(model, path)
        await owner.dm("and that")
        await answered_times(owner, count)
        assert [refused for _, refused in results] == [True]
    assert "nobody may read" not in str([call.uploads for call in server.calls])
    assert len([one for one in owner.direct.messages if one.attachments]) == 1


async def test_what_is_too_large_for_discord_is_said(
    palaver: Palaver, owner: Member, model: LoopbackModel, tmp_path: Path
) -> None:
    with (tmp_path / "work" / "huge.bin").open("wb") as file:
        file.truncate(11_000_000)
    hands_over(model, "huge.bin")
    await owner.dm("give it to me")
    await owner.direct.wait_for_text("larger than the 10 MB that Discord takes", SLOW)
