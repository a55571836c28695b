"""Threads: one for each session that begins in a channel, named by it and archived with it."""

import asyncio
import logging
from collections.abc import Coroutine

import discord

from palaver import ConversationId, Engine, Marks, Session, Turn, hookimpl
from palaver_discord.places import FRONTEND, channel_of

log = logging.getLogger(__name__)

_EXISTS = 160004
"""A thread has already been created for this message (API reference, "JSON Error Codes")."""
_NAME = 60
"""Characters of a thread's name that a phone shows; Discord takes 100."""


class Threads:
    """The bot's threads, and whose each is: of who spoke first. As a plugin, names and archives
    them."""

    def __init__(self, client: discord.Client, engine: Engine, marks: Marks) -> None:
        self._client = client
        self._engine = engine
        self._marks = marks
        self._owners: dict[int, int] = {}
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

    async def begin(self, message: discord.Message, title: str, owner: int) -> int:
        """Open a thread at a message, if there is none; its id, which is the message's.

        Raises:
            discord.HTTPException: if Discord refuses.
            OSError: if it cannot be noted whose it is.
        """
        if self.owner(message.id) is None:
            try:
                await message.create_thread(name=thread_name(title))
            except discord.HTTPException as error:
                if error.code != _EXISTS:  # then the answer to an earlier try was lost
                    raise
            await self.take(message.id, owner)
        return message.id

    async def take(self, thread_id: int, owner: int) -> None:
        """From now on all that this member writes there is for the bot.

        Raises:
            OSError: if that cannot be noted.
        """
        if self._owners.get(thread_id) != owner:
            await self._marks.add(str(thread_id), str(owner))
            self._owners[thread_id] = owner

    async def forget(self, thread_id: int) -> None:
        """It was deleted."""
        owner = self._owners.pop(thread_id, None)
        if owner is not None:
            await self._marks.drop(str(thread_id), str(owner))

    @hookimpl
    async def on_turn_finished(self, session: Session, turn: Turn) -> None:
        """A session may have been named meanwhile, or another may be the current one."""
        del session
        place = turn.prompt.namespace, turn.prompt.conversation
        if place[0].frontend == FRONTEND and (current := await self._engine.current(*place)):
            self._spawn(self._rename(place[1], current.label))

    @hookimpl
    async def on_session_deleted(self, session: Session) -> None:
        if session.namespace.frontend == FRONTEND:
            for conversation in await self._engine.conversations(session):
                self._spawn(self._archive(conversation))

    # --- how ------------------------------------------------------------------------------------

    async def _rename(self, conversation: ConversationId, title: str) -> None:
        thread = self._own(conversation)
        name = thread_name(title)
        if thread and thread.name != name:
            await thread.edit(name=name)

    async def _archive(self, conversation: ConversationId) -> None:
        thread = self._own(conversation)
        if thread and not thread.archived:
            await thread.edit(archived=True)

    def _own(self, conversation: ConversationId) -> discord.Thread | None:
        """A thread that the bot itself has opened: what others have named is theirs."""
        thread = self._client.get_channel(channel_of(conversation))
        me = self._client.user
        if isinstance(thread, discord.Thread) and me and thread.owner_id == me.id:
            return thread
        return None

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        """Discord lets a thread be renamed twice in ten minutes, and nobody shall wait for that."""
        task = asyncio.create_task(_contained(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _contained(work: Coroutine[None, None, None]) -> None:
    try:
        await work
    except (discord.HTTPException, OSError) as error:  # its name is only nice to have
        log.info("a thread could not be changed: %s", error)


def thread_name(title: str) -> str:
    """A title as Discord takes it: one line, not empty, not too long."""
    line = " ".join(title.split()) or "New session"
    return line if len(line) <= _NAME else line[: _NAME - 1] + "…"
