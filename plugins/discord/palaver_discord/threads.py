"""Threads: one for each session that begins in a channel, named by it and archived with it."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from weakref import WeakValueDictionary

import discord

from palaver import (
    ConversationId,
    Engine,
    Marks,
    Namespace,
    PalaverError,
    Session,
    SessionNotFoundError,
    Turn,
    hookimpl,
)
from palaver_discord.delivery import Delivery
from palaver_discord.places import FRONTEND, channel_of, conversation, namespace

log = logging.getLogger(__name__)

ARCHIVE_AFTER_S = 30.0
"""Seconds for which the deleted session of a thread can be brought back where it was deleted."""
_EXISTS = 160004
"""A thread has already been created for this message (API reference, "JSON Error Codes")."""
_NAME = 60
"""Characters of a thread's name that a phone shows; Discord takes 100."""
_CHOOSING = frozenset({"switch", "newsession", "new", "fork"})
_NAMING = _CHOOSING | {"rename"}

Starter = discord.Message | discord.PartialMessage
Acting = Callable[[Namespace, ConversationId], Namespace]
"""`Reception.acting`."""


class Threads:
    """The bot's threads, and whose each is: of who spoke first. As a plugin, names and archives
    them.

    Args:
        acting: tells for whom somebody acts in a conversation.
    """

    def __init__(
        self,
        client: discord.Client,
        engine: Engine,
        delivery: Delivery,
        marks: Marks,
        acting: Acting,
    ) -> None:
        self._client = client
        self._engine = engine
        self._delivery = delivery
        self._marks = marks
        self._acting = acting
        self._owners: dict[int, int] = {}
        self._taking: dict[int, int] = {}
        self._lines: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._titles: dict[int, str] = {}
        self._renaming: dict[int, str] = {}
        self._chosen: dict[tuple[Namespace, int], Session] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Read which there are."""
        for thread, owner in await self._marks.all():
            self._owners[int(thread)] = int(owner)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def owner(self, thread_id: int) -> int | None:
        """The id of the member whose session it was opened for; None if it is none of the bot's."""
        return self._owners.get(thread_id)

    def heeds(self, thread_id: int, member: int) -> bool:
        """Whether all that this member writes there is for the bot, or that is being found out."""
        return member in {self._owners.get(thread_id), self._taking.get(thread_id)}

    async def begin(self, message: Starter, title: str, owner: int) -> int:
        """Open a thread at a message, if there is none; its id, which is the message's.

        Raises:
            discord.HTTPException: if Discord refuses.
            PalaverError: if the session that was chosen for it cannot be moved there.
        """
        async with self._line(message.id):
            if self.owner(message.id) is not None:
                return message.id
            self._titles[message.id] = thread_name(title)
            self._owners[message.id] = owner  # who is fast writes there before all this is done
            try:
                await self._delivery.insist(lambda: _open(message, thread_name(title)))
                await self._note(message.id, owner)
                await self._move(namespace(owner), message.channel.id, message.id)
            except BaseException:
                self._owners.pop(message.id, None)  # it may have been deleted meanwhile
                raise
            return message.id

    async def opened(self, thread_id: int) -> None:
        """Wait until what was asked where a thread is being opened has come into it."""
        async with self._line(thread_id):
            pass

    async def take(self, thread_id: int, owner: int, let_in: Callable[[], Awaitable[bool]]) -> None:
        """From now on all that this member writes there is for the bot, if it is for him at all.

        A thread that is somebody's already stays his.
        """
        async with self._line(thread_id):  # so that no later message overtakes this one meanwhile
            if self.owner(thread_id) is not None:
                return
            self._taking[thread_id] = owner  # who is fast writes there before all this is done
            try:
                if await let_in():
                    self._owners[thread_id] = owner
                    await self._note(thread_id, owner)
            finally:
                del self._taking[thread_id]

    async def forget(self, room_id: int) -> None:
        """It was deleted: a thread, or a channel in which members had sessions."""
        self._titles.pop(room_id, None)
        owner = self._owners.pop(room_id, None)
        try:
            if owner is not None:
                await self._marks.drop(str(room_id), str(owner))
            await self._engine.leave(FRONTEND, conversation(room_id))
        except (OSError, PalaverError) as error:  # its sessions are only kept for longer
            log.warning("%s is gone, but that could not be noted: %s", room_id, error)

    async def commanded(self, sender: Namespace, place: ConversationId, command: str) -> None:
        """Somebody has used a command there: it may have named a session, or chosen one.

        One that is chosen in a channel goes on in the next thread that he opens there.
        """
        room_id = channel_of(place)
        acting = self._acting(sender, place)
        try:
            session = await self._engine.current(acting, place)
        except PalaverError as error:  # the command is done; the rest is only nice to have
            log.warning("a thread may not have its session's name: %s", error)
            return
        if session is None:
            return
        if isinstance(self._client.get_channel(room_id), discord.TextChannel):
            if command in _CHOOSING:
                self._chosen[acting, room_id] = session
        else:
            self._call(acting, place, session, anew=command in _NAMING)

    @hookimpl
    async def on_turn_finished(self, session: Session, turn: Turn) -> None:
        """A session may have been named meanwhile, or another may be the current one."""
        del session
        place = turn.prompt.namespace, turn.prompt.conversation
        if place[0].frontend == FRONTEND and (current := await self._engine.current(*place)):
            self._call(*place, current)

    @hookimpl
    async def on_session_deleted(self, session: Session) -> None:
        if session.namespace.frontend != FRONTEND:
            return
        for place in await self._engine.conversations(session):
            if self._is_of(session.namespace, place):
                self._spawn(self._archive(session.namespace, place))

    # --- how ------------------------------------------------------------------------------------

    def _line(self, thread_id: int) -> asyncio.Lock:
        """Held while it is found out whose the thread is."""
        lock = self._lines.get(thread_id)
        if lock is None:
            lock = self._lines[thread_id] = asyncio.Lock()
        return lock

    async def _note(self, thread_id: int, owner: int) -> None:
        try:
            await self._marks.add(str(thread_id), str(owner))
        except OSError as error:  # holds until the end of this life
            log.error("it cannot be noted whose thread %s is: %s", thread_id, error)  # noqa: TRY400

    async def _move(self, owner: Namespace, channel_id: int, thread_id: int) -> None:
        """A session that was chosen in the channel goes on in the thread."""
        if session := self._chosen.get((owner, channel_id)):
            with contextlib.suppress(SessionNotFoundError):  # deleted, so a new one begins there
                await self._engine.sessions.switch(owner, conversation(thread_id), session)
            del self._chosen[owner, channel_id]

    def _is_of(self, who: Namespace, place: ConversationId) -> bool:
        """Whether it is his thread, or that of all who share it; guests neither name nor close
        it."""
        owner = self.owner(channel_of(place))
        return owner is not None and self._acting(namespace(owner), place) == who

    def _call(
        self, who: Namespace, place: ConversationId, session: Session, *, anew: bool = False
    ) -> None:
        """Name his thread by his session, if that is called otherwise than before: a name that
        people have given it themselves stays.

        Args:
            anew: whatever it was called in another life.
        """
        if not (session.name or session.title) or not self._is_of(who, place):
            return
        thread_id, name = channel_of(place), thread_name(session.label)
        before = self._titles.get(thread_id, "" if anew else name)
        self._titles[thread_id] = name
        if before == name:
            return
        at_work = thread_id in self._renaming
        self._renaming[thread_id] = name
        if not at_work:
            self._spawn(self._rename(thread_id))

    async def _rename(self, thread_id: int) -> None:
        """Discord lets a thread be renamed twice in ten minutes: only its newest name matters."""
        try:
            while thread := self._own(thread_id):
                name = self._renaming[thread_id]
                try:
                    await thread.edit(name=name)
                except discord.RateLimited as error:
                    await asyncio.sleep(error.retry_after)
                    continue
                if self._renaming[thread_id] == name:
                    return
        finally:
            del self._renaming[thread_id]

    async def _archive(self, who: Namespace, place: ConversationId) -> None:
        """Unless something else has begun there meanwhile."""
        await asyncio.sleep(ARCHIVE_AFTER_S)
        thread = self._own(channel_of(place))
        if thread and not thread.archived and not await self._engine.current(who, place):
            await thread.edit(archived=True)

    def _own(self, thread_id: int) -> discord.Thread | None:
        """A thread that the bot itself has opened: what others have named is theirs."""
        thread = self._client.get_channel(thread_id)
        me = self._client.user
        if isinstance(thread, discord.Thread) and me and thread.owner_id == me.id:
            return thread
        return None

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(_contained(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _open(message: Starter, name: str) -> None:
    try:
        await message.create_thread(name=name)
    except discord.HTTPException as error:
        if error.code != _EXISTS:  # then the answer to an earlier try was lost
            raise


async def _contained(work: Coroutine[None, None, None]) -> None:
    try:
        await work
    except Exception as error:  # noqa: BLE001 - a thread's name is only nice to have
        log.info("a thread could not be changed: %s", error)


def thread_name(title: str) -> str:
    """A title as Discord takes it: one line, not empty, not too long."""
    line = " ".join(title.split()) or "New session"
    return line if len(line) <= _NAME else line[: _NAME - 1] + "…"
