"""A plugin of one file, installed from its own folder, runs without a change in core."""

import asyncio
import getpass
import json
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

LIMIT_S = 30.0

Serve = Callable[[], AbstractAsyncContextManager["Line"]]


class Line:
    """A connection to the chat, as `nc -U` would have it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, path: Path) -> "Line":
        return cls(*await asyncio.open_unix_connection(path))

    async def say(self, text: str) -> None:
        self.writer.write(f"{text}\n".encode())
        await self.writer.drain()

    async def sees(self, text: str) -> str:
        """The next line with that text."""
        async with asyncio.timeout(LIMIT_S):
            while line := (await self._reader.readline()).decode():
                if text in line:
                    return line.strip()
        raise AssertionError(f"the chat ended before {text!r}")

    async def leave(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {
        "HOME": str(tmp_path),
        "PATH": "/usr/bin:/bin",
        "PALAVER_CONFIG": str(tmp_path / "palaver.toml"),
        "PALAVER_DATA_DIR": str(tmp_path / "data"),
        "PALAVER_SESSIONS__AGENT": "scripted",
        "PALAVER_FRONTENDS": '["echo"]',
        "PALAVER_PLUGINS__ECHO__SOCKET": str(tmp_path / "echo.sock"),
    }


@pytest.fixture
def serve(python: Path, tmp_path: Path, environment: dict[str, str]) -> Serve:
    """Runs `palaver serve` while it is entered; gives a connection to its chat."""
    (tmp_path / "palaver.toml").write_text(f'[access]\nmembers = ["echo:{getpass.getuser()}"]\n')

    @asynccontextmanager
    async def served() -> AsyncIterator[Line]:
        process = await asyncio.create_subprocess_exec(
            *(python, "-m", "palaver.app", "serve"), env=environment, stderr=subprocess.PIPE
        )
        assert process.stderr
        log = []
        try:
            async with asyncio.timeout(LIMIT_S):
                while line := (await process.stderr.readline()).decode():
                    log.append(line)
                    if "ready" in line:
                        break
            assert log, "it said nothing"
            assert "ready: echo" in log[-1], "".join(log)
            yield (line_to_it := await Line.connect(tmp_path / "echo.sock"))
            line_to_it.writer.close()
            process.send_signal(signal.SIGTERM)
            rest = await asyncio.wait_for(process.stderr.read(), LIMIT_S)
            assert await process.wait() == 0, rest.decode()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    return served


def test_the_plugin_is_listed_and_loads(python: Path, environment: dict[str, str]) -> None:
    Path(environment["PALAVER_CONFIG"]).write_text("")
    listed = subprocess.run(
        [python, "-m", "palaver.app", "plugins", "--json"],
        env=environment, capture_output=True, text=True, check=False, timeout=LIMIT_S,
    )  # fmt: skip
    plugins = {one["name"]: one for one in map(json.loads, listed.stdout.splitlines())}
    assert plugins["echo"]["state"] == "loaded", listed.stderr
    assert plugins["echo"]["distribution"] == "palaver-echo"


async def test_a_conversation_over_the_socket(serve: Serve, tmp_path: Path) -> None:
    async with serve() as line:
        await line.say("remember 42")
        await line.sees("I will remember 42.")
        await line.say("/dice 20")
        assert 1 <= int((await line.sees("🎲")).split()[1]) <= 20
        await line.say("/dice none")
        await line.sees("A die has 2 to 1000 sides.")
        await line.say("run ls")
        allow = await line.sees("Allow once: /allow")
        await line.say(allow.partition(": ")[2])
        await line.sees("I ran ls.")
        await line.say("-----BEGIN OPENSSH PRIVATE KEY-----")
        await line.sees("There is a private key in your message.")
    assert not (tmp_path / "echo.sock").exists()


async def test_a_session_goes_on_after_a_restart(serve: Serve) -> None:
    async with serve() as line:
        await line.say("remember 42")
        await line.sees("I will remember 42.")
    async with serve() as line:
        await line.say("what number")
        await line.sees("You told me 42.")


async def test_an_answer_waits_for_its_reader(serve: Serve, tmp_path: Path) -> None:
    async with serve() as line:
        await line.say("wait 1")
        await line.leave()
        await asyncio.sleep(1.5)
        again = await Line.connect(tmp_path / "echo.sock")
        await again.sees("Done.")
        await again.leave()


async def test_who_is_not_on_the_access_list_is_refused(serve: Serve, tmp_path: Path) -> None:
    async with serve():
        pass
    (tmp_path / "palaver.toml").write_text('[access]\nmembers = ["echo:somebody-else"]\n')
    async with serve() as line:
        await line.say("run ls")
        await line.sees(f"This bot is private. (You are echo:{getpass.getuser()}.)")
