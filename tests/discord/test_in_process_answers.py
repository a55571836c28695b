"""Who sees what is answered, and what is completed for whom; in one process."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from simcord.actors import MemberActor

from palaver.access import Role
from support.simcord_house import House, Place, answers, house_in, text_of, told

PRIVATE = "This bot is private."
EYES = "📬 That is only for your eyes"
WITH_ARGUMENT = {"switch": "nothing", "ask": "hello"}
SHARING = frozenset({"share", "unshare"})
SECRET = "a secret plan"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_in(tmp_path / "data") as house:
        await house.start()
        yield house


def commands(house: House) -> list[str]:
    """All that Discord shows, but those that ask for a word in a window."""
    known = [one.name for one in house.engine.commands.shown(Role.OWNER) if one.name != "rename"]
    return [*known, "ask", *sorted(SHARING)]


async def visibility(house: House, person: MemberActor, place: Place) -> dict[str, set[bool]]:
    """By command: whether its answers, at least one, are for their asker's eyes alone."""
    found = {}
    for name in commands(house):
        asked = await house.uses(person, place, name, WITH_ARGUMENT.get(name))
        found[name] = {one.ephemeral for one in answers(asked)}
        assert asked.acknowledged, name
        assert found[name], name
    return found


# --- application commands ------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["general", "own", "another's"])
async def test_in_a_server_what_is_answered_is_for_who_asked(house: House, where: str) -> None:
    thread = await house.asks(house.owner, "begin")
    place = house.general if where == "general" else thread
    person = house.owner if where == "own" else house.member
    found = await visibility(house, person, place)
    public = {name for name, hidden in found.items() if hidden == {False}}
    assert public == {"ask", *SHARING}
    assert all(len(hidden) == 1 for hidden in found.values())


async def test_in_a_shared_thread_all_see_what_is_answered(house: House) -> None:
    thread = await house.asks(house.owner, "begin")
    await house.uses(house.owner, thread, "share")
    found = await visibility(house, house.member, thread)
    assert set.union(*found.values()) == {False}


async def test_in_direct_messages_nothing_needs_to_be_hidden(house: House) -> None:
    found = await visibility(house, house.owner, house.direct(house.owner))
    assert set.union(*found.values()) == {False}


@pytest.mark.parametrize("shared", [False, True])
async def test_a_stranger_is_told_one_thing_whatever_he_asks(house: House, shared: bool) -> None:
    thread = await house.asks(house.owner, "begin")
    if shared:
        await house.uses(house.owner, thread, "share")
    before = house.said(thread)
    for name in [*commands(house), "rename"]:
        asked = await house.uses(house.hostile, thread, name, WITH_ARGUMENT.get(name))
        assert PRIVATE in told(asked), name
        assert asked.modal is None
    assert (house.said(thread), house.heard()) == (before, ["begin"])


# --- typed commands ------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["general", "own"])
async def test_what_a_typed_command_tells_of_ones_sessions_comes_in_direct_messages(
    house: House, where: str
) -> None:
    direct = house.direct(house.owner)
    await house.says(house.owner, direct, SECRET)
    place = house.general if where == "general" else await house.asks(house.owner, "begin")
    before = len(house.said(direct))
    private = 0
    for name in ("sessions", "sessioninfo", "usage", "whoami", "help", "restore", "status"):
        await house.says(house.owner, place, f"{house.call} /{name}")
        private += EYES in house.said(place)[-1]
    public = "\n".join(house.said(place))
    assert SECRET not in public
    assert re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", public) is None
    assert len(house.said(direct)) - before == private >= 4
    assert any(SECRET in text for text in house.said(direct)[before:])


async def test_in_a_shared_thread_what_is_typed_is_answered_there(house: House) -> None:
    thread = await house.asks(house.owner, "begin")
    await house.uses(house.owner, thread, "share")
    before = len(house.said(house.direct(house.member)))
    await house.says(house.member, thread, "/sessions")
    assert (
        "Your Claude Sessions" in house.said(thread)[-1] or "No sessions" in house.said(thread)[-1]
    )
    assert len(house.said(house.direct(house.member))) == before


async def test_one_who_takes_no_direct_messages_is_told_so(house: House) -> None:
    thread = await house.asks(house.owner, "begin")
    direct = house.direct(house.owner)
    house.env.inject_error("POST", f"/channels/{direct.id}/messages", status=403, code=50007)
    await house.says(house.owner, thread, "/sessions")
    assert "you take no direct messages from me" in house.said(thread)[-1]
    assert house.said(direct) == []


# --- sharing -------------------------------------------------------------------------------------

SHARED_BY = {"opened for the owner": "owner", "opened by the member": "member", "a post": "owner"}


@pytest.mark.parametrize("kind", ["general", "direct", *SHARED_BY, "opened by a stranger"])
async def test_who_may_share_which_place(house: House, kind: str) -> None:
    """Each tries, and undoes it: he who began a thread may, and nobody else."""
    places = {
        "general": house.general,
        "opened for the owner": await house.asks(house.owner, "begin"),
        "opened by the member": await house.opens(house.member, "Mine"),
        "opened by a stranger": await house.opens(house.hostile, "Trap"),
    }
    if kind == "a post":
        forum = house.guild.create_forum_channel("questions")
        places[kind] = await house.posts(house.owner, forum, "A question", "words")
    shared = []
    for person in (house.owner, house.member, house.hostile):
        place = places.get(kind) or house.direct(person)
        [answer] = answers(await house.uses(person, place, "share"))
        shared += [person.name] if "Shared by" in text_of(answer) else []
        await house.uses(person, place, "unshare")
    assert shared == [*filter(None, [SHARED_BY.get(kind)])]


# --- completion ----------------------------------------------------------------------------------

COMPLETED = ("switch", "sessioninfo", "fork", "delete")


async def test_sessions_are_completed_for_those_whose_they_are(house: House) -> None:
    mine, theirs = await house.asks(house.owner, "an apple"), house.direct(house.member)
    await house.says(house.member, theirs, "a plum")
    shared = await house.asks(house.owner, "begin")
    await house.uses(house.owner, shared, "share")
    await house.says(house.member, shared, "a pear")
    own = {house.owner: {"an apple", "begin"}, house.member: {"a plum"}, house.hostile: set()}
    for person, names in own.items():
        for place in (house.general, mine, house.direct(person)):
            for command in COMPLETED:
                found = await house.completed(person, place, command, "")
                assert set(found) == names, (person.name, place.name, command)
        for guess in ("apple", "plum", "pear", "a", "%", "_", "-"):
            found = await house.completed(person, mine, "switch", guess)
            assert set(found) <= names, (person.name, guess)
        in_shared = await house.completed(person, shared, "switch", "")
        assert in_shared == ([] if person is house.hostile else ["member: a pear"])


async def test_no_more_is_offered_than_discord_shows_and_no_name_is_too_long(house: House) -> None:
    direct = house.direct(house.owner)
    for number in range(30):
        await house.uses(house.owner, direct, "newsession")
        await house.says(house.owner, direct, f"{number} {'x' * 200}")
    found = await house.completed(house.owner, direct, "switch", "x")
    assert 0 < len(found) <= 25
    assert all(0 < len(one) <= 100 for one in found)


async def test_where_the_bot_is_not_at_work_nothing_is_completed(house: House) -> None:
    await house.says(house.owner, house.direct(house.owner), "an apple")
    other = house.env.create_guild("elsewhere")
    there, place = other.add_member(house.owner.user), other.create_text_channel("general")
    assert await house.completed(there, place, "switch", "") == []
    assert "I am not at work" in told(await house.uses(there, place, "sessions"))
    assert [text_of(one) for one in answers(await house.uses(there, place, "rename"))]
