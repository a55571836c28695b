"""Namespaces and session ids: the keys of isolation."""

import uuid

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from palaver.errors import InvalidNamespaceError, SessionNotFoundError
from palaver.identity import Namespace, parse_session_id
from support.strategies import NAMESPACES


@given(NAMESPACES)
@example(Namespace("cli", "a:b:c"))
def test_a_namespace_is_read_back_as_it_is_written(namespace: Namespace) -> None:
    assert Namespace.parse(str(namespace)) == namespace


@given(NAMESPACES, NAMESPACES)
@example(Namespace("a", "b:c"), Namespace("a-b", "c"))
def test_two_namespaces_are_never_written_alike(one: Namespace, other: Namespace) -> None:
    assert (str(one) == str(other)) == (one == other)


@given(st.text())
def test_any_text_is_a_namespace_or_is_refused(text: str) -> None:
    try:
        namespace = Namespace.parse(text)
    except InvalidNamespaceError:
        return
    assert str(namespace) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "telegram",
        "telegram:",
        ":1001",
        "Telegram:1001",
        "tele gram:1001",
        f"{'f' * 33}:1",
        f"cli:{'u' * 201}",
        "cli:two words",
        "cli:tab\there",
        "cli:line\nbreak",
        "cli:no\u00a0break",
        "cli:zero\u200bwidth",
        "cli:nul\x00",
        "../etc:1",
    ],
)
def test_what_is_not_frontend_and_user_is_no_namespace(text: str) -> None:
    with pytest.raises(InvalidNamespaceError):
        Namespace.parse(text)


def test_the_error_shows_the_beginning_of_the_text_and_the_right_form() -> None:
    with pytest.raises(InvalidNamespaceError) as caught:
        Namespace.parse("x" * 5000)
    assert len(str(caught.value)) < 300
    assert "frontend:user" in caught.value.hint


def test_namespaces_sort_by_frontend_then_user() -> None:
    names = [Namespace("telegram", "1"), Namespace("cli", "b"), Namespace("cli", "a")]
    assert [str(name) for name in sorted(names)] == ["cli:a", "cli:b", "telegram:1"]


@given(st.uuids())
def test_a_session_id_is_read_back_as_it_is_written(session_id: uuid.UUID) -> None:
    assert parse_session_id(str(session_id)) == session_id
    assert parse_session_id(f"  {str(session_id).upper()}\n") == session_id


@given(st.text() | st.from_regex(r"[0-9a-fA-F{}\-_:/.]{30,45}", fullmatch=True))
def test_nothing_but_a_session_id_is_read_as_one(text: str) -> None:
    try:
        session_id = parse_session_id(text)
    except SessionNotFoundError:
        return
    assert str(session_id) == text.strip().lower()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "42",
        "../../etc/passwd",
        "{12345678-1234-5678-1234-567812345678}",
        "urn:uuid:12345678-1234-5678-1234-567812345678",
        "12345678123456781234567812345678",
        "12345678-1234-5678-1234-56781234567",
        "12345678-1234-5678-1234-567812345678/..",
        "１2345678-1234-5678-1234-567812345678",
        "1_345678-1234-5678-1234-567812345678",
    ],
)
def test_other_ways_to_write_an_id_are_answered_like_an_unknown_id(text: str) -> None:
    with pytest.raises(SessionNotFoundError) as caught:
        parse_session_id(text)
    assert str(caught.value) == str(SessionNotFoundError())
