"""Buttons and menus: all that can be done with a view can be pressed, chosen or typed."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from simcord.components import validate_components, validate_modal

from palaver import Action, Item, Namespace, View, encode_button
from palaver_discord.components import components, modal, pressed, submitted
from support.discord_views import views

OWNER = Namespace("discord", "2001")


def rows(view: View) -> list[dict[str, Any]]:
    """The components as Discord gets them; what it would refuse is raised."""
    made, _ = components(view, OWNER)
    sent = made.to_components() if made else []
    validate_components(sent)
    return sent


def parts(view: View) -> list[dict[str, Any]]:
    return [one for row in rows(view) for one in row["components"]]


def commands(view: View) -> Iterator[str]:
    """All that can be pressed or chosen alone, as commands."""
    for one in parts(view):
        if "options" not in one:
            yield pressed(one["custom_id"]).button[6:]
        for option in one.get("options", ()):
            yield pressed(one["custom_id"], [option["value"]]).button[6:]


def button(command: str) -> str:
    return encode_button(OWNER, Action(label="x", command=command))


def test_a_button_carries_its_owner_and_its_command() -> None:
    view = View(actions=(Action(label="Stop", command="/stop", style="danger"),))
    [one] = parts(view)
    assert one["label"] == "Stop"
    assert one["style"] == 4
    assert pressed(one["custom_id"]).kind == "press"
    assert pressed(one["custom_id"]).button == button("/stop")


def test_a_button_that_wants_a_word_asks_for_it() -> None:
    action = Action(label="Rename", command="/rename abc", input="The new name?")
    [one] = parts(View(actions=(action,)))
    ask = pressed(one["custom_id"])
    assert ask.kind == "ask"
    assert ask.asked == "The new name"
    assert ask.button == button("/rename abc")
    assert ask.with_word(" a ? b ") == f"{button('/rename abc')} a ? b"


def test_what_is_asked_is_a_window_that_brings_the_word() -> None:
    action = Action(label="Rename " + "x" * 60, command="/rename abc", input="name " * 20)
    [one] = parts(View(actions=(action,)))
    ask = pressed(one["custom_id"])
    sent = modal(ask, action.label).to_dict()
    validate_modal(sent)
    assert pressed(sent["custom_id"]) == ask
    [label] = sent["components"]
    field = {"type": 4, "custom_id": label["component"]["custom_id"], "value": "a new name"}
    assert submitted({"components": [{"type": 18, "component": field}]}) == "a new name"
    assert submitted({"components": [{"type": 1, "components": [field]}]}) == "a new name"
    assert submitted({}) == ""


def test_choices_are_one_menu() -> None:
    choices = tuple(
        Action(label=name, command=f"/answer r1 2={number}", choice=True)
        for number, name in enumerate(("red", "green", "blue"), 1)
    )
    other = Action(label="Other …", command="/answer r1 2=", input="Your answer")
    menu, free = parts(View(actions=(*choices, other)))
    assert [option["label"] for option in menu["options"]] == ["red", "green", "blue"]
    assert menu["max_values"] == 3
    taken = pressed(menu["custom_id"], ["2=1", "2=3"])
    assert taken.button == button("/answer r1") + " 2=1,2=3"
    assert pressed(free["custom_id"]).kind == "ask"


def page(count: int, first: int = 1) -> View:
    items = []
    for number in range(count):
        session = uuid.UUID(int=number)
        actions = [
            Action(label="Switch", command=f"/switch {session}", style="primary"),
            Action(label="Info", command=f"/sessioninfo {session}"),
            Action(label="Delete", command=f"/delete {session}", style="danger"),
        ]
        items.append(Item(title=f"matter {number}", text="1 turn", actions=tuple(actions)))
    return View(items=tuple(items), first=first, actions=(Action(label="◀", command="/sessions"),))


def test_a_page_of_sessions_has_a_menu_for_each_thing_to_do() -> None:
    view = page(10, first=11)
    switch, info, delete, newer = parts(view)
    assert [one["placeholder"] for one in (switch, info, delete)] == [
        "Switch …",
        "Info …",
        "Delete …",
    ]
    assert switch["options"][1]["label"] == "12. matter 1"
    assert switch["options"][1]["description"] == "1 turn"
    session = uuid.UUID(int=1)
    chosen = pressed(info["custom_id"], [info["options"][1]["value"]])
    assert chosen.button == button(f"/sessioninfo {session}")
    assert pressed(newer["custom_id"]).button == button("/sessions")


def test_more_than_a_menu_holds_goes_on_in_another() -> None:
    view = page(30)
    assert [len(one.get("options", ())) for one in parts(view)] == [25, 5, 25, 5, 0]
    _, typed = components(view, OWNER)
    assert len(typed) == 30
    assert all("/delete" in line for line in typed)


def test_more_buttons_than_there_is_room_for_are_typed() -> None:
    view = View(actions=tuple(Action(label=f"b{n}", command=f"/b{n}") for n in range(30)))
    made, typed = components(view, OWNER)
    assert made
    assert len(made.children) == 25
    assert typed == [f"b{n}: /b{n}" for n in range(25, 30)]


@pytest.mark.parametrize("extra", [" " + "x" * 100, " trailing ", " \x00"])
def test_a_command_that_no_button_can_carry_is_typed(extra: str) -> None:
    view = View(actions=(Action(label="Long", command=f"/long{extra}"),))
    made, typed = components(view, OWNER)
    assert made is None
    assert typed == [f"Long: /long{extra}"]


def test_the_same_twice_is_offered_once() -> None:
    """Discord refuses two components with one custom_id."""
    action = Action(label="Stop", command="/stop")
    made, typed = components(View(actions=(action, action)), OWNER)
    assert made
    assert len(made.children) == 1
    assert typed == ["Stop: /stop"]


async def test_the_library_keeps_nothing_of_a_view() -> None:
    """It keeps what is not finished, for ever."""
    made, _ = components(View(actions=(Action(label="Stop", command="/stop"),)), OWNER)
    assert made
    assert made.is_finished()


@pytest.mark.parametrize("custom_id", ["", "?", "=", "#", "??", "#0", "abc", "?a", "=/x"])
def test_what_others_wrote_is_nobodys_button(custom_id: str) -> None:
    assert button("/stop") not in pressed(custom_id).button


@given(views)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_all_fits_and_what_does_not_fit_is_typed(view: View) -> None:
    actions = [*view.actions, *(action for item in view.items for action in item.actions)]
    _, typed = components(view, OWNER)
    offered = list(commands(view))
    assert len(offered) + len(typed) == len(actions)
    said = "\n".join([*offered, *typed])
    assert all(action.command in said for action in actions)
