"""Whatever an agent says and asks, all the way to the phone: Telegram takes it, and all is there.

`test_generated` makes up views and begins at the sender; here the agent makes up turns.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import ClassVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from palaver.agents.contract import Agent, AgentProcess, Asker
from palaver.agents.scripted import ScriptedAgent, ScriptedProcess, ScriptedTranscripts
from palaver.events import AgentEvent, TextDelta, ToolFinished, ToolStarted
from palaver.frontends.words import questions
from palaver.hookspecs import hookimpl
from palaver.identity import ConversationId, Namespace, SessionId
from palaver.models import Choice, Prompt, Question, QuestionRequest, Session
from palaver.testing.telegram import BotApi, Chat, Message, Person
from support.discord_views import ANY, anything, lines, markup, words
from support.telegrams import Launch, Palaver

PATIENT = 30.0
RECEIPT = "⏱"
HUGE = {
    "200 kB": "A **bold** word, `code` and [a link](https://example.org/x). " * 3300,
    "10,000 columns": "\n".join("|".join(["", *[one] * 10_000, ""]) for one in ("a", "---", "b")),
    "open fences": "```python\nprint('x')\n~~~\n````\n" * 400,
    "deep quotes": "> " * 600 + "deep",
    "deep lists": "\n".join("  " * depth + "- item" for depth in range(150)),
}

# --- what is made up -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """What the agent asks before it goes on: `kind` is how, `text` as in `Turn`."""

    kind: str
    text: str
    questions: tuple[Question, ...] = ()


@dataclass(frozen=True)
class Turn:
    """What the agent says, in these pieces, with a tool of that name between them.

    A piece may be a name in `HUGE`.
    """

    pieces: tuple[str, ...]
    tool: str
    asked: Asked | None


def plainly(text: str) -> str:
    """Without what a receipt is known by."""
    return text.replace(RECEIPT, "")


pieces = st.lists(st.one_of(markup, words, st.just(" "), anything), max_size=40).map("".join)
again = st.builds(lambda piece, times: piece * times, st.one_of(lines, markup), st.integers(1, 100))
said = st.one_of(anything, pieces, again, st.sampled_from(sorted(HUGE))).map(plainly)
short = st.one_of(lines, st.lists(st.one_of(markup, words), max_size=12).map("".join)).map(plainly)
labels = short.filter(str.split)  # blank ones: see the end of this file
choices = st.builds(Choice, label=labels, description=st.one_of(st.just(""), short))
question = st.builds(
    Question,
    text=short,
    header=st.text(ANY, max_size=12),
    choices=st.lists(choices, max_size=6).map(tuple),
    several=st.booleans(),
)
asked = st.one_of(
    st.builds(Asked, st.just("approval"), said),
    st.builds(Asked, st.just("plan"), said),
    st.builds(
        Asked,
        st.just("question"),
        st.just(""),
        st.lists(question, min_size=1, max_size=3).map(tuple),
    ),
)


def whole(piece: str) -> str:
    return HUGE.get(piece, piece)


turns = st.builds(
    Turn, st.lists(said, max_size=3).map(tuple), short, st.one_of(st.none(), st.none(), asked)
)

# --- who says it ---------------------------------------------------------------------------------


class MadeUp:
    """A plugin with an agent that does what the last made-up turn says."""

    def __init__(self) -> None:
        self.turn = Turn((), "", None)
        self.text = ""

    def next(self, turn: Turn, number: int) -> None:
        """From now on this is what the agent does; its words are between two that are known."""
        self.turn = turn
        self.text = f"b{number}b\n\n{''.join(map(whole, turn.pieces))}\n\ne{number}e"

    @hookimpl
    def register_agents(self) -> list[type[Agent]]:
        made_up = self

        class MadeUpAgent(ScriptedAgent):
            name: ClassVar[str] = "made-up"

            async def open(self, session: Session, *, resume: bool) -> AgentProcess:
                del resume
                assert isinstance(self.transcripts, ScriptedTranscripts)
                return MadeUpProcess(session, self.transcripts, made_up)

        return [MadeUpAgent]


class MadeUpProcess(ScriptedProcess):
    def __init__(self, session: Session, transcripts: ScriptedTranscripts, made_up: MadeUp) -> None:
        super().__init__(session, transcripts)
        self._made_up = made_up

    async def _act(
        self, word: str, rest: str, prompt: Prompt, asker: Asker
    ) -> AsyncIterator[AgentEvent]:
        del word, rest, prompt
        turn, text = self._made_up.turn, self._made_up.text
        if turn.asked:
            await _ask(asker, turn.asked, turn.tool)
        step = len(text) // 4 + 1
        for start in range(0, len(text), step):
            yield TextDelta(text=text[start : start + step])
            yield ToolStarted(tool_id=f"{start}", tool="Bash", summary=turn.tool)
            yield ToolFinished(tool_id=f"{start}", ok=True)


async def _ask(asker: Asker, asked: Asked, tool: str) -> None:
    if asked.kind == "approval":
        detail = whole(asked.text)
        await asker.approve(tool or "Bash", {}, summary=detail[:300], detail=detail)
    elif asked.kind == "plan":
        await asker.propose(whole(asked.text))
    else:
        await asker.ask(asked.questions)


# --- who hears it --------------------------------------------------------------------------------


@dataclass
class Phone:
    """Alice's, with the bot in one place."""

    palaver: Palaver
    alice: Person
    place: Chat
    made_up: MadeUp
    mention: str = ""

    def __post_init__(self) -> None:
        self._numbers = count(1)

    async def asks(self, turn: Turn) -> tuple[list[Message], int]:
        """Have the agent do that; what came of it, and the turn's number."""
        number = next(self._numbers)
        before = len(self.place.log)
        self.made_up.next(turn, number)
        await self.alice.send(f"{self.mention}turn {number}", to=self.place)
        if turn.asked:
            await self._answers(turn.asked, before)

        def done() -> bool:
            return any(RECEIPT in one.text for one in self._new(before))

        await self.place.wait_until(done, PATIENT)
        await self.palaver.engine.idle()
        if len(self.made_up.text) > 16_000:
            await self.place.wait_until(lambda: any(one.file for one in self._new(before)), PATIENT)
        return self._new(before), number

    def _new(self, before: int) -> list[Message]:
        return [one for one in self.place.log[before:] if not one.deleted]

    async def _answers(self, asked: Asked, before: int) -> None:
        def shown() -> Message | None:
            new = self._new(before)
            return next((one for one in new if set(one.buttons) - {"Stop"}), None)

        await self.place.wait_until(shown, PATIENT)
        label = {"approval": "Deny", "plan": "Go ahead"}.get(asked.kind)
        if label:
            found = await self.place.wait_for(lambda one: label in one.buttons, PATIENT)
            await self.alice.press(found, label)
        else:
            lines = "\n".join(["my own words"] * len(asked.questions))
            await self.alice.send(f"{self.mention}{lines}", to=self.place)


@pytest.fixture(params=["drafts", "edits", "group", "rich"])
async def phone(
    request: pytest.FixtureRequest, launch: Launch, api: BotApi, alice: Person, tmp_path: Path
) -> Phone:
    kind = request.param
    table = {"drafts": kind != "edits", "rich": "always" if kind == "rich" else "never"}
    palaver = launch(tmp_path, sessions={"agent": "made-up"}, telegram=table)
    made_up = MadeUp()
    await palaver.start({"made-up": made_up})
    if kind == "group":
        group = api.group("Team", members=[alice])
        return Phone(palaver, alice, group, made_up, "@palaver_bot ")
    return Phone(palaver, alice, api.private(alice), made_up)


@given(turn=turns)
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=list(HealthCheck),  # all turns come to one phone
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink takes minutes over sockets
)
async def test_whatever_an_agent_does_arrives_and_nothing_is_refused(
    phone: Phone, api: BotApi, turn: Turn
) -> None:
    messages, number = await phone.asks(turn)
    seen = "\n".join(one.text for one in messages)
    files = [one.file.data.decode() for one in messages if one.file]
    assert api.problems == []
    assert seen.count(RECEIPT) == 1
    if files:
        assert files == [phone.made_up.text]
    else:
        wanted = [f"b{number}b", *certain(phone.made_up.text), f"e{number}e"]
        assert [word for word in wanted if word not in seen] == []
    assert phone.place.abandoned_drafts == []


def certain(text: str) -> list[str]:
    """The words that are to be read, however the Markdown around them is understood: what stands
    behind a fence, in a link's address or beyond a table's last column need not be."""
    lines = (line for line in text.splitlines() if not re.search(r"```|~~~|\]\(|\||<", line))
    return re.findall(r"w\d+w", "\n".join(lines))


@pytest.mark.parametrize("label", ["", " ", "\n"])
def test_a_choice_without_a_word_is_no_reason_not_to_ask(label: str) -> None:
    asked = Question(text="Which?", choices=(Choice(label=label), Choice(label="red")))
    request = QuestionRequest(
        id="ABC",
        session_id=SessionId(int=1),
        turn_id=UUID(int=2),
        namespace=Namespace("telegram", "1"),
        conversation=ConversationId("1"),
        questions=(asked,),
    )
    [view] = questions(request)
    assert [one.label for one in view.actions] == ["1", "red", "Other …"]
