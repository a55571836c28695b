"""A file's name is no web address, though `.md` and `.py` are domains, too."""

from collections.abc import AsyncIterator

import pytest

from palaver import Place, View
from palaver.agents.scripted import ScriptedProcess
from palaver.events import AgentEvent, TextDelta, ToolFinished, ToolStarted
from palaver.testing.telegram import Chat, Message, Person
from palaver_telegram.places import Spot, namespace
from palaver_telegram.render import render
from support.telegrams import ALICE, Palaver, button

HERE = Place(namespace(ALICE), Spot(ALICE).conversation)


@pytest.fixture(params=["plain", "rich"])
def rich(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """The agent changes a file, and answers with a table or without."""
    table = str(request.param) == "rich"
    answer = "| a | b |\n|---|---|\n| 1 | 2 |" if table else "There it is."

    async def edit(*_: object) -> AsyncIterator[AgentEvent]:
        file = "/somewhere/parasol.md"
        yield ToolStarted(tool_id="1", tool="Write", summary="parasol.md", file=file)
        yield ToolFinished(tool_id="1", ok=True)
        yield TextDelta(text=answer)

    monkeypatch.setattr(ScriptedProcess, "_wait", edit)
    return table


def links(message: Message) -> list[str]:
    return message.marked("url")


async def test_in_a_receipt(palaver: Palaver, alice: Person, chat: Chat, rich: bool) -> None:
    await alice.send("wait 1")
    said = await chat.wait_for_text("📝")
    assert ("<code>parasol.md</code>" if rich else "parasol.md ·") in said.text
    assert links(said) == []


async def test_in_a_request(palaver: Palaver, alice: Person, chat: Chat) -> None:
    await alice.send("run cat docs/parasol.md, notes.py")
    asked = await button(chat, "Deny")
    assert "docs/parasol.md" in asked.text
    assert links(asked) == []


async def test_in_a_list_of_sessions(palaver: Palaver, alice: Person, chat: Chat) -> None:
    await alice.send("see parasol.md")
    await chat.wait_for_text("⏱")
    await alice.send("/sessions")
    listed = await chat.wait_for_text("Your Claude Sessions")
    assert "parasol.md" in listed.text
    assert links(listed) == []


async def test_what_is_an_address_stays_one(palaver: Palaver, chat: Chat) -> None:
    view = View(title="See https://example.com/parasol.md", footer=("or me@example.com",))
    await palaver.frontend.send(HERE, view)
    assert links(chat.last) == ["https://example.com/parasol.md"]
    assert chat.last.marked("email") == ["me@example.com"]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("⏱ 2.3 s · 📝 a.md, b-c.tar.gz and 2 more · 💰 $0.0010", ["a.md", "b-c.tar.gz"]),
        ("“my notes.md” (old.md): it's src/new.md…", ["notes.md", "old.md", "src/new.md"]),
        ("It costs 1.50, e.g. now. Or v1.2.3.", []),
    ],
)
def test_names_are_marked_as_code_and_all_else_as_before(words: str, names: list[str]) -> None:
    text = render(View(title=words))
    assert text.text == words
    marked = dict.fromkeys(("bold", "code"), "")
    for mark in text.marks:
        marked[mark.kind] += words[mark.start : mark.end]
    assert marked["code"] == "".join(names)
    assert len(marked["bold"]) + len(marked["code"]) == len(words)
