"""A heading is read together with what stands below it."""

import pytest

from palaver.testing.telegram import BotApi, Chat, Person
from palaver_telegram.markdown import markdown
from palaver_telegram.text import split
from support.telegrams import Palaver


def parts_of(source: str, limit: int) -> list[str]:
    return [part.text for part in split(markdown(source), limit)]


async def test_a_heading_comes_in_the_message_of_its_paragraph(
    api: BotApi, palaver: Palaver, alice: Person, chat: Chat
) -> None:
    await alice.send(f"{'word ' * 700}\n\n## The heading\n\n{'more ' * 110}")
    await alice.send("also this " * 20)  # the second half of what a client would have cut
    await chat.wait_for(lambda message: message.from_bot and "⏱" in message.text)
    await chat.wait_until(lambda: len(chat.messages) == 2)  # the working message is gone
    first, second = chat.messages
    assert first.text.rstrip().endswith("word")
    assert second.text.startswith("The heading\n\nmore")
    assert second.marked("bold") == ["The heading"]


@pytest.mark.parametrize(
    ("above", "shown"),
    [
        ("## Two", "Two"),
        ("**Two**", "Two"),
        ("# One\n\n## *Two*", "One\n\nTwo"),
        ("> ### Two\n", "Two"),
    ],
)
@pytest.mark.parametrize(
    ("below", "text"),
    [("more " * 16, "more more"), ("```\n" + "code\n" * 16 + "```", "code\ncode")],
)
def test_headings_are_not_cut_off(above: str, shown: str, below: str, text: str) -> None:
    first, second, *_ = parts_of(f"{'word ' * 16}\n\n{above}\n\n{below}", 120)
    assert first == ("word " * 16).rstrip()
    assert second.startswith(f"{shown}\n\n{text}")


def test_a_heading_that_nearly_begins_a_message_does_not_end_it_sooner() -> None:
    first, second = parts_of(f"word\n\n## {'Long ' * 16}\n\n{'more ' * 16}", 120)
    assert first.endswith("Long")
    assert second.startswith("more")


def test_a_text_that_is_all_bold_is_cut_where_it_may_be() -> None:
    lines = "\n".join(f"line {number}" for number in range(40))
    first, *_ = parts_of(f"**{lines}**", 120)
    assert len(first) > 100
