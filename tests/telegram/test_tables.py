"""Tables: as Telegram's own, in columns or as a list, every word of them is read."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from palaver import View
from palaver.testing.telegram import BotApi, Chat, Person
from palaver_telegram.markdown import markdown
from palaver_telegram.render import messages
from palaver_telegram.rich import rich
from palaver_telegram.text import Text
from support.telegrams import Palaver

WIDE = (
    "| name | what it does | since |\n|---|---|---|\n"
    "| `alpha` | some words about what it does | 1.0 |\n| beta | other words | |"
)


def marked(text: Text, kind: str) -> list[str]:
    return [text.text[one.start : one.end] for one in text.marks if one.kind == kind]


def test_a_wide_table_becomes_a_list_that_keeps_all_headings() -> None:
    text = markdown(WIDE)
    assert text.text == (
        "name: alpha\n  what it does: some words about what it does\n  since: 1.0\n"
        "name: beta\n  what it does: other words\n  since: —"
    )
    assert marked(text, "bold") == ["name: alpha", "name: beta"]


def test_a_first_column_without_a_heading_names_the_rows() -> None:
    source = "| | Monday | Tuesday |\n|---|---|---|\n| early | a walk along the river | a swim |\n"
    assert markdown(source).text == "early\n  Monday: a walk along the river\n  Tuesday: a swim"


def test_links_stay_links() -> None:
    source = "| [a](https://a.org) | b |\n|---|---|\n| [c](https://c.org) | d |"
    text = markdown(source)
    assert text.text == "a: c\n  b: d"
    urls = [mark.url for mark in text.marks if mark.kind == "text_link"]
    assert urls == ["https://a.org", "https://c.org"]


@pytest.mark.parametrize("refused", [False, True])
async def test_a_pipe_in_a_cell_costs_no_word(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat, refused: bool
) -> None:
    """An agent forgets to escape it; GitHub's rules drop what is then one cell too much."""
    if refused:
        api.faults.add("sendRichMessage", error=400)
    await alice.send("| key | meaning |\n|---|---|\n| a | `ls | wc` | lines |")
    answer = await chat.wait_for(lambda message: message.from_bot and "⏱" in message.text)
    assert "ls | wc" in answer.text
    assert "lines" in answer.text


async def test_a_wide_table_that_is_refused_keeps_all_headings(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    api.faults.add("sendRichMessage", error=400)
    await alice.send(WIDE)
    answer = await chat.wait_for(lambda message: message.from_bot and "⏱" in message.text)
    assert answer.text.startswith("name: alpha\n  what it does: some words")


# --- generated ----------------------------------------------------------------------------------

words = st.integers(0, 999).map(lambda number: f"w{number}w")
around = ["**{}**", "_{}_", "`{}`", "~~{}~~", "[{}](https://w1w.org)", "[w2w]({})", "![{}](a.png)"]
pieces = st.one_of(
    words,
    st.builds(str.format, st.sampled_from(around), words),
    st.sampled_from(["**", "`", "[", "](", "<br>", "\\|", "漢字", "", "two words"]),
)
cells = st.lists(pieces, max_size=3).map(" ".join)
rows = st.lists(st.lists(cells, max_size=6), max_size=5)


def drawn(prefix: str, head: list[str], body: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"{prefix}| {' | '.join(line)} |" for line in lines)


tables = st.builds(
    drawn, st.sampled_from(["", "> ", "  "]), st.lists(cells, min_size=1, max_size=5), rows
)


def said(text: str) -> set[str]:
    return set(re.findall(r"w\d+w", text))


@given(tables)
@settings(deadline=None)
@example(
    "| w1w | " + " | ".join("long" * 10 for _ in range(2)) + " |\n|---|---|---|\n| a | b | c |"
)
def test_no_word_of_a_cell_or_a_heading_is_lost(source: str) -> None:
    view = View(text=source, kind="answer")
    parts, _ = messages(view)
    urls = [str(mark.url) for part in parts for mark in part.marks]
    assert said(source) <= said(" ".join([*(part.text for part in parts), *urls]))
    written = rich(view, "always")
    assert written is None or said(source) <= said(written)
