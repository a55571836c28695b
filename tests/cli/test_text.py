"""Text from elsewhere can do no harm in a terminal."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palaver_cli.text import colourless, harmless, one_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("dos\r\nlines", "dos\nlines"),
        ("\x1b[2J\x1b]52;c;aGk=\x07", "␛[2J␛]52;c;aGk=␇"),
        ("over\rwritten", "over␍written"),
        ("\x9b31m", "�31m"),
        ("rm \u202egnp.exe", "rm <U+202E>gnp.exe"),
        ("👩\u200d💻 漢字 é", "👩\u200d💻 漢字 é"),
    ],
)
def test_controls_are_shown_and_not_obeyed(text: str, shown: str) -> None:
    assert harmless(text) == shown


@settings(deadline=None)
@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    left = [c for c in harmless(text) if unicodedata.category(c) == "Cc" and c not in "\n\t"]
    assert left == []


def test_the_colours_of_a_programs_output_are_taken_out() -> None:
    assert colourless("\x1b[31mred\x1b[0m and \x1b[1;38;5;9mbold\x1b[m") == "red and bold"


def test_a_line_is_made_of_many_and_cut() -> None:
    assert one_line("a\n  b\tc", 10) == "a b c"
    assert one_line("abcdef", 4) == "abc…"
