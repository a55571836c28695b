"""How views look in a terminal."""

import io
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from palaver import Action, FieldRow, Item, View
from palaver_cli.render import Brush, actions_of, echo, tool_line

SWITCH = Action(label="Switch", command="/switch 1", style="primary")
DELETE = Action(label="Delete", command="/delete 1", style="danger")
INFO = Action(label="Info", command="/sessioninfo 1")


def brush(*, colours: bool = False) -> Brush:
    console = Console(
        file=io.StringIO(), force_terminal=True, color_system="truecolor", no_color=not colours
    )
    return Brush(console, "ansi_dark")


def drawn(view: View, width: int = 80) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", brush().draw(brush().view(view), width))


def test_all_of_a_view_is_shown() -> None:
    view = View(
        title="Title",
        text="Some **text**",
        fields=(FieldRow(name="Name", value="value"),),
        items=(Item(title="one", text="a | b"), Item(title="two", marked=True, text="c | d")),
        footer=("foot",),
        actions=(SWITCH,),
        repeated=True,
    )
    text = drawn(view)
    for part in ("seen this before", "Title", "Some text", "Name  value", "one", "two", "foot"):
        assert part in text
    assert "⇥ Tab: Switch" in text


def test_columns_line_up_whatever_the_titles_are_made_of() -> None:
    titles = ("short", "漢字とかな", "🎉 party", "é", "⚠️ old", "a" * 60)
    items = tuple(Item(title=title, text=f"📅 now | 💾 {len(title)} KB") for title in titles)
    lines = drawn(View(items=items), 70).splitlines()
    assert len(lines) == len(titles)
    assert len({cell_len(line[: line.index("📅")]) for line in lines}) == 1
    assert len({cell_len(line[: line.index("💾")]) for line in lines}) == 1


def test_a_second_page_counts_on() -> None:
    text = drawn(View(items=(Item(title="eleventh", actions=(SWITCH,)),), first=11))
    assert re.search(r"11\. +eleventh", text)


def test_the_current_row_has_its_mark_and_its_number() -> None:
    items = (Item(title="one", actions=(SWITCH,)), Item(title="two", marked=True, actions=(INFO,)))
    one, two, *_ = drawn(View(items=items)).splitlines()
    assert re.fullmatch(r" +1\. +one", one)
    assert re.fullmatch(r"👉 +2\. +two", two)


def test_choices_have_the_numbers_by_which_they_are_answered() -> None:
    items = (Item(title="red"), Item(title="green"))
    assert re.search(r"2\. +green", drawn(View(items=items, kind="question")))
    assert not re.search("[12]", drawn(View(items=items)))


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_no_line_is_wider_than_the_window_or_ends_in_blanks(width: int) -> None:
    source = "# Head\n\nwords " + "word " * 50 + "\n\n```python\nx = 1\n```\n\n| a | b |\n|--|--|\n"
    for line in drawn(View(title="t", text=source), width).splitlines():
        assert cell_len(line) <= width
        assert line == line.rstrip()


def test_code_and_diffs_are_coloured() -> None:
    one = brush(colours=True)
    text = one.draw(one.answer("```diff\n-old\n+new\n```"), 80)
    removed, added = (re.search(rf"\x1b\[([0-9;]+)m{sign}", text) for sign in ("-old", r"\+new"))
    assert removed
    assert added
    assert removed[1] != added[1]


def test_without_colours_there_are_none() -> None:
    text = brush().draw(brush().answer("# Head\n\n```python\nx = 'a'\n```"), 80)
    assert not re.search(r"\x1b\[[0-9;]*(3[0-7]|9[0-7]|38;)", text)


def test_the_dangerous_buttons_come_last() -> None:
    view = View(items=(Item(title="one", actions=(DELETE, INFO, SWITCH)),))
    assert [action.label for _, action in actions_of(view)] == ["Switch", "Info", "Delete"]


def test_escape_sequences_in_titles_and_outputs_are_not_obeyed() -> None:
    one = brush()
    for shown in (
        one.view(View(title="\x1b[2J", text="\x1b[2J", footer=("\x1b[2J",))),
        echo("\x1b[2J"),
        tool_line("Bash", "\x1b[2J", ok=True, output=""),
    ):
        assert "\x1b[2J" not in one.draw(shown, 80)


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_can_be_drawn_as_an_answer(text: str) -> None:
    one = brush()
    one.draw(one.answer(text), 40)


@settings(deadline=None)
@given(st.lists(st.sampled_from(list("#-*`|>~1. \n:[]()<ab")), max_size=120).map("".join))
def test_any_markup_can_be_drawn_as_an_answer(text: str) -> None:
    one = brush()
    one.draw(one.answer(text), 40)
