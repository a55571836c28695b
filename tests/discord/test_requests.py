"""Approvals, questions and plans: decided by buttons, menus and windows, by those who may."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from palaver.testing.discord import Channel, DiscordServer, Guild, Interaction, Member, Message
from palaver.testing.model import LoopbackModel, ModelRequest, Reply, Say, Use
from support.asking import AskingPlugin
from support.discord_people import newest_with, thread_at
from support.discord_turns import PATIENT, answered, answers
from support.discords import Launch, Palaver
from support.noting import noted

OVER = "That request is over."
FOREIGN = "This button belongs to somebody else."


@pytest.fixture
async def palaver(
    launch: Launch, owner: Member, member: Member, tmp_path: Path
) -> AsyncIterator[Palaver]:
    del owner, member
    palaver = launch(tmp_path / "data", sessions={"agent": "asking", "approval_timeout_s": 60})
    await palaver.start({"asking": AskingPlugin()})
    yield palaver
    await palaver.stop()


@pytest.fixture
def call(server: DiscordServer) -> str:
    return f"<@{server.bot_id}>"


async def asked(person: Member, text: str, label: str) -> Message:
    """What the agent asks after these words, with such a button."""
    await person.dm(text)
    return await newest_with(person.direct, label)


async def told(press: Interaction, words: str) -> None:
    """Wait until its presser alone is told so."""
    answer = await press.wait_for_text(words)
    assert answer.ephemeral or press.member.direct.id == answer.channel_id


async def written(person: Member, message: Message, button: str, words: str) -> Interaction:
    """Somebody answers in his own words, in the window that a button opens."""
    modal = await (await person.press(message, button)).shown_modal()
    [field] = modal.fields
    return await person.submit(modal, {field: words})


# --- approvals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "outcome", "end"),
    [
        ("Allow once", "Allowed once", "I ran ls."),
        ("Allow for this session", "Allowed for this session", "I ran ls."),
        ("Deny", "Denied", "I did not run ls."),
    ],
)
async def test_an_approval_is_decided_and_its_message_says_how(
    palaver: Palaver, owner: Member, label: str, outcome: str, end: str
) -> None:
    message = await asked(owner, "run ls", label)
    assert message.buttons == ["Allow once", "Allow for this session", "Deny"]
    assert not message.silent
    assert "Bash" in message.text
    assert "ls" in message.text
    await owner.press(message, label)
    await answered(owner.direct, end)
    assert message.buttons == []
    assert outcome in message.text


async def test_what_a_session_was_allowed_is_not_asked_again_in_it_but_in_the_next(
    launch: Launch,
    owner: Member,
    member: Member,
    claude_home: Path,
    model: LoopbackModel,
    tmp_path: Path,
) -> None:
    del claude_home, member

    def script(request: ModelRequest) -> Reply:
        if request.tool_results:
            return Say("It is refused." if request.tool_results[-1].is_error else "It is done.")
        return Use("Bash", {"command": "touch ran.txt", "description": "make a file"})

    model.script = script
    palaver = launch(tmp_path / "data", sessions={"agent": "claude"})
    await palaver.start()
    await owner.press(
        await asked(owner, "Do it", "Allow for this session"), "Allow for this session"
    )
    await answered(owner.direct, "It is done.")
    await owner.dm("Do it again")
    await answered(owner.direct, "It is done.", "It is done.")
    await owner.dm("/newsession")
    await owner.direct.wait_for_text("New session started!")
    await owner.press(await asked(owner, "Do it", "Deny"), "Deny")
    await answered(owner.direct, "It is done.", "It is done.", "It is refused.")
    await palaver.stop()


async def test_a_long_approval_can_be_seen_as_a_whole_by_its_owner_alone(
    palaver: Palaver, guild: Guild, owner: Member, member: Member, call: str
) -> None:
    thread = await thread_at(await owner.say(f"{call} long"), guild.general)
    message = await newest_with(thread, "See all of it")
    assert len(message.text) < 2500
    await told(await member.press(message, "See all of it"), FOREIGN)
    press = await owner.press(message, "See all of it")
    await thread.wait_until(lambda: "rm file399" in seen(owner, thread, press))
    said = seen(owner, thread, press)
    assert all(f"rm file{number}\n" in said for number in range(400))
    await owner.press(message, "Deny")
    await answered(thread, "You said: deny")


def seen(person: Member, place: Channel, press: Interaction) -> str:
    """All that there is to read for one who has pressed a button there."""
    return "\n".join([*place.texts, *press.texts, *person.direct.texts, ""])


async def test_nobody_but_the_owner_decides_and_he_is_checked_again_on_the_press(
    palaver: Palaver, guild: Guild, owner: Member, member: Member, hostile: Member, call: str
) -> None:
    thread = await thread_at(await owner.say(f"{call} run ls"), guild.general)
    message = await newest_with(thread, "Allow once")
    for label in message.buttons:
        await told(await member.press(message, label), FOREIGN)
        await told(await hostile.press(message, label), FOREIGN)
    assert answers(thread) == []
    assert message.buttons
    await owner.press(message, "Deny")
    await answered(thread, "I did not run ls.")


async def test_one_who_has_lost_his_role_meanwhile_decides_nothing(
    launch: Launch,
    guild: Guild,
    owner: Member,
    member: Member,
    hostile: Member,
    call: str,
    tmp_path: Path,
) -> None:
    del owner, member
    role = guild.role("agents")
    hostile.give(role)
    palaver = launch(tmp_path / "data", discord={"roles": [role.id]})
    await palaver.start()
    thread = await thread_at(await hostile.say(f"{call} run ls"), guild.general)
    message = await newest_with(thread, "Allow once")
    hostile.take(role)
    await told(await hostile.press(message, "Allow once"), "not on this bot's access list")
    assert answers(thread) == []
    await palaver.stop()


async def test_an_old_button_decides_nothing_and_says_so(palaver: Palaver, owner: Member) -> None:
    message = await asked(owner, "run ls", "Deny")
    components = list(message.components)
    await owner.press(message, "Deny")
    await answered(owner.direct, "I did not run ls.")
    message.stored.components[:] = components  # a client that has not heard of it yet
    await told(await owner.press(message, "Allow once"), OVER)
    assert answers(owner.direct) == ["I did not run ls."]


async def test_two_presses_at_once_decide_once(palaver: Palaver, owner: Member) -> None:
    message = await asked(owner, "run ls", "Deny")
    one, other = await asyncio.gather(
        owner.press(message, "Allow once"), owner.press(message, "Deny")
    )
    await owner.direct.wait_until(lambda: answers(owner.direct))
    await owner.direct.wait_until(lambda: any(OVER in text for text in [*one.texts, *other.texts]))
    assert len(answers(owner.direct)) == 1


async def test_free_text_never_approves(palaver: Palaver, owner: Member) -> None:
    message = await asked(owner, "run ls", "Deny")
    for words in ("yes", "allow", "Allow once"):
        await owner.dm(words)
    await owner.direct.wait_for_text("Queued: 3 messages")
    assert answers(owner.direct) == []
    await owner.press(message, "Deny")
    await answered(owner.direct, "I did not run ls.", "yes", "allow", "Allow once")


@pytest.mark.parametrize(
    ("prompt", "label", "end"),
    [
        ("run ls", "Allow once", "I did not run ls."),
        ("ask Which?|red|green", "green", "You did not say."),
        ("plan Paint it", "Go ahead", "To change: "),
    ],
)
async def test_a_request_that_nobody_answers_is_a_no_and_its_button_says_so(
    launch: Launch, owner: Member, member: Member, tmp_path: Path, prompt: str, label: str, end: str
) -> None:
    del member
    palaver = launch(tmp_path / "data", sessions={"approval_timeout_s": 0.5})
    await palaver.start()
    message = await asked(owner, prompt, label)
    components = list(message.components)
    await owner.direct.wait_until(
        lambda: any(one.startswith(end.strip()) for one in answers(owner.direct))
    )
    await owner.direct.wait_until(lambda: message.buttons == [])
    assert "No answer in 1 min, so: no" in message.text
    message.stored.components[:] = components
    await told(await owner.press(message, label), OVER)
    await palaver.stop()


async def test_a_request_cut_off_by_a_restart_is_told_and_asked_again(
    palaver: Palaver, owner: Member, tmp_path: Path
) -> None:
    old = await asked(owner, "run ls", "Allow once")
    components = list(old.components)
    await noted(tmp_path)
    await palaver.stop()
    palaver.bury()
    await palaver.start({"asking": AskingPlugin()})
    notice = await owner.direct.wait_for_text("It waited for your word on Bash: ls")
    assert notice.buttons == []
    again = await owner.direct.wait_for(lambda one: "Allow once" in one.buttons and one is not old)
    await owner.direct.wait_until(lambda: old.buttons == [])
    assert "Nobody decided" in old.text
    old.stored.components[:] = components
    await told(await owner.press(old, "Allow once"), OVER)
    await owner.press(again, "Allow once")
    await owner.direct.wait_for_text("I ran ls.")


# --- questions -----------------------------------------------------------------------------------


async def test_a_question_is_answered_by_a_button(palaver: Palaver, owner: Member) -> None:
    message = await asked(owner, "ask Which colour?|red|green", "green")
    assert message.buttons == ["red", "green", "Other …"]
    await owner.press(message, "green")
    await answered(owner.direct, "You said: green")
    await owner.direct.wait_until(lambda: message.buttons == [])


async def test_a_question_is_answered_in_own_words_in_a_window(
    palaver: Palaver, owner: Member
) -> None:
    message = await asked(owner, "ask Which colour?|red|green", "Other …")
    await written(owner, message, "Other …", "a light violet")
    await answered(owner.direct, "You said: a light violet")


async def test_a_question_is_answered_in_own_words_in_the_chat(
    palaver: Palaver, owner: Member
) -> None:
    await asked(owner, "ask Which colour?|red|green", "Other …")
    await owner.dm("a dark violet")
    await answered(owner.direct, "You said: a dark violet")


async def test_the_window_of_a_question_that_is_over_says_so(
    palaver: Palaver, owner: Member
) -> None:
    message = await asked(owner, "ask Which colour?|red|green", "Other …")
    modal = await (await owner.press(message, "Other …")).shown_modal()
    await owner.press(message, "red")
    await answered(owner.direct, "You said: red")
    [field] = modal.fields
    await told(await owner.submit(modal, {field: "violet"}), OVER)
    assert answers(owner.direct) == ["You said: red"]


async def test_somebody_else_is_shown_no_window(
    palaver: Palaver, guild: Guild, owner: Member, member: Member, hostile: Member, call: str
) -> None:
    thread = await thread_at(await owner.say(f"{call} ask Which?|red|green"), guild.general)
    message = await newest_with(thread, "Other …")
    for other in (member, hostile):
        press = await other.press(message, "Other …")
        if not await refused_at_once(press):
            assert press.modal
            words = {next(iter(press.modal.fields)): "x"}
            await told(await other.submit(press.modal, words), FOREIGN)
    await owner.press(message, "red")
    await answered(thread, "You said: red")


async def refused_at_once(press: Interaction) -> bool:
    """Whether a press was answered with words; else with a window."""
    await press.wait_until(lambda: press.modal or press.texts)
    return press.modal is None


async def test_several_choices_are_made_in_a_menu(palaver: Palaver, owner: Member) -> None:
    await owner.dm("several")
    message = await owner.direct.wait_for_text("Which?")
    menu = message.select()
    assert (menu.get("min_values", 1), menu["max_values"]) == (1, 3)
    await owner.select(message, ["red", "blue"])
    await answered(owner.direct, "You said: ('red, blue',)")
    await owner.direct.wait_until(lambda: message.components == [])


async def test_several_questions_are_answered_one_by_one(palaver: Palaver, owner: Member) -> None:
    await owner.dm("three")
    whose = await owner.direct.wait_for_text("3 of 3: Whose?")
    await owner.press(await owner.direct.wait_for_text("1 of 3"), "green")
    await owner.select(await owner.direct.wait_for_text("2 of 3"), ["blue", "red"])
    await written(owner, whose, "Other …", "mine")
    await owner.direct.wait_for_text("You said: ")
    [said] = answers(owner.direct)
    found = re.fullmatch(r"You said: \('green', '(.*)', 'mine'\)", said)
    assert found
    assert set(found[1].split(", ")) == {"red", "blue"}


# --- plans ---------------------------------------------------------------------------------------


async def test_a_plan_is_accepted_or_sent_back_with_a_remark(
    palaver: Palaver, owner: Member
) -> None:
    message = await asked(owner, "plan Paint it red", "Change …")
    assert "Paint it red" in message.text
    await written(owner, message, "Change …", "in blue")
    await answered(owner.direct, "To change: in blue")
    await owner.press(await asked(owner, "plan Paint it blue", "Go ahead"), "Go ahead")
    await answered(owner.direct, "To change: in blue", "It is done.")


async def test_the_real_agents_question_and_plan_are_answered(
    launch: Launch,
    guild: Guild,
    owner: Member,
    member: Member,
    call: str,
    claude_home: Path,
    model: LoopbackModel,
    tmp_path: Path,
) -> None:
    del claude_home, member
    question = {
        "question": "Which ones?",
        "header": "Colours",
        "options": [{"label": one, "description": one} for one in ("red", "green", "blue")],
        "multiSelect": True,
    }
    results: list[str] = []

    def script(request: ModelRequest) -> Reply:
        if request.tool_results:
            results.extend(one.text for one in request.tool_results)
            return Say("So be it.")
        return Use("AskUserQuestion", {"questions": [question]})

    model.script = script
    palaver = launch(tmp_path / "data", sessions={"agent": "claude"})
    await palaver.start()
    thread = await thread_at(await owner.say(f"{call} Ask me"), guild.general)
    message = await thread.wait_for(lambda one: "Which ones?" in one.text, PATIENT)
    await owner.select(message, ["green", "blue"])
    await answered(thread, "So be it.")
    assert "green, blue" in results[0]
    await palaver.stop()
