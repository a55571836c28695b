"""What was typed is there again, for its user alone."""

from pathlib import Path

from palaver_cli.history import PrivateHistory


async def loaded(path: Path) -> list[str]:
    history = PrivateHistory(path)
    texts = [text async for text in history.load()]
    history.close()
    return texts


def stored(path: Path, *texts: str) -> None:
    history = PrivateHistory(path)
    for text in texts:
        history.store_string(text)
    history.close()


async def test_what_was_typed_is_there_again_with_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "data" / "history"
    stored(path, "one", "two\nlines 漢字")
    assert await loaded(path) == ["two\nlines 漢字", "one"]


def test_the_file_is_its_users_alone(tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.write_text("")
    path.chmod(0o644)
    stored(path)
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_line_that_begins_with_a_blank_is_not_kept(tmp_path: Path) -> None:
    stored(tmp_path / "history", " secret")
    assert await loaded(tmp_path / "history") == []


async def test_text_that_is_no_unicode_is_kept_as_far_as_it_is(tmp_path: Path) -> None:
    stored(tmp_path / "history", "bad \udcff byte")
    assert await loaded(tmp_path / "history") == ["bad ? byte"]


async def test_a_link_in_the_files_place_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "somebody's file"
    target.write_text("precious")
    (tmp_path / "history").symlink_to(target)
    stored(tmp_path / "history", "one")
    assert target.read_text() == "precious"
    assert await loaded(tmp_path / "history") == []
