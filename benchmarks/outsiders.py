"""The same work outside of Palaver: what the machine alone makes of it.

`python -m benchmarks.outsiders FOLDER COUNT` holds that many bare clients open. Each line of its
standard input is a prompt for all of them at once, an empty one interrupts them; it prints a line
when they are ready, and whenever all have answered.
"""

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import claude_agent_sdk as sdk

from benchmarks.loads import Load
from benchmarks.model import LONG


class Clients(Load):
    """Bare clients in a process of their own; `async with` opens and closes them.

    Args:
        prompt: is asked again once all have answered.
    """

    def __init__(self, folder: Path, count: int, prompt: str) -> None:
        self._folder = folder
        self._count = count
        self._prompt = prompt
        self._heard = 0
        self._asked = 0

    async def __aenter__(self) -> "Clients":
        self._folder.mkdir(parents=True)
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.outsiders", str(self._folder), str(self._count)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert self._process.stdout
        assert await self._process.stdout.readline(), "the clients could not be opened"
        self._listening = asyncio.create_task(self._listen(self._process.stdout))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        await self._process.wait()
        await self._listening

    async def begin(self) -> None:
        await self.keep_up()

    async def keep_up(self) -> None:
        if self._heard == self._asked:
            self._say(self._prompt)
            self._asked += 1

    async def end(self) -> None:
        if self._prompt == LONG:
            self._say("")
        while self._heard < self._asked:
            await asyncio.sleep(0.01)

    def _say(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n".encode())

    async def _listen(self, lines: asyncio.StreamReader) -> None:
        while await lines.readline():
            self._heard += 1


class Recogniser(Load):
    """The speech engine's process on the same recording, started by nobody in particular."""

    def __init__(self, recording: Path, limit_s: int) -> None:
        self._command = ("-P", "-m", "palaver_voice.worker", str(recording), str(limit_s))
        self._process: asyncio.subprocess.Process | None = None

    async def begin(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, *self._command, stdout=asyncio.subprocess.DEVNULL
        )
        await asyncio.sleep(1)  # it starts, and reads the recording

    async def keep_up(self) -> None:
        if self._process is None or self._process.returncode is not None:
            await self.begin()

    async def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            await self._process.wait()


async def _serve(folder: Path, count: int) -> None:
    options = sdk.ClaudeAgentOptions(
        cwd=folder,
        include_partial_messages=True,
        permission_mode="acceptEdits",
        system_prompt={"type": "preset", "preset": "claude_code"},
    )
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(sdk.ClaudeSDKClient(options)) for _ in range(count)
        ]
        turns = asyncio.create_task(_ask(clients, "warm up"))
        lines = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        while line := await lines.readline():
            if text := line.decode().strip():
                await turns
                turns = asyncio.create_task(_ask(clients, text))
            else:
                await asyncio.gather(*(client.interrupt() for client in clients))
        await turns


async def _ask(clients: list[sdk.ClaudeSDKClient], text: str) -> None:
    async def one(client: sdk.ClaudeSDKClient) -> None:
        await client.query(text)
        async for _ in client.receive_response():
            pass

    await asyncio.gather(*map(one, clients))
    print(flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2])))
