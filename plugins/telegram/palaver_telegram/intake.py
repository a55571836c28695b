"""Updates on their way in: each is dealt with or written down before Telegram may forget it."""

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from weakref import WeakValueDictionary

from telegram import Message, Update
from telegram.error import TelegramError

from palaver import (
    AccessDeniedError,
    Engine,
    PalaverError,
    Place,
    Presenter,
    Prompt,
    StoreError,
    View,
    error_view,
)
from palaver_telegram.client import Client
from palaver_telegram.incoming import Incoming, read
from palaver_telegram.journal import Journal
from palaver_telegram.lanes import Lanes
from palaver_telegram.polling import Came
from palaver_telegram.presses import Presses
from palaver_telegram.prompts import Prompts
from palaver_telegram.sending import Sender
from palaver_telegram.settings import TelegramSettings
from palaver_telegram.shared import COMMANDS, Shares, Sharing, attributed
from palaver_telegram.strangers import Strangers

log = logging.getLogger(__name__)

PATIENCE_S = 0.05
"""Seconds that the next poll waits for updates to be dealt with; those that take longer are
written down instead."""
RETRY_S = 2.0
"""Seconds until a prompt that could not be kept is tried again."""
_BEFORE_COMMANDS_S = 0.2
"""Seconds that a command waits for messages before it to become prompts; a file that is being
fetched is not waited for."""
_URGENT = frozenset({"stop", "status", "allow", "deny", "answer", "details", "cancel"})
"""Commands that wait for nothing at all."""
_REMEMBERED = 5000
_UNSHARED = View(
    title="👤 This is not shared any more. Send your last message again.", kind="notice"
)


class Intake:
    """Takes updates, from a poll, a webhook or the journal."""

    def __init__(
        self,
        engine: Engine,
        presenter: Presenter,
        client: Client,
        sender: Sender,
        settings: TelegramSettings,
        journal: Journal,
        shares: Shares,
    ) -> None:
        self._engine = engine
        self._presenter = presenter
        self._client = client
        self._sender = sender
        self._settings = settings
        self._journal = journal
        self._shares = shares
        self._sharing = Sharing(client, sender, shares)
        self._strangers = Strangers(engine, sender)
        self._presses = Presses(engine, presenter, client, sender, shares)
        self._prompts = Prompts(engine, client, sender, settings)
        self._lanes = Lanes(self._submit, settings.coalesce_s)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._known: OrderedDict[int, None] = OrderedDict()
        self._orders: WeakValueDictionary[object, asyncio.Lock] = WeakValueDictionary()

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
        tasks = [self._tasks[update.update_id] for update in fresh]
        if tasks:
            await asyncio.wait(tasks, timeout=PATIENCE_S)
        for update in fresh:
            await self._write_down(update)

    async def close(self) -> None:
        """Give up on what is not done; what was written down comes again at the next start."""
        await self._lanes.close()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._prompts.close()

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
        except Exception as error:  # one update that nobody foresaw must not end the others
            log.exception("update %d could not be dealt with", update.update_id)
            await self._apologise(update, error)
        self._tasks.pop(update.update_id, None)
        self._known[update.update_id] = None
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        await self._journal.done(update.update_id)

    async def _apologise(self, update: Update, error: Exception) -> None:
        message = self._read(update.message)
        if message is None:
            return
        view = View(
            title="⚠️ That could not be taken",
            text=f"Something unexpected went wrong ({type(error).__name__}). Send it again.",
            kind="error",
        )
        with contextlib.suppress(TelegramError):
            await self._sender.send(_place(message), view)

    # --- what an update is ----------------------------------------------------------------------

    def _by_update(
        self, updates: Sequence[Update], came: Came
    ) -> dict[int, Callable[[], Awaitable[None]]]:
        work: dict[int, Callable[[], Awaitable[None]]] = {}
        missed: dict[object, list[tuple[int, Incoming]]] = {}
        for update in updates:
            message = self._read(update.message)
            if message and came is Came.BEFORE and not (message.command or message.unreadable):
                missed.setdefault((message.sender, message.spot), []).append(
                    (update.update_id, message)
                )
            else:
                work[update.update_id] = self._work(update, message)
        for group in missed.values():
            offered = _Offer(self, [message for _, message in group])
            work |= dict.fromkeys((update_id for update_id, _ in group), offered.done)
        return work

    def _work(self, update: Update, message: Incoming | None) -> Callable[[], Awaitable[None]]:
        async def work() -> None:
            if update.callback_query:
                await self._presses.take(update.callback_query)
            elif message:
                await self._message(message, update.message)
            elif update.edited_message and (edited := self._read(update.edited_message)):
                await self._edited(edited)

        return work

    def _read(self, message: Message | None) -> Incoming | None:
        if message is None:
            return None
        hears_all = self._settings.hears_all(message.chat.id)
        return read(message, self._client.id, self._client.username, hears_all=hears_all)

    async def _message(self, message: Incoming, original: Message | None) -> None:
        if message.command and message.command_name in _URGENT:
            if await self._admitted(message, original):
                await self._command(self._shares.placed(message))
            return
        handling: Awaitable[None] | None = None
        async with self._order(message):
            if not await self._admitted(message, original):
                return
            if message.command and message.command_name in COMMANDS:
                await self._sharing.take(message)
                return
            message = self._shares.placed(message)
            self._remember(message)
            if message.unreadable:
                view = View(title=f"I cannot read {message.unreadable}.", kind="notice")
                await self._sender.send(_place(message), view)
            elif message.command:
                await self._lanes.settled(message, limit_s=_BEFORE_COMMANDS_S)
                await self._command(message)
            else:
                handling = self._lanes.put(message)
        if handling:
            await handling

    def _order(self, message: Incoming) -> asyncio.Lock:
        """Whose turn it is in a conversation: a prompt behind `/newsession` runs in the new one."""
        key = (self._shares.owner(message.spot) or message.sender, message.spot)
        lock = self._orders.get(key)
        if lock is None:
            lock = self._orders[key] = asyncio.Lock()
        return lock

    def _remember(self, message: Incoming) -> None:
        """In a shared place the newest message need not be the one that is answered next."""
        if not message.shared:
            self._sender.remember(message.owner, message.spot, message.message_id)

    async def _admitted(self, message: Incoming, original: Message | None) -> bool:
        if await self._engine.authorized(message.sender, message.spot.conversation):
            return True
        if message.spot.private and await self._paired(message):
            return False
        await self._strangers.turn_away(message, original.from_user if original else None)
        return False

    async def _paired(self, message: Incoming) -> bool:
        """Whether a stranger's message was a pairing code; then its sender is made welcome."""
        try:
            await self._presenter.take(_prompt(message))
        except (AccessDeniedError, StoreError):
            return False
        return True

    async def _command(self, message: Incoming) -> None:
        prompt = _prompt(message)
        try:
            await self._presenter.take(prompt, answer=self._privately(message))
        except AccessDeniedError:
            return  # since a moment ago
        except StoreError as error:
            await self._sender.send(_place(message), error_view(error))

    def _privately(self, message: Incoming) -> Callable[[View], Awaitable[bool]]:
        """In a group, what only its reader may see goes to the reader's own chat; what belongs
        to all stays there."""

        async def answer(view: View) -> bool:
            if message.spot.private or message.shared or not view.private:
                return False
            await self._sender.send_privately(_place(message), view)
            return True

        return answer

    async def _edited(self, message: Incoming) -> None:
        if message.command or message.unreadable or not await self._admitted(message, None):
            return
        message = self._shares.placed(message)
        words = "✏️ Changed before it was run."
        amended = self._lanes.amend(message)
        if not amended and message.file is None:
            amended = await self._engine.amend(_prompt(message))
        if not amended:
            words = (
                "✏️ The agent already has that message as it was. To have it run as it is now, "
                "send it again; /stop stops what is running."
            )
        await self._sender.send(_place(message), View(title=words, kind="notice"))

    # --- prompts --------------------------------------------------------------------------------

    async def _submit(self, messages: Sequence[Incoming]) -> None:
        """One prompt, be it of several messages; on return it is durable or its sender told."""

        async def submit() -> None:
            if prompt := await self._prompts.make(messages):
                await self._vouch(messages[0])
                await self._presenter.take(prompt)
                self._prompts.acknowledge(messages[-1])

        await self._persistently(messages[0], submit)

    async def offer(self, messages: Sequence[Incoming]) -> None:
        """What came while nobody listened, from one sender in one conversation."""

        async def submit() -> None:
            made = [await self._prompts.make(group) for group in _grouped(messages)]
            if prompts := [prompt for prompt in made if prompt]:
                await self._vouch(messages[0])
                await self._presenter.offer(prompts)

        await self._persistently(messages[0], submit)

    async def queue_offer(self, messages: Sequence[Incoming]) -> None:
        """The same in its turn."""
        first = messages[0]
        if not await self._engine.authorized(first.sender, first.spot.conversation):
            for message in messages:
                await self._admitted(message, None)
            return
        async with self._order(first):
            placed = [self._shares.placed(message) for message in messages]
            self._remember(placed[-1])
            handling = self._lanes.put_all(placed, self.offer)
        await handling

    async def _vouch(self, message: Incoming) -> None:
        """The engine lets the shared place in; its speaker must be let in, too, to the last.

        Raises:
            AccessDeniedError: if he is not any more.
        """
        conversation = message.spot.conversation
        if message.shared and not await self._engine.authorized(message.sender, conversation):
            raise AccessDeniedError

    async def _persistently(self, first: Incoming, submit: Callable[[], Awaitable[None]]) -> None:
        """Until it is durable: a full disk is no reason to lose a message."""
        place, told = _place(first), False
        while True:
            try:
                await submit()
            except AccessDeniedError:  # since a moment ago
                if first.shared and self._shares.owner(first.spot) is None:
                    await self._sender.send(place, _UNSHARED)
                return
            except StoreError as error:
                log.error("a message cannot be kept, trying again: %s", error)  # noqa: TRY400
                if not told:
                    told = True
                    await self._sender.send(place, error_view(error))
                await asyncio.sleep(RETRY_S)
            except PalaverError as error:
                await self._sender.send(place, error_view(error))
                return
            else:
                return


class _Offer:
    """Several updates that are dealt with together."""

    def __init__(self, intake: Intake, messages: list[Incoming]) -> None:
        self._intake = intake
        self._messages = messages
        self._task: asyncio.Task[None] | None = None

    async def done(self) -> None:
        """Do it, once."""
        if self._task is None:
            self._task = asyncio.create_task(self._intake.queue_offer(self._messages))
        await asyncio.shield(self._task)


def _grouped(messages: Sequence[Incoming]) -> list[list[Incoming]]:
    groups: list[list[Incoming]] = []
    for message in messages:
        if groups and groups[-1][-1].takes(message):
            groups[-1].append(message)
        else:
            groups.append([message])
    return groups


def _place(message: Incoming) -> Place:
    return Place(message.owner, message.spot.conversation)


def _prompt(message: Incoming) -> Prompt:
    return Prompt(
        namespace=message.owner,
        conversation=message.spot.conversation,
        text=message.text if message.command else attributed(message, message.text),
        key=message.key,
        private=message.spot.private,
    )
