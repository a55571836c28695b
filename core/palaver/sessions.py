"""Sessions: create, switch, find, name, copy.

Everything here takes a namespace and asks the store through it, so that nobody can reach another's.
"""

import asyncio
import hashlib
import logging
import os
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4
from weakref import WeakValueDictionary

from palaver.agents.contract import Agent
from palaver.config import Settings
from palaver.dispatch import Hooks
from palaver.errors import CommandError, SessionBusyError, SessionError, SessionNotFoundError
from palaver.identity import ConversationId, Namespace, SessionId, parse_session_id
from palaver.models import Prompt, Session, SessionPage, Usage, now
from palaver.store import Store

log = logging.getLogger(__name__)

PAGE_SIZE = 10
_ALL = 1 << 30
_TITLE_LENGTH = 60
_LONGEST_FOLDER = 100
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


class SessionService:
    """What can be done with sessions.

    Args:
        agent: gives the agent of that name.
        busy: whether a session has a turn that runs or waits in this process.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        hooks: Hooks,
        agent: Callable[[str], Agent],
        *,
        busy: Callable[[SessionId], bool],
    ) -> None:
        self._beginning: WeakValueDictionary[tuple[Namespace, ConversationId], asyncio.Lock] = (
            WeakValueDictionary()
        )
        self._settings = settings
        self._store = store
        self._hooks = hooks
        self._agent = agent
        self._busy = busy

    # --- the current one ------------------------------------------------------------------------

    async def current(self, prompt: Prompt) -> Session:
        """The conversation's session; a new one if it has none."""
        place = prompt.namespace, prompt.conversation
        lock = self._beginning.setdefault(place, asyncio.Lock())
        async with lock:  # two messages at once begin one session
            own = self._store.of(prompt.namespace)
            session = await own.current(prompt.conversation)
            return session or await self.create(*place, workspace=prompt.workspace)

    async def current_id(
        self, namespace: Namespace, conversation: ConversationId
    ) -> SessionId | None:
        """The conversation's session, if it has one."""
        session = await self._store.of(namespace).current(conversation)
        return session.id if session else None

    async def create(
        self,
        namespace: Namespace,
        conversation: ConversationId,
        *,
        workspace: Path | None = None,
        like: Session | None = None,
    ) -> Session:
        """Begin a session and make it the conversation's current one.

        Args:
            like: take agent, workspace, model and mode from this one.
        """
        moment = now()
        session = Session(
            id=uuid4(),
            namespace=namespace,
            agent=like.agent if like else self._settings.sessions.agent,
            workspace=like.workspace if like else workspace or self.workspace(namespace),
            model=like.model if like else None,
            mode=like.mode if like else None,
            created=moment,
            modified=moment,
        )
        try:
            await asyncio.to_thread(session.workspace.mkdir, parents=True, exist_ok=True)
        except OSError as error:
            problem = f"The workspace {session.workspace} cannot be made: {error.strerror}."
            raise SessionError(problem, hint="Set sessions.workspace to another folder.") from error
        own = self._store.of(namespace)
        await own.add(session)
        await own.set_current(conversation, session.id)
        await self._hooks.session_created(session)
        return session

    async def renew(
        self, namespace: Namespace, conversation: ConversationId, workspace: Path | None
    ) -> tuple[Session, Session | None]:
        """A fresh session, and the previous one if it was more than a blank page.

        A session that was never used is taken again, so asking twice changes nothing.
        """
        old = await self._store.of(namespace).current(conversation)
        if old and not old.turns and not old.transcript and not self._busy(old.id):
            return old, None
        return await self.create(namespace, conversation, workspace=workspace), old

    async def replace(self, lost: Session, conversation: ConversationId) -> Session:
        """A session's transcript is gone: mark it lost, and go on in a new one like it."""
        own = self._store.of(lost.namespace)
        lost = await own.update(lost.id, lost=True)
        elsewhere = await own.current(conversation)
        replacement = await self.create(lost.namespace, conversation, like=lost)
        if elsewhere and elsewhere.id != lost.id:  # its user has switched meanwhile
            await own.set_current(conversation, elsewhere.id)
        await self._hooks.session_lost(lost, replacement)
        return replacement

    async def switch(
        self, namespace: Namespace, conversation: ConversationId, session: Session
    ) -> None:
        """Make it the conversation's current session."""
        await self._store.of(namespace).set_current(conversation, session.id)

    def workspace(self, namespace: Namespace) -> Path:
        """Where this namespace's new sessions work, unless its frontend knows better."""
        shared = self._settings.sessions.workspace
        if shared:
            return shared
        return self._settings.data_dir / "workspaces" / namespace.frontend / _folder(namespace.user)

    # --- finding --------------------------------------------------------------------------------

    async def page(
        self, namespace: Namespace, conversation: ConversationId, number: int = 1
    ) -> SessionPage:
        """Ten of this namespace's sessions, most recent first; a page past the end is the last."""
        own = self._store.of(namespace)
        sessions, total = await own.page(number, size=PAGE_SIZE)
        pages = max(1, -(-total // PAGE_SIZE))
        if number > pages:
            number = pages
            sessions, total = await own.page(number, size=PAGE_SIZE)
        current = await own.current(conversation)
        return SessionPage(
            sessions=tuple(sessions),
            number=number,
            pages=pages,
            total=total,
            current=current.id if current else None,
        )

    async def every(self, namespace: Namespace, *, trashed: bool = False) -> list[Session]:
        """All of this namespace's sessions, live or in the trash, most recent first."""
        sessions, _ = await self._store.of(namespace).page(1, size=_ALL, trashed=trashed)
        return sessions

    async def find(self, namespace: Namespace, text: str, *, trashed: bool = False) -> Session:
        """The session that is meant by an id, the beginning of one, a name, or its place in a list.

        Raises:
            SessionNotFoundError: if none of this namespace's is.
            CommandError: if several are.
        """
        own = self._store.of(namespace)
        text = text.strip()
        try:
            return await own.get(parse_session_id(text), trashed=trashed)
        except SessionNotFoundError:
            if trashed or not text:
                raise
        if text.isdecimal() and len(text) < 4:
            return await self._numbered(namespace, int(text))
        found = await own.search(text)
        exact = [one for one in found if one.label.casefold() == text.casefold()]
        match exact or found:
            case [one]:
                return one
            case []:
                raise SessionNotFoundError
            case several:
                names = ", ".join(f"{one.label} ({str(one.id)[:8]})" for one in several[:5])
                raise CommandError(f"Several sessions fit: {names}.", hint="Say which, by its id.")

    async def suggest(self, namespace: Namespace, text: str) -> list[Session]:
        """Those of this namespace's that somebody may mean who types `text`."""
        own = self._store.of(namespace)
        return await own.search(text) if text else (await own.page(1))[0]

    async def _numbered(self, namespace: Namespace, number: int) -> Session:
        page, place = divmod(number - 1, PAGE_SIZE)
        sessions, _ = await self._store.of(namespace).page(page + 1, size=PAGE_SIZE)
        if number < 1 or place >= len(sessions):
            raise SessionNotFoundError
        return sessions[place]

    async def refresh(self, namespace: Namespace | None = None) -> int:
        """Bring sizes and times up to date with the disk; how many sessions had changed.

        Others write transcripts too: `claude --resume` in a terminal, for one.
        """
        changed = 0
        for name in {self._settings.sessions.agent, *self._settings.agents}:
            known = await self._store.transcripts(name, namespace)
            if known:
                scan = self._agent(name).transcripts.scan
                changes = await asyncio.to_thread(lambda: list(scan(known)))  # noqa: B023
                changed += await self._store.note_changes(changes)
        return changed

    # --- changing -------------------------------------------------------------------------------

    async def rename(self, session: Session, name: str) -> Session:
        """Give it a name, 1 to 100 characters.

        Raises:
            CommandError: for a name that is not.
        """
        name = " ".join(name.split())
        if not 1 <= len(name) <= 100 or not name.isprintable():
            raise CommandError("A name has 1 to 100 characters.", hint="Try /rename Bug hunt.")
        return await self._store.of(session.namespace).update(session.id, name=name)

    async def set_model(self, session: Session, model: str | None) -> Session:
        """From the next turn on; None for the agent's default."""
        return await self._store.of(session.namespace).update(session.id, model=model)

    async def set_mode(self, session: Session, mode: str | None) -> Session:
        """From the next turn on; None for the agent's default."""
        return await self._store.of(session.namespace).update(session.id, mode=mode)

    async def fork(self, session: Session, conversation: ConversationId) -> Session:
        """Copy it, with all it remembers, and make the copy current.

        Raises:
            SessionBusyError: if a turn runs in it.
            SessionLostError: if it has no transcript.
        """
        if self._busy(session.id):
            raise SessionBusyError
        copy_id, transcript = await self._agent(session.agent).transcripts.fork(session)
        stamp = await asyncio.to_thread(transcript.stat)
        moment = now()
        copy = session.model_copy(
            update={
                "id": copy_id,
                "transcript": transcript,
                "name": f"{session.label[:90]} (fork)",
                "created": moment,
                "modified": moment,
                "size": stamp.st_size,
                "usage": Usage(),
            }
        )
        own = self._store.of(session.namespace)
        await own.add(copy)
        await own.set_current(conversation, copy.id)
        await self._hooks.session_created(copy)
        return copy

    async def entitle(self, session: Session, prompt: Prompt) -> None:
        """Call a session by the first words of its first prompt."""
        if not session.title and not prompt.text.startswith("/"):
            title = _title(prompt.text) or ", ".join(one.name for one in prompt.attachments)
            await self._store.of(session.namespace).update(session.id, title=title)

    async def used(self, session: Session) -> Session:
        """The session with its transcript's place, size and time, after a turn."""
        stat = await asyncio.to_thread(_stat, session.transcript)
        transcript = session.transcript if stat else None
        if stat is None:
            transcript = await self._agent(session.agent).transcripts.locate(session)
            stat = await asyncio.to_thread(_stat, transcript)
        size = stat.st_size if stat else session.size
        return session.model_copy(
            update={"transcript": transcript, "size": size, "modified": now()}
        )


def inbox_of(workspace: Path) -> Path:
    """The folder for what users send; made if need be. Blocking.

    Raises:
        SessionError: if it cannot be made, or is a link.
    """
    folder = workspace / "inbox"
    try:
        if folder.is_symlink():
            raise SessionError("The inbox is a link.", hint=f"Remove {folder}.")
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"The workspace takes no files: {error.strerror}."
        raise SessionError(problem, hint=f"Look at {workspace}.") from error
    return folder


def _stat(path: Path | None) -> os.stat_result | None:
    try:
        return path.stat() if path else None
    except OSError:
        return None


def _folder(user: str) -> str:
    """A folder's name that no other user has, short enough for every file system."""
    name = "".join(c if c in _PLAIN else f"%{ord(c):06x}" for c in user)
    if len(name) <= _LONGEST_FOLDER:
        return name
    return f"{name[:_LONGEST_FOLDER]}%{hashlib.sha256(user.encode()).hexdigest()[:32]}"


def _title(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _TITLE_LENGTH else line[: _TITLE_LENGTH - 1] + "…"
