"""Files in both directions, with the real Claude Code: what reaches it, and what it hands over."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from palaver.testing.model import LoopbackModel, ModelRequest, Reply, Say, Use
from palaver.testing.telegram import Attached, BotApi, Chat, Person, png
from support.procedures import SLOW, ask
from support.telegrams import Launch, Palaver

SEND_FILE = "mcp__palaver__send_file"
SECRET = "nobody outside may read this"
PICTURE = png(32, 24)


@pytest.fixture
async def palaver(launch: Launch, claude_home: Path, tmp_path: Path) -> AsyncIterator[Palaver]:
    del claude_home
    palaver = launch(
        tmp_path / "data", sessions={"agent": "claude", "workspace": str(tmp_path / "work")}
    )
    (tmp_path / "work").mkdir()
    await palaver.start()
    yield palaver
    await palaver.stop()


@pytest.fixture
def workspace(palaver: Palaver, tmp_path: Path) -> Path:
    del palaver
    return tmp_path / "work"


def hands_over(model: LoopbackModel, path: str, caption: str = "") -> list[tuple[str, bool]]:
    """The agent hands over this file; what it was told of that, and whether it was refused."""
    told: list[tuple[str, bool]] = []

    def script(request: ModelRequest) -> Reply:
        if request.tool_results:
            told.extend((one.text, one.is_error) for one in request.tool_results)
            return Say("I am done.")
        return Use(SEND_FILE, {"path": path, "caption": caption})

    model.script = script
    return told


async def test_a_photo_reaches_the_agent_as_an_image(
    palaver: Palaver, model: LoopbackModel, alice: Person, chat: Chat
) -> None:
    await alice.send_photo(PICTURE, "what is this?")
    await chat.wait_for(lambda one: "⏱" in one.text, SLOW)
    request = model.requests[-1]
    assert request.prompt == "what is this?"
    # the server says "image/jpeg" of every photo; the agent is told what it is
    assert request.images == [("image/png", PICTURE)]


async def test_documents_audio_and_video_land_in_the_inbox_and_the_agent_knows_where(
    palaver: Palaver, model: LoopbackModel, alice: Person, chat: Chat, workspace: Path
) -> None:
    await alice.send_album(
        [Attached("document", b"paper", "../../a b.pdf", "read"), Attached("document", b"2", "b")]
    )
    await chat.wait_for(lambda one: "⏱" in one.text, SLOW)
    await alice.send_video(b"film", "holiday.mp4", "watch")
    await chat.wait_until(lambda: sum("⏱" in text for text in chat.texts) == 2, SLOW)
    await alice.send_audio(b"song", "song.mp3", "listen")
    await chat.wait_until(lambda: sum("⏱" in text for text in chat.texts) == 3, SLOW)
    inbox = workspace / "inbox"
    kept = {file.name: file.read_bytes() for file in await asyncio.to_thread(_files, inbox)}
    assert set(kept.values()) == {b"paper", b"2", b"film", b"song"}
    assert {"a_b.pdf", "holiday.mp4", "song.mp3"} <= set(kept)
    prompts = [request.prompt for request in model.requests]
    for words, name in (("read", "a_b.pdf"), ("watch", "holiday.mp4"), ("listen", "song.mp3")):
        assert any(words in one and str(inbox / name) in one for one in prompts)


def _files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


async def test_a_file_and_a_picture_of_the_workspace_are_handed_over(
    palaver: Palaver, model: LoopbackModel, alice: Person, chat: Chat, workspace: Path
) -> None:
    (workspace / "out").mkdir()
    (workspace / "out" / "report.txt").write_text("all is well")
    (workspace / "plot.png").write_bytes(PICTURE)
    for path, caption in (("out/report.txt", "the report"), (f"{workspace}/plot.png", "the plot")):
        told = hands_over(model, path, caption)
        await ask(alice, chat, "give it to me")
        assert [refused for _, refused in told] == [False]
    sent = [message for message in chat.messages if message.file]
    assert [(one.content.kind, one.text) for one in sent] == [
        ("document", "the report"),
        ("photo", "the plot"),
    ]
    assert sent[0].file
    assert (sent[0].file.name, sent[0].file.data) == ("report.txt", b"all is well")
    assert [one for one in chat.messages if "Allow once" in one.buttons] == []


@pytest.mark.parametrize("way", ["link", "linked folder", "dots", "absolute", "prefix", "hop"])
async def test_nothing_from_outside_the_workspace_is_handed_over(
    api: BotApi,
    palaver: Palaver,
    model: LoopbackModel,
    alice: Person,
    chat: Chat,
    workspace: Path,
    way: str,
) -> None:
    outside = workspace.parent / "work-not-yours"  # its name begins as the workspace's does
    outside.mkdir()
    (outside / "secret.txt").write_text(SECRET)
    (workspace / "link.txt").symlink_to(outside / "secret.txt")
    (workspace / "folder").symlink_to(outside)
    (workspace / "hop.txt").symlink_to("link.txt")
    path = {
        "link": "link.txt",
        "linked folder": "folder/secret.txt",
        "dots": "../work-not-yours/secret.txt",
        "absolute": str(outside / "secret.txt"),
        "prefix": f"{workspace}-not-yours/secret.txt",
        "hop": "hop.txt",
    }[way]
    told = hands_over(model, path)
    await ask(alice, chat, "give it to me")
    [(words, refused)] = told
    assert refused
    assert "not in the workspace" in words
    assert not [message for message in chat.messages if message.file]
    assert SECRET not in str([call.uploads for call in api.calls])
    assert SECRET not in words


async def test_the_file_that_is_sent_is_the_one_that_was_checked(
    api: BotApi,
    palaver: Palaver,
    model: LoopbackModel,
    alice: Person,
    chat: Chat,
    workspace: Path,
    tmp_path: Path,
) -> None:
    (tmp_path / "secret.txt").write_text(SECRET)
    (workspace / "first.txt").write_text("first")
    report = workspace / "report.txt"
    report.write_text("all is well")
    told: list[str] = []
    kept: list[Path] = []

    def script(request: ModelRequest) -> Reply:
        told.extend(one.text for one in request.tool_results)
        if len(told) < 2:
            return Use(SEND_FILE, {"path": ("first.txt", "report.txt")[len(told)]})
        # right after the yes, while the chat has not even taken the first
        kept.extend(_files(tmp_path / "data" / "outbox"))
        report.unlink()
        report.symlink_to(tmp_path / "secret.txt")
        return Say("I am done.")

    model.script = script
    api.faults.add(
        "sendDocument", error=429, retry_after=1, times=None, when=lambda _: not report.is_symlink()
    )
    await ask(alice, chat, "give them to me")
    await chat.wait_until(lambda: sum(1 for one in chat.messages if one.file) == 2, SLOW)
    sent = [(one.file.name, one.file.data) for one in chat.messages if one.file]
    assert sent == [("first.txt", b"first"), ("report.txt", b"all is well")]
    assert {file.name for file in kept} == {"first.txt", "report.txt"}
    assert not await asyncio.to_thread(_files, tmp_path / "data" / "outbox")


async def test_what_cannot_be_handed_over_is_said_with_the_limit(
    palaver: Palaver, model: LoopbackModel, alice: Person, chat: Chat, workspace: Path
) -> None:
    with (workspace / "huge.bin").open("wb") as file:
        file.truncate(51_000_000)
    hands_over(model, "huge.bin")
    await ask(alice, chat, "give it to me")
    await chat.wait_for_text("larger than the 50 MB that Telegram takes")
    told = hands_over(model, "nothing.txt")
    await ask(alice, chat, "and that")
    assert told == [("There is no file nothing.txt.", True)]
    assert not [message for message in chat.messages if message.file]
