"""What commands answer: lists with buttons, read and pressed on a phone."""

import pytest

from palaver import Action, View
from palaver.testing.telegram import BotApi, Chat, Person
from palaver_telegram.markdown import markdown
from palaver_telegram.render import live, messages, render
from support.telegrams import Palaver, button, pressed


async def twelve_sessions(alice: Person, chat: Chat) -> None:
    for number in range(12):
        if number:
            await alice.send("/newsession")
        await alice.send(f"matter {number}")
        await chat.wait_for_text(f"matter {number}\n\n⏱")


async def test_pages_are_turned_in_place(palaver: Palaver, alice: Person, chat: Chat) -> None:
    await twelve_sessions(alice, chat)
    await alice.send("/sessions")
    listed = await button(chat, "Older ▶")
    assert "👉 1. matter 11" in listed.text
    assert "10. matter 2" in listed.text
    count = len(chat.messages)
    await pressed(alice, chat, "Older ▶")
    await chat.wait_until(lambda: "matter 0" in listed.text)
    assert listed.buttons[-1] == "◀ Newer"
    assert len(chat.messages) == count


async def test_a_session_is_deleted_after_a_question_and_restored_by_a_button(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send("an old matter")
    await chat.wait_for_text("⏱")
    await alice.send("/newsession")
    await chat.wait_for_text("New session started!")
    await alice.send("/sessions")
    listed = await chat.wait_for(lambda message: "an old matter" in message.text and message.rows)
    label = next(label for label in listed.buttons if label.endswith("Delete"))
    row = next(row for row in listed.rows if f"{row[0][0]} Switch" in row)
    await pressed(alice, chat, f"{row[0][0]} Delete")
    await chat.wait_until(lambda: listed.text.startswith("Delete “an old matter”?"))
    assert label
    await pressed(alice, chat, "Delete")
    await chat.wait_until(lambda: listed.text.startswith("🗑️ Deleted “an old matter”"))
    await pressed(alice, chat, "Undo")
    await chat.wait_until(lambda: listed.text.startswith("♻️ Restored “an old matter”"))


async def test_a_session_is_renamed_by_a_reply_even_after_a_restart(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send("something")
    await chat.wait_for_text("⏱")
    await alice.send("/sessioninfo")
    await button(chat, "Rename")
    await pressed(alice, chat, "Rename")
    asked = await chat.wait_for_text("reply to this message")
    await chat.wait_until(lambda: palaver.api.updates.empty)
    await palaver.restart()
    await alice.send("My Project", reply_to=asked)
    await chat.wait_for_text("Renamed to “My Project”")
    await chat.wait_until(lambda: asked.deleted)


async def test_a_question_that_cannot_be_taken_away_costs_nothing(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send("something")
    await chat.wait_for_text("⏱")
    await alice.send("/sessioninfo")
    await button(chat, "Rename")
    await pressed(alice, chat, "Rename")
    asked = await chat.wait_for_text("reply to this message")
    palaver.api.faults.add("deleteMessage", error=400)
    await alice.send("My Project", reply_to=asked)
    await chat.wait_for_text("Renamed to “My Project”")
    await alice.send("My Other Project", reply_to=asked)
    await chat.wait_for_text("Renamed to “My Other Project”")
    await chat.wait_until(lambda: asked.deleted)


async def test_any_session_of_the_list_is_renamed_by_its_own_button(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await twelve_sessions(alice, chat)
    await alice.send("/sessions")
    listed = await button(chat, "Older ▶")
    assert "10. matter 2" in listed.text
    await pressed(alice, chat, "10 Rename")
    asked = await chat.wait_for_text("reply to this message")
    assert asked.text.startswith("✏️ Rename\n")
    await alice.send("My Project", reply_to=asked)
    await chat.wait_for_text("Renamed to “My Project”")
    await alice.send("/sessions")
    again = await chat.wait_for_text("10. My Project")
    assert "👉 1. matter 11" in again.text
    assert [row[0][:2] for row in again.rows[:-1]] == [*(f"{n} " for n in range(1, 10)), "10"]


async def test_an_unknown_command_names_the_nearest(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send("/sesions")
    await chat.wait_for_text("Did you mean /sessions")


async def test_in_a_group_a_button_shows_private_things_in_private(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    group = api.group("Team", members=[alice])
    await alice.send("/start", to=group)
    started = await group.wait_for(lambda message: "Sessions" in message.buttons)
    await alice.press(started, "Sessions")
    await chat.wait_for_text("Your Claude Sessions")
    assert not [text for text in group.texts if "Your Claude Sessions" in text]


async def test_what_is_sent_right_behind_a_command_comes_after_it(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    for number in range(5):
        await alice.send(f"remember {number}")
        await alice.send("/newsession")
        await alice.send("what number")
        await chat.wait_until(
            lambda: sum("told me no number.\n\n⏱" in text for text in chat.texts) == number + 1  # noqa: B023 - it is waited for here
        )


# --- Markdown on a phone ------------------------------------------------------------------------


def said(source: str) -> str:
    return markdown(source).text


def marked(source: str, kind: str) -> list[str]:
    text = markdown(source)
    return [text.text[one.start : one.end] for one in text.marks if one.kind == kind]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("# Title\n\nText", "Title\n\nText"),
        ("one\ntwo", "one\ntwo"),
        ("- a\n- b\n  - c\n- d", "• a\n• b\n  ◦ c\n• d"),
        ("3. a\n4. b", "3. a\n4. b"),
        ("- [ ] open\n- [x] done", "• ☐ open\n• ☑ done"),
        ("text\n\n- a\n\n  more of a", "text\n\n• a\n  more of a"),
        ("> quoted\n\ntext", "quoted\n\ntext"),
        ("a\n\n---\n\nb", "a\n\n———\n\nb"),
        ("[site](https://x.org) and [file](src/a.py)", "site and file (src/a.py)"),
        ("![a cat](https://x.org/cat.png)", "🖼 a cat"),
        ("a <b>tag</b> &amp; more", "a <b>tag</b> & more"),
        ("```\nunclosed", "unclosed"),
        ("| a | b |\n|---|---|\n| 1 | 22 |", "a │ b\n──┼───\n1 │ 22"),
    ],
)
def test_markdown_is_readable_without_its_signs(source: str, text: str) -> None:
    assert said(source) == text


def test_marks_cover_what_they_should() -> None:
    source = "**bold *both*** `code` ~~gone~~\n\n```py\nx = 1\n```\n\n> said\n> so"
    assert marked(source, "bold") == ["bold both"]
    assert marked(source, "italic") == ["both"]
    assert marked(source, "code") == ["code"]
    assert marked(source, "strikethrough") == ["gone"]
    assert marked(source, "pre") == ["x = 1"]
    assert marked(source, "blockquote") == ["said\nso"]


def test_entities_are_counted_as_telegram_counts() -> None:
    [entity] = render(View(text="🙂🙂 **bold**")).entities()
    assert (entity.type, entity.offset, entity.length) == ("bold", 5, 4)


def test_too_long_an_answer_says_that_the_rest_is_in_the_file() -> None:
    parts, shortened = messages(View(text="word " * 50_000, kind="answer", filed=True))
    assert (len(parts), shortened) == (11, True)
    assert parts[-1].text.startswith("✂️ ")


def test_what_comes_in_no_file_is_not_cut_however_long_it_is() -> None:
    parts, shortened = messages(View(text="word " * 50_000))
    assert not shortened
    assert sum(part.text.count("word") for part in parts) == 50_000


def test_of_a_long_text_at_work_the_end_is_shown_and_code_stays_code() -> None:
    code = "\n".join(f"print({number})" for number in range(1000))
    text = live(View(text=f"Look:\n\n```python\n{code}", kind="progress", footer=("🔧 Bash",)))
    assert text.text.startswith("…\n\nprint(")
    assert text.text.endswith("print(999)\n\n🔧 Bash")
    [code_mark] = [mark for mark in text.marks if mark.kind == "pre"]
    assert code_mark.language == "python"


def test_an_action_that_fits_no_button_is_printed() -> None:
    from palaver_telegram.keyboards import keyboard
    from palaver_telegram.places import namespace

    view = View(title="x", actions=(Action(label="Go", command="/go " + "x" * 80),))
    assert keyboard(view, namespace(1)) == (None, ["Go: /go " + "x" * 80])
