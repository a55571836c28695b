"""Questions that one key answers, asked of somebody who may be typing something else.

An approval can come up at any moment, in the middle of a word. So a question takes the keyboard
only when it has been quiet for a moment; what is typed before that goes where the user thinks it
goes. And a letter counts only if nothing follows it at once: a word that somebody types without
looking is a word, and not an answer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from palaver_cli.surface import Key

QUIET_S = 0.4
"""Seconds without a key before a question takes the keyboard."""
ALONE_S = 0.2
"""Seconds after a letter in which another one makes both a part of the user's draft."""

ENTER, OTHER, PASTE = "\r", "", "\x00"


@dataclass
class Question:
    """One question of one key that waits.

    Attributes:
        text: what is asked.
        keys: what can be answered.
        armed: it has the keyboard.
        pressed: the keys that came to it: characters, or `ENTER`, `OTHER`, `PASTE`.
    """

    text: str
    keys: Sequence[Key]
    armed: bool = False
    pressed: "asyncio.Queue[str]" = field(default_factory=asyncio.Queue)


async def ask(
    question: Question,
    quiet: Callable[[], Awaitable[None]],
    arm: Callable[[bool], None],
    draft: Callable[[str], None],
) -> str:
    """The key that was pressed, if it is one of the question's; else nothing, which means no.

    Args:
        quiet: waits until the keyboard is quiet.
        arm: gives the keyboard to the question, or takes it back.
        draft: puts what was not meant for the question where it was meant for.
    """
    wanted = {key.key for key in question.keys}
    while True:
        await quiet()
        arm(True)
        pressed = await question.pressed.get()
        if pressed in (ENTER, OTHER):
            return ""
        following = pressed if pressed == PASTE else await _following(question)
        if following in (None, ENTER):
            return pressed.lower() if pressed.lower() in wanted else ""
        arm(False)
        typed = [pressed, following or "", *_rest(question)]
        draft("".join(one for one in typed if one.isprintable()))


async def _following(question: Question) -> str | None:
    try:
        return await asyncio.wait_for(question.pressed.get(), ALONE_S)
    except TimeoutError:
        return None


def _rest(question: Question) -> list[str]:
    rest = []
    while not question.pressed.empty():
        rest.append(question.pressed.get_nowait())
    return rest
