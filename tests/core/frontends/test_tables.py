"""Tables for chats without tables: nothing is lost, and nothing else is touched."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from palaver.frontends.tables import markdown_parser, plain_tables

TABLE = "| name | since |\n|---|---|\n| *one* | 1.0 |\n| `two` | 2.0 |"
ROOMY, NARROW = 60, 8


def test_a_table_that_fits_is_a_block_of_code_in_columns() -> None:
    assert plain_tables(TABLE, ROOMY) == (
        "```\nname │ since\n─────┼──────\none  │ 1.0\ntwo  │ 2.0\n```"
    )


def test_wide_characters_take_two_columns() -> None:
    written = plain_tables("| 漢字 | b |\n|---|---|\n| a | b |", 8)
    assert written == "```\n漢字 │ b\n─────┼──\na    │ b\n```"
    assert "│" not in plain_tables("| 漢字 | b |\n|---|---|\n| a | b |", 7)


def test_one_that_is_too_wide_is_a_list_of_its_rows() -> None:
    assert plain_tables(f"Before\n{TABLE}\n\nAfter\n", NARROW) == (
        "Before\n- **name:** *one*\n  - **since:** 1.0\n"
        "- **name:** `two`\n  - **since:** 2.0\n\nAfter\n"
    )


def test_rows_are_named_by_their_first_cell_where_it_has_no_heading() -> None:
    source = "| | Fast | Cheap |\n|---|---|---|\n| **Plane** | yes | |\n| a_b_ | no | yes |"
    assert plain_tables(source, NARROW) == (
        "- **Plane**\n  - **Fast:** yes\n  - **Cheap:** —\n"
        "- **a\\_b\\_**\n  - **Fast:** no\n  - **Cheap:** yes"
    )


def test_a_link_is_never_put_into_code() -> None:
    source = "| a | b |\n|---|---|\n| [x](https://x.org) | y |"
    assert plain_tables(source, ROOMY) == "- **a:** [x](https://x.org)\n  - **b:** y"


def test_a_table_of_headings_alone_keeps_them() -> None:
    assert plain_tables("| one | two |\n|---|---|", 5) == "- **one:** —\n  - **two:** —"


def test_signs_that_another_cell_could_complete_are_made_text() -> None:
    source = "| a | b |\n|---|---|\n| 2 * 3 | `4 * 5 |"
    assert plain_tables(source, NARROW) == "- **a:** 2 \\* 3\n  - **b:** \\`4 \\* 5"


def test_backticks_in_a_cell_do_not_end_the_block() -> None:
    written = plain_tables("| a |\n|---|\n| ```` ``` ```` |", ROOMY)
    [fence] = [token for token in markdown_parser().parse(written) if token.type == "fence"]
    assert fence.content == "a\n───\n```\n"


@pytest.mark.parametrize(
    ("source", "block", "records"),
    [
        (
            "> said\n> | a |\n> |---|\n> | b |\nnext",
            "> said\n> ```\n> a\n> ─\n> b\n> ```\nnext",
            "> said\n> - **a:** b\n>\nnext",
        ),
        (
            "1. | a |\n   |---|\n   | b |\n2. c",
            "1. ```\n   a\n   ─\n   b\n   ```\n2. c",
            "1. - **a:** b\n\n2. c",
        ),
        (
            "- x\n\n  > | a |\r\n  > |---|\r\n  > | b |\r\n",
            "- x\n\n  > ```\r\n  > a\r\n  > ─\r\n  > b\r\n  > ```\r\n",
            "- x\n\n  > - **a:** b\r\n",
        ),
    ],
)
def test_a_table_stays_in_the_quote_or_list_that_it_is_in(
    source: str, block: str, records: str
) -> None:
    assert plain_tables(source, ROOMY) == block
    assert plain_tables(source, 0) == records


@pytest.mark.parametrize("start", ["", "> ", "- ", "> 1. "])
def test_an_uneven_table_is_an_even_list(start: str) -> None:
    others = start.replace("-", " ").replace("1.", "  ")
    lines = ["| a | b |", f"{others}   |---|---|", f"{others}  | 1 | 2 |", f"{others}| 3 | 4 |"]
    written = plain_tables("\n".join([start + lines[0], *lines[1:]]), 0)
    assert written.splitlines() == [
        f"{start}- **a:** 1",
        f"{others}  - **b:** 2",
        f"{others}- **a:** 3",
        f"{others}  - **b:** 4",
    ]


def test_what_follows_at_once_does_not_become_a_part_of_the_list() -> None:
    assert plain_tables(f"{TABLE}\n# Next", 0).endswith(
        "1.0\n- **name:** `two`\n  - **since:** 2.0\n\n# Next"
    )


@pytest.mark.parametrize(
    "source",
    [
        "",
        "a | b - c",
        f"```\n{TABLE}\n```",
        "    | a |\n    |---|\n    | b |",
        "| a | b |\n|---|\n| c |",
        ">" * 20_000 + " | a - b",
    ],
)
def test_a_text_without_tables_is_not_touched(source: str) -> None:
    assert plain_tables(source, ROOMY) == source


def test_cells_beyond_the_headings_are_kept_in_the_last_one() -> None:
    source = "| a | b |\n|---|---|\n| 1 | `x|y` | z |\n2 | 3 | 4"
    assert plain_tables(source, ROOMY) == ("```\na │ b\n──┼────────\n1 │ x|y | z\n2 │ 3 | 4\n```")


# --- generated ----------------------------------------------------------------------------------

words = st.integers(0, 999).map(lambda number: f"w{number}w")
signs = [
    "**",
    "*",
    "_",
    "`",
    "``",
    "~~",
    "[",
    "](",
    ")",
    "<b>",
    "\\",
    "\\|",
    "&amp;",
    "漢",
    "![",
    "#",
]
cells = st.lists(st.one_of(words, words, st.sampled_from(signs)), max_size=4).map(" ".join)
rows = st.lists(st.lists(cells, max_size=5), max_size=4)
befores = st.sampled_from(["", "text", "# Head\n", "- item\n", "```\n| a |\n|---|\n```\n", "x\n\n"])
afters = st.sampled_from(["", "\n\ntext", "\n\n| a | b", "\n\n- item", "\n# Head", "\n\n    code"])
prefixes = st.sampled_from(
    [("", ""), ("> ", "> "), ("- ", "  "), ("> 1. ", ">    "), ("> > ", ">> ")]
)


def drawn(head: list[str], body: list[list[str]], prefix: tuple[str, str]) -> str:
    lines = [head, ["---"] * len(head), *body]
    texts = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([prefix[0] + texts[0], *(prefix[1] + text for text in texts[1:])])


heads = st.lists(cells, min_size=1, max_size=4)
tables = st.builds(drawn, heads, rows, prefixes)


def said(text: str) -> list[str]:
    return re.findall(r"w\d+w", text)


def visible(source: str) -> str:
    """What a reader sees, and where links lead."""
    found = []
    for token in markdown_parser().parse(source):
        for one in [token, *(token.children or [])]:
            found += [one.content, *map(str, one.attrs.values())] if one.type != "inline" else []
    return " ".join(found)


@given(befores, tables, afters, st.integers(0, 80))
@example("", "| w1w [ |\n|---|\n| ](w2w) |", "", 0)
@example("", "| ` w1w |\n|---|\n| w2w ` |", "", 0)
def test_no_cell_and_no_heading_is_lost(before: str, table: str, after: str, width: int) -> None:
    written = plain_tables(f"{before}\n{table}{after}", width)
    assert set(said(table)) <= set(said(written))
    assert set(said(table)) <= set(said(visible(written)))


@given(befores, tables, afters, st.integers(0, 80))
def test_all_else_stays_byte_for_byte(before: str, table: str, after: str, width: int) -> None:
    written = plain_tables(f"{before}\n{table}{after}", width)
    assert written.startswith(f"{before}\n")
    assert written.endswith(after)


@given(befores, tables, afters, st.integers(0, 80))
def test_no_table_is_left_and_no_block_is_too_wide(
    before: str, table: str, after: str, width: int
) -> None:
    written = plain_tables(f"{before}\n{table}{after}", width)
    tokens = markdown_parser().parse(written)
    assert not [token for token in tokens if token.type == "table_open"]
    assert plain_tables(written, width) == written
    drawings = [one.content for one in tokens if one.type == "fence" and "─" in one.content]
    assert all(cell_len(line) <= width for drawing in drawings for line in drawing.splitlines())


@given(
    st.text(st.sampled_from(list("|-: \n\r>a#*`\u2028\x0b\x00\t漢")), max_size=60),
    st.integers(0, 20),
)
def test_any_text_can_be_read(text: str, width: int) -> None:
    written = plain_tables(text, width)
    tables = [one for one in markdown_parser().parse(text) if one.type == "table_open"]
    assert (written == text) or tables
    assert written.count("漢") >= text.count("漢")
    assert written.count("a") >= text.count("a")
