"""Running the frontends for no longer than it takes until a pairing code has been sent."""

import asyncio
from collections.abc import Callable, Sequence

from palaver.app.access_work import open_store
from palaver.app.presence import served
from palaver.app.service import running, wanted_frontends
from palaver.config import Settings
from palaver.engine import Engine, open_engine
from palaver.frontends.contract import Frontend
from palaver.models import Grant
from palaver.pairing import NewCode, Pairing
from palaver.plugins import PluginHost

LOOK_S = 0.2
"""Seconds between two looks."""
WELCOME_S = 1.5
"""Seconds that the words of welcome are given to be sent."""


async def wait_for(
    settings: Settings, names: Sequence[str], code: NewCode, ready: Callable[[], None]
) -> Grant | None:
    """Who has sent the code; None if it expired. What `palaver serve` runs is left to it.

    Args:
        ready: called when the code can be sent; some chats do not tell of what was sent before.

    Raises:
        PalaverError: if a frontend cannot run.
    """
    already = await asyncio.to_thread(served, settings.data_dir)
    ours = tuple(name for name in names if name not in already)
    settings = settings.model_copy(update={"frontends": ours})
    host = PluginHost(settings)
    host.load()
    async with open_store(settings) as store, open_engine(settings, host) as engine:
        watch = asyncio.create_task(_sent(Pairing(store.grants), code))
        frontends = wanted_frontends(settings, host)
        try:
            await _until(watch, engine, frontends, ready)
        finally:
            watch.cancel()
        grants = await store.grants.all()
        new = [grant for grant in grants if grant.paired and grant.created >= code.made]
    return max(new, key=lambda grant: grant.created, default=None)


async def _until(
    watch: "asyncio.Task[None]",
    engine: Engine,
    frontends: Sequence[Frontend],
    ready: Callable[[], None],
) -> None:
    """Run the frontends until then, or until one of them breaks down."""
    async with running(engine, frontends) as broken:
        ready()
        await asyncio.wait({watch, *broken}, return_when=asyncio.FIRST_COMPLETED)
        for task in (watch, *broken):
            if task.done():
                task.result()
        await asyncio.sleep(WELCOME_S)


async def _sent(pairing: Pairing, code: NewCode) -> None:
    while await pairing.holds(code):  # noqa: ASYNC110 - another process may change the database
        await asyncio.sleep(LOOK_S)
