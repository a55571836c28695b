"""Cutting Markdown into messages: all of it arrives, and no code block is broken."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palaver.frontends.splitting import split_markdown, tail_markdown

pieces = ["a", "é", "漢", "🙂", " ", "\n", "\n\n", "```", "~~~~", "```py\n", "`", "x" * 50]
words = st.lists(st.sampled_from(pieces), max_size=400).map("".join)


def test_a_short_text_stays_whole() -> None:
    assert split_markdown("hello", 64) == ["hello"]
    assert split_markdown("", 64) == []


def test_it_cuts_between_paragraphs_before_lines_before_words() -> None:
    paragraph = "word " * 10
    parts = split_markdown(f"{paragraph}\n\n{paragraph}\n\n{paragraph}", 120)
    assert [part.count("word") for part in parts] == [20, 10]


def test_a_code_block_is_closed_and_opened_again_with_its_language() -> None:
    code = "\n".join(f"print({number})" for number in range(40))
    parts = split_markdown(f"Look:\n\n```python\n{code}\n```\n\nDone.", 150)
    for part in parts[1:-1]:
        assert part.startswith("```python\n")
        assert part.endswith("\n```")
    lines = [line for part in parts for line in part.splitlines() if line.startswith("print")]
    assert lines == code.splitlines()


def test_a_fence_within_a_longer_fence_is_text() -> None:
    inner = "\n".join(["````md", "```python", *["x = 1"] * 40, "```", "````"])
    parts = split_markdown(inner, 120)
    assert all(part.startswith("````md") and part.endswith("````") for part in parts)


@pytest.mark.parametrize("heading", ["## Two", "**Two**", "# One\n\n**Two:**", "### Two ###"])
def test_a_heading_stays_with_what_it_is_above(heading: str) -> None:
    first, second = split_markdown(f"{'word ' * 16}\n\n{heading}\n\n{'more ' * 16}", 120)
    assert first == ("word " * 16)
    assert second.startswith(f"{heading}\n\nmore")


def test_a_comment_in_code_is_no_heading() -> None:
    code = "\n".join(["x = 1"] * 16)
    parts = split_markdown(f"```python\n{code}\n# more\n{code}\n```", 120)
    assert parts[0].endswith("# more\n```")


def test_a_heading_that_nearly_begins_a_part_does_not_end_it_sooner() -> None:
    parts = split_markdown(f"word\n\n## {'Long ' * 16}\n\n{'more ' * 16}", 120)
    assert parts[0].endswith("Long ")


def test_a_limit_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="no room"):
        split_markdown("hello", 10)
    with pytest.raises(ValueError, match="no room"):
        tail_markdown("hello", 10)


def test_the_tail_of_a_short_text_is_all_of_it() -> None:
    assert tail_markdown("x" * 64, 64) == "x" * 64


def test_a_tail_begins_with_a_line_or_else_with_a_word() -> None:
    lines = "\n".join(f"line {number}" for number in range(40))
    assert tail_markdown(lines, 64).startswith("… line 33\n")
    words = " ".join(f"w{number}" for number in range(40))
    assert tail_markdown(words, 64).startswith("… w25 w26")


@pytest.mark.parametrize("fence", ["```", "~~~~python", "````md"])
def test_a_tail_opens_the_code_block_again_that_it_begins_in(fence: str) -> None:
    lines = "\n".join(f"line {number}" for number in range(40))
    assert tail_markdown(f"Look:\n{fence}\n{lines}", 64).startswith(f"…\n{fence}\nline 3")
    marker = fence.rstrip("pythonmd")
    after = tail_markdown(f"{fence}\n{lines}\n{marker}\n{lines}", 64)
    assert after.startswith("… line 33\n")


@given(words, st.integers(64, 200))
def test_a_tail_is_short_enough_and_ends_as_the_text_does(text: str, limit: int) -> None:
    tail = tail_markdown(text, limit)
    assert len(tail) <= limit
    if len(text) > limit:
        own = re.sub(r"\A… ?(\n[`~]{3,}.*\n)?", "", tail)
        assert text.endswith(own)
        assert len(own) >= limit // 2 - 12  # half of it goes to a cut at a line or word, at most


@given(words, st.integers(64, 200))
def test_no_part_is_too_long_and_no_letter_is_lost(text: str, limit: int) -> None:
    parts = split_markdown(text, limit)
    assert all(0 < len(part) <= limit for part in parts)
    fenced = "```" in text or "~~~" in text  # a fence's language stands again where it is reopened
    for letter in "aé漢🙂":
        said, meant = "".join(parts).count(letter), text.count(letter)
        assert said >= meant if fenced else said == meant
