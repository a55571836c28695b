"""Cutting Markdown into messages: all of it arrives, and no code block is broken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palaver.frontends.splitting import split_markdown

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


def test_a_limit_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="no room"):
        split_markdown("hello", 10)


@given(words, st.integers(64, 200))
def test_no_part_is_too_long_and_no_letter_is_lost(text: str, limit: int) -> None:
    parts = split_markdown(text, limit)
    assert all(0 < len(part) <= limit for part in parts)
    fenced = "```" in text or "~~~" in text  # a fence's language stands again where it is reopened
    for letter in "aé漢🙂":
        said, meant = "".join(parts).count(letter), text.count(letter)
        assert said >= meant if fenced else said == meant
