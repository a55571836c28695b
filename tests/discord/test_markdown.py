"""What Discord reads otherwise than CommonMark is written anew, so that nothing is hidden."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palaver_discord.markdown import adapted, code, escape, guarded, pieces, sendable, visible
from support.discord_reading import read
from support.discord_views import ANY, answers, markup, words

LIMIT = 2000


def shown(source: str) -> list[str]:
    return pieces(adapted(source), LIMIT)


@pytest.mark.parametrize(
    "hidden",
    [
        "a ||spoiler|| b",
        "a |||spoiler||| b",
        "`code` ||spoiler|| `code`",
        "``a` ||spoiler|| `",
        "```a`` ||spoiler|| `",
        "````a```` ||spoiler|| ```",
        "\\||spoiler|| and \\\\||spoiler||",
        "[link](https://example.org)||spoiler||",
        "<@123> <@!123> <@&123> <#123> <t:0> <t:0:R> <:name:1> <a:name:1> </name:1> <id:home>",
    ],
)
def test_nothing_is_hidden_or_replaced(hidden: str) -> None:
    [piece] = shown(hidden)
    assert read(piece).hidden == []


def test_code_stays_as_it_is() -> None:
    source = "Run `a || b` or\n```sh\na || b <@1>\n```"
    assert shown(source) == [source]


@pytest.mark.parametrize("source", ["a__b__c", "https://example.org/a__b__c", "x <b> y | z"])
def test_what_is_harmless_or_escaped_reads_as_it_was_written(source: str) -> None:
    assert read(guarded(source)).shown == source


def test_links_are_not_touched() -> None:
    source = "See https://example.org/a__b__c, [`this`](https://example.org/__x__), [that](a)."
    assert guarded(source) == source


@pytest.mark.parametrize(
    ("source", "language", "content"),
    [
        ("~~~python\nx\n~~~", "python", "x"),
        ("````md\n```\nx\n```\n````", "md", "`\u200b``\nx\n`\u200b``"),
        ("1. Do:\n   ```bash\n   ls\n     -l\n   ```\n2. Done", "bash", "ls\n  -l"),
        ("> ```c\n> int *p, *q;\n> ```\n> said", "c", "int *p, *q;"),
        ("> ```\n> > a > b\n>  c >> d\n> ```", "", "> a > b\n c >> d"),
        ("> > ```\n> > a > b\n> > ```", "", "a > b"),
        ("Look:\n\n    int *p, *q;\n\n    return;\n\nDone", "", "int *p, *q;\n\nreturn;"),
        ("Look:\n\n\tint *p, *q;", "", "int *p, *q;"),
        ("``` js title=x\nx\n```", "js", "title=x\nx"),
        ("```\nnever closed", "", "never closed"),
        ("```\n```", "", " "),
    ],
    ids=[
        *("tildes", "long", "list", "quote", "signs", "quotes"),
        *("indented", "tab", "info", "open", "empty"),
    ],
)
def test_every_code_block_of_commonmark_is_one_for_discord(
    source: str, language: str, content: str
) -> None:
    [piece] = shown(source)
    assert read(piece).blocks == [(language, content)]


def test_indented_text_of_a_list_is_no_code() -> None:
    source = "- one\n\n    more of it\n- two"
    assert read(shown(source)[0]).blocks == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (">>> print(1)\n2", "\\>>> print(1)\n2"),
        ("-# small", "\\-# small"),
        ("##### deep", "### deep"),
        ("> quoted\n- item\n# head", "> quoted\n- item\n# head"),
    ],
)
def test_lines_that_begin_oddly(source: str, expected: str) -> None:
    assert adapted(source) == expected


@pytest.mark.parametrize("blank", ["** **", "_ _", "~~ ~~", "*** ***"])
def test_what_discord_would_show_blank_is_seen(blank: str) -> None:
    [piece] = shown(blank)
    assert read(piece).shown == blank


@pytest.mark.parametrize("blank", ["", "  \n", "\u200b", "\u2800\u3164", "\u200d\ufeff"])
def test_what_has_nothing_to_see_is_left_out(blank: str) -> None:
    assert not visible(blank)
    assert shown(blank) == []


PLAIN = [
    "[a](b) ||spoiler|| (c)",
    "<x:/||spoiler||>",
    "https://example.org||spoiler||",
    "\n-",
    "  - item\n  > quote\n  # head\n  -# small\n 1. one\n 7. seven",
    "https://example.org/a_b_c",
    "__init__.py *a* ~~b~~ `c` <@1>",
]


@pytest.mark.parametrize("text", PLAIN)
def test_plain_text_is_not_formatted(text: str) -> None:
    found = read(escape(text))
    assert found.shown == text
    assert found.hidden == []


def test_in_plain_text_links_can_be_followed() -> None:
    assert escape("https://example.org/a_b_c") == "https://example.org/a_b_c"


@given(st.one_of(st.text(ANY, max_size=200), st.lists(markup, max_size=30).map("".join)))
def test_plain_text_reads_as_it_is(text: str) -> None:
    plain = sendable(text)
    found = read(escape(text))
    assert found.shown == plain
    assert not found.hidden
    assert not found.blocks


@given(st.text(st.sampled_from("ab`|\\*_ \n"), min_size=1, max_size=30))
def test_plain_text_in_code_reads_as_it_is(text: str) -> None:
    found = read(code(text))
    assert found.hidden == []
    assert text.strip() in found.shown


@given(answers)
@settings(deadline=None)
def test_nothing_of_a_generated_text_is_hidden(text: str) -> None:
    for piece in shown(text):
        assert 0 < len(piece) <= LIMIT
        assert visible(piece)
        assert read(piece).hidden == []


@given(st.text(st.sampled_from("`|\\<@1> a\n~_"), max_size=60), st.integers(128, 200))
@settings(deadline=None)
def test_nothing_is_hidden_however_ticks_and_bars_are_mixed(text: str, limit: int) -> None:
    for piece in pieces(adapted(text * 5), limit):
        assert len(piece) <= limit
        assert read(piece).hidden == []


@given(
    st.lists(st.one_of(words, st.sampled_from(["||", "**", "```", "~~~", "`", "\n", "> ", "-# "])))
)
@settings(deadline=None)
def test_no_word_is_lost_and_none_is_moved(parts: list[str]) -> None:
    source = " ".join(parts)
    assert re.findall(r"w\d+w", " ".join(shown(source))) == re.findall(r"w\d+w", source)


HARD = {
    "200 kB": "A **bold** word, `code` and [a link](https://example.org/x). " * 3300,
    "bars": "||" * 50_000,
    "ticks": "`" * 50_000,
    "single ticks": "` `` " * 10_000,
    "an unclosed fence": "```python\n" + "print('x' || 'y')\n" * 2000,
    "quotes in each other": ">" * 5000 + " deep",
    "indented": "\n\n    x" * 5000,
    "one word of 100 kB": "x" * 100_000,
    "underscores": "a__" * 20_000,
    "astral characters": "🙂" * 10_000,
}


@pytest.mark.parametrize("name", HARD)
def test_hard_cases_fit(name: str) -> None:
    found = shown(HARD[name])
    assert found
    assert all(len(piece) <= LIMIT for piece in found)
