"""Our client on simcord: in one process, without sockets, on simcord's time.

simcord follows all that comes of an event, and what a person does returns when nothing of it is
left to do. Of our frontend it must be told two things:

- The frontend makes its client, logs in and connects by itself, in this order and with its own
  work in between; `simcord.run` does all of it at once with a client that is there already. So
  `InProcess` has simcord attach itself at `login`, and keeps until `connect` what simcord says
  of the connection.
- A turn may wait for somebody's word, and its tasks with it: they are at rest. simcord takes
  them for work that hangs; the threads of the database and of plugins, which are at work, it does
  not see. `Patience` knows better.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ClassVar, TypeVar
from unittest.mock import patch

import aiosqlite
import discord  # noqa: TID251 - for tests of the plugin that may import it
from simcord.env import Env

import palaver_discord.frontend
from palaver.threads import Threads
from palaver_discord.bot import Bot

T = TypeVar("T")

SETTLED_WITHIN_S = 60.0
"""Real seconds for all that comes of one thing that somebody does; far more than it takes."""
AT_ONCE_S = 0.3
"""Seconds of simcord's time that pass with each thing that somebody does."""
_POLL_S = 0.002
_CONNECTION = frozenset({"connect", "ready"})
_in_thread: set["asyncio.Task[Any] | None"] = set()


class Time(Env):
    """simcord's environment, in which time passes with what people do, and when a test says so.

    Whatever the bot sleeps or waits for ends by `advance_time`, or a little later than what woke
    it: `AT_ONCE_S` pass with each action.
    """

    def __init__(self) -> None:
        nobody = discord.Client(intents=discord.Intents.default())
        super().__init__(nobody, settle_timeout=SETTLED_WITHIN_S)
        self._work.external_waits = Patience()

    async def _settle_internal(self, **options: Any) -> None:
        options["idle"] = _POLL_S
        await super()._settle_internal(**options)
        if self._started and not self._advancing and self._loop:
            await self._advance_to(
                self._virtual_time + AT_ONCE_S, self._loop.time() + SETTLED_WITHIN_S
            )


class Patience(dict["asyncio.Task[Any]", str]):
    """Which of the bot's tasks are at rest: those that a person, another task or time will wake,
    and no thread."""

    def __contains__(self, task: object) -> bool:
        return isinstance(task, asyncio.Task) and self.get(task) is not None

    def get(self, task: "asyncio.Task[Any]", default: Any = None) -> Any:
        waiter = getattr(task, "_fut_waiter", None)
        if waiter is None or waiter.done() or task in _in_thread:
            return default
        return "somebody's word, or time"


class InProcess(Bot):
    """The plugin's client, which simcord attaches itself to."""

    env: ClassVar[Time]
    _early: tuple[str, ...] = ()
    _connected: bool = False

    async def login(self, token: str) -> None:
        if self.env.bot is self:  # it is simcord that logs in
            await super().login(token)
            return
        self.env.bot = self
        await self.env.start()

    async def connect(self, *, reconnect: bool = True) -> None:
        del reconnect
        self._connected = True
        for event in self._early:
            self.dispatch(event)
        await asyncio.get_running_loop().create_future()  # until the frontend stops

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        if event in _CONNECTION and not self._connected:
            self._early += (event,)
        else:
            super().dispatch(event, *args, **kwargs)


@contextmanager
def in_process(env: Time) -> Iterator[None]:
    """Within it, frontends talk to this Discord."""
    driver = aiosqlite.Connection
    with (
        patch.object(InProcess, "env", env, create=True),
        patch.object(palaver_discord.frontend, "Bot", InProcess),
        patch.object(driver, "_execute", _noted(driver._execute)),
        patch.object(driver, "_connect", _noted(driver._connect)),
        patch.object(Threads, "call", _noted(Threads.call)),
    ):
        yield


def _noted(visit: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
    @wraps(visit)
    async def noted(*args: Any, **options: Any) -> T:
        task = asyncio.current_task()
        _in_thread.add(task)
        try:
            return await visit(*args, **options)
        finally:
            _in_thread.discard(task)

    return noted
