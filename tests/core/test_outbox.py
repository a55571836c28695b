"""Files on their way out: checked, copied, and gone once they have been sent."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import palaver.outbox
import palaver.processes as processes
from palaver.events import FileSent, TextDelta
from palaver.feeds import Submission
from palaver.outbox import MAX_FILE, NotSentError, Outbox, _opened
from support.people import engine_starter

SECRET = "nobody outside may read this"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    workspace = tmp_path / "work"
    workspace.mkdir()
    (workspace / "report.txt").write_text("all is well")
    (tmp_path / "secret.txt").write_text(SECRET)
    return workspace


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "outbox"


@pytest.fixture
def outbox(folder: Path) -> Outbox:
    return Outbox(folder)


def left(folder: Path) -> list[str]:
    """What lies in the outbox."""
    return sorted(path.name for path in folder.glob("*/*"))


def is_empty(folder: Path) -> bool:
    return not list(folder.iterdir())


def said_by(sent: FileSent) -> str:
    """What is in the copy."""
    return Path(sent.copied_to).read_text()


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that a thread does."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.005)


# --- what is taken --------------------------------------------------------------------------------


async def test_a_copy_is_made_that_only_palaver_can_read(
    outbox: Outbox, folder: Path, workspace: Path
) -> None:
    before = os.umask(0)
    try:
        sent = await outbox.take(workspace, "report.txt", "the report")
    finally:
        os.umask(before)
    (workspace / "report.txt").write_text("changed")
    copy = Path(sent.copied_to)
    assert (sent.path, sent.caption) == (str(workspace / "report.txt"), "the report")
    assert (copy.name, said_by(sent)) == ("report.txt", "all is well")
    assert [mode(one) for one in (copy, copy.parent, folder)] == [0o600, 0o700, 0o700]


async def test_equal_names_do_not_get_into_each_other(
    outbox: Outbox, folder: Path, workspace: Path
) -> None:
    first = await outbox.take(workspace, "report.txt")
    (workspace / "report.txt").write_text("changed")
    second = await outbox.take(workspace, str(workspace / "report.txt"))
    assert [said_by(one) for one in (first, second)] == ["all is well", "changed"]
    assert left(folder) == ["report.txt", "report.txt"]


async def test_a_link_that_stays_in_the_workspace_is_followed(
    outbox: Outbox, workspace: Path
) -> None:
    (workspace / "out").mkdir()
    (workspace / "out" / "plot.png").write_text("picture")
    (workspace / "latest").symlink_to("out")
    (workspace / "link").symlink_to("latest/plot.png")
    sent = await outbox.take(workspace, "link")
    assert sent.path == str(workspace / "out" / "plot.png")
    assert Path(sent.copied_to).name == "plot.png"


async def test_a_workspace_behind_a_link_is_one(
    outbox: Outbox, workspace: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine").symlink_to(workspace)
    sent = await outbox.take(tmp_path / "mine", str(tmp_path / "mine" / "report.txt"))
    assert said_by(sent) == "all is well"


# --- what is not ----------------------------------------------------------------------------------


def test_a_link_put_in_the_place_of_what_was_looked_at_is_not_followed(
    workspace: Path, tmp_path: Path
) -> None:
    (tmp_path / "report.txt").write_text(SECRET)
    (workspace / "out").symlink_to(tmp_path)
    (workspace / "inner").mkdir()
    (workspace / "inner" / "out").symlink_to(tmp_path)
    (workspace / "report.txt").unlink()
    (workspace / "report.txt").symlink_to(tmp_path / "secret.txt")
    for path in ("report.txt", "out/report.txt", "inner/out/report.txt"):
        with pytest.raises(OSError, match=r"symbolic links|Not a directory"):
            _opened(workspace, Path(path))


@pytest.mark.parametrize(
    "kind",
    ["fifo", "socket", "folder", "circle", "zero byte", "no text", "long", "nothing", "empty"],
)
async def test_what_is_no_file_is_refused_at_once(
    outbox: Outbox, folder: Path, workspace: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace)  # a socket's path must be short
    path = strange(kind)
    before = descriptors()
    with pytest.raises(NotSentError, match=r"There is no file|cannot be read"):
        await outbox.take(workspace, path)
    assert descriptors() == before
    assert left(folder) == []


def strange(kind: str) -> str:
    """Something of that kind in the current folder; its path."""
    path = "strange"
    match kind:
        case "fifo":
            os.mkfifo(path)
        case "socket":
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(path)
        case "folder":
            Path(path).mkdir()
        case "circle":
            Path(path).symlink_to(path)
        case "zero byte":
            path = "stra\0nge"
        case "no text":
            Path(os.fsdecode(b"\xff")).write_text(SECRET)
            Path(path).symlink_to(os.fsdecode(b"\xff"))
        case "long":
            path = "x" * 300
        case "empty":
            path = ""
    return path


async def test_what_is_private_is_not_handed_over_to_a_workspace_that_contains_it(
    outbox: Outbox, folder: Path, workspace: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    mine = data / "workspaces" / "mine"
    mine.mkdir(parents=True)
    for file in (data / "palaver.db", mine / "note.txt", tmp_path / "chat.token"):
        file.write_text(SECRET)
    (tmp_path / "link").symlink_to(data)
    outbox.private = (tmp_path / "link", tmp_path / "chat.token")
    for path in ("data/palaver.db", "link/palaver.db", "data/workspaces/mine/note.txt"):
        for root, inside in ((tmp_path, path), (data, str(tmp_path / path))):
            with pytest.raises(NotSentError, match="nothing is sent from there"):
                await outbox.take(root, inside)
    with pytest.raises(NotSentError, match="nothing is sent from there"):
        await outbox.take(tmp_path, "chat.token")
    assert left(folder) == []
    assert said_by(await outbox.take(mine, "note.txt")) == SECRET
    assert said_by(await outbox.take(tmp_path, "work/report.txt")) == "all is well"


async def test_what_is_denied_is_not_handed_over_to_any_workspace(
    outbox: Outbox, folder: Path, workspace: Path, tmp_path: Path
) -> None:
    (workspace / "keys").mkdir()
    (workspace / "keys" / "a.pem").write_text(SECRET)
    outbox.denied = (workspace / "keys", tmp_path / "none")
    for root in (workspace, workspace / "keys", tmp_path):
        with pytest.raises(NotSentError, match="nothing is sent from there"):
            await outbox.take(root, str(workspace / "keys" / "a.pem"))
    assert left(folder) == []
    assert said_by(await outbox.take(workspace, "report.txt")) == "all is well"


async def test_a_file_above_the_limit_is_refused_and_leaves_nothing(
    outbox: Outbox, folder: Path, workspace: Path
) -> None:
    with (workspace / "huge.bin").open("wb") as file:
        file.truncate(MAX_FILE + 1)
    with pytest.raises(NotSentError, match=r"^huge\.bin is larger than the 100 MB"):
        await outbox.take(workspace, "huge.bin")
    assert left(folder) == []


def test_a_file_that_grows_above_the_limit_is_refused_and_leaves_nothing(
    outbox: Outbox, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(palaver.outbox, "MAX_FILE", 10)
    reader, writer = os.pipe()  # like such a file, it has more than its size says
    os.write(writer, b"x" * 11)
    os.close(writer)
    with os.fdopen(reader, "rb") as source, pytest.raises(NotSentError, match="larger"):
        outbox._copied(source, "log.txt", threading.Event())
    assert is_empty(folder)


async def test_a_disk_that_takes_no_copy_is_told_to_the_agent(workspace: Path) -> None:
    outbox = Outbox(workspace / "report.txt")  # so it cannot be made
    with pytest.raises(NotSentError, match=r"report\.txt cannot be copied: File exists"):
        await outbox.take(workspace, "report.txt")


async def test_a_copy_that_nobody_waits_for_any_more_goes(
    outbox: Outbox, folder: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(palaver.outbox, "_CHUNK", 16)  # it would take minutes
    with (workspace / "large.bin").open("wb") as file:
        file.truncate(MAX_FILE)
    taking = asyncio.create_task(outbox.take(workspace, "large.bin"))
    await until(lambda: left(folder))
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking
    await until(lambda: is_empty(folder))


async def test_a_copy_goes_if_nobody_waits_for_it_once_it_is_made(
    outbox: Outbox, folder: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, given_up = threading.Event(), threading.Event()
    real = Outbox._copied

    def copied(*arguments: Any) -> Path:
        copy = real(*arguments)
        made.set()
        assert given_up.wait(10)
        return copy

    monkeypatch.setattr(Outbox, "_copied", copied)
    taking = asyncio.create_task(outbox.take(workspace, "report.txt"))
    await until(made.is_set)
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking
    assert left(folder) == ["report.txt"]
    given_up.set()
    await until(lambda: is_empty(folder))


# --- when it goes ---------------------------------------------------------------------------------


async def test_a_copy_is_there_until_the_next_event_is_asked_for(
    outbox: Outbox, folder: Path, workspace: Path
) -> None:
    submission = Submission()
    for event in (await outbox.take(workspace, "report.txt"), TextDelta(text="done")):
        submission.put(event)
    submission.end()
    sent = await anext(submission)
    assert isinstance(sent, FileSent)
    assert said_by(sent) == "all is well"
    assert await anext(submission) == TextDelta(text="done")
    assert is_empty(folder)


async def test_copies_that_are_drawn_at_once_are_there_until_more_is_asked_for(
    outbox: Outbox, folder: Path, workspace: Path
) -> None:
    submission = Submission()
    for _ in range(2):
        submission.put(await outbox.take(workspace, "report.txt"))
    submission.end()
    assert len(list(submission.waiting())) == 2
    assert left(folder) == ["report.txt", "report.txt"]
    assert [event async for event in submission] == []
    assert is_empty(folder)


async def test_nothing_but_the_copy_is_removed(workspace: Path) -> None:
    (workspace / "other.txt").write_text("mine")
    submission = Submission()
    for copied_to in ("", str(workspace / "report.txt"), str(workspace / "gone" / "gone.txt")):
        submission.put(FileSent(path=str(workspace / "other.txt"), copied_to=copied_to))
    submission.end()
    assert len([event async for event in submission]) == 3
    assert left(workspace.parent) == ["other.txt"]


def ended() -> str:
    """The identity of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        identity = processes.identity(process.pid)
        process.communicate(b"\n")
    return identity


async def test_a_start_removes_what_dead_palavers_have_left_and_nothing_of_living_ones(
    outbox: Outbox, folder: Path, workspace: Path, tmp_path: Path
) -> None:
    await outbox.take(workspace, "report.txt")
    for name in (f"{ended()}-abc", "strange"):
        (folder / name).mkdir()
        (folder / name / "old.txt").write_text("old")
    assert left(folder) == ["old.txt", "old.txt", "report.txt"]
    async with engine_starter(tmp_path / "data", "scripted")():
        assert left(folder) == ["report.txt"]
