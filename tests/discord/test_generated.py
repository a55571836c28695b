"""Whatever an agent says, the whole way from it to Discord: nothing is refused, nothing is lost."""

import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from palaver.models import Choice, Question
from palaver.testing.discord import Channel, DiscordServer, Guild, Member, Message
from palaver_discord.frontend import DiscordFrontend
from palaver_discord.render import LONG_ANSWER
from support.discord_agents import STEP_S, Made, MadePlugin
from support.discord_people import thread_at
from support.discord_reading import read
from support.discord_turns import PATIENT
from support.discord_views import answers, anything, lines
from support.discords import Launch

WORD = re.compile(r"w\d+w")
OVER_SOCKETS = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink takes minutes over sockets
)

# --- what an agent may do -------------------------------------------------------------------------

summaries = st.one_of(lines, answers)
tools = st.tuples(st.sampled_from(["Bash", "Edit", "mcp__a__b", "`", "||"]), summaries)
turns = st.builds(
    lambda text, cuts, tools: Made(pieces=_cut(text, cuts), tools=tuple(tools)),
    answers,
    st.lists(st.integers(0, 2000), max_size=4),
    st.lists(tools, max_size=4),
)
choices = st.builds(
    Choice, label=lines.map(lambda words: f"{words}x"), description=st.one_of(lines, answers)
)
questions = st.builds(
    Question,
    text=st.one_of(lines, answers),
    header=lines,
    choices=st.lists(choices, max_size=30).map(tuple),
    several=st.booleans(),
)
approvals = st.builds(Made, detail=st.one_of(anything, answers), summary=st.one_of(lines, answers))
asked = st.builds(Made, questions=st.lists(questions, min_size=1, max_size=4).map(tuple))
plans = st.builds(Made, plan=answers)


def _cut(text: str, places: list[int]) -> tuple[str, ...]:
    """The text in pieces, at least one."""
    ends = sorted({min(place, len(text)) for place in places} | {0, len(text)})
    return tuple(text[start:end] for start, end in pairwise(ends)) or ("",)


@dataclass(frozen=True)
class Written:
    """An answer of which the lines of code are known, in their order."""

    text: str
    code: tuple[str, ...]


LINE = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="`"), max_size=120
)
STYLED = ["**bold**", "*slanted*", "[a](http://b.c)", "`code`"]
prose = st.lists(st.sampled_from([*STYLED, "||not hidden||", "<@1>", "漢字", "é🙂"]), max_size=60)


@st.composite
def written(draw: st.DrawFn) -> Written:
    """Prose and fences of three sorts, in lists and quotes or not; the last may stay open."""
    texts: list[str] = []
    code: list[str] = []
    count = draw(st.integers(1, 4))
    for number in range(count):
        block = draw(st.lists(LINE, max_size=60))
        marked = [f"c{len(code) + place}c {line}".rstrip() for place, line in enumerate(block)]
        code += marked
        fence = draw(st.sampled_from(["```", "~~~", "`````"]))
        language = draw(st.sampled_from(["", "python"]))
        ends = number < count - 1 or draw(st.booleans())
        inside = draw(st.sampled_from(["", "> ", "  "]))
        item = ["- an item"] if inside == "  " else []
        lines = [f"{fence}{language}", *marked, *([fence] if ends else [])]
        texts += [" ".join(draw(prose)), "", *item, *(inside + line for line in lines), ""]
    return Written("\n".join(texts), tuple(code))


WIDE = "\n".join("|".join(["", *[one] * 10_000, ""]) for one in ("w1w", "---", "w2w"))
DEEP = "> " * 900 + "w1w\n\n" + "\n".join("  " * depth + "- w2w" for depth in range(200))
STARS = "**a *b _c " * 3000 + "[" * 2000 + "w1w](x)" * 2000
LONG = "A **bold** w1w, `code` and [a](https://example.org/x). " * 3900
OPEN = "```python\n" + "print('w1w')\n" * 2000 + "**bold `code [link]("
ASTRAL = "🙂👩\u200d👩\u200d👧é" * 3000 + " w1w"


# --- a Palaver that goes on through all examples --------------------------------------------------


@dataclass
class House:
    """A thread in which the agent does what is made up.

    Attributes:
        since: the id of the message that began the newest turn.
    """

    server: DiscordServer
    plugin: MadePlugin
    owner: Member
    thread: Channel
    since: int = 0

    async def does(
        self, made: Made, meanwhile: Callable[[list[Message]], Awaitable[object]] | None = None
    ) -> list[Message]:
        """The agent does that; all messages that came of it, live ones too, when it is over.

        Args:
            meanwhile: what somebody does once there is something to be decided; gets the messages
                with what is asked.
        """
        self.plugin.made.append(made)
        before = len(self.thread.log)
        self.since = (await self.owner.say("go on", to=self.thread)).id
        if meanwhile:
            await self.thread.wait_until(lambda: self._asked(before, made), PATIENT)
            await meanwhile(self._asked(before, made))
        await self.thread.wait_until(lambda: self._over(before, made), PATIENT)
        assert [str(problem) for problem in self.server.problems] == []
        return self._new(before)

    def seen(self) -> list[Message]:
        """What its owner sees of the bot's in the newest turn, here and directly."""
        places = (self.thread, self.owner.direct)
        found = [one for place in places for one in self.owner.sees(place)]
        return [one for one in found if one.from_bot and one.id > self.since]

    def _new(self, before: int) -> list[Message]:
        return [one for one in self.thread.log[before:] if one.from_bot and not one.ephemeral]

    def _asked(self, before: int, made: Made) -> list[Message]:
        """The messages with the requests' buttons, once all are there."""
        count = max(1, len(made.questions))
        found = [one for one in self._new(before) if one.components and not _of_turn(one)]
        return found if len(found) == count else []

    def _over(self, before: int, made: Made) -> bool:
        alive = [one for one in self._new(before) if not one.deleted]
        filed = len(made.answer) <= LONG_ANSWER or any(one.attachments for one in alive)
        done = any("⏱" in one.text for one in alive) and filed
        return done and not any(map(_of_turn, alive))


def _of_turn(message: Message) -> bool:
    """Whether it is a live message, or says that a turn waits."""
    return not {"Stop", "Cancel"}.isdisjoint(message.buttons)


@pytest.fixture
async def there(
    launch: Launch,
    server: DiscordServer,
    guild: Guild,
    owner: Member,
    member: Member,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> House:
    del member
    fast = replace(DiscordFrontend.capabilities, edit_interval_s=STEP_S / 2)
    monkeypatch.setattr(DiscordFrontend, "capabilities", fast)  # shown at every step
    plugin = MadePlugin()
    plugin.made.append(Made())
    sessions = {"agent": "made", "auto_compact_turns": 0}
    await launch(tmp_path / "data", sessions=sessions).start({"made": plugin})
    thread = await thread_at(await owner.say(f"<@{server.bot_id}> begin"), guild.general)
    await thread.wait_for_text("⏱")
    return House(server, plugin, owner, thread)


def shown(messages: list[Message]) -> str:
    """All that is read in them as Discord shows it, and in their files."""
    files = [one.data.decode() for message in messages for one in message.attachments]
    labels = [label for message in messages for label in message.buttons]
    return "\n".join([*(read(one.text).shown for one in messages), *labels, *files])


def lost(source: str, messages: list[Message]) -> Counter[str]:
    """The words that cannot be read in any of them."""
    return Counter(WORD.findall(source)) - Counter(WORD.findall(shown(messages)))


def whole(content: str) -> bool:
    """Whether each fence in a text belongs to a code block."""
    return content.count("```") == 2 * len(read(content).blocks)


# --- answers --------------------------------------------------------------------------------------


@given(made=turns)
@example(made=Made(pieces=_cut(LONG, [100, 99_000])))
@example(made=Made(pieces=(WIDE,)))
@example(made=Made(pieces=(DEEP,)))
@example(made=Made(pieces=(STARS,)))
@example(made=Made(pieces=_cut(OPEN, [9000])))
@example(made=Made(pieces=(ASTRAL, "!"), tools=(("Bash", "🙂" * 500), ("Bash", "`" * 500))))
@OVER_SOCKETS
async def test_an_answer_and_its_progress_are_taken_and_no_word_is_lost(
    there: House, made: Made
) -> None:
    messages = await there.does(made)
    assert not lost(made.answer, [one for one in messages if not one.deleted])


@given(answer=written())
@OVER_SOCKETS
async def test_no_code_block_is_broken_and_no_line_of_code_is_lost(
    there: House, answer: Written
) -> None:
    messages = await there.does(Made(pieces=_cut(answer.text, [50, 500, 3000])))
    final = [one for one in messages if not one.deleted and not one.attachments]
    blocks = [block for one in final for _, block in read(one.content).blocks]
    found = [line.rstrip() for block in blocks for line in block.splitlines() if line.strip()]
    assert found == list(answer.code)
    versions = [version.content for one in messages for version in one.versions]
    assert [content for content in versions if not whole(content)] == []


# --- requests -------------------------------------------------------------------------------------


@given(made=approvals)
@example(made=Made(detail=f"```bash\n{'rm w1w ' * 30_000}\n```", summary="rm " * 1000))
@OVER_SOCKETS
async def test_all_of_what_a_tool_would_do_can_be_seen_before_it_is_decided(
    there: House, made: Made
) -> None:
    async def decide(asked: list[Message]) -> None:
        [message] = asked
        if "See all of it" in message.buttons:
            await there.owner.press(message, "See all of it")
            await there.server.wait_until(
                lambda: not lost(made.detail or "", there.seen()), PATIENT
            )
        assert not lost(made.detail or "", there.seen())
        await there.owner.press(message, "Deny")

    await there.does(made, decide)


@given(made=asked)
@example(made=Made(questions=(Question(text="w1w " * 2000, choices=(Choice(label="w2w"),) * 30),)))
@OVER_SOCKETS
async def test_every_question_and_its_choices_can_be_read_and_answered(
    there: House, made: Made
) -> None:
    async def answer(asked: list[Message]) -> None:
        for question in made.questions:
            words = [question.text, *(word for one in question.choices for word in _words(one))]
            assert not lost(" ".join(words), there.seen())
        windows = [one for one in asked if "Other …" in one.buttons]
        for message in windows:
            modal = await (await there.owner.press(message, "Other …")).shown_modal()
            submitted = await there.owner.submit(modal, {next(iter(modal.fields)): "as you like"})
            await submitted.acknowledged()
        for _ in range(len(asked) - len(windows)):  # no room for it below so many choices
            await there.owner.say("as you like", to=there.thread)

    await there.does(made, answer)


def _words(choice: Choice) -> list[str]:
    return [choice.label, choice.description]


@given(made=plans)
@example(made=Made(plan=LONG))
@OVER_SOCKETS
async def test_all_of_a_plan_can_be_read_before_it_is_accepted(there: House, made: Made) -> None:
    async def accept(asked: list[Message]) -> None:
        assert not lost(made.plan or "", there.seen())
        await there.owner.press(asked[-1], "Go ahead")

    await there.does(made, accept)
