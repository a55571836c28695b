"""The Tab key: commands, sessions, and the buttons of the newest message."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from palaver import Action
from palaver import Completion as Completed
from palaver_cli.text import one_line

_SHOWN = 60


class CommandCompleter(Completer):
    """Completes through the engine, which knows what its user may see.

    Args:
        complete: what a half-typed command can become.
        offered: the buttons of the newest message, for an empty line.
    """

    def __init__(
        self,
        complete: Callable[[str], Awaitable[list[Completed]]],
        offered: Callable[[], list[tuple[str, Action]]],
    ) -> None:
        self._complete = complete
        self._offered = offered

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        """There are none without the event loop."""
        del document, complete_event
        return ()

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        text = document.text
        if not text.strip():
            for about, action in self._offered() if complete_event.completion_requested else ():
                yield _button(about, action, len(text))
        elif document.is_cursor_at_the_end and "\n" not in text:
            for found in await self._complete(text):
                yield _completion(found, text)


def _button(about: str, action: Action, typed: int) -> Completion:
    label = f"{action.label}: {one_line(about, _SHOWN)}" if about else action.label
    command = f"{action.command} " if action.input else action.command
    return Completion(command, -typed, display=label, display_meta=action.input or "")


def _completion(found: Completed, typed: str) -> Completion:
    _, space, session_id = found.text.partition(" ")
    if space:  # a session: its name says more than its id
        name = one_line(found.description, _SHOWN)
        return Completion(found.text, -len(typed), display=name, display_meta=session_id[:8])
    return Completion(found.text, -len(typed), display=found.text, display_meta=found.description)
