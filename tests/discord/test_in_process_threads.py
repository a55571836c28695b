"""Which threads are opened, how they are called, and when they are archived; in one process."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from palaver import Marks
from palaver_discord.threads import ARCHIVE_AFTER_S
from support.simcord_house import House, Place, answers, house_in, text_of


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_in(tmp_path / "data") as house:
        await house.start()
        yield house


def threads(house: House) -> list[str | None]:
    return [one.name for one in house.general.threads]


# --- which ---------------------------------------------------------------------------------------

NAMES = {
    "fix it": "fix it",
    "  two \n\n lines\tof it ": "two lines of it",
    "x" * 200: "x" * 59 + "…",
    "# A heading": "# A heading",
    "//compact": "//compact",
    "漢字 🙂": "漢字 🙂",
}
OPEN_NOTHING = ("", " \n ", "/sessions", "/share", "/nothing like that")


async def test_a_thread_is_called_as_its_prompt_begins(house: House) -> None:
    for text, name in NAMES.items():
        await house.asks(house.owner, text)
        assert threads(house)[-1] == name
    assert len(threads(house)) == len(NAMES)
    requests = [one for one in house.env.http_requests if one.path.endswith("/threads")]
    asked = [one.json["name"] for one in requests if one.method == "POST" and one.json]
    assert asked == [*NAMES.values()]


async def test_what_is_no_prompt_opens_none(house: House) -> None:
    for text in OPEN_NOTHING:
        await house.says(house.owner, house.general, f"{house.call} {text}")
    await house.says(house.hostile, house.general, f"{house.call} run ls")
    assert (threads(house), house.heard()) == ([], [])


async def test_files_alone_open_one_that_is_called_like_them(house: House) -> None:
    files = [("plan.txt", b"1"), ("sketch.txt", b"2")]
    await house.owner.send(house.general, house.call, attachments=files)
    assert threads(house) == ["plan.txt, sketch.txt"]


async def test_in_threads_and_posts_none_is_opened(house: House) -> None:
    forum = house.guild.create_forum_channel("questions")
    private = await house.opens(house.owner, "Secret", private=True)
    house.env.backend.add_thread_member(private.id, house.bot_id)
    places = [await house.asks(house.owner, "begin"), private]
    places.append(await house.opens(house.member, "Theirs"))
    places.append(await house.posts(house.owner, forum, "A question", f"{house.call} here"))
    before = len(house.env.backend.channels)
    for place in places:
        await house.says(house.owner, place, f"{house.call} words")
        assert any(one.startswith("words") for one in house.said(place)), place.name
        await house.uses(house.owner, place, "ask", "more words")
        assert any(one.startswith("more words") for one in house.said(place)), place.name
    assert len(house.env.backend.channels) == before


async def test_two_prompts_in_a_channel_are_two_sessions(house: House) -> None:
    one, two = await house.asks(house.owner, "remember 1"), await house.asks(house.owner, "what")
    await house.says(house.owner, one, "what number")
    assert "You told me 1." in house.said(one)[-1]
    assert "no number" in house.said(two)[-1]


async def test_ask_quotes_all_lines_and_opens_a_thread_below(house: House) -> None:
    asked = await house.uses(house.owner, house.general, "ask", "remember 1\nand 2")
    [quoted] = answers(asked)
    assert (text_of(quoted), quoted.ephemeral) == ("> remember 1\n> and 2", False)
    assert [one.id for one in house.general.threads] == [quoted.id]
    await house.says(house.member, house.place(quoted.id), "not for the bot")
    await house.says(house.owner, house.place(quoted.id), "for the bot")
    assert house.heard() == ["remember 1\nand 2", "for the bot"]


# --- names ---------------------------------------------------------------------------------------


async def test_only_ones_own_thread_is_renamed_and_only_if_the_bot_opened_it(house: House) -> None:
    own = await house.asks(house.owner, "mine")
    theirs = await house.opens(house.owner, "By hand")
    await house.says(house.owner, theirs, f"{house.call} words")
    for place in (own, theirs):
        await house.uses(house.owner, place, "rename", "A new name")
        await house.says(house.member, place, f"{house.call} hello")
        await house.uses(house.member, place, "rename", "Another")
    assert (own.name, theirs.name) == ("A new name", "By hand")


async def test_the_thread_goes_with_the_session_that_is_chosen_in_it(house: House) -> None:
    thread = await house.asks(house.owner, "first")
    await house.uses(house.owner, thread, "newsession")
    await house.says(house.owner, thread, "second")
    assert thread.name == "second"
    [name] = await house.completed(house.owner, thread, "switch", "fir")
    assert name == "first"
    await house.says(house.owner, thread, "/switch first")
    assert thread.name == "first"


async def test_a_renamed_session_renames_its_thread_from_elsewhere_at_its_next_turn(
    house: House,
) -> None:
    thread = await house.asks(house.owner, "first")
    session = await current(house, thread)
    await house.says(house.owner, house.direct(house.owner), f"/switch {session}")
    await house.uses(house.owner, house.direct(house.owner), "rename", "From afar")
    assert thread.name == "first"
    await house.says(house.owner, thread, "go on there")
    assert thread.name == "From afar"


async def current(house: House, place: Place) -> str:
    asked = await house.uses(house.owner, place, "sessioninfo")
    [field] = [
        one.value
        for answer in answers(asked)
        for embed in answer.embeds
        for one in embed.fields
        if one.value and len(one.value.strip("`")) == 36
    ]
    return field.strip("`")


# --- the end -------------------------------------------------------------------------------------


async def deleted(house: House) -> Place:
    """A thread whose session its owner has just deleted."""
    thread = await house.asks(house.owner, "remember 42")
    sure = await house.uses(house.owner, thread, "delete")
    [question] = answers(sure)
    await house.owner.click(question, label="Delete")
    return thread


def archived(house: House, thread: Place) -> bool:
    metadata = house.env.backend.get_channel(thread.id).thread_metadata
    assert metadata
    return metadata.archived


async def test_a_thread_is_archived_a_while_after_its_session_was_deleted(house: House) -> None:
    thread = await deleted(house)
    await house.env.advance_time(ARCHIVE_AFTER_S - 2)
    assert not archived(house, thread)
    await house.env.advance_time(2)
    assert archived(house, thread)


@pytest.mark.parametrize("how", ["undo", "restore", "words"])
async def test_it_stays_open_if_something_goes_on_in_it(house: House, how: str) -> None:
    thread = await house.asks(house.owner, "remember 42")
    [question] = answers(await house.uses(house.owner, thread, "delete"))
    await house.owner.click(question, label="Delete")
    if how == "undo":
        await house.owner.click(question, label="Undo")
    elif how == "restore":
        [trash] = answers(await house.uses(house.owner, thread, "restore"))
        [option] = trash.components[0]["components"][0]["options"]
        await house.owner.select(trash, [option["value"]])
    else:
        await house.says(house.owner, thread, "something else")
    await house.env.advance_time(ARCHIVE_AFTER_S + 1)
    assert not archived(house, thread)


async def test_all_threads_of_a_deleted_session_are_archived_and_no_others(house: House) -> None:
    first, other = await house.asks(house.owner, "first"), await house.asks(house.owner, "other")
    by_hand = await house.opens(house.owner, "By hand")
    session = await current(house, first)
    for place in (other, by_hand):
        await house.says(house.owner, place, f"{house.call} /switch {session}")
    bystander = await house.asks(house.owner, "bystander")
    await house.uses(house.owner, house.direct(house.owner), "delete", f"{session} yes")
    await house.env.advance_time(ARCHIVE_AFTER_S + 1)
    found = [archived(house, one) for one in (first, other, by_hand, bystander)]
    assert found == [True, True, False, False]


async def test_a_thread_that_is_deleted_is_forgotten(house: House, tmp_path: Path) -> None:
    thread, other = await house.asks(house.owner, "begin"), await house.asks(house.owner, "go")
    folder = tmp_path / "data" / "discord" / str(house.env.backend.application_id)
    noted = [(str(one.id), str(house.owner.id)) for one in (thread, other)]
    assert sorted(await Marks(folder, "thread").all()) == noted
    house.env.backend.delete_channel(thread.id)
    await house.env.settle()
    assert await Marks(folder, "thread").all() == noted[1:]


async def test_a_thread_that_cannot_be_renamed_is_no_trouble(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    thread = await house.asks(house.owner, "first")
    house.env.inject_error("PATCH", "/channels/*", status=403, code=50013)
    await house.uses(house.owner, thread, "rename", "Another")
    await house.says(house.owner, thread, "go on there")
    assert (thread.name, house.heard()) == ("first", ["first", "go on there"])
    assert not [one for one in caplog.records if one.levelname == "ERROR"]
