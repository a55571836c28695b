"""Sessions: list, begin, switch, look at, name, copy, delete, restore, clean up."""

from palaver.commands.contract import Command, CommandCall
from palaver.commands.words import counted, money, size, when
from palaver.errors import CommandError
from palaver.models import CleanupReport, Session, SessionPage
from palaver.sessions import PAGE_SIZE
from palaver.views import Action, FieldRow, Item, View


async def sessions(call: CommandCall) -> View:
    """A page of the user's sessions, most recent first."""
    number = int(call.argument) if call.argument.isdecimal() else 1
    await call.engine.sessions.refresh(call.namespace)
    page = await call.engine.sessions.page(call.namespace, call.conversation, max(1, number))
    if not page.total:
        return View(
            title="📁 No sessions found.",
            text="Send a message to start a new session!",
            private=True,
        )
    return View(
        title="📚 Your Claude Sessions",
        items=tuple(_item(session, page) for session in page.sessions),
        first=PAGE_SIZE * (page.number - 1) + 1,
        footer=(
            *([f"Page {page.number} of {page.pages}"] if page.pages > 1 else []),
            "💡 Use /newsession to start fresh",
            "💡 Use /cleansessions to delete old sessions",
        ),
        actions=_turning(page),
        private=True,
    )


async def newsession(call: CommandCall) -> View:
    """A fresh session; the old one stays in the list."""
    session, previous = await call.engine.sessions.renew(
        call.namespace, call.conversation, call.prompt.workspace
    )
    call.engine.warm(session)
    title, footer = "🆕 New session started!", ("Send a message to begin.",)
    if previous is None:
        return View(title=title, footer=footer)
    return View(
        title=title,
        fields=(FieldRow(name="Previous session", value=str(previous.id), code=True),),
        footer=footer,
        actions=(Action(label="Back to the previous one", command=f"/switch {previous.id}"),),
    )


async def switch(call: CommandCall) -> View:
    """Go on in another session."""
    session = await _named(call)
    await call.engine.sessions.switch(call.namespace, call.conversation, session)
    call.engine.warm(session)
    return View(
        title=f"👉 {session.label}", text=_line(session), footer=("Send a message to go on.",)
    )


async def sessioninfo(call: CommandCall) -> View:
    """All about one session, by default the current one."""
    try:
        session = await _named(call, default=True)
    except NoCurrentSessionError:
        return View(title="❌ No active session", text="Send a message to start one.")
    await call.engine.sessions.refresh(call.namespace)
    session = await call.engine.sessions.find(call.namespace, str(session.id))
    footer: tuple[str, ...] = ()
    if session.lost or not session.transcript:
        footer = (
            f"⚠️ Session {session.id} not found on disk. "
            "It may have been deleted or not created yet.",
        )
    return View(
        title="📊 Session Information",
        fields=_rows(session),
        footer=footer,
        actions=_actions(session),
        private=True,
    )


async def rename(call: CommandCall) -> View:
    """Name the current session: `/rename NAME`; another one: `/rename ID NAME`."""
    word, _, rest = call.argument.partition(" ")
    if len(word) == 36 and rest:
        session, name = await call.engine.sessions.find(call.namespace, word), rest
    else:
        session, name = await _current(call), call.argument
    session = await call.engine.sessions.rename(session, name)
    return View(title=f"✏️ Renamed to “{session.name}”")


async def fork(call: CommandCall) -> View:
    """Copy a session, with its memory, and go on in the copy."""
    session = await _named(call, default=True)
    copy = await call.engine.sessions.fork(session, call.conversation)
    call.engine.warm(copy)
    return View(
        title=f"🍴 {copy.label}",
        text="A copy with everything said so far. The original stays as it is.",
        actions=(Action(label="Back to the original", command=f"/switch {session.id}"),),
    )


async def delete(call: CommandCall) -> View:
    """Move a session to the trash; asks first, and can be undone."""
    argument, _, sure = call.argument.rpartition(" ")
    if sure != "yes":
        session = await _named(call, default=True)
        return View(
            title=f"Delete “{session.label}”?",
            text=_line(session),
            actions=(
                Action(label="Delete", command=f"/delete {session.id} yes", style="danger"),
                Action(label="Keep", command="/sessions"),
            ),
        )
    session = await call.engine.sessions.find(call.namespace, argument)
    try:
        await call.engine.trash.delete(session)
    except OSError as error:
        raise CommandError(
            f"The transcript could not be moved to the trash: {error.strerror}.",
            hint="Nothing has changed.",
        ) from error
    days = call.engine.settings.sessions.trash_days
    return View(
        title=f"🗑️ Deleted “{session.label}”",
        text=f"It can be restored for {counted(days, 'day')}.",
        actions=(Action(label="Undo", command=f"/restore {session.id}"),),
    )


async def restore(call: CommandCall) -> View:
    """Bring a session back from the trash, or list what is there."""
    if not call.argument:
        trashed = await call.engine.trash.trashed(call.namespace)
        items = tuple(
            Item(
                title=session.label,
                text=_line(session),
                actions=(Action(label="Restore", command=f"/restore {session.id}"),),
            )
            for session in trashed
        )
        return View(title="🗑️ Trash" if items else "The trash is empty.", items=items, private=True)
    session = await call.engine.sessions.find(call.namespace, call.argument, trashed=True)
    try:
        session = await call.engine.trash.restore(session)
    except OSError as error:
        raise CommandError(f"It could not be restored: {error.strerror}.") from error
    return View(
        title=f"♻️ Restored “{session.label}”",
        actions=(Action(label="Switch to it", command=f"/switch {session.id}"),),
    )


async def cleansessions(call: CommandCall) -> View:
    """Move the user's old sessions to the trash."""
    [report] = await call.engine.trash.clean_up([call.namespace])
    return cleaned(report)


def cleaned(report: CleanupReport) -> View:
    """What a clean-up did, in words."""
    failed = tuple(f"⚠️ Not moved: {problem}" for problem in report.failed)
    days = report.retention_days
    if not report.trashed:
        return View(
            title="✨ No old sessions to clean up!",
            text="" if failed else "All your sessions are recent.",
            footer=failed,
        )
    return View(
        title=f"🗑️ Cleaned up {len(report.trashed)} old session(s)",
        text=f"(older than {days} days)",
        footer=(*failed, "💡 Use /restore to bring one back"),
    )


class NoCurrentSessionError(CommandError):
    """Raised when a command is about the current session and there is none."""

    hint = "Send a message to start one, or see /sessions."

    def __init__(self) -> None:
        super().__init__("There is no current session here.")


async def _current(call: CommandCall) -> Session:
    page = await call.engine.sessions.page(call.namespace, call.conversation)
    if page.current is None:
        raise NoCurrentSessionError
    return await call.engine.sessions.find(call.namespace, str(page.current))


async def _named(call: CommandCall, *, default: bool = False) -> Session:
    if call.argument:
        return await call.engine.sessions.find(call.namespace, call.argument)
    if default:
        return await _current(call)
    raise CommandError("Which session?", hint="Give its id, name or number in /sessions.")


def _item(session: Session, page: SessionPage) -> Item:
    current = session.id == page.current
    actions = [Action(label="Info", command=f"/sessioninfo {session.id}")]
    if not current:
        actions.insert(0, Action(label="Switch", command=f"/switch {session.id}", style="primary"))
    actions += [_rename(session), _delete(session)]
    return Item(title=session.label, text=_line(session), marked=current, actions=tuple(actions))


def _line(session: Session) -> str:
    lost = "⚠️ lost | " if session.lost else ""
    return (
        f"{lost}📅 {when(session.modified)} | 💾 {size(session.size)} | "
        f"🔄 {counted(session.turns, 'turn')} | {str(session.id)[:8]}"
    )


def _rows(session: Session) -> tuple[FieldRow, ...]:
    place = session.transcript or session.workspace
    return (
        FieldRow(name="🆔 ID", value=str(session.id), code=True),
        FieldRow(name="✏️ Name", value=session.label),
        FieldRow(name="📅 Created", value=when(session.created, seconds=True)),
        FieldRow(name="📅 Modified", value=when(session.modified, seconds=True)),
        FieldRow(name="💾 Size", value=size(session.size)),
        FieldRow(name="🔄 Turns", value=str(session.turns)),
        FieldRow(name="📁 Location", value=str(place), code=True),
        FieldRow(name="🗂️ Workspace", value=str(session.workspace), code=True),
        FieldRow(name="🤖 Model", value=session.model or "default"),
        FieldRow(name="🛡️ Mode", value=session.mode or "default"),
        FieldRow(name="💰 Cost", value=money(session.usage.cost_usd)),
    )


def _actions(session: Session) -> tuple[Action, ...]:
    return (
        _rename(session),
        Action(label="Fork", command=f"/fork {session.id}"),
        _delete(session),
    )


def _rename(session: Session) -> Action:
    return Action(label="Rename", command=f"/rename {session.id}", input="The new name")


def _delete(session: Session) -> Action:
    return Action(label="Delete", command=f"/delete {session.id}", style="danger")


def _turning(page: SessionPage) -> tuple[Action, ...]:
    actions = []
    if page.number > 1:
        actions.append(Action(label="◀ Newer", command=f"/sessions {page.number - 1}"))
    if page.number < page.pages:
        actions.append(Action(label="Older ▶", command=f"/sessions {page.number + 1}"))
    return tuple(actions)


COMMANDS = (
    Command("newsession", "Start a fresh session", newsession, aliases=("new",)),
    Command("sessions", "Your sessions, most recent first", sessions, argument="[PAGE]"),
    Command("switch", "Go on in another session", switch, argument="SESSION", sessions=True),
    Command("sessioninfo", "All about a session", sessioninfo, argument="[SESSION]", sessions=True),
    Command("rename", "Name the current session", rename, argument="NAME"),
    Command("fork", "Go on in a copy of a session", fork, argument="[SESSION]", sessions=True),
    Command("delete", "Move a session to the trash", delete, argument="[SESSION]", sessions=True),
    Command("restore", "Bring a session back from the trash", restore, argument="[SESSION]"),
    Command("cleansessions", "Move old sessions to the trash", cleansessions),
)
