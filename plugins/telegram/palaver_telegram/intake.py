"""Updates on their way in: each is dealt with or written down before Telegram may forget it."""

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from telegram import Message, Update
from telegram.error import TelegramError

from palaver import ConversationId, Reception, StoreError
from palaver_telegram.asking import Asking
from palaver_telegram.client import Client
from palaver_telegram.incoming import TelegramMessage, read
from palaver_telegram.journal import Journal
from palaver_telegram.places import Spot, moved, namespace
from palaver_telegram.polling import Came, read_update
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
        self._sender = sender
        self._settings = settings
        self._journal = journal
        self._presses = Presses(reception, client, sender)
        self._asking = Asking(client.bot)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._together: set[asyncio.Task[None]] = set()
        self._notes: set[asyncio.Task[None]] = set()
        self._known: OrderedDict[int, None] = OrderedDict()

    async def open(self) -> list[dict[str, Any]]:
        """Know what another life has dealt with; what it has left, as JSON."""
        self._known.update(dict.fromkeys(await self._journal.noted()))
        left = []
        for update in await self._journal.left():
            if update["update_id"] in self._known:  # it ended before it could forget it
                await self._journal.done(update["update_id"])
            elif read_update(update, self._client.bot) is None:
                await self._journal.put_aside(update["update_id"])
            else:
                left.append(update)
        return left

    async def keep(self, updates: Sequence[Update], came: Came) -> None:
        """Take a batch; on return it may be forgotten by whoever has it.

        Raises:
            StoreError: if an update could be neither dealt with nor written down.
        """
        batch: list[Update] = []
        for update in updates:
            if update.update_id in self._known:
                continue
            if move := moved(update.message):
                await self._keep(batch, came)
                batch = []
                await self._move(update, *move)
            else:
                batch.append(update)
        await self._keep(batch, came)

    async def close(self) -> None:
        """Give up on what is not done; what was written down comes again at the next start."""
        tasks = [*self._tasks.values(), *self._together]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*self._notes)

    async def _keep(self, updates: Sequence[Update], came: Came) -> None:
        work = self._by_update(updates, came)
        for update in updates:
            if update.update_id not in self._tasks:
                task = asyncio.create_task(self._contained(update, work[update.update_id]))
                self._tasks[update.update_id] = task
        tasks = [self._tasks[one.update_id] for one in updates if not _takes_its_time(one)]
        if tasks:
            await asyncio.wait(tasks, timeout=PATIENCE_S)
        for update in updates:
            await self._write_down(update)

    async def _move(self, update: Update, before: ConversationId, after: ConversationId) -> None:
        """What comes behind it may be for the place that it is about."""
        log.info("the group %s has become the supergroup %s", before, after)
        if self._settings.hears_all(int(before)) and not self._settings.hears_all(int(after)):
            log.warning("write %s into hear_all, else only what is for me is heard there", after)
        try:
            await self._reception.moved(before, after)
        except Exception:  # it would come again, and end this life and the next
            log.exception("update %d could not be dealt with", update.update_id)
        await self._dealt_with(update.update_id)

    async def _write_down(self, update: Update) -> None:
        if update.update_id in self._known:
            return
        try:
            await self._journal.keep(update.update_id, update.to_dict())
        except OSError as error:
            problem = f"A message could not be written down: {error.strerror}."
            raise StoreError(problem, hint="Telegram keeps it meanwhile.") from error
        if update.update_id in self._known:  # since a moment ago
            await self._journal.done(update.update_id)

    async def _contained(self, update: Update, work: Callable[[], Awaitable[None]]) -> None:
        """One update, whatever becomes of it; cancelled, it stays in the journal."""
        try:
            await work()
        except TelegramError as error:
            log.warning("update %d could not be answered: %s", update.update_id, error)
        except Exception:  # one update that nobody foresaw must not end the others
            log.exception("update %d could not be dealt with", update.update_id)
        noting = asyncio.create_task(self._dealt_with(update.update_id))
        self._notes.add(noting)
        noting.add_done_callback(self._notes.discard)
        await asyncio.shield(noting)
        self._tasks.pop(update.update_id, None)

    async def _dealt_with(self, update_id: int) -> None:
        self._known[update_id] = None
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        with contextlib.suppress(OSError):  # a full disk: then it may be answered twice
            await self._journal.note(update_id)
        await self._journal.done(update_id)

    # --- what an update is ----------------------------------------------------------------------

    def _by_update(
        self, updates: Sequence[Update], came: Came
    ) -> dict[int, Callable[[], Awaitable[None]]]:
        work: dict[int, Callable[[], Awaitable[None]]] = {}
        missed: dict[object, list[tuple[int, TelegramMessage]]] = {}
        for update, message in zip(updates, self._messages(updates), strict=True):
            if message and came is Came.BEFORE and not (message.command or message.unreadable):
                missed.setdefault((message.sender, message.spot), []).append(
                    (update.update_id, message)
                )
            else:
                work[update.update_id] = self._work(update, message)
        for group in missed.values():
            together = _Together(self._missed, [message for _, message in group])
            work |= dict.fromkeys((update_id for update_id, _ in group), together.done)
        return work

    def _missed(self, messages: list[TelegramMessage]) -> "asyncio.Task[None]":
        task = asyncio.create_task(self._reception.take_missed(messages))
        self._together.add(task)
        task.add_done_callback(self._together.discard)
        return task

    def _messages(self, updates: Sequence[Update]) -> list[TelegramMessage | None]:
        """What people say in a batch. Clients send a comment before what is forwarded with it: the
        comment waits for that, if it is there."""
        messages = [self._read(update.message) for update in updates]
        last: dict[object, int] = {}
        for place, message in enumerate(messages):
            if message is None:
                continue
            where = message.sender, message.spot
            before = messages[last[where]] if where in last else None
            if before and before.takes(message):
                messages[last[where]] = replace(before, followed=True)
            last[where] = place
        return messages

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
                if message.question:
                    await self._sender.take_away(message.question)
            elif edited := self._read(update.edited_message):
                await self._reception.edited(edited)

        return work

    def _read(self, message: Message | None) -> TelegramMessage | None:
        if message is None or message.from_user is None:
            return None
        try:
            sender, place = namespace(message.from_user.id), Spot.of(message).conversation
            return read(
                message,
                self._client.id,
                self._client.username,
                hears_all=self._settings.hears_all(message.chat.id),
                asked=self._asking.command(message, self._reception.acting(sender, place)),
            )
        except Exception:  # one message that nobody foresaw must not end the others
            log.exception("a message in chat %s cannot be read", message.chat.id)
            return None


def _takes_its_time(update: Update) -> bool:
    """Whether a file must be fetched, or more may belong to it."""
    message = update.message
    return message is not None and bool(message.effective_attachment or message.forward_origin)


class _Together:
    """Several updates that are dealt with together, once."""

    def __init__(
        self,
        begin: Callable[[list[TelegramMessage]], "asyncio.Task[None]"],
        messages: list[TelegramMessage],
    ) -> None:
        self._begin = begin
        self._messages = messages
        self._task: asyncio.Task[None] | None = None

    async def done(self) -> None:
        if self._task is None:
            self._task = self._begin(self._messages)
        await asyncio.shield(self._task)
