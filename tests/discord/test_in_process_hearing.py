"""Who is heard where, in one process: rooms, mentions, replies, lists of servers and roles."""

from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest
from simcord.actors import MemberActor

from palaver_discord.places import conversation, namespace
from support.simcord_house import House, Place, house_in


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_in(tmp_path / "data") as house:
        yield house


# --- rooms ---------------------------------------------------------------------------------------

NOBODY, OWNER, BOTH = "", "owner", "owner member"
ROOMS = ("general", "own", "another's", "shared", "direct")
SAID = {
    "words": (NOBODY, OWNER, NOBODY, BOTH, BOTH),
    "<@{bot}> words": (BOTH, BOTH, BOTH, BOTH, BOTH),
    "<@!{bot}> words": (BOTH, BOTH, BOTH, BOTH, BOTH),
    "words <@{bot}>": (BOTH, BOTH, BOTH, BOTH, BOTH),
    "<@&{role}> words": (BOTH, BOTH, BOTH, BOTH, BOTH),
    "<@&{agents}> words": (NOBODY, OWNER, NOBODY, BOTH, BOTH),
    "@everyone words": (NOBODY, OWNER, NOBODY, BOTH, BOTH),
    "<@{guest}> words": (NOBODY, NOBODY, NOBODY, NOBODY, BOTH),
    "<@{guest}> <@{bot}> words": (BOTH, BOTH, BOTH, BOTH, BOTH),
    "<@{self}> words": (NOBODY, OWNER, NOBODY, BOTH, BOTH),
    "to the bot: words": (BOTH, BOTH, BOTH, BOTH, None),
    "to the guest: words": (NOBODY, NOBODY, NOBODY, NOBODY, None),
    "to the guest: <@{bot}> words": (BOTH, BOTH, BOTH, BOTH, None),
    "to oneself: words": (NOBODY, OWNER, NOBODY, BOTH, None),
}
"""By what is said: who is heard in these rooms. The hostile one never is."""


@pytest.mark.parametrize("room", ROOMS)
async def test_who_is_heard(house: House, room: str) -> None:
    guest = house.newcomer("guest")
    agents = house.guild.create_role("agents", mentionable=True)
    await house.start()
    names = {"bot": house.bot_id, "role": await house.own_role(), "agents": agents.id}
    names["guest"] = guest.id
    place = await room_of(house, room, guest)
    said = {one: await house.says(one, place or house.direct(one), "Hm.") for one in people(house)}
    said[guest] = await house.says(guest, place or house.direct(guest), f"{house.call} Hm.")
    house.heard()

    async def heard(person: MemberActor, text: str) -> bool:
        addressee, _, words = text.rpartition(": ")
        to = {"to the guest": guest, "to oneself": person}.get(addressee)
        here = place or house.direct(person)
        reply_to = said[to] if to else house.newest_saying(here) if addressee else None
        await house.says(person, here, words.format(**names, self=person.id), reply_to=reply_to)
        return any("words" in one for one in house.heard())

    column = ROOMS.index(room)
    for text, cells in SAID.items():
        if (wanted := cells[column]) is not None:
            found = [one.name for one in people(house) if await heard(one, text)]
            assert (text, found) == (text, wanted.split())


def people(house: House) -> list[MemberActor]:
    return [house.owner, house.member, house.hostile]


async def room_of(house: House, room: str, guest: MemberActor) -> Place | None:
    """A room of that kind; None for the direct messages, of which everybody has his own."""
    match room:
        case "own":
            return await house.asks(house.owner, "begin")
        case "another's":
            return await house.opens(guest, "Mine")
        case "shared":
            place = await house.asks(house.member, "begin")
            await house.uses(house.member, place, "share")
            return place
        case "general":
            return house.general
        case _:
            return None


async def test_bots_and_webhooks_are_never_heard(house: House) -> None:
    bot = house.guild.add_member(house.env.create_user("another", bot=True))
    await house.start(access={"members": ["discord:*"]})
    hook = house.guild.create_webhook(house.general)
    await bot.send(house.general, f"{house.call} words")
    await hook.send(f"{house.call} words", username="owner")
    assert (house.heard(), house.said(house.general)) == ([], [])


# --- servers, channels, categories, forums, threads ----------------------------------------------

PLACES = ("general", "lab", "lab's thread", "post", "elsewhere", "direct")
IN_LAB = ("lab", "lab's thread")
HERE = ("general", *IN_LAB, "post")
LISTED: dict[str, tuple[dict[str, list[str]], tuple[str, ...]]] = {
    "no server": ({"guilds": []}, ()),
    "this server": ({}, HERE),
    "another server": ({"guilds": ["elsewhere server"]}, ("elsewhere",)),
    "both servers": ({"guilds": ["house", "elsewhere server"]}, (*HERE, "elsewhere")),
    "a channel": ({"channels": ["lab"]}, IN_LAB),
    "a category": ({"channels": ["category"]}, IN_LAB),
    "a forum": ({"channels": ["forum"]}, ("post",)),
    "a thread": ({"channels": ["lab's thread"]}, ("lab's thread",)),
    "a thread and a forum": ({"channels": ["forum", "lab's thread"]}, ("lab's thread", "post")),
    "a channel of another server": ({"channels": ["elsewhere"]}, ()),
}
"""By the lists of servers and channels: where a mention is heard, besides direct messages."""
HEARD_ALL: dict[str, tuple[bool | list[str], tuple[str, ...]]] = {
    "nothing": (False, ()),
    "everything": (True, HERE),
    "a channel": (["lab"], IN_LAB),
    "a category": (["category"], IN_LAB),
    "a forum": (["forum"], ("post",)),
    "a thread": (["lab's thread"], ("lab's thread",)),
    "another server's channel": (["elsewhere"], ()),
}
"""By `hear_all`: where all that is said is heard, besides direct messages."""


class Town:
    """A house with rooms of all kinds, and another server; nobody has a thread of his own."""

    def __init__(self, house: House) -> None:
        self.house = house
        backend, guild, owner = house.env.backend, house.guild, house.owner
        category = guild.create_category("category")
        lab = guild.create_text_channel("lab", category=category)
        forum = guild.create_forum_channel("questions")
        other = house.env.create_guild("elsewhere")
        self.there = other.add_member(owner.user)
        self.elsewhere = other.create_text_channel("general")
        opener = house.newcomer("opener").id
        in_lab = backend.create_thread(lab.id, "In the lab", opener)
        post = backend.create_thread(forum.id, "A question", opener)
        self._rooms = {"general": house.general.id, "lab": lab.id}
        self._rooms |= {"lab's thread": in_lab.id, "post": post.id}
        self._ids = {"house": guild.id, "elsewhere server": other.id, "forum": forum.id}
        self._ids |= {"category": category.id, "elsewhere": self.elsewhere.id, **self._rooms}

    def ids(self, names: list[str]) -> list[int]:
        return [self._ids[name] for name in names]

    def places(self, names: Iterable[str]) -> list[Place]:
        return [self.house.place(self._ids[name]) for name in names]

    async def heard(self, text: str) -> tuple[str, ...]:
        """Where the owner is heard who says it everywhere."""
        return tuple([one for one in PLACES if await self._heard(one, text)])

    async def _heard(self, room: str, text: str) -> bool:
        house = self.house
        if room == "elsewhere":
            await self.there.send(self.elsewhere, text)
        elif room == "direct":
            await house.owner.send_dm(text)
        else:
            await house.owner.send(house.place(self._rooms[room]), text)
        return bool(house.heard())


@pytest.mark.parametrize("listed", LISTED)
async def test_where_the_bot_is_at_work(house: House, listed: str) -> None:
    lists, places = LISTED[listed]
    town = Town(house)
    await house.start(discord={name: town.ids(names) for name, names in lists.items()})
    assert await town.heard(f"{house.call} words") == (*places, "direct")
    for place in town.places(set(PLACES) - {*places, "direct"}):
        assert house.said(place) == []
        who = namespace(house.owner.id), conversation(place.id)
        assert not await house.engine.authorized(*who)  # however it comes in


@pytest.mark.parametrize("wanted", HEARD_ALL)
async def test_where_it_hears_all(house: House, wanted: str) -> None:
    everywhere, places = HEARD_ALL[wanted]
    town = Town(house)
    names = everywhere if isinstance(everywhere, bool) else town.ids(everywhere)
    await house.start(discord={"hear_all": names})
    assert await town.heard("words") == (*places, "direct")


ROLES: dict[str, tuple[list[str], list[str], tuple[str, ...]]] = {
    "the role": (["house"], ["agents"], HERE),
    "one of its roles": (["house"], ["others", "agents"], HERE),
    "another role": (["house"], ["others"], ()),
    "the role in an unnamed server": (["elsewhere server"], ["agents"], ()),
}
"""By the lists of servers and roles: where one is heard who has the role, and no more."""


@pytest.mark.parametrize("listed", ROLES)
async def test_roles_let_in_where_they_are_listed(house: House, listed: str) -> None:
    guilds, roles, places = ROLES[listed]
    town = Town(house)
    ids = {name: house.guild.create_role(name).id for name in ("agents", "others")}
    house.env.backend.add_member_role(house.guild.id, house.owner.id, ids["agents"])
    table = {"guilds": town.ids(guilds), "roles": [ids[name] for name in roles]}
    await house.start(discord=table, access={"owners": [], "members": []})
    assert await town.heard(f"{house.call} words") == places


async def test_everyones_role_lets_in_all_of_the_server(house: House) -> None:
    everyone = house.guild.default_role.id
    await house.start(discord={"roles": [everyone]}, access={"owners": [], "members": []})
    await house.asks(house.hostile, "words")
    assert house.heard() == ["words"]


UNKNOWN_TYPE = 99
"""Of channels that came to Discord after the library."""


@pytest.mark.parametrize("table", ["channels", "hear_all"])
async def test_a_thread_whose_channel_the_library_does_not_know_is_no_trouble(
    house: House, caplog: pytest.LogCaptureFixture, table: str
) -> None:
    backend, opener = house.env.backend, house.newcomer("opener").id
    odd = backend.create_channel(house.guild.id, "odd", type=UNKNOWN_TYPE)
    thread = house.place(backend.create_thread(odd.id, "In it", opener).id)
    backend.create_message(thread.id, opener, "just before the bot came")
    await house.start(discord={table: [house.general.id]})
    await house.says(house.owner, thread, "words")
    await house.asks(house.owner, "words elsewhere")
    assert house.heard() == ["words elsewhere"]
    assert [one.getMessage() for one in caplog.records if one.levelname == "ERROR"] == []
