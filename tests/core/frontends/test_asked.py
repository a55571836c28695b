"""Notes of what is asked in chats, from one life to the next."""

from pathlib import Path

import pytest

from palaver.frontends.asked import Asked
from palaver.frontends.contract import MessageId, Place
from palaver.identity import ConversationId, Namespace
from palaver.views import View

PLACE = Place(Namespace("chat", "alice"), ConversationId("chat/1_2"), answers="7")
OVER = View(title="Bash: ls", footer=("Nobody decided",), kind="approval")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "chat"


def modes(folder: Path) -> set[int]:
    return {file.stat().st_mode & 0o777 for file in folder.iterdir()}


async def test_the_next_life_knows_what_was_not_settled(folder: Path) -> None:
    asked = Asked(folder)
    for message in ("1", "2", "3"):
        await asked.add(PLACE, MessageId(message), OVER.model_copy(update={"text": message}))
    await asked.drop(PLACE, MessageId("2"))
    assert await asked.left() == []  # they wait in this life
    left = await Asked(folder).left()
    assert {(place, message, view.text) for place, message, view in left} == {
        (PLACE, "1", "1"),
        (PLACE, "3", "3"),
    }
    assert modes(folder) == {0o600}


async def test_what_cannot_be_read_is_no_obstacle(folder: Path) -> None:
    asked = Asked(folder)
    await asked.add(PLACE, MessageId("1"), OVER)
    (folder / "broken.asked").write_text("{")
    assert [message for _, message, _ in await Asked(folder).left()] == ["1"]
    assert not (folder / "broken.asked").exists()


@pytest.fixture
def no_folder(tmp_path: Path) -> Path:
    file = tmp_path / "file"
    file.write_text("no folder")
    return file


async def test_a_disk_that_takes_no_note_is_no_obstacle(no_folder: Path) -> None:
    asked = Asked(no_folder)
    await asked.add(PLACE, MessageId("1"), OVER)
    await asked.drop(PLACE, MessageId("1"))
    assert await asked.left() == []
