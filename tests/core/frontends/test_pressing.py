"""Buttons: only for whom they are, and answered where they were pressed if that is enough."""

import asyncio

import pytest

from palaver.engine import Engine
from palaver.errors import AccessDeniedError, CommandError
from palaver.frontends.pressing import Press
from palaver.hookspecs import hookimpl
from palaver.identity import ConversationId, Namespace
from palaver.models import Prompt
from palaver.views import Action, View, encode_button
from support.halls import Hall, Surface, press

HOME, PUBLIC = "home-owner", "public"
OWNER, MEMBER = Namespace("chat", "owner"), Namespace("chat", "member")
STATUS = Action(label="Status", command="/status")


def button(view: View, label: str, owner: Namespace = OWNER) -> str:
    """What a view's button carries."""
    actions = [*(one for item in view.items for one in item.actions), *view.actions]
    return encode_button(owner, next(one for one in actions if one.label.startswith(label)))


async def asked(hall: Hall, place: str = "") -> View:
    """A request for permission that waits."""
    await hall.say("owner", "run ls", place)
    return await hall.sees(place or HOME, "Bash: ls", "approval")


async def test_an_approval_is_decided_once_and_its_old_button_says_so(hall: Hall) -> None:
    view = await asked(hall)
    first = await press(hall, "owner", button(view, "Allow once"), key="1")
    assert first.alerts == []
    await hall.answered(HOME, "I ran ls.")
    late = await press(hall, "owner", button(view, "Deny"), key="2")
    assert len(late.alerts) == 1
    await late.until(lambda: late.disarmed)


async def test_a_press_that_is_told_twice_is_one_press(hall: Hall, office: Engine) -> None:
    await hall.say("owner", "fail")
    failed = await hall.sees(HOME, "Run again")
    for _ in range(2):
        surface = await press(hall, "owner", button(failed, "Run again"), key="1")
        assert surface.said == [("", False)]
    await office.idle()
    await hall.say("owner", "/sessioninfo")
    await hall.sees(HOME, "Turns: 2")


async def test_anothers_button_does_nothing_and_says_so(hall: Hall) -> None:
    view = await asked(hall, PUBLIC)
    for label in ("Allow once", "Deny"):
        surface = await press(hall, "member", button(view, label), PUBLIC, key=label)
        assert len(surface.alerts) == 1
        assert "somebody else" in surface.alerts[0]
    assert not [view for view in hall.seen(PUBLIC) if view.kind == "answer"]
    await press(hall, "owner", button(view, "Deny"), PUBLIC)
    await hall.answered(PUBLIC, "I did not run ls.")


async def test_a_button_made_by_hand_is_anothers_or_nobodys(hall: Hall) -> None:
    view = await asked(hall)
    command = next(one for one in view.actions if one.label == "Allow once")
    forged = await press(hall, "member", encode_button(MEMBER, command), key="1")
    assert len(forged.alerts) == 1
    rubbish = await press(hall, "owner", "rubbish", key="2")
    assert "too old" in rubbish.alerts[0]
    assert not [view for view in hall.seen(HOME) if view.kind == "answer"]
    await press(hall, "owner", button(view, "Deny"), key="3")
    await hall.answered(HOME, "I did not run ls.")


async def test_a_strangers_own_button_is_refused(hall: Hall) -> None:
    stranger = Namespace("chat", "stranger")
    surface = await press(hall, "stranger", encode_button(stranger, STATUS))
    assert len(surface.alerts) == 1


async def test_for_whom_a_button_is_pressed_is_known_before_it_does_anything(hall: Hall) -> None:
    def of(user: str, owner: Namespace) -> Press:
        place = ConversationId(PUBLIC)
        return Press(Namespace("chat", user), place, "key", encode_button(owner, STATUS))

    assert (await hall.reception.pressing(of("owner", OWNER))).namespace == OWNER
    with pytest.raises(CommandError, match="somebody else"):
        await hall.reception.pressing(of("member", OWNER))
    with pytest.raises(AccessDeniedError):
        await hall.reception.pressing(of("stranger", Namespace("chat", "stranger")))


class Listener:
    """Keeps from the agent, which is scripted, who speaks."""

    @hookimpl
    def on_prompt(self, prompt: Prompt) -> Prompt:
        return prompt.model_copy(update={"text": prompt.text.removeprefix("Owner: ")})


async def test_in_a_shared_place_all_who_are_let_in_decide(hall: Hall, office: Engine) -> None:
    office.host.add("listener", Listener())
    await hall.say("owner", "/share", PUBLIC)
    shared = Namespace("chat", f"shared.{PUBLIC}")
    view = await asked(hall, PUBLIC)
    refused = await press(hall, "stranger", button(view, "Deny", shared), PUBLIC, key="1")
    assert len(refused.alerts) == 1
    await press(hall, "member", button(view, "Deny", shared), PUBLIC, key="2")
    await hall.sees(PUBLIC, "I did not run ls.")


async def test_lists_change_in_place_and_what_cannot_be_replaced_is_said_anew(
    hall: Hall,
) -> None:
    for text in ("hello", "/newsession", "hello again"):
        await hall.say("owner", text)
    await hall.answered(HOME, "hello again")
    await hall.say("owner", "/sessions")
    listed = await hall.sees(HOME, "👉")
    surface = await press(hall, "owner", button(listed, "Info"), key="1")
    await surface.until(lambda: surface.replaced)
    assert "Session Information" in surface.replaced[0].plain()
    before = len(hall.seen(HOME))
    await press(hall, "owner", button(listed, "Info"), key="2", replaces=False)
    await hall.until(lambda: len(hall.seen(HOME)) > before)
    assert "Session Information" in hall.texts(HOME)[-1]


async def test_what_only_its_presser_may_see_is_shown_to_nobody_else(hall: Hall) -> None:
    await hall.say("owner", "hello", PUBLIC)
    await hall.answered(PUBLIC, "hello")
    sessions = encode_button(OWNER, Action(label="List", command="/sessions"))
    surface = await press(hall, "owner", sessions, PUBLIC)
    await surface.until(lambda: surface.private)
    assert ["👉" in view.plain() for view in surface.private] == [True]
    assert surface.replaced == []
    assert not [text for text in hall.texts(PUBLIC) if "👉" in text]


async def test_words_that_are_asked_for_go_with_the_press(hall: Hall) -> None:
    await hall.say("owner", "ask Which colour?|red|green")
    question = await hall.sees(HOME, "Which colour?", "question")
    own = button(question, "Other")
    await press(hall, "owner", f"{own} dark blue")
    await hall.answered(HOME, "You said: dark blue")


async def test_what_cannot_be_shown_where_it_was_pressed_ends_no_other_press(
    hall: Hall, caplog: pytest.LogCaptureFixture
) -> None:
    class Breaks(Surface):
        async def say(self, words: str, *, alert: bool = False) -> None:
            await super().say(words, alert=alert)
            raise RuntimeError("broken")

    view = await asked(hall)
    surface = Breaks()
    one = Press(OWNER, ConversationId(HOME), "key", button(view, "Deny"), private=True)
    await hall.reception.press(one, surface)
    await hall.answered(HOME, "I did not run ls.")
    late = await press(hall, "owner", button(view, "Deny"))
    assert len(late.alerts) == 1
    assert "could not be" in caplog.text


async def test_two_presses_at_one_moment_decide_once(hall: Hall) -> None:
    view = await asked(hall)
    pressed = ((one, button(view, one)) for one in ("Allow once", "Deny"))
    both = await asyncio.gather(
        *(press(hall, "owner", carried, key=label) for label, carried in pressed)
    )
    assert sorted(len(one.alerts) for one in both) == [0, 1]
    await hall.until(lambda: [view for view in hall.seen(HOME) if view.kind == "answer"])
