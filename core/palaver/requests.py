"""What the agent waits for the user to decide: approvals, questions, plans.

Nothing here approves by default: a timeout, a stopped turn, an error and a foreign click all end
in a no.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from palaver.agents.contract import Asker, PlanAnswer
from palaver.dispatch import Hooks
from palaver.errors import CommandError
from palaver.events import (
    ApprovalAsked,
    Event,
    PlanProposed,
    QuestionAsked,
    RequestSettled,
)
from palaver.identity import ConversationId, Namespace
from palaver.models import (
    ApprovalRequest,
    Decision,
    PlanRequest,
    Question,
    QuestionRequest,
    Turn,
)

Request = ApprovalRequest | QuestionRequest | PlanRequest

_ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # nothing that looks like something else
_ID_LENGTH = 8

MAX_LINE = 200
"""Characters of a request in one line."""


class RequestOverError(CommandError):
    """Raised for a request that is settled, expired, unknown or somebody else's: all the same."""

    hint = "If the agent still needs it, it will ask again."

    def __init__(self) -> None:
        super().__init__("That request is over.")


@dataclass(frozen=True, slots=True)
class Reply:
    """How a request was settled.

    Attributes:
        answers: one for each question, to a `QuestionRequest`.
        remark: in the user's words.
    """

    decision: Decision
    answers: tuple[str, ...] = ()
    remark: str = ""
    outcome: str = ""


class Requests:
    """All requests that wait, by id. Held in memory: a turn does not survive its process."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._waiting: dict[str, tuple[Request, asyncio.Future[Reply]]] = {}
        self._answers: dict[str, dict[int, str]] = {}

    def answer(self, request: QuestionRequest, words: str) -> int:
        """Answer what is still open; how many questions still are.

        With a line for each of them the lines answer them in order; else the words answer the
        first.

        Raises:
            RequestOverError: if the request is over.
        """
        answered = self._answers.get(request.id, {})
        waiting = [n for n in range(1, len(request.questions) + 1) if n not in answered]
        lines = [line for line in words.strip().splitlines() if line.strip()]
        given = lines if 1 < len(waiting) == len(lines) else [words]
        left = len(waiting)
        for number, text in zip(waiting, given, strict=False):
            left = self.answer_one(request, number, text)
        return left

    def answer_one(self, request: QuestionRequest, number: int, words: str) -> int:
        """Answer one of several questions, counted from 1; with the last one all are settled.

        Returns how many are still open.

        Raises:
            CommandError: if there is no such question.
            RequestOverError: if the request is over.
        """
        count = len(request.questions)
        if not 1 <= number <= count:
            raise CommandError(f"There are {count} questions.", hint="Press one of the buttons.")
        asked = request.model_copy(update={"questions": (request.questions[number - 1],)})
        answers = self._answers.setdefault(request.id, {})
        [answers[number]] = choose(asked, words)
        if len(answers) == count:
            given = tuple(answers[place] for place in range(1, count + 1))
            outcome = f"Answered: {'; '.join(given)}"
            self.settle(request.namespace, request.id, Reply(Decision.ONCE, given, "", outcome))
        return count - len(answers)

    def get(self, namespace: Namespace, request_id: str) -> Request:
        """One of this namespace's own waiting requests.

        Raises:
            RequestOverError: for all others.
        """
        request, _ = self._waiting.get(request_id.upper(), (None, None))
        if request is None or request.namespace != namespace:
            raise RequestOverError
        return request

    def question(
        self, namespace: Namespace, conversation: ConversationId
    ) -> QuestionRequest | None:
        """The newest question that waits in this conversation: free text answers it."""
        for request, future in reversed(self._waiting.values()):
            if future.done():
                continue
            here = (request.namespace, request.conversation) == (namespace, conversation)
            if here and isinstance(request, QuestionRequest):
                return request
        return None

    def move(self, frontend: str, before: ConversationId, after: ConversationId) -> None:
        """A conversation has got another id: what waits there is answered there."""
        for request, future in list(self._waiting.values()):
            if (request.namespace.frontend, request.conversation) == (frontend, before):
                there = request.model_copy(update={"conversation": after})
                self._waiting[request.id] = there, future

    def waiting(self, namespace: Namespace) -> list[Request]:
        """All of this namespace's, oldest first."""
        return [request for request, _ in self._waiting.values() if request.namespace == namespace]

    def settle(self, namespace: Namespace, request_id: str, reply: Reply) -> Request:
        """Decide.

        Raises:
            RequestOverError: if there is nothing of this namespace's to decide.
        """
        request = self.get(namespace, request_id)
        _, future = self._waiting[request.id]
        if future.done():
            raise RequestOverError
        future.set_result(reply)
        return request

    def drop(self, turn_id: UUID) -> None:
        """The turn is being stopped: all that it waits for is a no."""
        for request, future in self._waiting.values():
            if request.turn_id == turn_id and not future.done():
                future.set_result(Reply(Decision.DENY, outcome="Stopped"))

    async def wait(self, request: Request) -> Reply:
        """Wait for the user; in the end the request is forgotten."""
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[request.id] = (request, future)
        try:
            return await asyncio.wait_for(future, self._timeout_s)
        except TimeoutError:
            minutes = max(1, round(self._timeout_s / 60))
            return Reply(Decision.DENY, outcome=f"No answer in {minutes} min, so: no")
        finally:
            del self._waiting[request.id]
            self._answers.pop(request.id, None)


class TurnAsker(Asker):
    """How the agent of one turn reaches its user.

    Args:
        turn: the turn as it is now: its conversation may get another id.
        emit: takes the turn's events.
        note: keeps what now waits for the user, a line each; done before he is asked, and before
            the agent hears what he has said.
        stopping: whether the turn is being stopped; then nobody is asked any more.
    """

    def __init__(
        self,
        requests: Requests,
        hooks: Hooks,
        turn: Callable[[], Turn],
        emit: Callable[[Event], None],
        note: Callable[[tuple[str, ...]], Awaitable[None]],
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._requests = requests
        self._hooks = hooks
        self._turn = turn
        self._emit = emit
        self._note = note
        self._stopping = stopping
        self._pending: dict[str, str] = {}

    async def approve(
        self,
        tool: str,
        tool_input: Mapping[str, object],
        *,
        summary: str,
        detail: str = "",
        reason: str = "",
        rememberable: bool = False,
    ) -> Decision:
        request = ApprovalRequest.model_validate(
            {
                **self._about(),
                "id": _new_id(),
                "tool": tool,
                "input": dict(tool_input),
                "summary": summary,
                "detail": detail,
                "reason": reason,
                "rememberable": rememberable,
            }
        )
        decision = await self._hooks.approval(request)
        if decision is None:
            reply = await self._settled(request, ApprovalAsked(request=request))
            decision = reply.decision
        if decision is Decision.SESSION and not rememberable:
            return Decision.ONCE
        return decision

    async def ask(self, questions: tuple[Question, ...]) -> tuple[str, ...] | None:
        request = QuestionRequest.model_validate(
            {**self._about(), "id": _new_id(), "questions": questions}
        )
        reply = await self._settled(request, QuestionAsked(request=request))
        return reply.answers or None

    async def propose(self, plan: str) -> PlanAnswer:
        request = PlanRequest.model_validate({**self._about(), "id": _new_id(), "plan": plan})
        reply = await self._settled(request, PlanProposed(request=request))
        return PlanAnswer(reply.decision is not Decision.DENY, reply.remark)

    def _about(self) -> dict[str, object]:
        turn = self._turn()
        return {
            "session_id": turn.session_id,
            "turn_id": turn.id,
            "namespace": turn.prompt.namespace,
            "conversation": turn.prompt.conversation,
        }

    async def _settled(self, request: Request, asked: Event) -> Reply:
        self._pending[request.id] = line_of(request)
        await self._note(tuple(self._pending.values()))
        reply = await self._reply(request, asked)
        del self._pending[request.id]
        await self._note(tuple(self._pending.values()))
        return reply

    async def _reply(self, request: Request, asked: Event) -> Reply:
        if self._stopping():
            return Reply(Decision.DENY, outcome="Stopped")
        self._emit(asked)
        reply = Reply(Decision.DENY, outcome="The turn ended before an answer")
        try:
            reply = await self._requests.wait(request)
        finally:
            self._emit(
                RequestSettled(
                    request_id=request.id, decision=reply.decision, outcome=reply.outcome
                )
            )
        return reply


def line_of(request: Request) -> str:
    """What is asked, in one line."""
    match request:
        case ApprovalRequest(tool=tool, summary=summary):
            words = f"{tool}: {summary}"
        case QuestionRequest(questions=questions):
            words = f"a question: {questions[0].text}"
        case PlanRequest():
            words = "its plan"
    line = " ".join(words.split())
    return line if len(line) <= MAX_LINE else line[: MAX_LINE - 1] + "…"


def _new_id() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH))


def choose(request: QuestionRequest, text: str) -> tuple[str, ...]:
    """The answers in a user's words: a choice's number or label stands for the choice.

    Each line answers one question; several choices are separated by commas.
    """
    lines = text.strip().splitlines() or [""]
    answers = []
    for number, question in enumerate(request.questions):
        line = lines[number] if number < len(lines) else ""
        line = text.strip() if len(request.questions) == 1 else line.strip()
        labels = [choice.label for choice in question.choices]
        parts = [part.strip() for part in line.split(",")] if question.several else [line]
        answers.append(", ".join(_chosen(part, labels) for part in parts))
    return tuple(answers)


def _chosen(text: str, labels: list[str]) -> str:
    if text.isdecimal() and 1 <= int(text) <= len(labels):
        return labels[int(text) - 1]
    return next((label for label in labels if label.casefold() == text.casefold()), text)
