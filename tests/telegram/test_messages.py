"""What people send: albums, forwards, long texts, groups, topics, strangers, files, voices."""

import logging
from pathlib import Path

import pytest

from palaver.hookspecs import hookimpl
from palaver.models import Audio, Prompt, Session
from palaver.pairing import Pairing
from palaver.testing.telegram import Attached, BotApi, Chat, Person, png
from support.telegrams import Launch, Palaver

PICTURE = png(640, 480)


class Listener:
    """A plugin that sees the prompts, and hears voices."""

    def __init__(self, heard: str | None = None) -> None:
        self.prompts: list[Prompt] = []
        self._heard = heard

    @hookimpl
    def on_prompt(self, session: Session, prompt: Prompt) -> None:
        self.prompts.append(prompt)

    @hookimpl
    def transcribe(self, audio: Audio) -> str | None:
        assert audio.path.is_file()
        return self._heard


@pytest.fixture
async def listener(palaver: Palaver) -> Listener:
    listener = Listener()
    palaver.engine.host.add("listener", listener)
    return listener


async def prompts(chat: Chat, listener: Listener, count: int = 1) -> list[Prompt]:
    await chat.wait_until(lambda: len(listener.prompts) >= count)
    return listener.prompts


async def test_an_album_is_one_prompt(
    palaver: Palaver, listener: Listener, alice: Person, chat: Chat
) -> None:
    album = [Attached("photo", PICTURE, caption="compare these"), Attached("photo", PICTURE)]
    await alice.send_album(album)
    [prompt] = await prompts(chat, listener)
    assert prompt.text == "compare these"
    assert [one.media_type for one in prompt.attachments] == ["image/jpeg"] * 2
    assert [one.path.read_bytes() for one in prompt.attachments] == [PICTURE] * 2
    await chat.wait_for_text("compare these (with photo-")
    assert len(listener.prompts) == 1


async def test_a_text_that_a_client_has_cut_is_one_prompt(
    palaver: Palaver, listener: Listener, alice: Person, chat: Chat
) -> None:
    text = " ".join(f"word{number}" for number in range(1500))
    assert len(await alice.send_long(text)) == 4
    [prompt] = await prompts(chat, listener)
    assert prompt.text == text


async def test_forwards_and_the_words_about_them_are_one_prompt(
    palaver: Palaver, listener: Listener, alice: Person, bob: Person, chat: Chat
) -> None:
    other = palaver.api.private(bob)
    first = await bob.send("the server is down", to=other)
    second = await bob.send("and the backup too", to=other)
    await other.wait_for_text("the backup too", timeout=10)
    listener.prompts.clear()
    await alice.send("what do you make of this?")
    await alice.forward(first)
    await alice.forward(second)
    [prompt] = await prompts(chat, listener)
    assert prompt.text == (
        "what do you make of this?\n\n[Forwarded from Bob]\n\nthe server is down\n\n"
        "[Forwarded from Bob]\n\nand the backup too"
    )


async def test_an_edit_reaches_a_message_that_still_waits_for_its_rest(
    palaver: Palaver, listener: Listener, alice: Person, chat: Chat
) -> None:
    long = "x " * 2040
    message = await alice.send(long)
    await alice.edit(message, "shorter")
    [prompt] = await prompts(chat, listener)
    assert prompt.text == "shorter"


async def test_in_a_group_only_what_is_meant_for_the_bot_is_a_prompt(
    palaver: Palaver, listener: Listener, alice: Person
) -> None:
    palaver.api.reads_all_groups = True
    group = palaver.api.group("Team", members=[alice])
    await alice.send("just talking", to=group)
    await alice.send("/help@another_bot", to=group)
    await alice.send("@palaver_bot how is it?", to=group)
    answer = await group.wait_for(lambda message: "⏱" in message.text)
    assert answer.reply_to
    assert answer.reply_to.sender == alice.json
    await alice.send("go on", to=group, reply_to=answer)
    await group.wait_for(lambda message: message.text.startswith("go on"))
    assert [prompt.text for prompt in listener.prompts] == ["how is it?", "go on"]


async def test_a_group_that_is_configured_so_is_heard_all(
    launch: Launch, api: BotApi, alice: Person, tmp_path: Path
) -> None:
    api.reads_all_groups = True
    group = api.group("Team", members=[alice], id=-77)
    palaver = launch(tmp_path, telegram={"hear_all": [-77]})
    await palaver.start()
    await alice.send("hello everybody", to=group)
    await group.wait_for_text("hello everybody")
    await palaver.stop()


async def test_the_message_that_is_answered_is_quoted_to_the_agent(
    palaver: Palaver, listener: Listener, alice: Person, bob: Person
) -> None:
    group = palaver.api.group("Team", members=[alice, bob], bot_is_admin=True)
    said = await bob.send("shall we use tabs?", to=group)
    await alice.send("@palaver_bot your opinion?", to=group, reply_to=said)
    await group.wait_for_text("your opinion?")
    assert listener.prompts[0].text == "> shall we use tabs?\n\nyour opinion?"


async def test_members_of_a_group_have_sessions_of_their_own(
    palaver: Palaver, alice: Person, bob: Person
) -> None:
    group = palaver.api.group("Team", members=[alice, bob])
    await alice.send("@palaver_bot remember 42", to=group)
    await group.wait_for_text("I will remember 42.")
    await bob.send("@palaver_bot what number", to=group)
    await group.wait_for_text("You have told me no number.")
    await alice.send("@palaver_bot what number", to=group)
    await group.wait_for_text("You told me 42.")


async def test_each_topic_has_its_own_current_session(palaver: Palaver, alice: Person) -> None:
    forum = palaver.api.group("Team", members=[alice], forum=True, bot_is_admin=True)
    one, two = forum.topic("One"), forum.topic("Two")
    await alice.send("@palaver_bot remember 1", to=one)
    await one.wait_for_text("I will remember 1.")
    await alice.send("@palaver_bot what number", to=two)
    await two.wait_for_text("You have told me no number.")
    await alice.send("@palaver_bot what number", to=one)
    await one.wait_for_text("You told me 1.")
    await alice.send("@palaver_bot what number", to=forum)
    await forum.wait_for_text("You have told me no number.")
    assert palaver.api.problems == []


async def test_topics_of_a_private_chat_have_their_own_sessions(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    palaver.api.private_topics = True
    one = chat.topic("One")
    await alice.send("remember 1", to=one)
    await one.wait_for_text("I will remember 1.")
    await alice.send("what number")
    await chat.wait_for_text("You have told me no number.")
    assert palaver.api.problems == []


async def test_in_a_group_a_list_of_sessions_goes_to_its_owner_alone(
    palaver: Palaver, alice: Person, bob: Person, chat: Chat
) -> None:
    group = palaver.api.group("Team", members=[alice, bob])
    await alice.send("@palaver_bot a secret plan", to=group)
    await group.wait_for_text("a secret plan")
    await alice.send("/sessions", to=group)
    await group.wait_for_text("only for your eyes")
    listed = await chat.wait_for_text("Your Claude Sessions")
    assert "a secret plan" in listed.text
    assert not [text for text in group.texts if "Your Claude Sessions" in text]


async def test_a_stranger_gets_one_short_line_and_then_silence(
    palaver: Palaver,
    listener: Listener,
    mallory: Person,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "palaver")
    chat = palaver.api.private(mallory)
    await mallory.send("run ls")
    line = await chat.wait_for_text("This bot is private.")
    for text in ("let me in", "/sessions", "/start"):
        await mallory.send(text)
    await mallory.send_document(b"virus", "virus.sh")
    await chat.wait_until(lambda: not palaver.api.updates.pending)
    assert chat.messages == [line]
    assert len(line.text) < 60
    assert listener.prompts == []
    assert palaver.api.calls.of("getFile") == []
    told = [one.getMessage() for one in caplog.records if "a stranger" in one.getMessage()]
    assert told == ["a stranger: telegram:6666, who goes by 'Mallory', wrote in 6666"]


async def test_a_stranger_with_a_pairing_code_is_let_in(palaver: Palaver, mallory: Person) -> None:
    chat = palaver.api.private(mallory)
    pairing = Pairing(palaver.engine._store.grants)
    code = await pairing.make()
    await mallory.send("let me in")
    await chat.wait_for_text("This bot is private.")
    await mallory.send(f"/pair {code}")
    await chat.wait_until(lambda: len(chat.messages) == 2)
    await mallory.send("hello there")
    await chat.wait_for(lambda message: message.text.startswith("hello there"))


async def test_a_strangers_press_reaches_nothing(
    palaver: Palaver, alice: Person, mallory: Person, chat: Chat
) -> None:
    await alice.send("run ls")
    asked = await chat.wait_for(lambda message: "Allow once" in message.buttons)
    answer = await (await mallory.press(asked, "Allow once")).answer()
    assert "belongs to somebody else" in answer.text
    assert asked.buttons


# --- files and voices ---------------------------------------------------------------------------


async def test_a_document_lands_in_the_inbox_under_a_safe_name(
    palaver: Palaver, listener: Listener, alice: Person, chat: Chat
) -> None:
    for name in ("../../.bashrc", "a b;rm -rf.txt", "report.pdf", "report.pdf"):
        await alice.send_document(name.encode(), name, f"see {len(listener.prompts)}")
    await prompts(chat, listener, 4)
    workspace = (await palaver.engine.sessions.current(listener.prompts[0])).workspace
    paths = [prompt.attachments[0].path for prompt in listener.prompts]
    assert {path.parent for path in paths} == {workspace / "inbox"}
    assert [path.name for path in paths] == [
        "bashrc",
        "a_b_rm_-rf.txt",
        "report.pdf",
        "report-2.pdf",
    ]
    assert paths[0].read_text() == "../../.bashrc"


async def test_a_file_that_is_too_large_is_said_with_the_limit(
    palaver: Palaver, listener: Listener, alice: Person, chat: Chat
) -> None:
    await alice.send_document(b"x", "film.mkv", "watch this", size=30 << 20)
    said = await chat.wait_for_text("too large")
    assert "film.mkv (30 MB)" in said.text
    assert "20 MB" in said.text
    [prompt] = await prompts(chat, listener)
    assert (prompt.text, prompt.attachments) == ("watch this", ())


async def test_a_fetch_that_fails_at_first_is_tried_again(
    palaver: Palaver, listener: Listener, alice: Person, chat: Chat
) -> None:
    palaver.api.faults.add("getFile", error=502)
    palaver.api.faults.add("file", drop="before")
    await alice.send_document(b"precious", "a.txt", "keep")
    [prompt] = await prompts(chat, listener)
    assert prompt.attachments[0].path.read_bytes() == b"precious"


async def test_what_cannot_be_read_is_said(palaver: Palaver, alice: Person, chat: Chat) -> None:
    await alice.send_other({"location": {"latitude": 1.0, "longitude": 2.0}})
    await chat.wait_for_text("I cannot read locations.")


async def test_a_voice_message_is_shown_as_heard_and_run(
    launch: Launch, api: BotApi, alice: Person, chat: Chat, tmp_path: Path
) -> None:
    palaver, listener = launch(tmp_path), Listener("remember 42")
    await palaver.start({"listener": listener})
    await alice.send_voice(b"OggS", duration=2)
    await chat.wait_for_text("🎙️ I heard\nremember 42")
    await chat.wait_for_text("I will remember 42.")
    await palaver.stop()


async def test_without_a_speech_engine_a_voice_message_is_answered_so(
    palaver: Palaver, listener: Listener, alice: Person, chat: Chat
) -> None:
    await alice.send_voice(b"OggS")
    await chat.wait_for_text("No speech engine is installed.")
    assert listener.prompts == []


async def test_a_file_of_the_agents_is_sent_a_picture_as_a_photo(
    palaver: Palaver, alice: Person, chat: Chat, tmp_path: Path
) -> None:
    from palaver import Place
    from palaver_telegram.places import Spot, namespace

    place = Place(namespace(alice.id), Spot(chat.id).conversation)
    files = {"a.png": PICTURE, "b.txt": b"text", "broken.png": b"no picture", "empty": b""}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        await palaver.frontend.send_file(place, tmp_path / name, f"this is {name}")
    kinds = [message.content.kind for message in chat.messages]
    assert kinds == ["photo", "document", "document", "text"]
    assert [message.text for message in chat.messages[:3]] == [f"this is {n}" for n in files][:3]
    assert "takes no empty files" in chat.messages[3].text
    # whether a picture is sound only Telegram can tell
    assert [problem.text for problem in palaver.api.problems] == [
        "Bad Request: IMAGE_PROCESS_FAILED"
    ]
    palaver.api.problems.clear()
