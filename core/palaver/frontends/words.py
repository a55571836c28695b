"""What is said of a turn, as views; the same in every chat."""

import re
from pathlib import PurePath
from uuid import UUID

from palaver.commands.words import counted, duration, money
from palaver.events import Retrying, TurnFinished
from palaver.frontends.splitting import split_markdown, tail_markdown
from palaver.models import (
    ApprovalRequest,
    PlanRequest,
    Question,
    QuestionRequest,
    TurnState,
)
from palaver.views import Action, Item, View

_SHORT = 300
"""Characters of a request that stay to be read when it is settled."""
_CODE_LINE = re.compile(r"(`{3,})[^`\n]*\n(.*)\n\1(?:\n|$)")


def approval(request: ApprovalRequest, *, limit: int | None = None) -> View:
    """May the agent use a tool? The answer that is safe comes last and is the default.

    Args:
        limit: characters of what it would do that are shown; the rest is behind a button.
    """
    detail = request.detail
    actions = [Action(label="Allow once", command=f"/allow {request.id}", style="primary")]
    if request.rememberable:
        label = "Allow for this session"
        actions.append(Action(label=label, command=f"/allow {request.id} session"))
    actions.append(Action(label="Deny", command=f"/deny {request.id}", style="danger"))
    if limit and len(detail) > limit:
        actions.append(Action(label="See all of it", command=f"/details {request.id}"))
        rest = len(detail)
        detail = split_markdown(detail, limit)[0]
        detail = f"{detail}\n\n… {rest - len(detail):,} more characters"
    about = "" if _shows(detail, request.summary) else f": {_line(request.summary, 200)}"
    return View(
        title=f"🔐 {request.tool}{about}",
        text=detail,
        footer=(request.reason,) if request.reason else (),
        actions=tuple(actions),
        kind="approval",
    )


def _shows(detail: str, summary: str) -> bool:
    """Whether a request's detail is short, and begins with the line that is its summary."""
    line = _CODE_LINE.match(detail)
    return line is not None and len(detail) <= _SHORT and line[2].split() == summary.split()


def settled(view: View, outcome: str) -> View:
    """A request that is over: what was decided, and of a short one what it was about."""
    text = view.text if len(view.text) <= _SHORT else ""
    return view.model_copy(update={"actions": (), "footer": (outcome,), "text": text})


def question(request: QuestionRequest) -> View:
    """What the agent wants to know; several questions at once, which want a line of words each."""
    if len(request.questions) == 1:
        return _question(request, request.questions[0])
    items: list[Item] = []
    for asked in request.questions:
        items.append(Item(title=asked.text))
        items += [Item(title=choice.label, text=choice.description) for choice in asked.choices]
    own = Action(label="Answer …", command=f"/answer {request.id}", input="Your answer")
    return View(
        title="❓ The agent has questions",
        items=tuple(items),
        footer=("Answer with one line for each question.",),
        actions=(own,),
        kind="question",
    )


def questions(request: QuestionRequest) -> list[View]:
    """The same for a chat with buttons: a view for each question, each answered by itself."""
    if len(request.questions) == 1:
        return [question(request)]
    return [_question(request, asked, number) for number, asked in enumerate(request.questions, 1)]


def _question(request: QuestionRequest, asked: Question, number: int = 0) -> View:
    """One question; `number` says which of several."""
    which = f"{number}=" if number else ""
    actions = [
        Action(
            label=_line(choice.label, 80) or str(place),
            command=f"/answer {request.id} {which}{place}",
            choice=asked.several,
        )
        for place, choice in enumerate(asked.choices, 1)
    ]
    how = "Or answer in your own words." if actions else "Answer in your own words."
    if asked.several:
        how = "Answer with one or more numbers, separated by commas, or in your own words."
    command = f"/answer {request.id} {which}".strip()
    own = Action(label="Other …", command=command, input="Your answer")
    of = f"{number} of {len(request.questions)}: " if number else ""
    return View(
        title=f"❓ {of}{asked.text}",
        items=tuple(Item(title=one.label, text=one.description) for one in asked.choices),
        footer=(how,),
        actions=(*actions, own),
        kind="question",
    )


def plan(request: PlanRequest) -> View:
    """Whether the agent may carry out its plan."""
    return View(
        title="🗺️ The agent's plan",
        text=request.plan,
        actions=(
            Action(label="Go ahead", command=f"/allow {request.id}", style="primary"),
            Action(label="Change …", command=f"/deny {request.id}", input="What to change"),
        ),
        kind="approval",
    )


def plans(request: PlanRequest) -> list[View]:
    """The same, to be settled in its place: a long plan stands by itself, and is not touched."""
    whole = plan(request)
    if len(request.plan) <= _SHORT:
        return [whole]
    asked = whole.model_copy(update={"title": "🗺️ Carry out this plan?", "text": ""})
    return [whole.model_copy(update={"actions": ()}), asked]


def progress(
    text: str, tools: list[str], *, resumed: bool, limit: int | None, turn_id: UUID
) -> View:
    """A turn at work: the end of its text, and the tools in use."""
    state = "📁 Resuming session" if resumed else "🆕 Starting new session"
    if limit and len(text) > limit:
        text = tail_markdown(text, limit)
    return View(
        title="" if text else f"⏳ {state}",
        text=text,
        footer=tuple(f"🔧 {_line(tool, 100)}" for tool in tools[-3:]),
        actions=(Action(label="Stop", command=f"/stop {turn_id}", style="danger"),),
        kind="progress",
    )


def retrying(event: Retrying) -> str:
    """One line on a model that does not answer."""
    reason = f" ({event.reason.replace('_', ' ')})" if event.reason else ""
    tries = f"try {event.attempt} of {event.attempts}"
    return f"The model does not answer{reason}; {tries}, next in {duration(event.delay_s)}"


def queued(ahead: int, turn_id: UUID | None = None) -> View:
    """A prompt waits; with `turn_id` it can be taken back, or sent at once."""
    actions = []
    if turn_id:
        actions.append(Action(label="Stop the other, send now", command=f"/now {turn_id}"))
        actions.append(Action(label="Cancel", command=f"/cancel {turn_id}"))
    title = f"⏳ Queued: {counted(ahead, 'message')} before it."
    return View(title=title, actions=tuple(actions), kind="notice")


def finished(event: TurnFinished) -> View:
    """A turn's answer with its receipt, or what became of it."""
    match event.state:
        case TurnState.DONE:
            view = View(text=event.text or "(The agent finished without a word.)", kind="answer")
        case TurnState.STOPPED:
            # one that never reached the agent must not look as if the one at work had ended
            began = bool(event.duration_s or event.text)
            title = "⏹️ Stopped" if began else "🚫 Taken back; it did not run."
            view = View(title=title, text=event.text, kind="notice")
        case _:
            title = "⚠️ Interrupted" if event.state is TurnState.INTERRUPTED else "⚠️ It failed"
            text = "\n\n".join(filter(None, [event.text, event.error]))
            again = Action(label="Run again", command=f"/retry {event.turn_id}", style="primary")
            actions = () if event.goes_on else (again,)
            view = View(title=title, text=text, actions=actions, kind="error")
    changes: dict[str, object] = {"repeated": event.repeated}
    if event.state is TurnState.DONE and event.duration_s:
        changes["footer"] = (receipt(event),)
    return view.model_copy(update=changes)


def receipt(event: TurnFinished) -> str:
    """How long a turn took, what it used and changed, what it cost."""
    parts = [f"⏱ {duration(event.duration_s)}"]
    if event.tools:
        parts.append(f"🔧 {counted(event.tools, 'tool use')}")
    if event.files:
        names = ", ".join(PurePath(file).name for file in event.files[:3])
        more = f" and {len(event.files) - 3} more" if len(event.files) > 3 else ""
        parts.append(f"📝 {_line(names, 80)}{more}")
    if event.usage.cost_usd:
        parts.append(f"💰 {money(event.usage.cost_usd)}")
    return " · ".join(parts)


def _line(text: str, limit: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
