"""Views as texts with marks."""

from palaver import View, tail_markdown
from palaver_telegram.text import MAX_TEXT, REPEATED, ROOM, Builder, Text, named, split

NOTHING = "(nothing that could be shown)"
TOO_MANY_PARTS = 30
"""Messages of one answer; beyond them its beginning is sent, and all of it as a file."""
_KEPT_PARTS = 10
_LIVE_TAIL = 3200
"""Characters of a growing answer that are shown: its end, and room for marks around it."""


def render(view: View) -> Text:
    """All of a view but its actions."""
    out = Builder()
    if view.repeated:
        _line(out, REPEATED, "italic")
    if view.title:
        _line(out, view.title, "bold")
    if view.text:
        _gap(out, wide=bool(view.title) and view.kind != "notice")
        out.add(_markdown(view.text))
    if view.fields:
        _fields(out, view)
    if view.items:
        _items(out, view)
    if view.footer:
        _gap(out, wide=True)
        _words(out, "\n".join(view.footer), "italic")
    return out.done()


def messages(view: View) -> tuple[list[Text], bool]:
    """A view as messages, at least one; and whether some of its text is only in its file."""
    parts = split(render(view), MAX_TEXT - ROOM) or [Text(NOTHING)]
    if len(parts) <= TOO_MANY_PARTS or not view.filed:
        return parts, False
    note = f"✂️ {len(parts) - _KEPT_PARTS} more messages: all of it is in the file."
    last = render(View(title=note, footer=view.footer))  # its receipt was in the rest
    return [*parts[:_KEPT_PARTS], last], True


def live(view: View) -> Text:
    """A turn at work in one message: of a long text, its end."""
    if len(view.text) > _LIVE_TAIL:
        view = view.model_copy(update={"text": tail_markdown(view.text, _LIVE_TAIL)})
    parts = split(render(view))
    return parts[-1] if parts else Text(NOTHING)


def warm_up() -> None:
    """Load the parser of Markdown ahead of the first answer; the start does not wait for it."""
    _markdown("**warm**")


def _markdown(source: str) -> Text:
    from palaver_telegram.markdown import markdown

    return markdown(source)


def _gap(out: Builder, *, wide: bool = False) -> None:
    if out.length:
        out.write("\n\n" if wide else "\n")


def _line(out: Builder, text: str, kind: str) -> None:
    _gap(out)
    _words(out, text, kind)


def _words(out: Builder, text: str, kind: str = "") -> None:
    for piece, is_name in named(text):
        start = out.length
        out.write(piece)
        if mark := "code" if is_name else kind:
            out.mark(mark, start)


def _fields(out: Builder, view: View) -> None:
    _gap(out, wide=True)
    for number, row in enumerate(view.fields):
        if number:
            out.write("\n")
        with out.marked("bold"):
            out.write(f"{row.name}:")
        out.write(" ")
        if row.code:
            with out.marked("code"):
                out.write(row.value)
        else:
            _words(out, row.value)


def _items(out: Builder, view: View) -> None:
    for number, item in enumerate(view.items, view.first):
        _gap(out, wide=number == view.first)
        out.write(f"{'👉 ' if item.marked else ''}{number}. ")
        _words(out, item.title, "bold")
        if item.text:
            _words(out, f"\n     {item.text}")
