"""A strict Bot API server on a loopback address."""

import asyncio
import contextlib
import json
import logging
import mimetypes
from collections.abc import AsyncIterator
from types import TracebackType

from aiohttp import web

from palaver.testing.clock import Clock
from palaver.testing.lines import Lines
from palaver.testing.telegram import tdlib
from palaver.testing.telegram.calls import Call, CallLog
from palaver.testing.telegram.faults import Fault
from palaver.testing.telegram.files import StoredFile
from palaver.testing.telegram.intake import take
from palaver.testing.telegram.methods.registry import run
from palaver.testing.telegram.schema import Mismatch, load
from palaver.testing.telegram.webhook import deliver
from palaver.testing.telegram.wire import (
    ApiError,
    Fields,
    Json,
    JsonObject,
    StricterThanTelegram,
)
from palaver.testing.telegram.world import World

logger = logging.getLogger(__name__)

TOKEN = "123456789:" + "A" * 35


class BotApi(World):
    """The Bot API for one bot, with the world behind it.

    >>> async with BotApi() as api:
    ...     alice = api.user("Alice", id=1001)
    ...     chat = api.private(alice)
    ...     application = (
    ...         Application.builder().token(api.token)
    ...         .base_url(api.base_url).base_file_url(api.base_file_url).build()
    ...     )
    ...     await alice.send("/start")
    ...     answer = await chat.wait_for_text("Welcome")
    ...     assert api.problems == []

    It judges each request by the machine-readable description of the Bot API and refuses what
    Telegram refuses, in Telegram's words where they are known. It is stricter on purpose where
    Telegram says nothing: unknown parameters and fields, values of a wrong type. Each refusal of
    that sort, and each use of a method that is not simulated, is in `problems`.

    `calls` logs all requests; `faults`, `limits`, `refused` and `half_open` make trouble; `clock`
    can be moved. `reads_all_groups` turns the privacy mode off, `private_topics` topics in
    private chats on. httpx obeys proxy variables: set `NO_PROXY=127.0.0.1` for the bot.
    """

    def __init__(
        self,
        token: str = TOKEN,
        *,
        username: str = "palaver_bot",
        name: str = "Palaver",
        clock: Clock | None = None,
        reads_all_groups: bool = False,
        private_topics: bool = False,
    ) -> None:
        super().__init__(
            token,
            username=username,
            name=name,
            clock=clock,
            reads_all_groups=reads_all_groups,
            private_topics=private_topics,
        )
        self.calls = CallLog()
        self._lines = Lines(self._app())
        self._deliveries: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return self._lines.url

    @property
    def base_url(self) -> str:
        """What python-telegram-bot takes as `base_url`."""
        return f"{self.url}/bot"

    @property
    def base_file_url(self) -> str:
        """What python-telegram-bot takes as `base_file_url`."""
        return f"{self.url}/file/bot"

    async def __aenter__(self) -> "BotApi":
        await asyncio.to_thread(_warm_up)
        await self._lines.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.updates.close()
        await self._stop_deliveries()
        await self._lines.close()

    @contextlib.asynccontextmanager
    async def refused(self) -> AsyncIterator[None]:
        """Within it nobody listens: connections are closed and new ones refused."""
        await self._lines.refuse()
        try:
            yield
        finally:
            await self._lines.listen()

    def half_open(self) -> int:
        """The connections that there are now go dead without a word; new ones work.

        Nothing that comes in on a dead one is processed, nothing that is under way is answered.
        Returns how many there were.
        """
        return self._lines.deaden()

    def revoke_token(self) -> None:
        """From now on the token is worth nothing: 401."""
        self.revoked = True

    def _app(self) -> web.Application:
        # Uploads are measured while they are read, hence no limit here.
        app = web.Application(client_max_size=0)
        app.router.add_route("*", "/bot{token}/{method}", self._answer_call)
        app.router.add_get("/file/bot{token}/{path:.+}", self._answer_file)
        return app

    async def _answer_file(self, request: web.Request) -> web.StreamResponse:
        await self._lines.enter(request)
        path = request.match_info["path"]
        call = Call(f"file/{path}", self.clock.now())
        self.calls.add(call)
        try:
            stored = await self._fetch(request, call, path)
        except ApiError as refusal:
            call.status, call.answer = refusal.code, refusal.to_json()
            return _reply(refusal.to_json(), refusal)
        await self._lines.enter(request)
        call.status, call.answer = 200, {"ok": True}
        return web.Response(body=stored.data, content_type="application/octet-stream")

    async def _fetch(self, request: web.Request, call: Call, path: str) -> StoredFile:
        fault = self.faults.strike("file", Fields({"path": path}))
        if fault is not None:
            await self._suffer(request, call, fault)
        stored = self.files.by_path(path)
        if request.match_info["token"] != self.token or self.revoked or stored is None:
            raise ApiError(404, "Not Found")
        return stored

    async def _answer_call(self, request: web.Request) -> web.StreamResponse:
        await self._lines.enter(request)
        refusal: ApiError | None = None
        body: JsonObject = {}
        try:
            self._check_token(request.match_info["token"])
            body = await self._judge_call(request)
        except ApiError as refused:
            refusal, body = refused, refused.to_json()
        await self._lines.enter(request)
        return _reply(body, refusal)

    async def _judge_call(self, request: web.Request) -> JsonObject:
        call = Call(request.match_info["method"], self.clock.now())
        self.calls.add(call)
        try:
            await self._process(request, call)
        except ApiError as refusal:
            call.status, call.answer = refusal.code, refusal.to_json()
            self._note_refusal(call, refusal)
            raise
        finally:
            self.signal.notify()
        return call.answer

    def _note_refusal(self, call: Call, refusal: ApiError) -> None:
        if isinstance(refusal, StricterThanTelegram):
            self.problem(call.method, str(refusal), refused=True, telegram=refusal.telegram)
        elif not call.fault.startswith("error") and refusal.code in {400, 404, 413}:
            self.problem(call.method, refusal.description, refused=True)

    async def _process(self, request: web.Request, call: Call) -> None:
        call.method = self.schema.method(call.method)
        taken = await take(request)
        call.parameters, call.uploads = taken.parameters, taken.uploads
        fault = self.faults.strike(call.method, call.fields)
        if fault is not None:
            await self._suffer(request, call, fault)
        given = self.schema.judge(call.method, taken.parameters, taken.uploads)
        call.parameters = given.values
        self._check_flood(call.method, given)
        result = await run(self, call.method, given)
        self._check_self(call.method, result)
        await self._tend_webhook(call.method)
        if fault is not None and fault.drop == "after":
            call.fault = "drop after"
            await self._lines.drop(request)
        call.status, call.answer = 200, {"ok": True, "result": result}

    def _check_flood(self, method: str, given: Fields) -> None:
        chat_id = given.text("chat_id")
        if chat_id.removeprefix("-").isdecimal():
            cost = len(given.array("media")) or 1
            self.limits.check(method, int(chat_id), cost)

    def _check_self(self, method: str, result: Json) -> None:
        """An answer that is not what the Bot API promises is a fault of this server."""
        try:
            self.schema.check_answer(method, result)
        except Mismatch as wrong:
            self.problem(method, f"this server answers wrongly: {wrong}")
            raise

    async def _suffer(self, request: web.Request, call: Call, fault: Fault) -> None:
        """The part of a fault that comes before processing."""
        if fault.delay:
            call.fault = "delay"
            await asyncio.sleep(fault.delay)
        if fault.silence:
            call.fault = "silence"
            await self._lines.hold(request)
        if fault.drop == "before":
            call.fault = "drop before"
            await self._lines.drop(request)
        error = fault.answer()
        if error is not None:
            call.fault = f"error {error.code}"
            raise error

    def _check_token(self, token: str) -> None:
        if ":" not in token:
            raise ApiError(401, "Unauthorized: invalid token specified")
        if self.revoked or token != self.token:
            raise ApiError(401, "Unauthorized")

    async def _tend_webhook(self, method: str) -> None:
        if method not in {"setWebhook", "deleteWebhook"}:
            return
        await self._stop_deliveries()
        if self.webhook:

            def note(text: str) -> None:
                self.problem("webhook", text, telegram="runs it")

            task = deliver(self.updates, self.webhook, note)
            self._deliveries = asyncio.create_task(task)

    async def _stop_deliveries(self) -> None:
        if self._deliveries is None:
            return
        task, self._deliveries = self._deliveries, None
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()


def _warm_up() -> None:
    """Read what is read once; not in the event loop."""
    load()
    tdlib.installed()
    mimetypes.init()


def _reply(body: JsonObject, refusal: ApiError | None) -> web.Response:
    headers = {}
    if refusal is not None and "retry_after" in refusal.parameters:
        headers["Retry-After"] = str(refusal.parameters["retry_after"])
    return web.Response(
        body=json.dumps(body).encode(),
        status=refusal.code if refusal else 200,
        content_type="application/json",
        headers=headers,
    )
