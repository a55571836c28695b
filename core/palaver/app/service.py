"""All frontends in one process: start, watch, clean up on schedule, and end in order."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from palaver.app.presence import announced
from palaver.app.runtime import Runtime
from palaver.config import Settings, config_path
from palaver.engine import Engine, open_engine
from palaver.errors import ConfigError, PalaverError, PluginError
from palaver.frontends.contract import Frontend
from palaver.plugins import PluginHost

log = logging.getLogger(__name__)

FIRST_CLEANUP_S = 60.0
"""Seconds after the start; those who restart it every day need clean-ups, too."""
REFRESH_S = 300.0
"""Seconds between two looks at what others have written to the transcripts."""
STOP_LIMIT_S = 10.0
"""Seconds that a frontend may take to stop before it is left to itself."""

_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_HOUR = 3600.0


async def serve(runtime: Runtime) -> None:
    """Run all configured frontends until a signal comes or the last of them has ended.

    Raises:
        ConfigError: if no frontend is configured, or one that is not there.
        PalaverError: why a frontend could not start; or why the last of them has ended.
    """
    stop = asyncio.Event()
    _stop_on_signals(stop)
    settings = runtime.settings()
    if not settings.frontends:
        raise _nothing_configured(runtime)
    host = runtime.host()
    frontends = wanted_frontends(settings, host)
    async with open_engine(settings, host) as engine, _stopping(frontends):
        if not await _start(engine, frontends, stop):
            return
        names = [frontend.name for frontend in frontends]
        async with announced(settings.data_dir, names), _upkeep(engine):
            log.info("ready: %s", ", ".join(names))
            await _until_over(frontends, stop)


def wanted_frontends(settings: Settings, host: PluginHost) -> list[Frontend]:
    """The frontends that the settings name, in their order.

    Raises:
        ConfigError: if one is not there; with why, and what to do.
    """
    there = host.frontends(settings.frontends)
    return [_wanted(name, there, host) for name in dict.fromkeys(settings.frontends)]


def _nothing_configured(runtime: Runtime) -> ConfigError:
    place = config_path(runtime.config)
    hint = (
        "`palaver init` sets up your chats; or write for example "
        f'frontends = ["telegram"] and, below [plugins.telegram], token = "…" into {place}.'
    )
    return ConfigError("no frontend is configured", location=["frontends"], hint=hint)


def _wanted(name: str, there: dict[str, Frontend], host: PluginHost) -> Frontend:
    if frontend := there.get(name):
        return frontend
    info = host.get(name)
    if info and info.error:
        raise ConfigError(info.error, location=["frontends", name], hint=info.hint)
    problem = f"there is no frontend {name!r}; there are: {', '.join(sorted(there)) or 'none'}"
    hint = "`palaver plugins` shows what is installed and what has failed."
    raise ConfigError(problem, location=["frontends"], hint=hint)


# --- start and stop -----------------------------------------------------------------------------


def _stop_on_signals(stop: asyncio.Event) -> None:
    """The first signal asks for an orderly end; the second one has its usual effect at once."""
    loop = asyncio.get_running_loop()

    def received(first: signal.Signals) -> None:
        for number in _ENDING:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)  # works even if a plugin blocks the loop
        log.info("stopping (%s); once more stops at once", first.name)
        stop.set()

    for number in _ENDING:
        loop.add_signal_handler(number, received, number)


@contextlib.asynccontextmanager
async def running(
    engine: Engine, frontends: Sequence[Frontend]
) -> "AsyncIterator[list[asyncio.Task[None]]]":
    """Frontends for as long as the block runs; each is a task that ends if it breaks down.

    Raises:
        PalaverError: why one could not start.
    """
    async with _stopping(frontends):
        await _start(engine, frontends, asyncio.Event())
        tasks = [asyncio.create_task(frontend.run()) for frontend in frontends]
        try:
            yield tasks
        finally:
            await _cancel(tasks)


async def _start(engine: Engine, frontends: Sequence[Frontend], stop: asyncio.Event) -> bool:
    """Start all at once; False if it was told to stop before they were ready.

    Raises:
        PalaverError: of the first that could not; the others are given up.
    """
    tasks = [asyncio.create_task(_start_one(engine, frontend)) for frontend in frontends]
    stopping = asyncio.create_task(stop.wait())
    pending: set[asyncio.Task[object]] = {*tasks, stopping}
    try:
        while stopping in pending and len(pending) > 1:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    finally:
        await _cancel([*tasks, stopping])
    return not stop.is_set()


async def _start_one(engine: Engine, frontend: Frontend) -> None:
    try:
        await frontend.start(engine)
    except PalaverError:
        log.error("%s could not start", frontend.name)  # noqa: TRY400 - its own words follow
        raise
    except Exception as error:  # a plugin may raise anything; which plugin must be said
        log.debug("%s", frontend.name, exc_info=error)
        problem = f"it could not start: {type(error).__name__}: {error}"
        raise PluginError(frontend.name, problem) from error


@contextlib.asynccontextmanager
async def _stopping(frontends: Sequence[Frontend]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await asyncio.gather(*map(_stop_one, frontends))


async def _stop_one(frontend: Frontend) -> None:
    try:
        async with asyncio.timeout(STOP_LIMIT_S):
            await frontend.stop()
    except Exception:  # a plugin may raise anything; the others must stop as well
        log.exception("%s could not stop in order", frontend.name)


async def _until_over(frontends: Sequence[Frontend], stop: asyncio.Event) -> None:
    """Return when told to stop, or when all have ended; if one breaks down, the others go on."""
    running = {asyncio.create_task(frontend.run()): frontend for frontend in frontends}
    stopping = asyncio.create_task(stop.wait())
    failure: PalaverError | None = None
    try:
        while running and not stopping.done():
            await asyncio.wait({*running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            for task in [task for task in running if task.done()]:
                failure = _broken(running.pop(task), task) or failure
    finally:
        await _cancel([*running, stopping])
    if failure and not stop.is_set():
        raise failure


def _broken(frontend: Frontend, task: "asyncio.Task[None]") -> PalaverError | None:
    """Why a frontend has ended, if not by itself."""
    error = task.exception()
    if error is None:
        log.info("%s has ended", frontend.name)
        return None
    if isinstance(error, PalaverError):
        log.error("%s has broken down: %s", frontend.name, error)
        return error
    log.error("%s has broken down", frontend.name, exc_info=error)
    return PluginError(frontend.name, f"it has broken down: {type(error).__name__}: {error}")


async def _cancel(tasks: "Sequence[asyncio.Task[None] | asyncio.Task[bool]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


# --- upkeep -------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def _upkeep(engine: Engine) -> AsyncIterator[None]:
    """What is done in the background while the frontends run."""
    work = [_every(REFRESH_S, REFRESH_S, "refreshing the index", engine.sessions.refresh)]
    if hours := engine.settings.sessions.cleanup_interval_h:
        first = min(FIRST_CLEANUP_S, hours * _HOUR)
        work.append(_every(hours * _HOUR, first, "cleaning up", lambda: _clean_up(engine)))
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        await _cancel(tasks)


async def _every(
    interval_s: float, first_s: float, name: str, do: Callable[[], Awaitable[object]]
) -> None:
    await asyncio.sleep(first_s)
    while True:
        try:
            await do()
        except Exception:  # what fails now may work the next time; the chats must go on
            log.exception("%s has failed", name)
        await asyncio.sleep(interval_s)


async def _clean_up(engine: Engine) -> None:
    for report in await engine.trash.clean_up():
        if report.trashed or report.purged or report.failed:
            log.info(
                "cleaned up for %s: %d to the trash, %d purged, %d failed",
                report.namespace,
                len(report.trashed),
                len(report.purged),
                len(report.failed),
            )
