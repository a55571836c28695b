"""A service that speaks OpenAI's protocol, played by a server on this machine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import BodyPartReader, web


@dataclass
class Service:
    """Answers as told, and keeps what it was sent."""

    url: str = ""
    status: int = 200
    body: str = '{"text": "Hello there."}'
    delay_s: float = 0
    authorizations: list[str | None] = field(default_factory=list)
    fields: dict[str, bytes] = field(default_factory=dict)
    filename: str | None = None

    async def answer(self, request: web.Request) -> web.Response:
        self.authorizations.append(request.headers.get("Authorization"))
        reader = await request.multipart()
        while isinstance(part := await reader.next(), BodyPartReader):
            self.filename = part.filename or self.filename
            self.fields[str(part.name)] = bytes(await part.read())
        await asyncio.sleep(self.delay_s)
        return web.Response(status=self.status, text=self.body, content_type="application/json")


@asynccontextmanager
async def listening() -> AsyncIterator[Service]:
    """One, at `Service.url`."""
    service = Service()
    app = web.Application()
    app.router.add_post("/v1/audio/transcriptions", service.answer)
    runner = web.AppRunner(app, shutdown_timeout=0, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield service
    finally:
        await runner.cleanup()
