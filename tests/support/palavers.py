"""Lives of a Palaver with one frontend, in the test's own process."""

import importlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from palaver.config import Settings
from palaver.engine import Engine, open_engine
from palaver.frontends.contract import Frontend
from palaver.plugins import PluginHost
from palaver.testing.frontends import pretend_killed


@asynccontextmanager
async def opened(
    settings: Settings, frontend: str, plugins: dict[str, object]
) -> AsyncIterator[Engine]:
    """An engine with that frontend's plugin, and others, but no frontend started."""
    host = PluginHost(settings, [])
    host.add(frontend, importlib.import_module(f"palaver_{frontend}.plugin"))
    for name, plugin in plugins.items():
        host.add(name, plugin)
    async with open_engine(settings, host) as engine:
        yield engine


class Lives:
    """One Palaver that can be stopped and started again."""

    engine: Engine
    frontend: Frontend

    def __init__(self, frontend: str, settings: Callable[[], Settings]) -> None:
        self._name = frontend
        self._settings = settings
        self._stack = AsyncExitStack()

    async def start(self, plugins: dict[str, object] | None = None) -> None:
        """Start, and return when it takes messages."""
        engine = opened(self._settings(), self._name, plugins or {})
        self.engine = await self._stack.enter_async_context(engine)
        [self.frontend] = self.engine.host.frontends().values()
        self._stack.push_async_callback(self.frontend.stop)
        await self.frontend.start(self.engine)

    async def stop(self) -> None:
        """An orderly end."""
        await self._stack.aclose()

    async def restart(self) -> None:
        """The next life: what the last one had taken belongs to a process that is gone."""
        await self.stop()
        self.bury()
        await self.start()

    def bury(self) -> None:
        """Both lives are one process here; the ledger must not take the first one for alive."""
        pretend_killed(self._settings().data_dir)
