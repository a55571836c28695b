"""Deleting is moving to the trash: what was deleted can be restored, until it is purged."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from pathlib import Path

from palaver.agents.contract import Agent
from palaver.config import Settings
from palaver.dispatch import Hooks
from palaver.errors import PalaverError, SessionBusyError
from palaver.identity import Namespace, SessionId
from palaver.models import CleanupReport, Session, now
from palaver.sessions import PAGE_SIZE, SessionService
from palaver.store import Store

log = logging.getLogger(__name__)

_CLEANUP_BATCH = 100


class Trash:
    """Where sessions go that nobody needs any more.

    Args:
        busy: whether a session has a turn that runs or waits in this process.
        release: closes the warm process of a session.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        hooks: Hooks,
        sessions: SessionService,
        agent: Callable[[str], Agent],
        *,
        busy: Callable[[SessionId], bool],
        release: Callable[[Session], Awaitable[None]],
    ) -> None:
        self._settings = settings.sessions
        self._folder = settings.data_dir / "trash"
        self._store = store
        self._hooks = hooks
        self._sessions = sessions
        self._agent = agent
        self._busy = busy
        self._release = release

    async def delete(self, session: Session) -> Session:
        """Move it, with its transcript, to the trash.

        Raises:
            SessionBusyError: if a turn runs or waits in it.
            OSError: if its transcript cannot be moved; nothing has changed then.
        """
        if self._busy(session.id):
            raise SessionBusyError
        own = self._store.of(session.namespace)
        transcripts = self._agent(session.agent).transcripts
        # the row first, and by one only: from here on nobody else deletes it or runs a turn in it,
        # and after a crash `restore` finds the transcript where it was
        trashed = await own.throw_away(session.id, now())
        await self._release(trashed)
        folder = self._folder / str(session.id)
        try:
            home = await transcripts.locate(trashed)
            place = await transcripts.move(home, folder) if home else trashed.transcript
        except OSError:
            await own.update(session.id, trashed=None)
            raise
        trashed = await own.update(session.id, transcript=place)
        await self._hooks.session_deleted(trashed)
        return trashed

    async def restore(self, session: Session) -> Session:
        """Bring it back from the trash.

        Raises:
            OSError: if its transcript cannot be moved back.
        """
        transcripts = self._agent(session.agent).transcripts
        place = session.transcript
        if place:
            home = await transcripts.home(session)
            # a crash in the middle of deleting leaves it at home, or the row behind the file
            lying = await asyncio.to_thread(
                _first, place, self._folder / str(session.id) / place.name
            )
            place = home / place.name
            if lying and lying != place:
                place = await transcripts.move(lying, home)
        own = self._store.of(session.namespace)
        return await own.update(session.id, trashed=None, transcript=place, modified=now())

    async def trashed(self, namespace: Namespace) -> list[Session]:
        """What can be restored, most recent first."""
        sessions, _ = await self._store.of(namespace).page(1, size=PAGE_SIZE, trashed=True)
        return sessions

    async def clean_up(
        self,
        namespaces: Collection[Namespace] | None = None,
        progress: Callable[[int], None] = lambda _: None,
    ) -> list[CleanupReport]:
        """Move sessions past retention to the trash, and purge what lay there long enough.

        Never the current session of any conversation, nor one that runs.

        Args:
            namespaces: whose; None for all.
            progress: told how many sessions have been dealt with.
        """
        reports = []
        if namespaces is None:
            namespaces = await self._store.namespaces()
        for namespace in namespaces:
            report = await self._clean_up_one(namespace, progress)
            reports.append(report)
            if report.trashed or report.purged or report.failed:
                await self._hooks.cleanup(report)
        await self._store.ledger.forget(now() - timedelta(days=self._settings.retention_days))
        return reports

    async def _clean_up_one(
        self, namespace: Namespace, progress: Callable[[int], None]
    ) -> CleanupReport:
        await self._sessions.refresh(namespace)
        settings = self._settings
        old = now() - timedelta(days=settings.retention_days)
        trashed, failed = await self._each_stale(namespace, old, progress)
        purged, stuck = await self._purge(namespace, now() - timedelta(days=settings.trash_days))
        return CleanupReport(
            namespace=namespace,
            trashed=tuple(trashed),
            purged=tuple(purged),
            failed=(*failed, *stuck),
            retention_days=settings.retention_days,
        )

    async def _each_stale(
        self, namespace: Namespace, before: datetime, progress: Callable[[int], None]
    ) -> tuple[list[SessionId], list[str]]:
        trashed: list[SessionId] = []
        failed: dict[SessionId, str] = {}
        own = self._store.of(namespace)
        while sessions := await own.stale(before, _CLEANUP_BATCH + len(failed)):
            rest = [one for one in sessions if one.id not in failed and not self._busy(one.id)]
            if not rest:
                break
            for session in rest:
                try:
                    await self.delete(session)
                    trashed.append(session.id)
                except (OSError, PalaverError) as error:
                    log.warning("session %s could not be moved to the trash: %s", session.id, error)
                    failed[session.id] = f"{session.label}: {error}"
                progress(len(trashed) + len(failed))
        return trashed, list(failed.values())

    async def _purge(
        self, namespace: Namespace, before: datetime
    ) -> tuple[list[SessionId], list[str]]:
        purged: list[SessionId] = []
        failed: dict[SessionId, str] = {}
        own = self._store.of(namespace)
        while sessions := await own.trashed_before(before, _CLEANUP_BATCH + len(failed)):
            rest = [one for one in sessions if one.id not in failed]
            if not rest:
                break
            for session in rest:
                try:
                    await asyncio.to_thread(_remove_tree, self._folder / str(session.id))
                    await own.purge(session.id)
                    purged.append(session.id)
                except (OSError, PalaverError) as error:
                    log.warning("session %s could not be purged: %s", session.id, error)
                    failed[session.id] = f"{session.label}: {error}"
        return purged, list(failed.values())


def _first(*places: Path) -> Path | None:
    return next((place for place in places if place.exists()), None)


def _remove_tree(folder: Path) -> None:
    import shutil

    if folder.is_dir():
        shutil.rmtree(folder)
