"""Where people's messages and presses come in: what every chat with several users needs.

Strangers are turned away, messages are taken in the order in which they were sent, those that
belong together become one prompt, files are fetched, voices heard, shared places looked after,
and what came while nobody listened is offered. A frontend reads its chat's messages into
`Incoming`, its buttons into `Press`, and hands them over.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar
from weakref import WeakValueDictionary

from palaver.commands.registry import is_command
from palaver.engine import Completion, Engine, error_view
from palaver.errors import AccessDeniedError, PalaverError, StoreError
from palaver.frontends.admitting import UNSURE, Admitting
from palaver.frontends.amending import Amending, Outcome
from palaver.frontends.arrivals import Arrivals
from palaver.frontends.contract import Frontend, Place
from palaver.frontends.hearing import Hearing, as_prompt
from palaver.frontends.incoming import Incoming
from palaver.frontends.known import Known
from palaver.frontends.presenter import AnswerTaker, Presenter
from palaver.frontends.pressing import Press, Pressing, PressSurface
from palaver.frontends.saying import Saying, unexpected
from palaver.frontends.sharing import SHARING, Shares
from palaver.identity import ConversationId, Namespace
from palaver.models import Prompt
from palaver.views import View

log = logging.getLogger(__name__)

T = TypeVar("T")

RETRY_S = 2.0
"""Seconds until a prompt that could not be kept is tried again."""
_BEFORE_COMMANDS_S = 0.2
"""Seconds that a command waits for messages before it to become prompts; a file that is being
fetched is not waited for."""
_URGENT = frozenset({"stop", "status", "allow", "deny", "answer", "details", "cancel"})
"""Commands that wait for nothing at all."""
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
        self._saying = Saying(frontend)
        self._hearing = Hearing(engine, frontend, self._saying.say, self._inbox)
        self._arrivals = Arrivals(self._submit, coalesce_s)
        self._orders: WeakValueDictionary[object, asyncio.Lock] = WeakValueDictionary()
        self._admitting = Admitting(engine, self._presenter, self._saying.tell)
        self._known = Known()
        self._amending = Amending(engine, self._known, coalesce_s)
        self._moving = asyncio.Lock()

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
        await self._saying.close()
        await self._presenter.close()

    # --- what comes in --------------------------------------------------------------------------

    async def take(self, message: Incoming, *, answer: AnswerTaker | None = None) -> bool:
        """Take a message; on return it is durable, dealt with, or its sender has been told.

        Returns whether it was a command that has begun a turn, so that nothing will answer it.

        Args:
            answer: shows what a command answers in a way of the chat's own.
        """
        begun = False
        async with self._saying.contained(message, answer):
            begun = await self._take(message, answer)
        return begun  # noqa: RET504 - what was raised is contained

    async def _take(self, message: Incoming, answer: AnswerTaker | None) -> bool:
        if message.command_name in _URGENT:
            admitted = await self.admitted(message, answer)
            return admitted and await self._command(self._shares.placed(message), answer)
        async with self._moving:
            pass  # it may be the first by a new id
        async with self._order(message):
            message = self._known.current(self._shares.placed(message))
            if not await self.admitted(message, answer):
                return False
            message = self._shares.placed(message)
            self._known.take(message)
            if message.command_name in SHARING:
                await self._saying.tell(message, await self._share(message), answer)
                return False
            self._remember(message)
            if message.unreadable:
                title = f"I cannot read {message.unreadable}."
                await self._saying.say(message, View(title=title, kind="notice"))
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
        async with self._saying.contained(first):
            async with self._moving:
                pass
            async with self._order(first):
                messages = [self._known.current(self._shares.placed(one)) for one in messages]
                if not await self.admitted(first):
                    for message in messages[1:]:
                        await self.admitted(message)
                    return
                messages = [self._shares.placed(one) for one in messages]
                self._known.take(*messages)
                self._remember(messages[-1])
                handling = self._arrivals.put_all(messages, self._offer)
            await handling

    async def edited(self, message: Incoming) -> None:
        """A message was changed: so is its prompt, if it waits. One that speaks to the bot only now
        is taken. Else its sender is told, unless it says what it said before."""
        if message.command or message.unreadable:
            return
        async with self._saying.contained(message):
            outcome = await self._until_kept(
                lambda: self._edited(message),
                lambda error: self._saying.say(message, error_view(error)),
            )
            if outcome is Outcome.NEW:
                await self._take(message, None)
            elif outcome is not Outcome.UNCHANGED:
                await self._saying.say(message, View(title=outcome.value, kind="notice"))

    async def _edited(self, message: Incoming) -> Outcome:
        message = self._shares.placed(message)
        self._known.edit(message)
        try:
            await asyncio.sleep(0)  # what has come together with it is taken before it
            async with self._order(message):
                if not await self.admitted(message):
                    return Outcome.UNCHANGED
                message = self._shares.placed(message)
                if self._amending.unchanged(message):
                    return Outcome.UNCHANGED
                if self._arrivals.amend(message):
                    self._known.change(message)
                    return Outcome.CHANGED
            await self._arrivals.handled(message)
            return await self._amending.amend(message)
        finally:
            self._known.edited(message)

    async def moved(self, before: ConversationId, after: ConversationId) -> None:
        """A conversation has got another id for good; on return that is durable.

        Its sessions, its turns and whether it is shared go over, for everybody. Who has a current
        session by the new id already keeps that. Called again it does nothing.
        """

        async def move() -> None:
            await self._engine.move(self._frontend.name, before, after)
            await self._shares.moved(before, after)

        async def nobody(error: StoreError) -> None:
            del error  # nobody has asked

        async with self._moving:
            await self._until_kept(move, nobody)

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
        place = self._shares.now(conversation)
        return await self._engine.complete(self.acting(sender, place), place, text)

    def shared(self, conversation: ConversationId) -> bool:
        """Whether all who are let in work in one session there."""
        return self._shares.owner(conversation) is not None

    def acting(self, sender: Namespace, conversation: ConversationId) -> Namespace:
        """For whom he acts there: for all in a shared place, else for himself."""
        return self._shares.owner(conversation) or sender

    async def lets_in(self, sender: Namespace, conversation: ConversationId) -> bool:
        """Whether he may use Palaver there, as far as is known; nobody is told anything."""
        try:
            return await self._engine.authorized(sender, conversation)
        except PalaverError as error:
            log.warning("%s: who is there is not known: %s", self._frontend.name, error)
            return False

    async def apologise(self, message: Incoming, error: Exception) -> None:
        """Tell a message's sender why the frontend itself could not take it."""
        view = error_view(error) if isinstance(error, PalaverError) else unexpected(error)
        await self._saying.say(message, view)

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
        """Whether the sender is let in; if not, he is told so once, or made welcome by a code.

        While the store cannot tell, the message waits; while a plugin cannot, it is refused, as
        its sender is told once a minute. One with an `answer` is refused with that.
        """
        try:
            if answer is None:
                return await self._until_kept(
                    lambda: self._admitting.admitted(message, None),
                    lambda _: self._admitting.unsure(message, "I keep trying."),
                )
            return await self._admitting.admitted(message, answer)
        except PalaverError as error:
            log.error("%s: who wrote is not known: %s", self._frontend.name, error)  # noqa: TRY400
            if answer:
                view = View(title=f"⚠️ {UNSURE}", text="Try it again.", kind="error")
                await self._saying.tell(message, view, answer)
            else:
                await self._admitting.unsure(message, "Until I can I take nothing. Try it again.")
            return False

    async def _share(self, message: Incoming) -> View:
        if refusal := await self._frontend.sharing_refused(message):
            return View(title=refusal, kind="notice")
        try:
            return await self._shares.change(message)
        except OSError as error:
            log.error("what is shared cannot be noted: %s", error)  # noqa: TRY400
            return View(title=f"⚠️ That could not be noted: {error.strerror}.", kind="notice")

    # --- commands and prompts -------------------------------------------------------------------

    async def _command(self, message: Incoming, answer: AnswerTaker | None) -> bool:
        """Whether a turn has begun."""
        taker = answer or self._saying.privately(message)
        try:
            submission = await self._presenter.take(as_prompt(message), answer=taker)
        except AccessDeniedError:
            return False  # since a moment ago
        except PalaverError as error:
            await self._saying.tell(message, error_view(error), answer)
            return False
        return submission.turn_id is not None

    async def _submit(self, messages: Sequence[Incoming]) -> None:
        """One prompt, be it of several messages; on return it is durable or its sender told."""
        messages, made = list(messages), list[Prompt | None]()

        async def submit() -> None:
            if not made:
                made.append(await self._hearing.whole(messages, self._arrivals.more))
            if prompt := self._placed(made[0]):
                last = messages[-1]
                await self._admitting.vouch(last)
                if not await self._amending.extend(messages, prompt):
                    await self._presenter.take(prompt, answer=self._saying.privately(last))
                    self._amending.note(messages, prompt)
                self._saying.acknowledge(last)

        if any(message.files for message in messages):
            self._saying.acknowledge(messages[-1])  # to fetch them takes a while
        await self._persistently(messages[0], submit)

    async def _offer(self, messages: Sequence[Incoming]) -> None:
        groups, made = _grouped(messages), list[Prompt | None]()

        async def submit() -> None:
            for group in groups[len(made) :]:
                made.append(await self._hearing.prompt(group))
            prompts = [placed for one in made if (placed := self._placed(one))]
            if not prompts:
                return
            await self._admitting.vouch(messages[0])
            for command in filter(_is_command, prompts):
                await self._presenter.take(command, answer=self._saying.privately(messages[0]))
            if rest := [one for one in prompts if not _is_command(one)]:
                await self._presenter.offer(rest)
            for group, prompt in zip(groups, made, strict=True):
                if prompt:
                    self._amending.note(group, prompt)
                    self._saying.acknowledge(group[-1])

        await self._persistently(messages[0], submit)

    def _placed(self, prompt: Prompt | None) -> Prompt | None:
        """The prompt where its conversation is by now."""
        here = prompt and self._shares.now(prompt.conversation)
        return prompt and prompt.model_copy(update={"conversation": here})

    async def _inbox(self, message: Incoming, prompt: Prompt) -> Path:
        return await self._until_kept(
            lambda: self._engine.inbox(prompt),
            lambda error: self._saying.say(message, error_view(error)),
        )

    async def _persistently(self, first: Incoming, submit: Callable[[], Awaitable[None]]) -> None:
        """Until it is durable, or its sender knows why it is not."""
        try:
            await self._until_kept(submit, lambda error: self._saying.say(first, error_view(error)))
        except AccessDeniedError:  # since a moment ago
            if first.shared and self._shares.owner(first.conversation) is None:
                await self._saying.say(first, _UNSHARED)
        except PalaverError as error:
            await self._saying.say(first, error_view(error))
        except Exception as error:  # a frontend may raise anything
            log.exception("%s: a message could not be taken", self._frontend.name)
            await self._saying.say(first, unexpected(error))

    async def _until_kept(
        self, work: Callable[[], Awaitable[T]], tell: Callable[[StoreError], Awaitable[None]]
    ) -> T:
        """Again and again: a full disk is no reason to lose a message."""
        told = False
        while True:
            try:
                return await work()
            except StoreError as error:
                log.error("a message cannot be kept, trying again: %s", error)  # noqa: TRY400
                if not told:
                    told = True
                    await tell(error)
                await asyncio.sleep(RETRY_S)


def _is_command(prompt: Prompt) -> bool:
    """Whether it would be run as one, though its frontend has not seen that."""
    return is_command(prompt.text) and not prompt.attachments


def _grouped(messages: Sequence[Incoming]) -> list[list[Incoming]]:
    groups: list[list[Incoming]] = []
    for message in messages:
        if groups and groups[-1][-1].takes(message):
            groups[-1].append(message)
        else:
            groups.append([message])
    return groups
