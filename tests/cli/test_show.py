"""A turn's events, drawn: what is printed, in which order, and what is live."""

from collections.abc import Sequence
from uuid import uuid4

from palaver import (
    Compacted,
    Event,
    FileSent,
    RateLimited,
    TextBlock,
    TextDelta,
    ThinkingDelta,
    Told,
    ToolFinished,
    ToolStarted,
    TurnFinished,
    TurnQueued,
    TurnStarted,
    TurnState,
    Usage,
    View,
)
from palaver_cli.markdown import Block
from palaver_cli.show import Show
from palaver_cli.surface import Key

TURN, SESSION = uuid4(), uuid4()
STARTED = TurnStarted(turn_id=TURN, session_id=SESSION, resumed=False)


class Paper:
    """A surface that keeps what is printed, one line for each thing."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def echo(self, text: str) -> None:
        self.lines.append(f"> {text}")

    def answer(self, block: Block) -> None:
        self.lines.append(block.source)

    def view(self, view: View) -> None:
        self.lines.append(" / ".join(filter(None, ["*" * view.repeated, view.title, view.text])))

    def tool(self, tool: str, summary: str, *, ok: bool, output: str) -> None:
        self.lines.append(f"{tool} {summary}: {output if ok else 'failed'}")

    def note(self, text: str, *, joined: bool = False) -> None:
        self.lines.append(f"({text})")

    def changed(self) -> None: ...

    async def key(self, question: str, keys: Sequence[Key]) -> str | None: ...

    async def words(self, question: str) -> str | None: ...


def finished(
    text: str = "", state: TurnState = TurnState.DONE, error: str = "", *, repeated: bool = False
) -> TurnFinished:
    return TurnFinished(
        turn_id=TURN, session_id=SESSION, state=state, text=text, error=error, repeated=repeated
    )


def printed(*events: Event, show_thinking: bool = False) -> list[str]:
    paper = Paper()
    show = Show(paper, "hello", show_thinking=show_thinking)
    for event in events:
        show.take(event)
    return paper.lines


def test_an_answer_that_was_streamed_is_not_printed_again() -> None:
    deltas = [TextDelta(text=text) for text in ("One", ".\n\n", "Two.")]
    blocks = TextBlock(text="One.\n\nTwo.")
    lines = printed(STARTED, *deltas, blocks, finished("One.\n\nTwo."))
    assert lines == ["> hello", "One.", "Two."]


def test_an_answer_that_was_not_streamed_is_printed_at_the_end() -> None:
    assert printed(STARTED, finished("All of it.")) == ["> hello", "All of it."]
    assert printed(STARTED, TextBlock(text="All."), finished("All.")) == ["> hello", "All."]


def test_tools_stand_between_what_is_said_before_and_after() -> None:
    lines = printed(
        STARTED,
        TextDelta(text="Let me look."),
        ToolStarted(tool_id="1", tool="Bash", summary="ls"),
        ToolFinished(tool_id="1", ok=True, output="\x1b[31ma\x1b[0m"),
        ToolStarted(tool_id="2", tool="Bash", summary="rm"),
        ToolFinished(tool_id="2", ok=False, output="b"),
        TextDelta(text="Done."),
        finished("Done."),
    )
    assert lines == ["> hello", "Let me look.", "Bash ls: a", "Bash rm: failed", "Done."]


def test_an_answer_that_was_cut_off_begins_anew() -> None:
    lines = printed(
        STARTED, TextDelta(text="Half"), TextBlock(text=""), TextDelta(text="Whole."),
        finished("Whole."),
    )  # fmt: skip
    assert lines == ["> hello", "Half", "(The answer was cut off, and begins anew.)", "Whole."]


def test_thinking_is_printed_only_on_request() -> None:
    events = (STARTED, ThinkingDelta(text="hmm\n\nso"), TextDelta(text="Yes."), finished("Yes."))
    assert printed(*events) == ["> hello", "Yes."]
    assert printed(*events, show_thinking=True) == ["> hello", "(hmm)", "(so)", "Yes."]


def test_the_words_of_a_prompt_that_waits_are_printed_when_its_turn_begins() -> None:
    paper = Paper()
    show = Show(paper, "hello")
    show.take(TurnQueued(turn_id=TURN, session_id=SESSION, ahead=1))
    assert paper.lines == []
    assert "hello" in str(show.progress())
    show.take(STARTED)
    assert paper.lines == ["> hello"]


def test_what_went_wrong_is_said() -> None:
    failed = finished("Some", TurnState.FAILED, "No login. Run claude.")
    assert printed(STARTED, TextDelta(text="Some"), failed)[-1] == (
        "⚠️ It failed / No login. Run claude."
    )
    stopped = finished("Some", TurnState.STOPPED)
    assert printed(STARTED, TextDelta(text="Some"), stopped)[-2:] == ["Some", "⏹️ Stopped"]


def test_an_answer_from_before_is_marked_if_it_may_be_there_twice() -> None:
    assert printed(finished("Told.", repeated=True)) == ["> hello", "* / Told."]


def test_what_is_told_beside_the_answer_is_printed() -> None:
    lines = printed(
        STARTED,
        Told(view=View(title="Session lost")),
        Compacted(automatic=True),
        RateLimited(reached=True),
        RateLimited(reached=False),
        FileSent(path="/tmp/a.png", caption="a picture"),
    )
    assert lines == [
        "> hello",
        "Session lost",
        "🗜️ Session auto-compacted",
        "⏳ The account's limit is reached.",
        "(📎 /tmp/a.png  a picture)",
    ]


def test_the_receipt_comes_last() -> None:
    end = finished("Yes.").model_copy(update={"duration_s": 2.0, "usage": Usage(cost_usd=0.01)})
    assert printed(STARTED, TextDelta(text="Yes."), end)[-1] == "(⏱ 2.0 s · 💰 $0.0100)"
