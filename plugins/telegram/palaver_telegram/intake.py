"""Updates on their way in: each is dealt with or written down before Telegram may forget it."""

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from telegram import Message, Update
from telegram.error import TelegramError

from palaver import Reception, StoreError
from palaver_telegram.client import Client
from palaver_telegram.incoming import TelegramMessage, read
from palaver_telegram.journal import Journal
from palaver_telegram.polling import Came
from palaver_telegram.presses import Presses
from palaver_telegram.sending import Sender
from palaver_telegram.settings import TelegramSettings

log = logging.getLogger(__name__)

PATIENCE_S = 0.05
"""Seconds that the next poll waits for updates to be dealt with; those that take longer are
written down instead, and those that are known to are at once."""
_REMEMBERED = 5000


class Intake:
    """Takes updates, from a poll, a webhook or the journal."""

    def __init__(
        self,
        reception: Reception,
        client: Client,
        sender: Sender,
        settings: TelegramSettings,
        journal: Journal,
    ) -> None:
        self._reception = reception
        self._client = client
        self._settings = settings
        self._journal = journal
        self._presses = Presses(reception, client, sender)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._known: OrderedDict[int, None] = OrderedDict()

    async def open(self) -> list[dict[str, Any]]:
        """Know what another life has dealt with; what it has left, as JSON."""
        self._known.update(dict.fromkeys(await self._journal.noted()))
        return await self._journal.left()

    async def keep(self, updates: Sequence[Update], came: Came) -> None:
        """Take a batch; on return it may be forgotten by whoever has it.

        Raises:
            StoreError: if an update could be neither dealt with nor written down.
        """
        fresh = [update for update in updates if update.update_id not in self._known]
        work = self._by_update(fresh, came)
        for update in fresh:
            if update.update_id not in self._tasks:
                task = asyncio.create_task(self._contained(update, work[update.update_id]))
                self._tasks[update.update_id] = task
        tasks = [self._tasks[update.update_id] for update in fresh if not _takes_its_time(update)]
        if tasks:
            await asyncio.wait(tasks, timeout=PATIENCE_S)
        for update in fresh:
            await self._write_down(update)

    async def close(self) -> None:
        """Give up on what is not done; what was written down comes again at the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _write_down(self, update: Update) -> None:
        task = self._tasks.get(update.update_id)
        if task is None or task.done():
            return
        try:
            await self._journal.keep(update.update_id, update.to_dict())
        except OSError as error:
            problem = f"A message could not be written down: {error.strerror}."
            raise StoreError(problem, hint="Telegram keeps it meanwhile.") from error
        if task.done():  # meanwhile
            await self._journal.done(update.update_id)

    async def _contained(self, update: Update, work: Callable[[], Awaitable[None]]) -> None:
        """One update, whatever becomes of it; cancelled, it stays in the journal."""
        try:
            await work()
        except TelegramError as error:
            log.warning("update %d could not be answered: %s", update.update_id, error)
        except Exception:  # one update that nobody foresaw must not end the others
            log.exception("update %d could not be dealt with", update.update_id)
        self._tasks.pop(update.update_id, None)
        self._known[update.update_id] = None
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        with contextlib.suppress(OSError):  # a full disk: then it may be answered twice
            await self._journal.note(update.update_id)
        await self._journal.done(update.update_id)

    # --- what an update is ----------------------------------------------------------------------

    def _by_update(
        self, updates: Sequence[Update], came: Came
    ) -> dict[int, Callable[[], Awaitable[None]]]:
        work: dict[int, Callable[[], Awaitable[None]]] = {}
        missed: dict[object, list[tuple[int, TelegramMessage]]] = {}
        for update in updates:
            message = self._read(update.message)
            if message and came is Came.BEFORE and not (message.command or message.unreadable):
                missed.setdefault((message.sender, message.spot), []).append(
                    (update.update_id, message)
                )
            else:
                work[update.update_id] = self._work(update, message)
        for group in missed.values():
            together = _Together(self._reception, [message for _, message in group])
            work |= dict.fromkeys((update_id for update_id, _ in group), together.done)
        return work

    def _work(
        self, update: Update, message: TelegramMessage | None
    ) -> Callable[[], Awaitable[None]]:
        async def work() -> None:
            if update.callback_query:
                # done twice it would be answered wrongly; not done, it can be pressed again
                await self._journal.note(update.update_id)
                await self._presses.take(update.callback_query)
            elif message:
                await self._reception.take(message)
            elif edited := self._read(update.edited_message):
                await self._reception.edited(edited)

        return work

    def _read(self, message: Message | None) -> TelegramMessage | None:
        if message is None:
            return None
        hears_all = self._settings.hears_all(message.chat.id)
        return read(message, self._client.id, self._client.username, hears_all=hears_all)


def _takes_its_time(update: Update) -> bool:
    """Whether a file must be fetched, or more may belong to it."""
    message = update.message
    return message is not None and bool(message.effective_attachment or message.forward_origin)


class _Together:
    """Several updates that are dealt with together, once."""

    def __init__(self, reception: Reception, messages: list[TelegramMessage]) -> None:
        self._reception = reception
        self._messages = messages
        self._task: asyncio.Task[None] | None = None

    async def done(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._reception.take_missed(self._messages))
        await asyncio.shield(self._task)
