"""Where people's messages and presses come in: what every chat with several users needs.

Strangers are turned away, messages are taken in the order in which they were sent, those that
belong together become one prompt, files are fetched, voices heard, shared places looked after,
and what came while nobody listened is offered. A frontend reads its chat's messages into
`Incoming`, its buttons into `Press`, and hands them over.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from weakref import WeakValueDictionary

from palaver.engine import Completion, Engine, error_view
from palaver.errors import AccessDeniedError, PalaverError, StoreError
from palaver.frontends.amending import Amending
from palaver.frontends.arrivals import Arrivals
from palaver.frontends.contract import Frontend, Place
from palaver.frontends.hearing import Hearing, as_prompt
from palaver.frontends.incoming import Incoming
from palaver.frontends.presenter import AnswerTaker, Presenter
from palaver.frontends.pressing import Press, Pressing, PressSurface
from palaver.frontends.sharing import SHARING, Shares
from palaver.identity import ConversationId, Namespace
from palaver.views import View

log = logging.getLogger(__name__)

RETRY_S = 2.0
"""Seconds until a prompt that could not be kept is tried again."""
_BEFORE_COMMANDS_S = 0.2
"""Seconds that a command waits for messages before it to become prompts; a file that is being
fetched is not waited for."""
_URGENT = frozenset({"stop", "status", "allow", "deny", "answer", "details", "cancel"})
"""Commands that wait for nothing at all."""
_STRANGERS = 10_000
_AMENDED = "✏️ Changed before it was run."
_NOT_AMENDED = (
    "✏️ The agent already has that message as it was. To have it run as it is now, "
    "send it again; /stop stops what is running."
)
_UNSHARED = View(
    title="👤 This is not shared any more. Send your last message again.", kind="notice"
)


class Reception:
    """One frontend's. Open it when the frontend starts, close it when it stops.

    Args:
        folder: for what must outlive the process.
        coalesce_s: seconds to wait for what may still belong to an unfinished message.
    """

    def __init__(
        self, engine: Engine, frontend: Frontend, folder: Path, *, coalesce_s: float = 0.0
    ) -> None:
        self._engine = engine
        self._frontend = frontend
        self._presenter = Presenter(engine, frontend)
        self._shares = Shares(frontend.name, folder)
        self._pressing = Pressing(engine, frontend, self._presenter, self._shares)
        self._hearing = Hearing(engine, frontend, self._say)
        self._arrivals = Arrivals(self._submit, coalesce_s)
        self._orders: WeakValueDictionary[object, asyncio.Lock] = WeakValueDictionary()
        self._strangers: OrderedDict[str, None] = OrderedDict()
        self._amending = Amending(engine)
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Read which places are shared; messages can be taken now."""
        await self._shares.open()
        self._engine.host.add(f"{self._frontend.name}-shared", self._shares)

    async def recover(self) -> None:
        """Show what was left by a crash or a shutdown. Call it once the frontend can send."""
        await self._presenter.recover()

    async def close(self) -> None:
        """Give up on what has not become a prompt; turns are not touched."""
        await self._arrivals.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._presenter.close()

    # --- what comes in --------------------------------------------------------------------------

    async def take(self, message: Incoming, *, answer: AnswerTaker | None = None) -> bool:
        """Take a message; on return it is durable, dealt with, or its sender has been told.

        Returns whether it was a command that has begun a turn, so that nothing will answer it.

        Args:
            answer: shows what a command answers in a way of the chat's own.
        """
        begun = False
        async with self._contained(message, answer):
            begun = await self._take(message, answer)
        return begun  # noqa: RET504 - what was raised is contained

    async def _take(self, message: Incoming, answer: AnswerTaker | None) -> bool:
        if message.command_name in _URGENT:
            admitted = await self.admitted(message, answer)
            return admitted and await self._command(self._shares.placed(message), answer)
        async with self._order(message):
            if not await self.admitted(message, answer):
                return False
            if message.command_name in SHARING:
                await self._tell(message, await self._share(message), answer)
                return False
            message = self._shares.placed(message)
            self._remember(message)
            if message.unreadable:
                title = f"I cannot read {message.unreadable}."
                await self._say(message, View(title=title, kind="notice"))
                return False
            if message.command:
                await self._arrivals.settled(message, limit_s=_BEFORE_COMMANDS_S)
                return await self._command(message, answer)
            handling = self._arrivals.put(message)
        await handling
        return False

    async def take_missed(self, messages: Sequence[Incoming]) -> None:
        """Take what one sender wrote in one conversation while nobody listened, oldest first.

        One prompt is run, several are offered. Commands are not for here: `take` them.
        """
        first = messages[0]
        async with self._contained(first):
            if not await self._engine.authorized(first.sender, first.conversation):
                for message in messages:
                    await self.admitted(message, None)
                return
            async with self._order(first):
                placed = [self._shares.placed(message) for message in messages]
                self._remember(placed[-1])
                handling = self._arrivals.put_all(placed, self._offer)
            await handling

    async def edited(self, message: Incoming) -> None:
        """A message was changed: so is its prompt, if it waits; else its sender is told."""
        async with self._contained(message):
            if message.command or message.unreadable or not await self.admitted(message, None):
                return
            message = self._shares.placed(message)
            amended = self._arrivals.amend(message) or await self._amending.amend(message)
            title = _AMENDED if amended else _NOT_AMENDED
            await self._say(message, View(title=title, kind="notice"))

    async def press(self, press: Press, surface: PressSurface) -> None:
        """Do what a button says; on return it is done or durable, or its presser told why not."""
        await self._pressing.press(press, surface)

    async def pressing(self, press: Press) -> Place:
        """For whom a button is pressed that does not do anything by itself yet.

        Raises:
            AccessDeniedError: if its presser is not let in.
            CommandError: if the button is somebody else's, or none of ours.
        """
        return await self._pressing.place(press)

    async def complete(
        self, sender: Namespace, conversation: ConversationId, text: str
    ) -> list[Completion]:
        """What a command that somebody types there can become: see `Engine.complete`."""
        if not await self.lets_in(sender, conversation):
            return []
        return await self._engine.complete(self.acting(sender, conversation), conversation, text)

    def shared(self, conversation: ConversationId) -> bool:
        """Whether all who are let in work in one session there."""
        return self._shares.owner(conversation) is not None

    def acting(self, sender: Namespace, conversation: ConversationId) -> Namespace:
        """For whom he acts there: for all in a shared place, else for himself."""
        return self._shares.owner(conversation) or sender

    async def lets_in(self, sender: Namespace, conversation: ConversationId) -> bool:
        """Whether he may use Palaver there; nobody is told anything."""
        return await self._engine.authorized(sender, conversation)

    # --- who may, and when ----------------------------------------------------------------------

    def _order(self, message: Incoming) -> asyncio.Lock:
        """Whose turn it is in a conversation: a prompt behind `/newsession` runs in the new one."""
        key = (self.acting(message.sender, message.conversation), message.conversation)
        lock = self._orders.get(key)
        if lock is None:
            lock = self._orders[key] = asyncio.Lock()
        return lock

    def _remember(self, message: Incoming) -> None:
        """In a shared place the newest message need not be the one that is answered next."""
        if not message.shared:
            self._frontend.heard(message)

    async def admitted(self, message: Incoming, answer: AnswerTaker | None = None) -> bool:
        """Whether the sender is let in; if not, he is told so, once, or made welcome if what he
        sent is a pairing code."""
        if await self._engine.authorized(message.sender, message.conversation):
            return True
        if message.private and await self._paired(message, answer):
            return False
        await self._turn_away(message, answer)
        return False

    async def _paired(self, message: Incoming, answer: AnswerTaker | None) -> bool:
        """Whether a stranger's message was a pairing code; then its sender is made welcome."""
        try:
            await self._presenter.take(as_prompt(message), answer=answer)
        except (AccessDeniedError, StoreError):
            return False
        return True

    async def _turn_away(self, message: Incoming, answer: AnswerTaker | None) -> None:
        """One short line, then silence, if the chat allows it; the log knows who it was."""
        view = View(title=f"This bot is private. (You are {message.sender}.)", kind="notice")
        if message.sender.user in self._strangers:
            if answer:
                await answer(view)
            return
        self._strangers[message.sender.user] = None
        if len(self._strangers) > _STRANGERS:
            self._strangers.popitem(last=False)
        log.info(
            "a stranger: %s, who goes by %r, wrote in %s",
            message.sender,
            message.speaker,
            message.conversation,
        )
        await self._tell(message, view, answer)

    async def _share(self, message: Incoming) -> View:
        if refusal := await self._frontend.sharing_refused(message):
            return View(title=refusal, kind="notice")
        try:
            return await self._shares.change(message)
        except OSError as error:
            log.error("what is shared cannot be noted: %s", error)  # noqa: TRY400
            return View(title=f"⚠️ That could not be noted: {error.strerror}.", kind="notice")

    async def _vouch(self, message: Incoming) -> None:
        """The engine lets the shared place in; its speaker must be let in, too, to the last.

        Raises:
            AccessDeniedError: if he is not any more.
        """
        conversation = message.conversation
        if message.shared and not await self._engine.authorized(message.sender, conversation):
            raise AccessDeniedError

    # --- commands and prompts -------------------------------------------------------------------

    async def _command(self, message: Incoming, answer: AnswerTaker | None) -> bool:
        """Whether a turn has begun."""
        taker = answer or self._privately(message)
        try:
            submission = await self._presenter.take(as_prompt(message), answer=taker)
        except AccessDeniedError:
            return False  # since a moment ago
        except PalaverError as error:
            await self._tell(message, error_view(error), answer)
            return False
        return submission.turn_id is not None

    def _privately(self, message: Incoming) -> AnswerTaker:
        """What only its reader may see goes to the reader's own chat; what is all's stays."""

        async def answer(view: View) -> bool:
            if message.private or message.shared or not view.private:
                return False
            await self._frontend.send_privately(_place(message), view)
            return True

        return answer

    async def _submit(self, messages: Sequence[Incoming]) -> None:
        """One prompt, be it of several messages; on return it is durable or its sender told."""
        last = messages[-1]

        async def submit() -> None:
            if any(message.files for message in messages):
                self._acknowledge(last)  # to fetch them takes a while
            if prompt := await self._hearing.prompt(messages):
                await self._vouch(last)
                await self._presenter.take(prompt)
                self._amending.note(messages, prompt)
                self._acknowledge(last)

        await self._persistently(messages[0], submit)

    async def _offer(self, messages: Sequence[Incoming]) -> None:
        async def submit() -> None:
            groups = _grouped(messages)
            made = [await self._hearing.prompt(group) for group in groups]
            if prompts := [prompt for prompt in made if prompt]:
                await self._vouch(messages[0])
                await self._presenter.offer(prompts)
                for group in groups:
                    self._acknowledge(group[-1])

        await self._persistently(messages[0], submit)

    async def _persistently(self, first: Incoming, submit: Callable[[], Awaitable[None]]) -> None:
        """Until it is durable: a full disk is no reason to lose a message."""
        told = False
        while True:
            try:
                await submit()
            except AccessDeniedError:  # since a moment ago
                if first.shared and self._shares.owner(first.conversation) is None:
                    await self._say(first, _UNSHARED)
                return
            except StoreError as error:
                log.error("a message cannot be kept, trying again: %s", error)  # noqa: TRY400
                if not told:
                    told = True
                    await self._say(first, error_view(error))
                await asyncio.sleep(RETRY_S)
            except PalaverError as error:
                await self._say(first, error_view(error))
                return
            except Exception as error:  # a frontend may raise anything
                log.exception("%s: a message could not be taken", self._frontend.name)
                await self._say(first, _unexpected(error))
                return
            else:
                return

    # --- what is said ---------------------------------------------------------------------------

    @asynccontextmanager
    async def _contained(
        self, message: Incoming, answer: AnswerTaker | None = None
    ) -> AsyncIterator[None]:
        """What nobody foresaw is told to the sender, and ends no other message."""
        try:
            yield
        except Exception as error:  # a frontend may raise anything
            log.exception("%s: a message could not be taken", self._frontend.name)
            await self._tell(message, _unexpected(error), answer)

    async def _tell(self, message: Incoming, view: View, answer: AnswerTaker | None) -> None:
        if answer is None or not await answer(view):
            await self._say(message, view)

    async def _say(self, message: Incoming, view: View) -> None:
        try:
            await self._frontend.send(_place(message), view)
        except Exception:  # a frontend may raise anything; what was said of matters more
            log.warning("%s: a word could not be said", self._frontend.name, exc_info=True)

    def _acknowledge(self, message: Incoming) -> None:
        """Show at once, and beside all else, that the message has been taken."""
        self._spawn(self._acknowledged(message))

    async def _acknowledged(self, message: Incoming) -> None:
        try:
            await self._frontend.acknowledge(message)
        except Exception as error:  # noqa: BLE001 - a frontend may raise anything; it is a courtesy
            log.info("%s: a message was not acknowledged: %s", self._frontend.name, error)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _unexpected(error: Exception) -> View:
    words = f"Something unexpected went wrong ({type(error).__name__}). Send it again."
    return View(title="⚠️ That could not be taken", text=words, kind="error")


def _place(message: Incoming) -> Place:
    return Place(message.namespace, message.conversation)


def _grouped(messages: Sequence[Incoming]) -> list[list[Incoming]]:
    groups: list[list[Incoming]] = []
    for message in messages:
        if groups and groups[-1][-1].takes(message):
            groups[-1].append(message)
        else:
            groups.append([message])
    return groups
