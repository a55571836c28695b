"""What the agent wants to know, asked of the person at the terminal; answered as a command."""

from palaver import (
    ApprovalAsked,
    ApprovalRequest,
    PlanProposed,
    PlanRequest,
    Question,
    QuestionAsked,
    QuestionRequest,
    View,
    words,
)
from palaver_cli.surface import Key, Surface
from palaver_cli.text import harmless

Asked = ApprovalAsked | QuestionAsked | PlanProposed

_ONCE = Key("y", "once")
_SESSION = Key("s", "for this session")
_GO = Key("y", "go ahead")
_CHANGE = Key("c", "change it")


async def answer(surface: Surface, asked: Asked) -> tuple[str, bool]:
    """Ask; the command that says what the user has decided, and whether anybody was asked.

    In doubt it is a no.
    """
    match asked:
        case ApprovalAsked(request=request):
            return await _approve(surface, request)
        case PlanProposed(request=plan):
            return await _plan(surface, plan)
        case QuestionAsked(request=question):
            return await _question(surface, question)


async def _approve(surface: Surface, request: ApprovalRequest) -> tuple[str, bool]:
    view = words.approval(request)
    surface.view(view.model_copy(update={"actions": ()}))
    keys = (_ONCE, _SESSION) if request.rememberable else (_ONCE,)
    key = await surface.key(f"Allow {request.tool}?", keys)
    scope = {"y": "", "s": " session"}.get(key or "")
    if scope is None:
        return f"/deny {request.id}", key is not None
    return f"/allow {request.id}{scope}", True


async def _plan(surface: Surface, request: PlanRequest) -> tuple[str, bool]:
    view = words.plan(request)
    surface.view(view.model_copy(update={"actions": ()}))
    key = await surface.key("Carry it out?", (_GO, _CHANGE))
    if key == "y":
        return f"/allow {request.id}", True
    remark = await surface.words("What should be different?") if key == "c" else ""
    return f"/deny {request.id} {remark or ''}".strip(), key is not None


async def _question(surface: Surface, request: QuestionRequest) -> tuple[str, bool]:
    """One question after the other; the answers are one line each."""
    answers = []
    count = len(request.questions)
    for number, question in enumerate(request.questions, 1):
        where = f" ({number} of {count})" if count > 1 else ""
        view = words.question(request.model_copy(update={"questions": (question,)}))
        surface.view(view.model_copy(update={"actions": (), "footer": ()}))
        given = await surface.words(f"Your answer{where}:{_how(question)}")
        if given is None:
            return f"/deny {request.id}", False
        answers.append(given if count == 1 else " ".join(given.split()))
    return f"/answer {request.id} " + "\n".join(answers), True


def _how(question: Question) -> str:
    if not question.choices:
        return ""
    last = len(question.choices)
    many = ", several with commas" if question.several else ""
    return f" 1 to {last}{many}, or in your own words" if last > 1 else " 1, or in your own words"


def nobody(asked: Asked) -> View:
    """What is said where there is nobody to ask."""
    match asked:
        case ApprovalAsked(request=request):
            what = f"{request.tool}: {harmless(request.summary)}"
        case PlanProposed():
            what = "the agent's plan"
        case QuestionAsked():
            what = "the agent's question"
    return View(title=f"🚫 Denied, as nobody could be asked: {what}", kind="notice")
