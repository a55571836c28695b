"""Buttons, menus and windows in the hands of those whose they are not; in one process."""

import string
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import discord
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from simcord.actors import MemberActor
from simcord.enums import InteractionType
from simcord.results import InteractionResult

from palaver import Action, encode_button
from palaver.models import Grant
from palaver_discord.places import namespace
from support.asking import AskingPlugin
from support.simcord_house import House, answers, house_in, labels, told

PRESS, SUBMIT = InteractionType.MESSAGE_COMPONENT, InteractionType.MODAL_SUBMIT
FOREIGN = "This button belongs to somebody else."
NOT_LISTED = "You are not on this bot's access list."


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_in(tmp_path / "data") as house:
        await house.start({"asking": AskingPlugin()}, sessions={"agent": "asking"})
        yield house


# --- all buttons there are -----------------------------------------------------------------------

AT_WORK = {
    "run ls": ["Allow once", "Allow for this session", "Deny"],
    "ask Which?|red|green": ["red", "green", "Other …"],
    "plan Paint it": ["Go ahead", "Change …"],
    "wait 60": ["Stop"],
    "long": ["See all of it", "Allow once", "Deny"],
}


@pytest.mark.parametrize("text", AT_WORK)
async def test_in_others_hands_no_button_of_a_turn_does_anything(house: House, text: str) -> None:
    thread = await house.asks(house.owner, text)
    message = house.newest(thread, AT_WORK[text][0])
    assert set(AT_WORK[text]) <= set(labels(message))
    await house.env.advance_time(5)  # all is painted
    before = house.said(thread)
    for label in labels(message):
        for person in (house.member, house.hostile):
            asked = await person.click(message, label=label)
            assert FOREIGN in told(asked), label
            assert asked.modal is None
    assert house.said(thread) == before
    asked = await house.owner.click(message, label=AT_WORK[text][-1])
    assert asked.modal or house.said(thread) != before


async def test_menus_of_several_choices_are_their_owners_alone(house: House) -> None:
    thread = await house.asks(house.owner, "several")
    message = house.newest_saying(thread, "Which?")
    for person in (house.member, house.hostile):
        assert FOREIGN in told(await person.select(message, ["1"]))
    await house.owner.select(message, ["1", "3"])
    assert "You said: ('red, blue',)" in house.said(thread)[-1]


async def test_in_a_shared_thread_all_who_are_let_in_press_and_no_others(house: House) -> None:
    thread = await house.asks(house.owner, "begin")
    await house.uses(house.owner, thread, "share")
    for person in (house.member, house.owner):
        await house.says(house.owner, thread, "run ls")
        message = house.newest(thread, "Allow once")
        for label in labels(message):
            assert NOT_LISTED in told(await house.hostile.click(message, label=label))
        await person.click(message, label="Allow once")
        assert "I ran ls." in house.said(thread)[-1]


async def test_what_is_for_ones_own_eyes_can_be_pressed_by_nobody_else(house: House) -> None:
    thread = await house.asks(house.owner, "begin")
    [info] = answers(await house.uses(house.owner, thread, "sessioninfo"))
    for button in (one for row in info.components for one in row["components"]):
        for person in (house.member, house.hostile):
            data = {"custom_id": button["custom_id"], "component_type": 2}
            asked = await house.forges(person, PRESS, data, message=info)
            assert FOREIGN in told(asked), button
            assert asked.modal is None


# --- windows -------------------------------------------------------------------------------------


def window(asked: InteractionResult, words: str) -> dict[str, Any]:
    """What a client sends for a window, filled in."""
    assert asked.modal
    field = {"type": 4, "custom_id": "word", "value": words}
    label = {"type": 18, "component": field}
    return {"custom_id": asked.modal["custom_id"], "components": [label]}


async def test_a_window_that_was_opened_for_another_takes_no_words(house: House) -> None:
    thread = await house.asks(house.owner, "ask Which?|red|green")
    question = house.newest(thread, "Other …")
    opened = await house.owner.click(question, label="Other …")
    named = await house.uses(house.owner, thread, "rename")
    for person in (house.member, house.hostile):
        asked = await house.forges(person, SUBMIT, window(opened, "x"), message=question)
        assert FOREIGN in told(asked)
        asked = await house.forges(person, SUBMIT, window(named, "x"))
        assert FOREIGN in told(asked)
    assert thread.name == "ask Which?|red|green"
    await house.owner.submit_modal(opened, {"word": "violet"})
    assert "You said: violet" in house.said(thread)[-1]


async def test_one_who_is_shut_out_while_a_window_is_open_is_not_heard(house: House) -> None:
    grants = house.engine._store.grants
    await grants.allow(Grant(namespace=namespace(house.hostile.id)))
    thread = await house.asks(house.hostile, "ask Which?|red|green")
    opened = await house.hostile.click(house.newest(thread, "Other …"), label="Other …")
    named = await house.uses(house.hostile, thread, "rename")
    await grants.revoke(namespace(house.hostile.id))
    assert NOT_LISTED in told(await house.hostile.submit_modal(opened, {"word": "violet"}))
    assert NOT_LISTED in told(await house.hostile.submit_modal(named, {"word": "Mine"}))
    assert not any("violet" in text for text in house.said(thread))
    assert thread.name == "ask Which?|red|green"


# --- what no client of Discord's sends -----------------------------------------------------------

letters = st.characters(exclude_categories=["Cs"])
commands = st.sampled_from(
    ["allow", "deny", "answer", "switch", "delete", "stop", "now", "cancel", "share", "rename", ""]
)
button = st.builds(
    "{}{}/{} {}".format,
    st.sampled_from(["", "?", "?Name?", "=", "#", "?" * 9]),
    st.sampled_from(["OWNER", "HOSTILE", "", "zzzzzz"]),  # a member may press his own
    commands,
    st.one_of(st.text(letters, max_size=60), st.text(string.hexdigits, max_size=40)),
)
custom_ids = st.one_of(st.text(letters, max_size=100), button)


class Forger:
    """A client of somebody's who sends whatever he likes, at one message of the bot's.

    Attributes:
        place: where that is.
    """

    def __init__(self, house: House, message: discord.Message) -> None:
        self.place = house.place(message.channel.id)
        self._house = house
        self._message = message
        self._tags = {
            who.name.upper(): encode_button(namespace(who.id), Action(label="x", command="/x"))[:6]
            for who in (house.owner, house.hostile)
        }

    def signed(self, custom_id: str) -> str:
        for name, tag in self._tags.items():
            custom_id = custom_id.replace(name, tag)
        return custom_id[:100]

    async def sends(self, person: MemberActor, custom_id: str, values: list[str]) -> None:
        """A choice and a window, each of which is answered to him alone."""
        custom_id = self.signed(custom_id)
        values = [self.signed(one) for one in values]
        field = {"type": 4, "custom_id": "word", "value": "".join(values)}
        for kind, data in (
            (PRESS, {"custom_id": custom_id, "component_type": 3, "values": values}),
            (SUBMIT, {"custom_id": custom_id, "components": [{"type": 18, "component": field}]}),
        ):
            asked = await self._house.forges(person, kind, data, message=self._message)
            assert asked.acknowledged
            assert asked.modal is None
            assert told(asked)


@pytest.fixture
async def forger(house: House) -> Forger:
    thread = await house.asks(house.owner, "run ls")
    await house.env.advance_time(5)  # all is painted
    return Forger(house, house.newest(thread, "Allow once"))


@given(custom_id=custom_ids, values=st.lists(custom_ids, max_size=3))
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=list(HealthCheck),  # all examples come to one house
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
async def test_whatever_a_forged_client_sends_is_refused_and_harms_nothing(
    house: House,
    forger: Forger,
    caplog: pytest.LogCaptureFixture,
    custom_id: str,
    values: list[str],
) -> None:
    before = house.said(forger.place)
    for person in (house.member, house.hostile):
        await forger.sends(person, custom_id, values)
    assert house.said(forger.place) == before
    assert house.heard() in ([], ["run ls"])
    assert [one.getMessage() for one in caplog.records if one.levelname == "ERROR"] == []
