"""Files in both directions, through the real library to a strict server."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from palaver import RemoteFile
from palaver.testing.discord import DiscordServer, Guild, Member, Message
from palaver_discord.files import MAX_DOWNLOAD, MAX_UPLOAD, FileError, fetch
from support.discord_out import POST, Out, place, sending

GET = "GET /attachments/*"


@pytest.fixture
async def out(server: DiscordServer) -> AsyncIterator[Out]:
    async with sending(server) as out:
        yield out


async def test_a_file_is_sent_with_its_caption(
    out: Out, guild: Guild, owner: Member, tmp_path: Path
) -> None:
    file = tmp_path / "SPOILER_plot.png"
    file.write_bytes(b"picture")
    await out.sender.send_file(place(owner, guild.general), file, "See *this*\n" + "word " * 500)
    first, second = guild.general.messages
    [attachment] = first.attachments
    assert attachment.name == "plot.png"
    assert attachment.data == b"picture"
    assert first.content.startswith("See \\*this\\*")
    assert (first.content + second.content).count("word") == 500


@pytest.mark.parametrize(
    "fault", [{"drop": "after"}, {"error": 502}], ids=["answer lost", "repeated by the library"]
)
async def test_a_file_arrives_whole_and_once(
    out: Out,
    server: DiscordServer,
    guild: Guild,
    owner: Member,
    tmp_path: Path,
    fault: dict[str, Any],
) -> None:
    file = tmp_path / "data.bin"
    file.write_bytes(bytes(range(256)) * 1000)
    server.faults.add(POST, **fault)
    await out.sender.send_file(place(owner, guild.general), file, "")
    [message] = guild.general.messages
    assert [one.data for one in message.attachments] == [file.read_bytes()]


async def test_a_file_that_cannot_be_sent_is_told(
    out: Out, server: DiscordServer, guild: Guild, owner: Member, tmp_path: Path
) -> None:
    file = tmp_path / "data.bin"
    here = place(owner, guild.general)
    await out.sender.send_file(here, file, "")
    assert "cannot be read" in guild.general.last.text
    file.write_bytes(bytes(MAX_UPLOAD + 1))
    await out.sender.send_file(here, file, "")
    assert "10 MB" in guild.general.last.text
    file.write_bytes(b"x")
    server.faults.add(POST, error=413, code=40005)
    await out.sender.send_file(here, file, "")
    assert "larger than" in guild.general.last.text
    assert all(message.attachments == [] for message in guild.general.messages)


# --- to the agent ---------------------------------------------------------------------------------


def remote(message: Message, **changes: Any) -> RemoteFile:
    [file] = message.attachments
    known: dict[str, Any] = {
        "id": file.url,
        "name": file.name,
        "media_type": "text/plain",
        "size": file.size,
    }
    return RemoteFile(**{**known, **changes})


async def test_a_file_is_fetched_into_the_folder(out: Out, owner: Member, tmp_path: Path) -> None:
    message = await owner.say("", attachments=[("notes.txt", b"text")])
    for name in ("notes.txt", "notes-2.txt"):
        got = await fetch(out.client, remote(message), tmp_path)
        assert (got.name, got.media_type, got.path) == (name, "text/plain", tmp_path / name)
        assert got.path.read_bytes() == b"text"


async def test_a_name_without_a_suffix_gets_one(out: Out, owner: Member, tmp_path: Path) -> None:
    message = await owner.say("", attachments=[("voice", b"sound")])
    file = remote(message, media_type="audio/mpeg")
    assert (await fetch(out.client, file, tmp_path)).name == "voice.mp3"


async def test_a_file_that_is_too_large_is_not_fetched(
    out: Out, server: DiscordServer, owner: Member, tmp_path: Path
) -> None:
    message = await owner.say("", attachments=[("notes.txt", b"text")])
    with pytest.raises(FileError, match="at most 25 MB"):
        await fetch(out.client, remote(message, size=MAX_DOWNLOAD + 1), tmp_path)
    assert server.calls.of(GET) == []


async def test_a_file_that_is_gone_is_told(
    out: Out, server: DiscordServer, owner: Member, tmp_path: Path
) -> None:
    message = await owner.say("", attachments=[("notes.txt", b"text")])
    server.faults.add(GET, error=404)
    with pytest.raises(FileError, match=r"does not give notes\.txt"):
        await fetch(out.client, remote(message), tmp_path)


async def test_a_connection_that_breaks_is_tried_again(
    out: Out, server: DiscordServer, owner: Member, tmp_path: Path
) -> None:
    message = await owner.say("", attachments=[("notes.txt", b"text")])
    server.faults.add(GET, drop="before")
    server.faults.add(GET, error=503)
    server.faults.add(GET, error=429)
    assert (await fetch(out.client, remote(message), tmp_path)).path.read_bytes() == b"text"
