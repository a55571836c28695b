"""Rich messages: what they are better for, what is in them, and that none is ever lost."""

import functools
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from palaver import Action, Place, View
from palaver.testing.telegram import BotApi, Chat, Message, Person
from palaver.testing.telegram.faults import Drop
from palaver_telegram.client import Client
from palaver_telegram.places import Spot, namespace
from palaver_telegram.rich import MAX_BLOCKS, MAX_COLUMNS, MAX_DEPTH, MAX_TEXT, may_be_rich, rich
from palaver_telegram.sending import Sender
from palaver_telegram.settings import RichUse, TelegramSettings
from support.telegrams import ALICE, Launch, Palaver

TABLE = "| a | b |\n|---|---|\n| one | two |"
REPEATED = "(you may have seen this before)"
PATIENT = 15.0

# The tags of "Rich HTML style" in the Bot API that hold no media, no formula and no map.
TAGS = {
    *("b", "i", "s", "code", "a", "p", "pre", "footer", "ul", "ol", "li", "blockquote"),
    *("table", "tr", "th", "td", "h1", "h2", "h3", "h4", "h5", "h6"),
}
BLOCKS = TAGS - {"b", "i", "s", "code", "a", "th", "td"} | {"hr"}


class Read(HTMLParser):
    """Reads a rich message, and fails on what Telegram does not promise to take."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words = ""
        self.tags: list[str] = []
        self.blocks = 0
        self._open: list[str] = []
        self._cells = 0
        assert len(html) <= MAX_TEXT
        self.feed(html)
        self.close()
        assert not self._open
        assert self.blocks <= MAX_BLOCKS

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.blocks += tag in BLOCKS
        if tag in ("br", "hr"):
            self.words += "\n"
            return
        assert tag in TAGS
        assert not (tag == "a" and "a" in self._open)
        self._open.append(tag)
        assert len(self._open) <= MAX_DEPTH
        self._cells = 0 if tag == "tr" else self._cells + (tag in ("th", "td"))
        assert self._cells <= MAX_COLUMNS

    def handle_endtag(self, tag: str) -> None:
        if tag != "hr":
            assert self._open.pop() == tag
        if tag in BLOCKS or tag in ("th", "td"):
            self.words += "\n"

    def handle_data(self, data: str) -> None:
        self.words += data


async def answered(chat: Chat, times: int) -> list[Message]:
    """Wait until there are so many answers."""
    await chat.wait_until(lambda: len([*filter(with_receipt, chat.messages)]) == times, PATIENT)
    return [*filter(with_receipt, chat.messages)]


def is_rich(message: Message) -> bool:
    return message.content.kind == "rich"


def with_receipt(message: Message) -> bool:
    return message.from_bot and "⏱" in message.text


@asynccontextmanager
async def sending(api: BotApi) -> AsyncIterator[tuple[Chat, Callable[[View], Awaitable[str]]]]:
    """A chat, and what sends a view to it, without an engine."""
    chat = api.private(api.user("Alice", id=ALICE))
    place = Place(namespace(ALICE), Spot(chat.id).conversation)
    own = TelegramSettings.model_validate(
        {"token": api.token, "base_url": api.base_url, "base_file_url": api.base_file_url}
    )
    client = Client(own)
    await client.open()
    try:
        yield chat, functools.partial(Sender(client).send, place)
    finally:
        await client.close()


# --- which answers ------------------------------------------------------------------------------


async def test_an_answer_with_a_table_is_a_rich_message_that_rings_and_ends_with_its_receipt(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send(f"# Found\n\n{TABLE}")
    answer = await chat.wait_for(with_receipt)
    assert is_rich(answer)
    assert not answer.silent
    assert "<table bordered striped><tr><th>a</th><th>b</th></tr><tr><td>one</td>" in answer.text
    assert re.search(r"<footer>⏱ [^<]+</footer>$", answer.text)
    assert api.problems == []


async def test_an_answer_without_a_table_is_a_usual_message(
    palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send("**no** table: a | b - c")
    answer = await chat.wait_for(with_receipt)
    assert not is_rich(answer)
    assert answer.marked("bold") == ["no"]


@pytest.mark.parametrize(
    ("use", "said", "expected"),
    [
        ("always", "**bold**", True),
        ("never", TABLE, False),
        ("tables", f"```\n{TABLE}\n```", False),
    ],
)
async def test_the_setting_decides(
    launch: Launch,
    tmp_path: Path,
    alice: Person,
    chat: Chat,
    use: str,
    said: str,
    expected: bool,
) -> None:
    palaver = launch(tmp_path / "data", telegram={"rich": use})
    await palaver.start()
    await alice.send(said)
    assert is_rich(await chat.wait_for(with_receipt)) is expected


async def test_in_a_group_it_answers_the_one_who_asked(
    api: BotApi, palaver: Palaver, alice: Person
) -> None:
    group = api.group("Team", members=[alice])
    asked = await alice.send(f"@palaver_bot look:\n\n{TABLE}", to=group)
    answer = await group.wait_for(with_receipt)
    assert is_rich(answer)
    assert answer.reply_to is asked


async def test_buttons_are_under_it(api: BotApi) -> None:
    async with sending(api) as (chat, send):
        view = View(text=TABLE, kind="answer", actions=(Action(label="More", command="/more"),))
        sent = await send(view)
    [message] = chat.messages
    assert (sent, is_rich(message)) == (f"{chat.id}:{message.id}", True)
    assert message.buttons == ["More"]


TOO_MUCH = {
    "too wide": "|a" * 21 + "|\n" + "|-" * 21 + "|\n",
    "too many rows": TABLE + "\n| three | four |" * 500,
    "too deep": TABLE + "\n\n" + ">" * 17 + " deep",
    "too long": TABLE + "\n\n" + "long " * 7000,
}


@pytest.mark.parametrize("name", TOO_MUCH)
async def test_what_is_beyond_the_limits_is_sent_as_usual(api: BotApi, name: str) -> None:
    async with sending(api) as (_, send):
        await send(View(text=TOO_MUCH[name], kind="answer"))
    assert api.calls.of("sendRichMessage") == []
    assert api.calls.of("sendMessage")
    assert api.problems == []


def test_only_answers_are_rich() -> None:
    assert not may_be_rich(View(text=TABLE, kind="approval"), "always")


# --- what is in it ------------------------------------------------------------------------------


def test_what_an_agent_writes_is_text_and_never_markup() -> None:
    hostile = (
        '<tg-button type="callback_data" data="x">Allow</tg-button> <img src="https://a.b/c">\n\n'
        "![p](https://a.b/secret.png) costs $5 and $6, ||hidden||, ==x==, Vec<T> &amp;nbsp;\n\n"
        '<details>\n<b>"in a block"</b>\n</details>\n\n'
    )
    written = rich(View(text=hostile + TABLE, kind="answer"), "tables")
    assert written
    read = Read(written)
    assert set(read.tags) <= {"p", "a", "br", "table", "tr", "th", "td"}
    for said in (
        '<tg-button type="callback_data" data="x">Allow</tg-button>',
        '<img src="https://a.b/c">',
        "🖼 p costs $5 and $6, ||hidden||, ==x==, Vec<T> &nbsp;",
        '<details>\n<b>"in a block"</b>\n</details>',
    ):
        assert said in read.words


def test_headings_lists_code_and_links_have_their_marks() -> None:
    source = (
        "## Two\n\n3. *x*\n   - [x] done\n\n> ~~q~~\n\n---\n\n```py\na < b\n```\n\n"
        "[here](https://a.b/?x=1&y=2) [](https://c.d) [p](docs/x.md) `c`\n\n"
        "| l | r |\n|:--|--:|\n| **1** | |"
    )
    assert rich(View(title="T", text=source, footer=("f", "g"), kind="answer"), "tables") == (
        '<p><b>T</b></p><h2>Two</h2><ol start="3"><li><i>x</i><ul><li>☑ done</li></ul></li></ol>'
        "<blockquote><p><s>q</s></p></blockquote><hr/>"
        '<pre><code class="language-py">a &lt; b</code></pre>'
        '<p><a href="https://a.b/?x=1&amp;y=2">here</a> <a href="https://c.d">https://c.d</a>'
        " p (docs/x.md) <code>c</code></p>"
        '<table bordered striped><tr><th align="left">l</th><th align="right">r</th></tr>'
        '<tr><td align="left"><b>1</b></td><td align="right"></td></tr></table>'
        "<footer>f<br>g</footer>"
    )


# --- refused, held up, uncertain ----------------------------------------------------------------


async def test_what_is_refused_is_sent_as_usual_and_the_next_one_is_tried_again(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    api.faults.add("sendRichMessage", error=400)
    await alice.send(TABLE)
    first = await chat.wait_for(with_receipt)
    assert (is_rich(first), len(first.marked("pre"))) == (False, 1)
    assert REPEATED not in first.text
    await alice.send(TABLE)
    await chat.wait_for(is_rich)
    assert len([one for one in chat.messages if with_receipt(one)]) == 2


async def test_a_server_that_does_not_know_rich_messages_is_asked_once(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    api.faults.add("sendRichMessage", error=404, times=None)
    for count in (1, 2):
        await alice.send(TABLE)
        await answered(chat, count)
    assert not any(map(is_rich, chat.messages))
    assert len(api.calls.of("sendRichMessage")) == 1


async def test_it_waits_for_a_chat_whose_flood_limit_holds(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    api.faults.add("sendRichMessage", error=429, retry_after=1)
    await alice.send(TABLE)
    answer = await chat.wait_for(with_receipt, timeout=PATIENT)
    assert is_rich(answer)
    assert REPEATED not in answer.text
    refused, taken = api.calls.of("sendRichMessage")
    assert taken.at - refused.at >= 1


async def test_one_that_may_have_arrived_says_so_when_it_comes_again(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    api.faults.add("sendRichMessage", drop="after")
    await alice.send(TABLE)
    first, second = await answered(chat, 2)
    assert is_rich(first)
    assert REPEATED not in first.text
    assert second.text.startswith(f"<p><i>{REPEATED}</i></p>")


async def test_one_that_may_have_arrived_and_is_then_refused_says_so_too(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    api.faults.add("sendRichMessage", drop="after")
    api.faults.add("sendRichMessage", error=400)
    await alice.send(TABLE)
    _, second = await answered(chat, 2)
    assert not is_rich(second)
    assert second.text.startswith(REPEATED)


# --- generated ----------------------------------------------------------------------------------

words = st.integers(0, 9999).map(lambda number: f"w{number}w")
signs = ["**", "_", "`", "~~", "\n", "\n\n", " ", "> ", "- ", "1. ", "# ", "<b>", "$", "||", "|"]
around = st.lists(st.one_of(words, words, st.sampled_from(signs)), max_size=40).map(" ".join)
heads = st.lists(words, min_size=1, max_size=24)
rows = st.lists(st.lists(words, max_size=26), max_size=30)  # also with more cells than headings


def drawn(head: list[str], body: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *body])


answers = st.builds(
    lambda before, head, body, after: f"{before}\n\n{drawn(head, body)}\n\n{after}",
    around,
    heads,
    rows,
    around,
)


def words_of(message: Message) -> str:
    return Read(message.text).words if is_rich(message) else message.text


def said_in(text: str) -> list[str]:
    return re.findall(r"w\d+w", text)


@given(answers, st.sampled_from(["tables", "always"]))
@settings(deadline=None)
def test_every_rich_message_is_within_the_limits_and_loses_no_word(text: str, use: RichUse) -> None:
    written = rich(View(text=text, kind="answer"), use)
    if written is not None:
        assert said_in(Read(written).words) == said_in(text)


errors = st.sampled_from([None, 400, 404, 502])
drops = st.sampled_from([None, None, "before", "after"])


@given(st.lists(st.tuples(answers, errors, drops), min_size=1, max_size=4))
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink takes minutes over sockets
)
async def test_answers_with_tables_are_never_lost(
    given_answers: list[tuple[str, int | None, Drop | None]],
) -> None:
    async with BotApi() as api, sending(api) as (chat, send):
        for text, error, drop in given_answers:
            api.faults.clear()
            if drop:
                api.faults.add("sendRichMessage", drop=drop)
            if error:
                api.faults.add("sendRichMessage", error=error)
            before = len(chat.messages)
            await send(View(text=text, kind="answer"))
            heard = "\n".join(map(words_of, chat.messages[before:]))
            assert set(said_in(heard)) == set(said_in(text))
