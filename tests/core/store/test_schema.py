"""How values lie in the database."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from palaver.store.schema import Time, kept, original, sound

ANY_TEXT = st.text(st.characters(), max_size=30)  # with halves of surrogate pairs, and NULs
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
DIALECT = sqlite.dialect()


@given(st.datetimes(timezones=ZONES))
def test_a_time_comes_back_exactly_and_in_utc(time: datetime) -> None:
    try:
        expected = time.astimezone(UTC)
    except OverflowError:
        return  # the first and the last hours of the calendar
    column = Time()
    back = column.process_result_value(column.process_bind_param(time, DIALECT), DIALECT)
    assert back == expected
    assert back.tzinfo is UTC


@given(ANY_TEXT | ANY_TEXT.map("hexadecimal:".__add__))
def test_opaque_text_comes_back_exactly_from_what_any_database_takes(text: str) -> None:
    stored = kept(text)
    assert "\0" not in stored
    stored.encode()
    assert original(stored) == text


@given(ANY_TEXT)
def test_words_are_changed_only_where_they_must_be(text: str) -> None:
    stored = sound(text)
    assert "\0" not in stored
    stored.encode()
    if "\0" not in text and not any("\ud800" <= one <= "\udfff" for one in text):
        assert stored == text
