"""What never waits behind a turn: /stop, /status, /retry, and the answers to the agent."""

import re
from uuid import UUID

from palaver.commands.contract import Command, CommandCall
from palaver.commands.words import counted, duration
from palaver.errors import CommandError
from palaver.feeds import Submission
from palaver.identity import SessionId
from palaver.models import (
    ApprovalRequest,
    Decision,
    PlanRequest,
    QuestionRequest,
    TurnState,
    now,
)
from palaver.notices import answered, offered
from palaver.offers import merged
from palaver.requests import Reply
from palaver.views import Action, FieldRow, View

_ONE_OF_SEVERAL = re.compile(r"(?P<number>\d{1,2})=\s*(?P<words>.+)", re.DOTALL)


async def stop(call: CommandCall) -> View:
    """Stop the running turn of this conversation; with `all`, drop what waits, too.

    A button names its turn, and stops no other.
    """
    if turn_id := _turn_id(call.argument):
        return await _stop_one(call, turn_id)
    current = await call.engine.sessions.current_id(call.namespace, call.conversation)
    dropped = 0
    if current and call.argument == "all":
        dropped = await call.engine.turns.drop(call.namespace, current)
    if not current or not await call.engine.turns.stop(current):
        return View(title="Nothing is running.")
    return _stopping(call, current, dropped)


async def _stop_one(call: CommandCall, turn_id: UUID) -> View:
    """In whatever session it is; a foreign turn is as unknown as one that is over."""
    turns = call.engine.turns
    found = (turn for turn in turns.at_work() if turn.id == turn_id)
    turn = next((one for one in found if one.prompt.namespace == call.namespace), None)
    if turn and turn.prompt.upkeep and turns.jobs(turn.session_id)[0].turn.id == turn_id:
        stopped = await turns.stop(turn.session_id)  # it is nobody's prompt
    else:
        stopped = bool(turn) and await turns.stop_turn(call.namespace, turn_id)
    if turn is None or not stopped:
        return View(title="That one is over already.", kind="error")
    return _stopping(call, turn.session_id)


def _stopping(call: CommandCall, session_id: SessionId, dropped: int = 0) -> View:
    waiting = len(call.engine.turns.jobs(session_id)) - 1
    text = f"{counted(dropped, 'waiting message')} dropped." if dropped else ""
    if waiting > 0:
        text = f"{counted(waiting, 'message')} still waiting; /stop all drops them, too."
    return View(title="⏹️ Stopping …", text=text, kind="notice")


async def status(call: CommandCall) -> View:
    """What the agent is doing for this user, here."""
    current = await call.engine.sessions.current_id(call.namespace, call.conversation)
    jobs = call.engine.turns.jobs(current) if current else []
    if not jobs:
        return View(title="💤 Idle", text="Send a message to begin.")
    first, *others = jobs
    rows = [FieldRow(name="Prompt", value=first.turn.prompt.text[:200])]
    if first.turn.started:
        seconds = (now() - first.turn.started).total_seconds()
        rows.append(FieldRow(name="At work for", value=duration(seconds)))
    rows.append(FieldRow(name="Tools used", value=str(first.tools)))
    rows += [FieldRow(name="Waiting", value=job.turn.prompt.text[:80]) for job in others]
    asked = call.engine.requests.waiting(call.namespace)
    rows += [FieldRow(name="Waits for you", value=request.id, code=True) for request in asked]
    return View(
        title="⚙️ At work",
        fields=tuple(rows),
        actions=(Action(label="Stop", command=f"/stop {first.turn.id}", style="danger"),),
    )


async def retry(call: CommandCall) -> "View | Submission":
    """Run the last prompt again, if it did not end well. A button names its turn."""
    turn = await call.engine.last_turn(call.namespace, call.conversation)
    wanted = _turn_id(call.argument)
    if wanted and (turn is None or turn.id != wanted):
        title = "That is not your last message any more."
        raise CommandError(title, hint="Send it again to repeat it.")
    if turn is None:
        raise CommandError("There is nothing to run again.", hint="Send a message.")
    if turn.state in (TurnState.QUEUED, TurnState.RUNNING):
        raise CommandError("It is still running.", hint="See /status, or /stop it first.")
    if turn.state is TurnState.DONE:
        raise CommandError("Your last message was answered.", hint="Send it again to repeat it.")
    session = await call.engine.sessions.current(call.prompt)
    prompt = turn.prompt.model_copy(update={"key": f"retry:{turn.id}"})
    return await call.engine.turns.submit(session, prompt)


async def allow(call: CommandCall) -> View:
    """Say yes to an approval (once, or for the session) or to a plan."""
    request_id, _, scope = call.argument.partition(" ")
    request = call.engine.requests.get(call.namespace, request_id)
    if isinstance(request, QuestionRequest):
        raise CommandError("That is a question.", hint=f"Use /answer {request.id} and your words.")
    if scope not in ("", "session"):  # whatever it means, it is not the plain yes
        hint = f"Use /allow {request.id}, /allow {request.id} session or /deny {request.id}."
        raise CommandError(f"I do not understand {scope!r}.", hint=hint)
    decision = Decision.SESSION if scope == "session" else Decision.ONCE
    outcome = "Allowed for this session" if decision is Decision.SESSION else "Allowed once"
    if isinstance(request, PlanRequest):
        outcome = "Plan accepted"
        await _leave_plan_mode(call, request)
    call.engine.requests.settle(call.namespace, request.id, Reply(decision, outcome=outcome))
    return View(title=f"✅ {outcome}", text=_what(request), kind="notice")


async def _leave_plan_mode(call: CommandCall, request: PlanRequest) -> None:
    """Claude Code leaves it by itself when a plan is accepted; the session follows."""
    session = await call.engine.sessions.find(call.namespace, str(request.session_id))
    if session.mode == "plan":
        await call.engine.sessions.set_mode(session, None)


async def deny(call: CommandCall) -> View:
    """Say no to an approval, or send a plan back with a remark."""
    request_id, _, remark = call.argument.partition(" ")
    request = call.engine.requests.get(call.namespace, request_id)
    outcome = "Plan sent back" if isinstance(request, PlanRequest) else "Denied"
    reply = Reply(Decision.DENY, remark=remark.strip(), outcome=outcome)
    call.engine.requests.settle(call.namespace, request.id, reply)
    return View(title=f"🚫 {outcome}", text=_what(request), kind="notice")


async def answer(call: CommandCall) -> View:
    """Answer the agent's question, by a choice's number or in free words."""
    request_id, _, words = call.argument.partition(" ")
    request = call.engine.requests.get(call.namespace, request_id)
    if not isinstance(request, QuestionRequest):
        raise CommandError("That is not a question.", hint="Use /allow or /deny.")
    if not words.strip():
        raise CommandError("What is your answer?", hint=f"Use /answer {request.id} and your words.")
    one = _ONE_OF_SEVERAL.fullmatch(words.strip())
    if one and len(request.questions) > 1:
        given = one["words"].replace(f"{one['number']}=", "")  # several choices, each with it
        return answered(call.engine.requests.answer_one(request, int(one["number"]), given))
    return answered(call.engine.requests.answer(request, words))


async def details(call: CommandCall) -> View:
    """All of what an approval is about."""
    request = call.engine.requests.get(call.namespace, call.argument)
    if not isinstance(request, ApprovalRequest):
        raise CommandError("There is no more to see.", hint="Look at the message itself.")
    actions = (
        Action(label="Allow once", command=f"/allow {request.id}", style="primary"),
        Action(label="Deny", command=f"/deny {request.id}", style="danger"),
    )
    title = f"🔍 {request.tool}: all of it"
    return View(title=title, text=request.detail, actions=actions)


async def cancel(call: CommandCall) -> View:
    """Take a message back that still waits for its turn."""
    turn_id = _turn_id(call.argument)
    if turn_id is None:
        raise CommandError("Which message?", hint="Press Cancel below it.")
    if not await call.engine.turns.cancel(call.namespace, turn_id):
        raise CommandError("It does not wait any more.", hint="/stop stops what is running.")
    return View(title="🚫 Taken back", kind="notice")


async def send_now(call: CommandCall) -> View:
    """Stop what is running and run a waiting message next."""
    turn_id = _turn_id(call.argument)
    if turn_id is None:
        raise CommandError("Which message?", hint="Press the button below it.")
    if not await call.engine.turns.send_now(call.namespace, turn_id):
        raise CommandError("It does not wait any more.", hint="See /status.")
    return View(title="⏩ It is next", kind="notice")


async def backlog(call: CommandCall) -> "View | Submission":
    """Decide about the messages that came while nobody listened."""
    prompts = await call.engine.offers.get(call.namespace, call.conversation)
    if not prompts:
        raise CommandError("Nothing is waiting.", hint="Send a message.")
    match call.argument:
        case "":
            return offered(prompts)
        case "discard":
            await call.engine.offers.forget(call.namespace, call.conversation)
            return View(title=f"🗑️ {counted(len(prompts), 'message')} discarded")
        case "merge":
            prompts = [merged(prompts)]
        case "all":
            pass
        case _:
            raise CommandError("Say /backlog all, merge or discard.", hint="/backlog shows them.")
    session = await call.engine.sessions.current(call.prompt)
    first, *others = [await call.engine.turns.submit(session, prompt) for prompt in prompts]
    first.others = tuple(others)
    await call.engine.offers.forget(call.namespace, call.conversation)
    return first


def _turn_id(argument: str) -> UUID | None:
    """The turn that a button is about; None if it names none."""
    try:
        return UUID(argument)
    except ValueError:
        return None


def _what(request: ApprovalRequest | PlanRequest | QuestionRequest) -> str:
    return f"{request.tool}: {request.summary}" if isinstance(request, ApprovalRequest) else ""


COMMANDS = (
    Command("stop", "Stop what is running", stop, argument="[all]"),
    Command("status", "What the agent is doing", status),
    Command("retry", "Run the last message again", retry),
    Command("backlog", "What came while I was away", backlog, argument="[WHAT]", hidden=True),
    Command("cancel", "Take a waiting message back", cancel, argument="ID", hidden=True),
    Command("now", "Run a waiting message next", send_now, argument="ID", hidden=True),
    Command("details", "All of an approval", details, argument="ID", hidden=True),
    Command("allow", "Say yes to the agent", allow, argument="ID [session]", hidden=True),
    Command("deny", "Say no to the agent", deny, argument="ID [REMARK]", hidden=True),
    Command("answer", "Answer the agent's question", answer, argument="ID WORDS", hidden=True),
)
