"""Whatever an agent says, Telegram takes it, and nothing of it is lost."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from palaver import Action, FieldRow, Item, Namespace, Place, View
from palaver.testing.telegram import BotApi
from palaver.testing.telegram.formatting import read
from palaver.testing.telegram.wire import Fields
from palaver_telegram.client import Client
from palaver_telegram.keyboards import keyboard
from palaver_telegram.places import Spot, namespace
from palaver_telegram.render import live, messages, render
from palaver_telegram.sending import Sender
from palaver_telegram.settings import TelegramSettings
from palaver_telegram.text import MAX_TEXT, Text, split

ANY = st.characters(exclude_categories=["Cs"])  # a view holds no halves of characters
anything = st.text(ANY, max_size=300)
signs = ["**", "*", "_", "__", "~~", "`", "``", "```", "~~~", ">", ">>", "-", "|", "[", "](", ")"]
others = ["![", "<b>", "&amp;", "---", "===", "\\", "$$", "🙂", "é", "漢", "<!--"]
blocks = ["```python\n", "# ", "1. ", "   ", "\t", "\n", "\n\n", "http://a.b)", "- [ ] ", "\r\n"]
tables = ["\n|---|---|\n", "| a | b |"]
odd = ["\u202e", "\u0000", "\u200d", "\u0333", "\u2800", "\ufeff", "👨\u200d👩"]
markup = st.sampled_from([*signs, *others, *blocks, *tables, *odd])
words = st.integers(0, 9999).map(lambda number: f"w{number}w")
answers = st.one_of(
    anything,
    st.lists(st.one_of(markup, words, st.just(" ")), max_size=200).map("".join),
    st.builds(lambda piece, times: piece * times, st.one_of(anything, markup), st.integers(1, 400)),
)
lines = st.text(ANY, max_size=80)
actions = st.builds(
    Action,
    label=st.text(ANY, min_size=1, max_size=80),
    command=st.one_of(
        words.map(lambda word: f"/{word}"), st.text(ANY, max_size=80).map(lambda text: f"/a{text}")
    ),
    style=st.sampled_from(["default", "primary", "danger"]),
    input=st.one_of(st.none(), lines),
    choice=st.booleans(),
)
views = st.builds(
    View,
    title=lines,
    text=answers,
    fields=st.lists(
        st.builds(FieldRow, name=lines, value=anything, code=st.booleans()), max_size=5
    ).map(tuple),
    items=st.lists(
        st.builds(Item, title=lines, text=lines, actions=st.lists(actions, max_size=3).map(tuple)),
        max_size=12,
    ).map(tuple),
    footer=st.lists(lines, max_size=3).map(tuple),
    actions=st.lists(actions, max_size=4).map(tuple),
    kind=st.sampled_from(["answer", "info", "notice", "error", "approval"]),
    repeated=st.booleans(),
)


def accepted(part: Text) -> str:
    """The text as Telegram keeps it; a refusal is raised."""
    entities = [Fields(entity.to_dict()) for entity in part.entities()]
    kept = read(part.text, "", entities, limit=MAX_TEXT, what="message", empty=False)
    assert kept.dropped == 0
    return kept.text.text


@given(views)
@settings(deadline=None)
def test_every_view_is_accepted(view: View) -> None:
    parts, _ = messages(view)
    assert parts
    for part in parts:
        accepted(part)


@given(answers)
@settings(deadline=None)
def test_every_live_text_is_accepted(text: str) -> None:
    accepted(live(View(text=text, title="" if text else "⏳", footer=("🔧 Bash ls",))))


@given(st.lists(st.one_of(words, st.sampled_from(["**", "_", "\n", "\n\n", " ", "> ", "- ", "`"]))))
@settings(deadline=None)
def test_no_word_is_lost_and_none_is_moved(pieces: list[str]) -> None:
    source = " ".join(pieces)
    said = " ".join(accepted(part) for part in messages(View(text=source, kind="answer"))[0])
    assert re.findall(r"w\d+w", said) == re.findall(r"w\d+w", source)


@given(st.text(alphabet="ab \n🙂", min_size=1, max_size=3000), st.integers(64, 500))
@settings(deadline=None)
def test_parts_are_short_enough_and_lose_only_blanks(text: str, limit: int) -> None:
    parts = split(Text(text), limit)
    assert all(len(part.text.encode("utf-16-le")) // 2 <= limit for part in parts)
    assert "".join("".join(part.text.split()) for part in parts) == "".join(text.split())


HARD = {
    "200 kB": "A **bold** word, `code` and [a link](https://example.org/x). " * 3300,
    "a table of 10,000 columns": "\n".join(
        "|".join(["", *[cell] * 10_000, ""]) for cell in ("head", "---", "x")
    ),
    "a table of 2,000 rows": "| a | b |\n|---|---|\n" + "| one | two |\n" * 2000,
    "5,000 quotes in each other": ">" * 5000 + " deep",
    "300 lists in each other": "\n".join("  " * depth + "- item" for depth in range(300)),
    "an unclosed fence": "```python\n" + "print('x')\n" * 2000,
    "20,000 pieces of code": "`a` " * 20_000,
    "stars": "**a " * 5000,
    "brackets": "[" * 10_000 + "](x)" * 10_000,
    "only what cannot be seen": "\u200b\u2060\u2800" * 2000,
    "astral characters": "🙂" * 10_000,
    "halves of characters": "\ud83d" * 5000,
    "one word of 100 kB": "x" * 100_000,
}


@pytest.mark.parametrize("name", HARD)
def test_hard_cases_are_accepted(name: str) -> None:
    view = View.model_construct(text=HARD[name], kind="answer")  # halves of characters, too
    for part in split(render(view)):
        accepted(part)


@given(st.lists(views, min_size=1, max_size=8))
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink takes minutes over sockets
)
async def test_nothing_that_is_sent_is_refused_by_the_server(given_views: list[View]) -> None:
    async with BotApi() as api:
        alice = api.user("Alice", id=1001)
        chat = api.private(alice)
        own = TelegramSettings.model_validate(
            {"token": api.token, "base_url": api.base_url, "base_file_url": api.base_file_url}
        )
        client = Client(own)
        await client.open()
        sender = Sender(client)
        place = Place(namespace(alice.id), Spot(chat.id).conversation)
        try:
            for view in given_views:
                message = await sender.send(place, view)
                await sender.edit(place, message, view.model_copy(update={"footer": ("over",)}))
        finally:
            await client.close()
        refused = [one for one in api.problems if "not modified" not in one.text]
        assert refused == []


@given(views)
@settings(deadline=None)
def test_every_button_fits_and_what_does_not_fit_is_printed(view: View) -> None:
    buttons, typed = keyboard(view, Namespace("telegram", "1001"))
    rows = buttons.inline_keyboard if buttons else ()
    assert all(1 <= len(str(one.callback_data).encode()) <= 64 for row in rows for one in row)
    wanted = sum(len(item.actions) for item in view.items) + len(view.actions)
    offered = sum(map(len, rows)) - any(one.text == "✅ Done" for row in rows for one in row)
    assert offered + len(typed) == wanted


def test_the_settings_are_those_of_a_file(tmp_path: Path) -> None:
    read_settings = TelegramSettings.model_validate({"token": "1:a", "hear_all": [-5]})
    assert read_settings.hears_all(-5)
    assert not read_settings.hears_all(-6)
