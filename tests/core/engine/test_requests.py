"""Approvals, questions, plans: who may decide, and what an unclear answer means."""

import asyncio

import pytest

from palaver.errors import CommandError
from palaver.events import (
    ApprovalAsked,
    Event,
    PlanProposed,
    QuestionAsked,
    RequestSettled,
    TurnFinished,
)
from palaver.feeds import Submission
from palaver.hookspecs import hookimpl
from palaver.identity import Namespace
from palaver.models import ApprovalRequest, Decision
from palaver.views import Action, encode_button
from support.people import OpenEngine, Person


async def _until_asked(submission: Submission) -> str:
    async for event in submission:
        if isinstance(event, ApprovalAsked | QuestionAsked | PlanProposed):
            return event.request.id
    raise AssertionError("nothing was asked")


async def _rest(submission: Submission) -> tuple[str, list[Event]]:
    async with asyncio.timeout(5):
        events = [event async for event in submission]
    end = events[-1]
    assert isinstance(end, TurnFinished)
    return end.text, events


async def test_an_allowed_tool_runs(alice: Person) -> None:
    submission = await alice.submit("run ls")
    request_id = await _until_asked(submission)
    view = await alice.view(f"/allow {request_id}")
    assert view.title == "✅ Allowed once"
    text, events = await _rest(submission)
    assert text == "I ran ls."
    [settled] = [event for event in events if isinstance(event, RequestSettled)]
    assert (settled.decision, settled.outcome) == (Decision.ONCE, "Allowed once")


async def test_a_denied_tool_does_not_run(alice: Person) -> None:
    submission = await alice.submit("run ls")
    await alice.view(f"/deny {await _until_asked(submission)}")
    assert (await _rest(submission))[0] == "I did not run ls."


@pytest.mark.parametrize("text", ["yes", "allow", "ok", "y", "1", "allow all"])
async def test_free_text_never_approves(alice: Person, text: str) -> None:
    submission = await alice.submit("run ls")
    request_id = await _until_asked(submission)
    waiting = await alice.submit(text)  # waits behind the turn, as any other prompt
    await alice.view(f"/deny {request_id}")
    assert (await _rest(submission))[0] == "I did not run ls."
    assert (await _rest(waiting))[0] == text


async def test_nobody_decides_for_another(alice: Person, bob: Person) -> None:
    submission = await alice.submit("run ls")
    request_id = await _until_asked(submission)
    foreign = await bob.view(f"/allow {request_id}")
    unknown = await bob.view("/allow ABCDEFGH")
    assert foreign == unknown
    await alice.view(f"/deny {request_id}")
    assert (await _rest(submission))[0] == "I did not run ls."


async def test_a_button_of_another_is_refused_as_such(alice: Person, bob: Person) -> None:
    submission = await alice.submit("run ls")
    request_id = await _until_asked(submission)
    button = encode_button(alice.namespace, Action(label="Allow", command=f"/allow {request_id}"))
    with pytest.raises(CommandError, match="somebody else"):
        await bob.engine.press(bob.prompt(""), button)
    pressed = await alice.engine.press(alice.prompt(""), button)
    assert [event.type async for event in pressed] == ["told"]
    assert (await _rest(submission))[0] == "I ran ls."


async def test_a_request_can_be_decided_only_once(alice: Person) -> None:
    submission = await alice.submit("run ls")
    request_id = await _until_asked(submission)
    await alice.view(f"/deny {request_id}")
    assert (await alice.view(f"/allow {request_id}")).title == "⚠️ That request is over."
    assert (await _rest(submission))[0] == "I did not run ls."


async def test_an_unanswered_request_is_a_no(start: OpenEngine) -> None:
    async with start(sessions={"approval_timeout_s": 0.1}) as engine:
        alice = Person(engine, Namespace("chat", "alice"))
        text, events = await _rest(await alice.submit("run ls"))
        assert text == "I did not run ls."
        [settled] = [event for event in events if isinstance(event, RequestSettled)]
        assert settled.outcome.startswith("No answer")


async def test_stopping_the_turn_denies_what_it_waits_for(alice: Person) -> None:
    submission = await alice.submit("run ls")
    request_id = await _until_asked(submission)
    await alice.view("/stop")
    assert (await _rest(submission))[0] == "I did not run ls."
    assert (await alice.view(f"/allow {request_id}")).kind == "error"


@pytest.mark.parametrize(
    ("answer", "heard"),
    [("2", "green"), ("RED", "red"), ("blue, please", "blue, please"), ("7", "7")],
)
async def test_a_question_takes_a_number_a_label_or_free_words(
    alice: Person, answer: str, heard: str
) -> None:
    submission = await alice.submit("ask Which colour?|red|green")
    request_id = await _until_asked(submission)
    await alice.view(f"/answer {request_id} {answer}")
    assert (await _rest(submission))[0] == f"You said: {heard}"


async def test_the_next_message_answers_a_question(alice: Person) -> None:
    submission = await alice.submit("ask Which colour?|red|green")
    await _until_asked(submission)
    assert (await alice.view("2")).title == "✅ Passed on to the agent."
    assert (await _rest(submission))[0] == "You said: green"


async def test_a_plan_is_accepted_or_sent_back_with_a_remark(alice: Person) -> None:
    submission = await alice.submit("plan first this, then that")
    await alice.view(f"/allow {await _until_asked(submission)}")
    assert (await _rest(submission))[0] == "It is done."
    submission = await alice.submit("plan first this, then that")
    await alice.view(f"/deny {await _until_asked(submission)} the other way round")
    assert (await _rest(submission))[0] == "To change: the other way round"


async def test_hook_on_approval_decides_before_the_user_is_asked(start: OpenEngine) -> None:
    class Guard:
        @hookimpl
        async def on_approval(self, request: ApprovalRequest) -> Decision | None:
            return Decision.ONCE if request.summary == "ls" else None

    async with start({"guard": Guard()}) as engine:
        alice = Person(engine, Namespace("chat", "alice"))
        text, events = await _rest(await alice.submit("run ls"))
        assert text == "I ran ls."
        assert not any(isinstance(event, ApprovalAsked) for event in events)
        submission = await alice.submit("run rm")
        await alice.view(f"/deny {await _until_asked(submission)}")
        assert (await _rest(submission))[0] == "I did not run rm."


async def test_a_failing_approval_hook_approves_nothing(start: OpenEngine) -> None:
    class Broken:
        @hookimpl
        def on_approval(self) -> Decision:
            raise RuntimeError("broken")

    async with start({"broken": Broken()}) as engine:
        alice = Person(engine, Namespace("chat", "alice"))
        submission = await alice.submit("run ls")
        await alice.view(f"/deny {await _until_asked(submission)}")
        assert (await _rest(submission))[0] == "I did not run ls."
