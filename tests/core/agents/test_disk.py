"""Transcripts as files."""

import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from palaver.agents import disk
from palaver.agents.disk import move_transcript, scan_transcripts
from palaver.models import Stamp


def stamp(path: Path) -> Stamp:
    found = path.stat()
    return Stamp(found.st_size, found.st_mtime_ns)


def transcript(folder: Path, name: str = "a.jsonl", text: str = "hello\n") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text)
    return path


def noted(path: Path, as_it_was: Stamp) -> tuple[str, int, int]:
    return str(path), as_it_was.size, as_it_was.modified_ns


def test_only_what_has_changed_is_told(tmp_path: Path) -> None:
    same, grown, touched, gone = (
        transcript(tmp_path, f"{name}.jsonl") for name in ("same", "grown", "touched", "gone")
    )
    known = [noted(path, stamp(path)) for path in (same, grown, touched, gone)]
    grown.write_text("hello\nmore\n")
    os.utime(touched, ns=(1, 1))
    gone.unlink()
    assert dict(scan_transcripts(known)) == {
        str(grown): stamp(grown),
        str(touched): Stamp(6, 1),
        str(gone): None,
    }


def test_a_folder_that_is_gone_has_lost_its_transcripts(tmp_path: Path) -> None:
    path = tmp_path / "none" / "a.jsonl"
    assert dict(scan_transcripts([noted(path, Stamp(1, 1))])) == {str(path): None}


def test_a_file_in_the_place_of_the_folder_is_no_error(tmp_path: Path) -> None:
    blocking = transcript(tmp_path, "folder")
    path = blocking / "a.jsonl"
    assert dict(scan_transcripts([noted(path, Stamp(1, 1))])) == {str(path): None}


def test_what_cannot_be_looked_at_is_not_called_gone(tmp_path: Path) -> None:
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    assert dict(scan_transcripts([noted(circle / "a.jsonl", Stamp(1, 1))])) == {}


def test_moving_takes_the_folder_of_the_same_name_along(tmp_path: Path) -> None:
    source = transcript(tmp_path / "projects")
    os.utime(source, ns=(7, 7))
    transcript(tmp_path / "projects" / "a" / "subagents", "b.jsonl")
    moved = move_transcript(source, tmp_path / "trash" / "deep")
    assert moved == tmp_path / "trash" / "deep" / "a.jsonl"
    assert moved.read_text() == "hello\n"
    assert moved.stat().st_mtime_ns == 7
    assert (tmp_path / "trash" / "deep" / "a" / "subagents" / "b.jsonl").exists()
    assert list((tmp_path / "projects").iterdir()) == []


def test_moving_back_restores_all(tmp_path: Path) -> None:
    source = transcript(tmp_path / "projects")
    transcript(tmp_path / "projects" / "a", "b.jsonl")
    before = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    moved = move_transcript(source, tmp_path / "trash")
    assert move_transcript(moved, tmp_path / "projects") == source
    (tmp_path / "trash").rmdir()
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == before


@pytest.mark.parametrize("taken", ["a.jsonl", "a/b.jsonl"])
def test_moving_overwrites_nothing(tmp_path: Path, taken: str) -> None:
    source = transcript(tmp_path / "projects")
    transcript(tmp_path / "projects" / "a", "b.jsonl")
    other = transcript((tmp_path / "trash" / taken).parent, Path(taken).name, "other")
    with pytest.raises(FileExistsError):
        move_transcript(source, tmp_path / "trash")
    assert other.read_text() == "other"
    assert source.read_text() == "hello\n"
    assert (tmp_path / "projects" / "a" / "b.jsonl").exists()


def test_what_is_not_there_cannot_be_moved(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        move_transcript(tmp_path / "none.jsonl", tmp_path / "trash")


def test_a_move_that_fails_half_way_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = transcript(tmp_path / "projects")
    transcript(tmp_path / "projects" / "a", "b.jsonl")

    def full(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(disk, "_move_file", full)
    with pytest.raises(OSError, match="No space"):
        move_transcript(source, tmp_path / "trash")
    assert source.exists()
    assert (tmp_path / "projects" / "a" / "b.jsonl").exists()
    assert list((tmp_path / "trash").iterdir()) == []


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system."""
    shared_memory = Path("/dev/shm")
    if not shared_memory.is_dir() or shared_memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is only one file system")
    with tempfile.TemporaryDirectory(dir=shared_memory) as folder:
        yield Path(folder)


def test_moving_works_across_file_systems(tmp_path: Path, other_disk: Path) -> None:
    source = transcript(tmp_path / "projects")
    os.utime(source, ns=(7_000_000_000, 7_000_000_000))
    transcript(tmp_path / "projects" / "a", "b.jsonl")
    moved = move_transcript(source, other_disk / "trash")
    assert moved.read_text() == "hello\n"
    assert moved.stat().st_mtime_ns == 7_000_000_000
    assert (other_disk / "trash" / "a" / "b.jsonl").exists()
    assert list((tmp_path / "projects").iterdir()) == []


def test_the_trash_is_private(tmp_path: Path) -> None:
    move_transcript(transcript(tmp_path / "projects"), tmp_path / "trash")
    assert (tmp_path / "trash").stat().st_mode & 0o077 == 0
