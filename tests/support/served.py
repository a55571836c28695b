"""`palaver serve` as a process of its own, on a loopback Telegram."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from palaver.testing.telegram import BotApi
from support.telegrams import ALICE, BOB, DEAD_S

STARTED_S = 30.0
"""Seconds that a process may take to be ready or to end; the machine may be busy."""


class Served:
    """A `palaver serve` that runs or has ended.

    Attributes:
        said: what it has logged, line by line.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: list[str] = []
        self._news = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def until_said(self, part: str) -> None:
        """Wait until this is in the log."""
        async with asyncio.timeout(STARTED_S):
            while not any(part in line for line in self.said):
                assert not self._reading.done(), f"it ended: {self.log}"
                self._news.clear()
                await self._news.wait()

    async def ended(self) -> int:
        """Wait until it ends by itself; its exit code."""
        async with asyncio.timeout(STARTED_S):
            await self._reading
            return await self.process.wait()

    async def kill(self) -> None:
        """`kill -9`."""
        os.kill(self.process.pid, signal.SIGKILL)
        await self.process.wait()

    async def terminate(self) -> int:
        """An orderly end; its exit code."""
        self.process.terminate()
        return await self.ended()

    async def close(self) -> None:
        """End it by force if it still runs."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        await self._reading

    @property
    def log(self) -> str:
        return "\n".join(self.said)

    async def _read(self) -> None:
        assert self.process.stderr
        async for line in self.process.stderr:
            self.said.append(line.decode().rstrip("\n"))
            self._news.set()
        self._news.set()


@asynccontextmanager
async def begun(config: Path, **environment: str) -> AsyncIterator[Served]:
    """`palaver serve`, just started."""
    command = [sys.executable, "-m", "palaver.app", "--config", str(config), "serve"]
    served = Served(
        await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=os.environ | environment,
        )
    )
    try:
        yield served
    finally:
        await served.close()


@asynccontextmanager
async def serving(config: Path, **environment: str) -> AsyncIterator[Served]:
    """`palaver serve`, ready."""
    async with begun(config, **environment) as served:
        await served.until_said("ready: telegram")
        yield served


def write_config(
    api: BotApi,
    folder: Path,
    *,
    agent: str = "scripted",
    name: str = "palaver",
    **telegram: str | float | bool,
) -> Path:
    """A palaver.toml with its data beside it; `telegram` adds to that table."""
    table: Mapping[str, str | float | bool] = {
        "token": api.token,
        "base_url": api.base_url,
        "base_file_url": api.base_file_url,
        "poll_timeout_s": 1,
        "answer_timeout_s": DEAD_S,
        "coalesce_s": 0.15,
        **telegram,
    }
    settings = "\n".join(f"{key} = {json.dumps(value)}" for key, value in table.items())
    file = folder / f"{name}.toml"
    file.write_text(
        f"""
frontends = ["telegram"]
data_dir = "{folder}/{name}"
[access]
owners = ["telegram:{ALICE}"]
members = ["telegram:{BOB}"]
[sessions]
agent = "{agent}"
[plugins.telegram]
{settings}
"""
    )
    return file
