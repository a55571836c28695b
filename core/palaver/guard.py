"""Whose access is taken away while a turn of theirs runs or waits: it is stopped."""

import asyncio
import logging
from uuid import UUID

from palaver.access import Access
from palaver.errors import AccessDeniedError, PalaverError
from palaver.models import Prompt, Turn
from palaver.turns import Turns

log = logging.getLogger(__name__)

INTERVAL_S = 1.0
"""Seconds between two looks; a look costs one read of the database for each turn at work."""


class Guard:
    """Looks again and again whether those whose turns are at work are still let in.

    A turn is stopped as if its user had stopped it: the agent is interrupted, what it waits for is
    denied, and what was done until then remains.
    """

    def __init__(self, access: Access, turns: Turns) -> None:
        self._access = access
        self._turns = turns
        self._task: asyncio.Task[None] | None = None
        self._stopped: set[UUID] = set()
        self._unknown: set[UUID] = set()

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Look no more; safe to call twice."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def admits(self, prompt: Prompt) -> bool:
        """Whether its sender is still let in.

        Raises:
            AccessUnknownError, StoreError: if that cannot be found out now.
        """
        try:
            return await self._access.find(prompt.namespace, prompt.conversation) is not None
        except AccessDeniedError:
            return False

    async def look(self) -> None:
        """Stop the turns of all who are no longer let in, those that wait first.

        Whom nobody can tell anything about now is left in peace until the next look.
        """
        turns = self._turns.at_work()
        for told in (self._stopped, self._unknown):
            told &= {turn.id for turn in turns}
        for turn in reversed(turns):
            if turn.id in self._stopped:
                continue
            try:
                if not await self.admits(turn.prompt):
                    await self._stop(turn)
                self._unknown.discard(turn.id)
            except PalaverError as error:
                if turn.id not in self._unknown:
                    owner = turn.prompt.namespace
                    log.warning("whether %s is still let in is not known now: %s", owner, error)
                self._unknown.add(turn.id)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL_S)
            await self.look()

    async def _stop(self, turn: Turn) -> None:
        owner = turn.prompt.namespace
        self._stopped.add(turn.id)
        if await self._turns.stop_turn(owner, turn.id):
            log.warning("%s is no longer let in: its turn %s was stopped", owner, turn.id)
