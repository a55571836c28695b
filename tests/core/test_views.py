"""Messages without markup, and what their buttons carry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from palaver.identity import Namespace
from palaver.views import (
    MAX_BUTTON_BYTES,
    Action,
    FieldRow,
    Item,
    View,
    decode_button,
    encode_button,
    owner_tag,
)
from support.strategies import NAMESPACES

ALICE, BOB = Namespace("telegram", "1001"), Namespace("telegram", "1002")
COMMANDS = st.from_regex(r"/[a-z][a-z0-9_]{0,10}( [^\n]{0,40})?", fullmatch=True)


@given(NAMESPACES, COMMANDS)
def test_a_button_gives_back_its_owner_and_its_command(owner: Namespace, command: str) -> None:
    action = Action(label="Do it", command=command)
    try:
        data = encode_button(owner, action)
    except ValueError:
        assert len(command.encode()) + len(owner_tag(owner)) > MAX_BUTTON_BYTES
    else:
        assert len(data.encode()) <= MAX_BUTTON_BYTES
        assert decode_button(data) == (owner_tag(owner), command)


@given(st.text())
def test_what_was_never_a_button_of_ours_is_refused(data: str) -> None:
    try:
        tag, command = decode_button(data)
    except ValueError:
        return
    assert tag + command == data
    assert set(tag) <= set("0123456789abcdef")
    assert Action(label="x", command=command).command == command


@pytest.mark.parametrize(
    "data", ["", "/stop", "abcdef", "abcdef/", "abcdef//", "abcdef/Stop", "ABCDEF/stop"]
)
def test_data_without_an_owner_or_a_command_is_no_button(data: str) -> None:
    with pytest.raises(ValueError, match="not a button"):
        decode_button(data)


def test_two_owners_have_different_buttons_for_the_same_command() -> None:
    action = Action(label="Stop", command="/stop")
    assert encode_button(ALICE, action) != encode_button(BOB, action)


def test_every_command_with_a_session_id_fits_into_a_button() -> None:
    session_id = "12345678-1234-5678-1234-567812345678"
    for command in (f"/sessioninfo {session_id}", f"/delete {session_id} yes"):
        encode_button(Namespace("telegram", "9" * 20), Action(label="x", command=command))


@pytest.mark.parametrize("command", ["stop", "/", "/Stop", "//stop", " /stop", ""])
def test_an_action_is_a_command(command: str) -> None:
    with pytest.raises(ValidationError):
        Action(label="x", command=command)


def test_a_view_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ValidationError):
        View.model_validate({"title": "x", "parse_mode": "HTML"})


FULL = View(
    title="Title",
    text="Text",
    fields=(FieldRow(name="Name", value="value"),),
    items=(
        Item(title="one", text="first", actions=(Action(label="Go", command="/go 1"),)),
        Item(title="two", marked=True),
    ),
    footer=("footer",),
    actions=(Action(label="All", command="/all"),),
)


def test_plain_text_has_all_of_a_view_in_its_order() -> None:
    assert FULL.plain().splitlines() == [
        "Title",
        "Text",
        "Name: value",
        "1. one",
        "   first",
        "   Go: /go 1",
        "👉 2. two",
        "footer",
        "All: /all",
    ]


def test_plain_text_without_commands_has_no_actions() -> None:
    text = FULL.plain(commands=False)
    assert "/go" not in text
    assert "/all" not in text


def test_a_typed_view_has_its_actions_as_words_and_not_as_buttons() -> None:
    typed = FULL.typed()
    assert typed.actions == ()
    assert typed.footer == ("footer", "All: /all")
    assert typed.plain() == FULL.plain()


def test_an_answer_that_may_be_a_repetition_says_so_first() -> None:
    assert View(text="42", repeated=True).plain().splitlines() == [
        "(you may have seen this before)",
        "42",
    ]


def test_an_empty_view_is_an_empty_text() -> None:
    assert View().plain() == ""
