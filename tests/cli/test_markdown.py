"""An answer that is still being written, cut into blocks."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palaver_cli.markdown import Block, Blocks

LINES = st.sampled_from(
    ["", "words", "more **words**", "# heading", "- item", "  - inner", "1. one", "2. two", "```",
     "```python", "    indented", "~~~", "| a | b |", "|---|---|", "> quote", "---", "  text"]
)  # fmt: skip
TEXTS = st.lists(LINES, max_size=30).map("\n".join)


def blocks_of(text: str, step: int = 1_000_000) -> list[str]:
    blocks = Blocks()
    found: list[Block] = []
    for start in range(0, len(text), step):
        found += blocks.feed(text[start : start + step])
    return [block.source for block in [*found, *blocks.end()]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one\ntwo\n\nthree", ["one\ntwo", "three"]),
        ("# head\ntext", ["# head", "text"]),
        ("- a\n- b\n\n- c\n\ntext", ["- a\n- b\n\n- c", "text"]),
        ("- a\n\n  more of a\n- b", ["- a\n\n  more of a\n- b"]),
        ("```\na\n\nb\n```\nafter", ["```\na\n\nb\n```", "after"]),
        ("before\n```py\nx\n```", ["before", "```py\nx\n```"]),
        ("1. a\n   ```\n   x\n\n   y\n   ```\n2. b", ["1. a\n   ```\n   x\n\n   y\n   ```\n2. b"]),
        ("~~~\n```\n~~~\nx", ["~~~\n```\n~~~", "x"]),
        ("- a\n\n---\n\nb", ["- a", "---", "b"]),
        ("| a |\n|---|\n| 1 |\n\nend", ["| a |\n|---|\n| 1 |", "end"]),
        ("```\nnever closed\n\n# no heading", ["```\nnever closed\n\n# no heading"]),
        ("\n\n\n", []),
    ],
)
def test_a_block_ends_where_markdown_says(text: str, expected: list[str]) -> None:
    assert blocks_of(text) == expected


@settings(deadline=None)
@given(TEXTS, st.integers(1, 7))
def test_how_the_text_comes_in_makes_no_difference(text: str, step: int) -> None:
    assert blocks_of(text, step) == blocks_of(text)


@settings(deadline=None)
@given(TEXTS)
def test_no_line_is_lost_or_moved(text: str) -> None:
    said = [line for block in blocks_of(text) for line in block.splitlines() if line.strip()]
    assert said == [line for line in text.splitlines() if line.strip()]


def test_a_finished_paragraph_is_given_at_once_and_the_rest_is_the_tail() -> None:
    blocks = Blocks()
    assert [block.source for block in blocks.feed("one\n\ntw")] == ["one"]
    assert blocks.tail == Block("tw")


def test_long_code_is_cut_after_a_line_and_goes_on_as_code() -> None:
    blocks = Blocks()
    blocks.feed("```python\n" + "".join(f"x{n} = {n}\n" for n in range(30)))
    first = blocks.cut(10)
    assert first is not None
    assert first.source.startswith("```python\nx0 = 0\n")
    assert first.source.endswith("x19 = 19\n```")
    assert not first.joined
    [rest] = blocks.feed("```\n")
    assert rest.joined
    assert rest.source.startswith("```python\nx20 = 20\n")
    assert rest.source.endswith("x29 = 29\n```")


def test_a_long_numbered_list_is_cut_before_an_item_and_counts_on() -> None:
    blocks = Blocks()
    blocks.feed("".join(f"1. item {n}\n   - inner\n" for n in range(20)))
    first = blocks.cut(5)
    assert first is not None
    assert first.source.splitlines()[-2:] == ["1. item 16", "   - inner"]
    [rest] = blocks.end()
    assert rest.joined
    assert rest.source.splitlines()[0] == "18. item 17"


def test_a_long_paragraph_or_table_is_not_cut() -> None:
    for line in ("words", "| a | b |"):
        blocks = Blocks()
        blocks.feed(f"{line}\n" * 50)
        assert blocks.cut(5) is None


@settings(deadline=None)
@given(TEXTS, st.integers(2, 6))
def test_cutting_loses_no_line(text: str, keep: int) -> None:
    blocks = Blocks()
    found: list[Block] = []
    for line in text.splitlines(keepends=True):
        found += blocks.feed(line)
        if block := blocks.cut(keep):
            found.append(block)
    found += blocks.end()
    words = [w for block in found for w in block.source.split() if w.isalpha()]
    expected = [w for w in text.split() if w.isalpha()]
    assert words == expected
