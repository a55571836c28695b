"""Facts that outlive the process."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from palaver.frontends.marks import Marks

NAME = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(NAME, min_size=1, max_size=3))
async def test_a_mark_of_any_names_is_found_by_another_life(
    tmp_path: Path, names: list[str]
) -> None:
    await Marks(tmp_path, "kind").add(*names)
    assert await Marks(tmp_path, "kind").all() == [tuple(names)]
    await Marks(tmp_path, "kind").drop(*names)
    assert await Marks(tmp_path, "kind").all() == []


async def test_kinds_know_nothing_of_each_other(tmp_path: Path) -> None:
    await Marks(tmp_path, "one").add("a")
    assert await Marks(tmp_path, "other").all() == []


async def test_there_are_none_without_a_folder(tmp_path: Path) -> None:
    marks = Marks(tmp_path / "none", "kind")
    assert await marks.all() == []
    await marks.drop("never added")
