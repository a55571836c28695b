"""`palaver serve`: all configured frontends in one process."""

import logging

import click

from palaver.app.runtime import Runtime


@click.command(short_help="Run the configured chats until stopped.")
@click.pass_obj
def serve(runtime: Runtime) -> None:
    """Run all configured frontends until stopped.

    They are named in palaver.toml, as in frontends = ["telegram", "discord"]. When all of them
    take messages, one line `ready` is logged. SIGTERM and Ctrl-C stop it in order: turns that run
    are interrupted, and told as such after the next start. Old sessions are cleaned up on
    schedule.

    The exit code is 0 after an orderly stop, 78 if the configuration does not hold, else 1.
    """
    import asyncio

    from palaver.app import logs, service

    logs.set_up(logging.DEBUG if runtime.verbose else logging.INFO)
    asyncio.run(service.serve(runtime))
