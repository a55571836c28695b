"""What every command of the `palaver` program works with: the settings and the plugins."""

import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from palaver.config import Settings
    from palaver.plugins import PluginHost

T = TypeVar("T")

_ENDING = (signal.SIGTERM, signal.SIGHUP)


class Runtime:
    """The `obj` of click's context: `@click.pass_obj` hands it to a command.

    Attributes:
        config: the file after `--config`; None for the usual one.
        verbose: the user wants to see what happens.
    """

    def __init__(self, config: Path | None = None, *, verbose: bool = False) -> None:
        self.config = config
        self.verbose = verbose
        self._settings: Settings | None = None
        self._host: PluginHost | None = None

    def settings(self) -> "Settings":
        """The settings, read once.

        Raises:
            ConfigError: located, if they do not hold.
        """
        if self._settings is None:
            from palaver.config import load_settings

            self._settings = load_settings(self.config)
        return self._settings

    def host(self) -> "PluginHost":
        """All plugins but the disabled, loaded once. One that fails is recorded, not raised.

        Raises:
            ConfigError: if the settings do not hold.
        """
        if self._host is None:
            from palaver.app import logs
            from palaver.plugins import PluginHost, PluginState

            host = PluginHost(self.settings())
            host.load()
            loaded = (info for info in host.plugins if info.state is PluginState.LOADED)
            logs.let_speak(info.target for info in loaded if info.distribution)
            self._host = host
        return self._host


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work to its end, on an event loop of its own.

    Ctrl-C, SIGTERM and SIGHUP cancel it, so that whatever it holds open is closed in order.

    Raises:
        KeyboardInterrupt: after Ctrl-C.
        SystemExit: with 128 and the signal's number, after one of the other signals.
    """
    import asyncio  # late: `palaver --help` would wait for it

    ended_by: list[int] = []

    async def main() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def end(number: int) -> None:
            ended_by.append(number)
            if task:
                task.cancel()

        for number in _ENDING:
            loop.add_signal_handler(number, end, number)
        return await work

    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        if ended_by:
            raise SystemExit(128 + ended_by[0]) from None
        raise
