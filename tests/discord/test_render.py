"""Views as messages: all of a view is there, and no message is more than Discord takes."""

import re

import pytest
from hypothesis import HealthCheck, given, settings

from palaver import FieldRow, Item, View
from palaver_discord.markdown import visible
from palaver_discord.render import LONG_ANSWER, NOTHING, TOO_MANY_PARTS, live, messages
from support.discord_reading import accepted, read
from support.discord_views import answers, views

WORD = re.compile(r"w\d+w")
SLOW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def shown(view: View) -> str:
    """All that a reader sees."""
    return "\n".join(read(accepted(part)).shown for part in messages(view)[0])


def test_an_answer_is_text_and_its_receipt_is_small() -> None:
    view = View(title="Done_", text="All *good*.", footer=("⏱ 2 s", "💰 $1"), kind="answer")
    [part], _ = messages(view)
    assert part.content == "**Done\\_**\n\nAll *good*.\n\n-# ⏱ 2 s\n-# 💰 $1"
    assert part.embed is None


def test_all_else_is_an_embed() -> None:
    view = View(
        title="📊 *Session*",
        text="Some **text**.",
        fields=(FieldRow(name="ID", value="a`b", code=True), FieldRow(name="N", value="x_y_")),
        footer=("💡 Use /help",),
    )
    [part], _ = messages(view)
    assert part.content is None
    assert part.embed
    assert part.embed.title == "📊 \\*Session\\*"
    assert part.embed.description == "Some **text**."
    assert [(one.name, one.value) for one in part.embed.fields] == [
        ("ID", "`` a`b ``"),
        ("N", "x\\_y\\_"),
    ]
    assert part.embed.footer.text == "💡 Use /help"


def test_the_current_item_is_marked_and_all_are_numbered() -> None:
    items = (Item(title="one", text="1 turn"), Item(title="two", marked=True))
    [part], _ = messages(View(items=items, first=11))
    assert part.embed
    assert part.embed.description == "**11.** one\n1 turn\n👉 **12.** two"


def test_kinds_have_their_colours() -> None:
    kinds = ("info", "notice", "approval", "question", "error")
    embeds = [messages(View(title="x", kind=kind))[0][0].embed for kind in kinds]
    assert len({embed.colour for embed in embeds if embed}) == len(kinds)


def test_what_may_have_been_seen_before_says_so() -> None:
    for kind in ("answer", "info"):
        assert "seen this before" in shown(View(text="x", repeated=True, kind=kind))


def test_a_table_is_a_code_block() -> None:
    [part], _ = messages(View(text="| a | b |\n|---|---|\n| 1 | 2 |", kind="answer"))
    [(_, block)] = read(part.content or "").blocks
    assert {"a", "b", "1", "2"} <= set(block.split())


def test_a_code_block_is_cut_into_whole_ones() -> None:
    source = "```python\n" + "\n".join(f"print({number})" for number in range(600)) + "\n```"
    parts, _ = messages(View(text=source, kind="answer"))
    assert len(parts) > 1
    blocks = [read(part.content or "").blocks for part in parts]
    assert [len(found) for found in blocks] == [1] * len(parts)
    assert {language for [(language, _)] in blocks} == {"python"}
    said = "\n".join(content for [(_, content)] in blocks)
    assert said.split() == [f"print({number})" for number in range(600)]


def test_a_long_embed_goes_on_and_ends_with_its_fields_and_footer() -> None:
    view = View(
        title="title",
        text="word " * 3000,
        fields=(FieldRow(name="name", value="value"),),
        footer=("end",),
    )
    parts, _ = messages(view)
    embeds = [part.embed for part in parts if part.embed]
    assert [embed.title for embed in embeds] == ["title", *[None] * (len(embeds) - 1)]
    assert [len(embed.fields) for embed in embeds] == [*[0] * (len(embeds) - 1), 1]
    assert [embed.footer.text for embed in embeds] == [*[None] * (len(embeds) - 1), "end"]
    assert shown(view).count("word") == 3000


def test_too_many_fields_and_a_long_footer_become_text() -> None:
    fields = tuple(FieldRow(name=f"n{number}", value=f"v{number}") for number in range(40))
    view = View(fields=fields, footer=("foot " * 500,))
    assert all(f"v{number}" in shown(view) for number in range(40))
    assert shown(view).count("foot") == 500


@pytest.mark.parametrize("kind", ["answer", "progress", "info", "notice"])
@pytest.mark.parametrize("blank", ["", " \n", "\u200b", "\u2800"])
def test_there_is_always_something_to_see(kind: str, blank: str) -> None:
    view = View.model_validate({"title": blank, "text": blank, "footer": (blank,), "kind": kind})
    assert NOTHING in shown(view)


def test_a_footer_alone_is_seen() -> None:
    assert "only me" in shown(View(footer=("only me",)))


def test_of_a_very_long_answer_the_file_has_all() -> None:
    view = View(text="word " * 20_000, kind="answer")
    parts, shortened = messages(view)
    assert shortened
    assert len(parts) < TOO_MANY_PARTS
    assert len(view.text) > LONG_ANSWER
    assert "file" in (parts[-1].content or "")


def test_what_comes_in_no_file_is_never_shortened() -> None:
    parts, shortened = messages(View(text="word " * 40_000))
    assert not shortened
    assert len(parts) > TOO_MANY_PARTS


def test_a_live_message_shows_the_end_of_a_long_text_and_the_tools() -> None:
    text = "```python\n" + "\n".join(f"line({number})" for number in range(3000))
    part = live(View(text=text, footer=("🔧 Bash ls",), kind="progress"))
    assert "line(2999)" in accepted(part)
    assert "🔧 Bash ls" in accepted(part)
    assert len(read(part.content or "").blocks) == 1


@given(views)
@SLOW
def test_every_view_is_accepted(view: View) -> None:
    parts, _ = messages(view)
    assert parts
    assert all(visible(accepted(part)) for part in parts)


@given(views)
@SLOW
def test_no_word_of_a_view_is_lost(view: View) -> None:
    texts = [view.title, view.text, *view.footer]
    texts += [text for row in view.fields for text in (row.name, row.value)]
    texts += [text for item in view.items for text in (item.title, item.text)]
    said = WORD.findall(shown(view))
    wanted = WORD.findall("\n".join(texts))
    assert sorted(said) == sorted(wanted)


@given(answers)
@SLOW
def test_every_live_text_is_accepted(text: str) -> None:
    view = View(text=text, title="" if text else "⏳", footer=("🔧 Bash ls",), kind="progress")
    assert visible(accepted(live(view)))
