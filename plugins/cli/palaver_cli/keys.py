"""What the keys do."""

import signal
from typing import TYPE_CHECKING

from prompt_toolkit.application import get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, get_common_complete_suffix
from prompt_toolkit.filters import Condition, Filter, is_searching
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import ALL_KEYS, Keys

from palaver_cli import asking

if TYPE_CHECKING:
    from palaver_cli.screen import Screen

_NO_KEYS = frozenset(
    {
        Keys.CPRResponse,
        Keys.Vt100MouseEvent,
        Keys.WindowsMouseEvent,
        Keys.ScrollUp,
        Keys.ScrollDown,
        Keys.Ignore,
        Keys.SIGINT,
        Keys.ControlC,
        Keys.BracketedPaste,
    }
)
"""What comes through the keyboard and is no key, and the keys with a meaning of their own."""


def bindings(screen: "Screen") -> KeyBindings:
    """Enter sends, Alt-Enter begins a line, Tab completes, Ctrl-C stops, Ctrl-D leaves."""
    keys = KeyBindings()
    armed = Condition(lambda: screen.question is not None and screen.question.armed)
    _typing(screen, keys, ~armed & ~is_searching)
    _answering(screen, keys, armed)

    @keys.add("c-c", filter=~is_searching)
    @keys.add("<sigint>")
    def _(event: KeyPressEvent) -> None:
        del event
        screen.interrupted()

    @keys.add("c-z", filter=Condition(lambda: hasattr(signal, "SIGTSTP")))
    def _(event: KeyPressEvent) -> None:
        event.app.suspend_to_background()

    return keys


def _typing(screen: "Screen", keys: KeyBindings, typing: Filter) -> None:
    at_end = Condition(lambda: not screen.buffer.text)

    @keys.add("enter", filter=typing)
    def _(event: KeyPressEvent) -> None:
        del event
        screen.entered()

    @keys.add("c-j", filter=typing & Condition(lambda: screen.starting))
    def _(event: KeyPressEvent) -> None:
        del event
        screen.entered()  # typed before the terminal was ours, which made Enter a line feed

    @keys.add("escape", "enter", filter=typing)
    @keys.add("c-j", filter=typing & Condition(lambda: not screen.starting))
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @keys.add("tab", filter=typing)
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.complete_state and buffer.complete_state.completions:
            buffer.complete_next()
        elif buffer.text.strip():
            event.app.create_background_task(_complete(buffer))
        else:
            buffer.start_completion(select_first=True)

    @keys.add("escape", filter=Condition(lambda: bool(get_app().current_buffer.complete_state)))
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.cancel_completion()

    @keys.add("c-d", filter=at_end & typing)
    def _(event: KeyPressEvent) -> None:
        del event
        screen.left()


def _answering(screen: "Screen", keys: KeyBindings, armed: Filter) -> None:
    """A question has the keyboard: every key is an answer, and most of them are a no."""

    def press(event: KeyPressEvent) -> None:
        if screen.question is None:
            return
        key = event.key_sequence[0]
        if key.key == Keys.ControlM:
            screen.question.pressed.put_nowait(asking.ENTER)
        elif len(key.data) == 1 and key.data.isprintable():
            screen.question.pressed.put_nowait(key.data)
        else:
            screen.question.pressed.put_nowait(asking.OTHER)

    for name in ALL_KEYS:
        if name not in _NO_KEYS:
            keys.add(name, filter=armed, eager=True)(press)

    @keys.add(Keys.BracketedPaste, filter=armed, eager=True)
    def _(event: KeyPressEvent) -> None:
        screen.buffer.insert_text(event.data.replace("\r\n", "\n").replace("\r", "\n"))
        if screen.question is not None:
            screen.question.pressed.put_nowait(asking.PASTE)


async def _complete(buffer: Buffer) -> None:
    """Insert what is certain, and show the rest.

    `Buffer.start_completion` does nothing while the menu that comes by itself is being made, so
    a Tab right after a letter would be lost.
    """
    document = buffer.document
    requested = CompleteEvent(completion_requested=True)
    found = [one async for one in buffer.completer.get_completions_async(document, requested)]
    if buffer.document != document:  # the user has typed on
        return
    if len(found) == 1:
        buffer.apply_completion(found[0])
    elif found:
        buffer.insert_text(get_common_complete_suffix(document, found))
        buffer.start_completion()
