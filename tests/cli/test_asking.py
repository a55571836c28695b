"""Which keys decide, and which only look like it."""

import asyncio

import pytest

from palaver_cli import asking
from palaver_cli.surface import Key

KEYS = (Key("y", "once"), Key("s", "for this session"))


class Keyboard:
    """Somebody who presses keys at given moments after the question has the keyboard."""

    def __init__(self, *presses: tuple[float, str]) -> None:
        self.question = asking.Question("Allow?", KEYS)
        self.presses = list(presses)
        self.armed: list[bool] = []
        self.draft = ""

    async def quiet(self) -> None:
        if self.armed:  # not at first
            await asyncio.sleep(0.1)

    def arm(self, armed: bool) -> None:
        self.armed.append(armed)

    def keep(self, text: str) -> None:
        self.draft += text

    async def _press(self) -> None:
        for seconds, key in self.presses:
            await asyncio.sleep(seconds)
            if self.armed and self.armed[-1]:
                self.question.pressed.put_nowait(key)
            else:
                self.keep(key)

    async def answer(self) -> str:
        asked = asyncio.ensure_future(asking.ask(self.question, self.quiet, self.arm, self.keep))
        await asyncio.sleep(0)
        pressing = asyncio.create_task(self._press())
        try:
            async with asyncio.timeout(2):
                return await asked
        finally:
            await pressing


@pytest.mark.parametrize(
    ("key", "answer"),
    [("y", "y"), ("Y", "y"), ("s", "s"), ("n", ""), (" ", ""), (asking.ENTER, ""), ("ß", "")],
)
async def test_one_key_alone_decides(key: str, answer: str) -> None:
    assert await Keyboard((0, key)).answer() == answer


async def test_a_key_that_is_no_character_is_a_no() -> None:
    assert await Keyboard((0, asking.OTHER)).answer() == ""


async def test_enter_after_a_letter_belongs_to_it() -> None:
    assert await Keyboard((0, "y"), (0.01, asking.ENTER)).answer() == "y"


async def test_a_word_is_kept_for_the_draft_and_decides_nothing() -> None:
    keyboard = Keyboard((0, "y"), (0.01, "e"), (0.01, "s"), (0.5, asking.ENTER))
    assert await keyboard.answer() == ""
    assert keyboard.draft == "yes"
    assert keyboard.armed == [True, False, True]


async def test_pasted_text_decides_nothing() -> None:
    keyboard = Keyboard((0, asking.PASTE), (0.3, "y"))
    assert await keyboard.answer() == "y"
    assert keyboard.armed == [True, False, True]
