"""What `palaver sessions` does, on an engine of its own."""

import contextlib
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from palaver.app.output import print_json, print_table, printable
from palaver.app.runtime import Runtime
from palaver.app.terminal import terminal_conversation, terminal_namespace
from palaver.commands.words import counted, money, size, when
from palaver.engine import Engine, open_engine
from palaver.errors import CommandError, PalaverError, SessionNotFoundError
from palaver.identity import Namespace, SessionId
from palaver.models import CleanupReport, Session

if TYPE_CHECKING:
    from rich.progress import Progress


@dataclass(frozen=True, slots=True)
class Desk:
    """An open engine, and whose sessions this is about."""

    engine: Engine
    namespace: Namespace

    async def current(self) -> SessionId | None:
        """The current session of this directory, if it is this terminal's user who looks."""
        if self.namespace != terminal_namespace():
            return None
        return await self.engine.sessions.current_id(self.namespace, terminal_conversation())

    async def find(self, text: str, *, trashed: bool = False) -> Session:
        """The session that is meant by an id, the beginning of one, a name, or its number.

        Raises:
            SessionNotFoundError: if there is none.
            CommandError: if there are several.
        """
        try:
            if trashed:
                return await self._find_trashed(text)
            return await self.engine.sessions.find(self.namespace, text)
        except SessionNotFoundError as error:
            option = " --trash" if trashed else ""
            error.message = f"{self.namespace} has no session {text!r}."
            error.hint = f"See `palaver sessions list{option}`."
            raise

    async def _find_trashed(self, text: str) -> Session:
        wanted = text.strip().casefold()
        every = await self.engine.sessions.every(self.namespace, trashed=True)
        found = [
            one for one in every if wanted and wanted in (str(one.id), one.label.casefold())
        ] or [one for one in every if len(wanted) >= 4 and str(one.id).startswith(wanted)]
        match found:
            case [one]:
                return one
            case []:
                raise SessionNotFoundError
        names = ", ".join(f"{one.label} ({one.id})" for one in found[:5])
        raise CommandError(f"Several sessions fit: {names}.", hint="Say which, by its id.")


@contextlib.asynccontextmanager
async def open_desk(runtime: Runtime, namespace: Namespace) -> AsyncIterator[Desk]:
    """An engine on the user's own data."""
    async with open_engine(runtime.settings(), runtime.host()) as engine:
        await engine.sessions.refresh(namespace)
        yield Desk(engine, namespace)


# --- looking ------------------------------------------------------------------------------------


async def show_list(
    runtime: Runtime, namespace: Namespace, *, as_json: bool, trashed: bool
) -> None:
    """All sessions, most recent first."""
    async with open_desk(runtime, namespace) as desk:
        sessions = await desk.engine.sessions.every(namespace, trashed=trashed)
        current = await desk.current()
    if as_json:
        for session in sessions:
            print_json(as_dict(session, current))
    elif not sessions:
        where = "in the trash" if trashed else "yet"
        click.echo(f"{namespace} has no sessions {where}.", err=True)
        if namespace == terminal_namespace():
            click.echo("Those of a chat: add --namespace, as in telegram:1001.", err=True)
    else:
        _print_sessions(sessions, current)


def _print_sessions(sessions: Sequence[Session], current: SessionId | None) -> None:
    rows = [
        (
            "*" if session.id == current else "",
            str(number),
            str(session.id)[:8],
            when(session.trashed or session.modified),
            size(session.size),
            counted(session.turns, "turn"),
            ("(lost) " if session.lost else "") + session.label,
        )
        for number, session in enumerate(sessions, 1)
    ]
    print_table(("", "#", "ID", "WHEN", "SIZE", "TURNS", "NAME"), rows)


async def show_one(runtime: Runtime, namespace: Namespace, text: str, *, as_json: bool) -> None:
    """All about one session."""
    async with open_desk(runtime, namespace) as desk:
        session = await desk.find(text)
        current = await desk.current()
    if as_json:
        print_json(as_dict(session, current))
        return
    rows = [
        ("ID", str(session.id)),
        ("Name", session.label),
        ("Owner", str(session.namespace)),
        ("Created", when(session.created, seconds=True)),
        ("Modified", when(session.modified, seconds=True)),
        ("Size", size(session.size)),
        ("Turns", str(session.turns)),
        ("Cost", money(session.usage.cost_usd)),
        ("Agent", session.agent),
        ("Model", session.model or "default"),
        ("Mode", session.mode or "default"),
        ("Workspace", str(session.workspace)),
        ("Transcript", _transcript(session)),
    ]
    for name, value in rows:
        click.echo(f"{name + ':':<12}{printable(value)}")


def _transcript(session: Session) -> str:
    if session.transcript is None:
        return "none yet"
    return f"{session.transcript}{' (lost)' if session.lost else ''}"


def as_dict(session: Session, current: SessionId | None = None) -> dict[str, object]:
    """A session for programs: as in `palaver sessions list --json`."""
    return {
        **session.model_dump(mode="json"),
        "namespace": str(session.namespace),
        "label": session.label,
        "current": session.id == current,
    }


async def export(runtime: Runtime, namespace: Namespace, text: str, *, as_json: bool) -> str:
    """A session's whole conversation, as Markdown or as JSON.

    Raises:
        SessionLostError: if it has no transcript.
    """
    async with open_desk(runtime, namespace) as desk:
        session = await desk.find(text)
        messages = await desk.engine.agent(session.agent).transcripts.messages(session)
    if as_json:
        import json

        said = [{"role": role, "text": words} for role, words in messages]
        whole = {"session": as_dict(session), "messages": said}
        return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"
    return _markdown(session, messages)


def _markdown(session: Session, messages: Iterable[tuple[str, str]]) -> str:
    lines = [
        f"# {' '.join(session.label.split())}",
        "",
        f"- Session: `{session.id}`",
        f"- Created: {when(session.created, seconds=True)}",
        f"- Workspace: `{session.workspace}`",
    ]
    for role, text in messages:
        lines += ["", f"## {role.capitalize()}", "", text.strip()]
    return printable("\n".join(lines) + "\n")


# --- changing -----------------------------------------------------------------------------------


async def find_all(runtime: Runtime, namespace: Namespace, texts: Sequence[str]) -> list[Session]:
    """The sessions that are meant, each once."""
    async with open_desk(runtime, namespace) as desk:
        found = [await desk.find(text) for text in texts]
    return list({session.id: session for session in found}.values())


def ask_to_remove(sessions: Sequence[Session]) -> bool:
    """Ask whether these are the right ones; the default is no."""
    for session in sessions:
        name = printable(session.label)
        click.echo(f"{str(session.id)[:8]}  {when(session.modified)}  {name}", err=True)
    return click.confirm(f"Move {counted(len(sessions), 'session')} to the trash?", err=True)


async def remove(runtime: Runtime, namespace: Namespace, sessions: Sequence[Session]) -> bool:
    """Move sessions to the trash; whether all of them went there."""
    async with open_desk(runtime, namespace) as desk:
        return all([await _remove_one(desk, session) for session in sessions])


async def _remove_one(desk: Desk, session: Session) -> bool:
    try:
        await desk.engine.trash.delete(session)
    except (PalaverError, OSError) as error:
        click.secho(f"{session.id} was not removed: {error}", err=True, fg="red")
        return False
    days = desk.engine.settings.sessions.trash_days
    click.echo(f"{session.id} is in the trash for {counted(days, 'day')}.")
    return True


async def restore(runtime: Runtime, namespace: Namespace, texts: Sequence[str]) -> None:
    """Bring sessions back from the trash.

    Raises:
        PalaverError: if one is not there, or cannot be brought back.
    """
    async with open_desk(runtime, namespace) as desk:
        for text in texts:
            session = await desk.find(text, trashed=True)
            try:
                await desk.engine.trash.restore(session)
            except OSError as error:
                problem = f"{session.id} could not be restored: {error}"
                raise CommandError(problem, hint="Nothing has changed.") from error
            click.echo(f"{session.id} is back.")


async def clean(runtime: Runtime, namespace: Namespace | None) -> bool:
    """Move old sessions to the trash and purge it; whether all of it went well.

    Args:
        namespace: None for everybody's.
    """
    async with open_engine(runtime.settings(), runtime.host()) as engine:
        whose = None if namespace is None else [namespace]
        with _progress() as progress:
            task = progress.add_task("Cleaning up", total=None)
            reports = await engine.trash.clean_up(whose, lambda _: progress.advance(task))
    for report in reports:
        _print_report(report)
    if not reports:
        click.echo("There are no sessions.")
    return not any(report.failed for report in reports)


@contextlib.contextmanager
def _progress() -> "Iterator[Progress]":
    """A bar on standard error, and only if that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed} sessions"),
        TimeElapsedColumn(),
    )
    hidden = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        yield progress


def _print_report(report: CleanupReport) -> None:
    if not (report.trashed or report.purged or report.failed):
        click.echo(f"{report.namespace}: nothing is older than {report.retention_days} days.")
        return
    click.echo(
        f"{report.namespace}: {len(report.trashed)} moved to the trash, "
        f"{len(report.purged)} purged from it."
    )
    for problem in report.failed:
        click.secho(f"{report.namespace}: not moved: {problem}", err=True, fg="red")
