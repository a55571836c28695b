"""What the Tab key offers."""

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from palaver import Action, Completion
from palaver_cli.completion import CommandCompleter

SESSION = Completion("/switch 12345678-0000-0000-0000-000000000000", "remember the parser")
COMMAND = Completion("/sessions", "Your sessions")
BUTTON = Action(label="Switch", command="/switch 1")
RENAME = Action(label="Rename", command="/rename 1", input="The new name")


async def offered(text: str, *, cursor: int | None = None, tab: bool = True) -> list[str]:
    async def complete(typed: str) -> list[Completion]:
        return [SESSION] if " " in typed else [COMMAND]

    completer = CommandCompleter(complete, lambda: [("one", BUTTON), ("", RENAME)])
    event = CompleteEvent(completion_requested=tab)
    found = completer.get_completions_async(Document(text, cursor), event)
    return [f"{one.display_text}>{one.text}" async for one in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/se", ["/sessions>/sessions"]),
        ("/switch pars", [f"remember the parser>{SESSION.text}"]),
        ("", ["Switch: one>/switch 1", "Rename>/rename 1 "]),
        ("/se\nond line", []),
    ],
)
async def test_what_is_offered_for_a_text(text: str, expected: list[str]) -> None:
    assert await offered(text) == expected


async def test_buttons_come_only_when_tab_is_pressed() -> None:
    assert await offered("", tab=False) == []


async def test_nothing_is_offered_in_the_middle_of_a_line() -> None:
    assert await offered("/se", cursor=1) == []
