"""Where things are at the bottom of the terminal."""

from typing import TYPE_CHECKING

from prompt_toolkit.application import get_app
from prompt_toolkit.filters import Condition, is_done
from prompt_toolkit.layout import (
    ConditionalContainer,
    Dimension,
    Float,
    FloatContainer,
    HSplit,
    Layout,
    Window,
)
from prompt_toolkit.layout.controls import (
    BufferControl,
    FormattedTextControl,
    SearchBufferControl,
)
from prompt_toolkit.layout.menus import CompletionsMenu
from prompt_toolkit.widgets import SearchToolbar

if TYPE_CHECKING:
    from palaver_cli.screen import Screen

_MENU_ROWS = 8


def layout(screen: "Screen") -> Layout:
    """What is live, the question, the line one types in with its menu, the status."""
    search = SearchToolbar(ignore_case=True)
    writing = _writing(screen, search.control)
    body = HSplit(
        [
            _lines(FormattedTextControl(screen.live_text)),
            ConditionalContainer(
                screen.question_window, Condition(lambda: screen.question is not None)
            ),
            ConditionalContainer(_wording(screen), Condition(lambda: bool(screen.wording))),
            ConditionalContainer(writing, _shows_line(screen)),
            search,
            ConditionalContainer(_room_for_menu(), Condition(_menu_is_open)),
            _lines(FormattedTextControl(screen.status_text)),
        ]
    )
    menu = CompletionsMenu(max_height=_MENU_ROWS, scroll_offset=1)
    floats = [Float(menu, xcursor=True, ycursor=True)]
    shown = ConditionalContainer(FloatContainer(body, floats), ~is_done)
    return Layout(shown, focused_element=screen.buffer)


def _lines(control: FormattedTextControl) -> Window:
    return Window(control, dont_extend_height=True, wrap_lines=False, always_hide_cursor=True)


def _wording(screen: "Screen") -> Window:
    control = FormattedTextControl(lambda: [("bold", screen.wording)])
    return Window(control, dont_extend_height=True, wrap_lines=True, always_hide_cursor=True)


def _writing(screen: "Screen", search: SearchBufferControl) -> Window:
    control = BufferControl(screen.buffer, search_buffer_control=search, preview_search=True)
    return Window(
        control,
        dont_extend_height=True,
        wrap_lines=True,
        get_line_prefix=screen.prompt_text,
        height=lambda: Dimension(min=1, max=max(3, get_app().output.get_size().rows // 2)),
    )


def _shows_line(screen: "Screen") -> Condition:
    """While a question has the keyboard, the line is there only if something stands in it."""

    def shows() -> bool:
        armed = screen.question is not None and screen.question.armed
        return not armed or bool(screen.buffer.text)

    return Condition(shows)


def _room_for_menu() -> Window:
    return Window(height=_MENU_ROWS)


def _menu_is_open() -> bool:
    state = get_app().current_buffer.complete_state
    return state is not None and bool(state.completions)
