"""`palaver chat`: an engine, the REPL on it, and an orderly end."""

from palaver import PluginHost, Settings, open_engine
from palaver_cli.frontend import Repl
from palaver_cli.settings import CliSettings


async def talk(settings: Settings, host: PluginHost) -> None:
    """Run the REPL until its user leaves.

    Raises:
        PalaverError: if the settings do not hold or the database cannot be used.
    """
    repl = host.frontends([Repl.name]).get(Repl.name)
    if repl is None:
        repl = Repl(settings.table(CliSettings, "plugins", "cli"))
    async with open_engine(settings, host) as engine:
        await repl.start(engine)
        try:
            await repl.run()
        finally:
            await repl.stop()
