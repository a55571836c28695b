"""The listening socket and its connections: opened, refused, dead or dropped."""

import asyncio
from typing import NoReturn

from aiohttp import web

_HOST = "127.0.0.1"
#: Seconds that `close` gives to answers under way.
_GRACE = 0.5


class Lines:
    """A server on a port that the system chooses, and the same port again after a refusal."""

    def __init__(self, app: web.Application) -> None:
        # A request is carried out even when its client has gone, as on the real server.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_GRACE)
        self._site: web.TCPSite | None = None
        self._port = 0
        self._seen: set[asyncio.BaseTransport] = set()
        self._dead: set[asyncio.BaseTransport] = set()
        self._closing = asyncio.Event()

    @property
    def url(self) -> str:
        """Where it listens. Raises RuntimeError before it does."""
        if not self._port:
            raise RuntimeError("the server is not open: use it with `async with`")
        return f"http://{_HOST}:{self._port}"

    async def open(self) -> None:
        """Listen for the first time."""
        await self._runner.setup()
        await self.listen()

    async def listen(self) -> None:
        """Listen (again)."""
        self._site = web.TCPSite(self._runner, _HOST, self._port)
        await self._site.start()
        self._port = int(self._runner.addresses[0][1])

    async def refuse(self) -> None:
        """Stop listening and reset all connections."""
        if self._site is not None:
            await self._site.stop()
            self._site = None
        for transport in self._seen:
            _abort(transport)
        self._seen.clear()

    async def close(self) -> None:
        """End everything."""
        self._closing.set()
        await asyncio.sleep(0)
        for transport in self._dead:
            _abort(transport)
        await self._runner.cleanup()

    def deaden(self) -> int:
        """Make the connections there are dead; see `BotApi.half_open`."""
        alive = {t for t in self._seen - self._dead if not t.is_closing()}
        self._dead |= alive
        return len(alive)

    async def enter(self, request: web.Request) -> None:
        """Pass, unless the request's connection is dead: then wait for the end."""
        transport = request.transport
        if transport is None:
            return
        self._seen = {t for t in self._seen if not t.is_closing()} | {transport}
        if transport in self._dead:
            await self.hold(request)

    async def hold(self, request: web.Request) -> NoReturn:
        """Never answer: until the client goes away or the server is closed."""
        await self._closing.wait()
        await self.drop(request)

    async def drop(self, request: web.Request) -> NoReturn:
        """Reset the connection instead of an answer."""
        if request.transport is not None:
            _abort(request.transport)
        # The handler ends as it does when a client goes away in the middle of a request.
        raise asyncio.CancelledError


def _abort(transport: asyncio.BaseTransport) -> None:
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()
