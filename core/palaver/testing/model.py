"""A model to run Claude Code against: a small scripted server of the Messages API.

The real Claude Code does all it really does (tools, permissions, transcripts, resuming), and
only what the model says is scripted, so nothing needs an account or the network:

    async with LoopbackModel() as model:
        environment = model.environment(home)   # for the agent's process
        ...
        assert model.requests[-1].prompt == "hello"
        assert model.problems == []
"""

import asyncio
import inspect
import json
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from palaver.testing.model_messages import (
    Block,
    Drop,
    Envelope,
    Fail,
    Hang,
    Kind,
    ModelRequest,
    Raw,
    Reply,
    Say,
    Script,
    Think,
    ToolResult,
    Use,
    Wait,
    reply_blocks,
)
from palaver.testing.model_rules import request_problem
from palaver.testing.model_scripts import conversation_script, replies
from palaver.testing.model_stream import ReplyStream, count_tokens, error_response, reply_message

__all__ = [
    "Block",
    "Drop",
    "Envelope",
    "Fail",
    "Hang",
    "Kind",
    "LoopbackModel",
    "ModelRequest",
    "Raw",
    "Reply",
    "Say",
    "Script",
    "Think",
    "ToolResult",
    "Use",
    "Wait",
    "conversation_script",
    "replies",
]

_log = logging.getLogger(__name__)

# The API takes requests of up to 32 MB (https://docs.claude.com/en/api/overview).
_LARGEST_REQUEST = 32 * 1024 * 1024
_CLOSING_S = 0.2


class LoopbackModel:
    """An asynchronous context manager that serves `script` on a loopback address.

    `requests` are the conversation's requests, the newest last; `side_requests` those that
    Claude Code makes for itself, which no script sees. `problems` tells every request that was
    refused because it broke the API's rules and every script that failed: a test that expects
    none says `assert model.problems == []`.
    """

    def __init__(
        self, script: Script | None = None, *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        """Serve `conversation_script` unless told otherwise, on a port the system chooses."""
        self.script: Script = script or conversation_script
        self.requests: list[ModelRequest] = []
        self.side_requests: list[ModelRequest] = []
        self.problems: list[str] = []
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None
        self._arrived = asyncio.Condition()

    async def __aenter__(self) -> Self:
        """Begin to listen.

        Raises OSError when the address is taken.
        """
        app = web.Application(client_max_size=_LARGEST_REQUEST)
        app.router.add_post("/v1/messages", self._messages)
        app.router.add_post("/v1/messages/count_tokens", self._count_tokens)
        app.router.add_head("/", self._reachable)
        app.router.add_route("*", "/{path:.*}", self._unknown)
        # A client that hangs up must end a handler that waits, and so must leaving.
        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=_CLOSING_S
        )
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError:
            await self._runner.cleanup()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close every connection and stop."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def url(self) -> str:
        """The base URL for `ANTHROPIC_BASE_URL`.

        Raises RuntimeError outside the `async with` block.
        """
        if self._runner is None:
            raise RuntimeError("the loopback model has an address only inside its `async with`")
        host, port = self._runner.addresses[0][:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def environment(self, home: Path) -> dict[str, str]:
        """Variables that make Claude Code use this model and keep all its files in `home`."""
        return {
            "ANTHROPIC_BASE_URL": self.url,
            "ANTHROPIC_API_KEY": "loopback",
            "HOME": str(home),
            "CLAUDE_CONFIG_DIR": str(home / ".claude"),
            "CLAUDE_CODE_TMPDIR": str(home),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "NO_PROXY": "127.0.0.1,localhost,::1",
            "no_proxy": "127.0.0.1,localhost,::1",
        }

    async def wait_for_request(
        self, predicate: Callable[[ModelRequest], bool] | None = None, timeout: float = 10.0
    ) -> ModelRequest:
        """The first conversation request that `predicate` accepts, already here or yet to come.

        Raises TimeoutError after `timeout` seconds.
        """
        accepts = predicate or (lambda _: True)
        async with asyncio.timeout(timeout), self._arrived:
            while True:
                for request in self.requests:
                    if accepts(request):
                        return request
                await self._arrived.wait()

    async def _messages(self, http: web.Request) -> web.StreamResponse:
        request = await self._accepted(http)
        if not isinstance(request, ModelRequest):
            return request
        blocks = await self._answer(request)
        # The client may leave at any byte; that is its right and no problem of ours.
        with suppress(ConnectionError):
            return await self._send(http, request, blocks)
        return web.Response()

    async def _send(
        self, http: web.Request, request: ModelRequest, blocks: list[Block]
    ) -> web.StreamResponse:
        plain = all(isinstance(block, Say | Think | Use | Envelope) for block in blocks)
        if plain and not request.body.get("stream"):
            return web.json_response(reply_message(request, blocks))
        return await ReplyStream(http, request, blocks).run()

    async def _answer(self, request: ModelRequest) -> list[Block]:
        if request.kind == "side":
            self.side_requests.append(request)
            return [Say("{}" if "output_config" in request.body else "ok")]
        async with self._arrived:
            self.requests.append(request)
            self._arrived.notify_all()
        try:
            reply = self.script(request)
            return reply_blocks(await reply if inspect.isawaitable(reply) else reply)
        except Exception as error:  # noqa: BLE001 - a script is foreign code; its fault is told
            _log.warning("the loopback model's script failed", exc_info=True)
            self.problems.append(f"the script failed: {error!r}")
            return [Fail(400, message=f"the loopback model's script failed: {error!r}")]

    async def _accepted(self, http: web.Request) -> ModelRequest | web.Response:
        """The request, if the real API would take it; else its refusal."""
        try:
            body: Any = json.loads(await http.read())
        except ValueError:
            return self._refused(Fail(400, message="the request body is not valid JSON"))
        except web.HTTPRequestEntityTooLarge:
            return self._refused(Fail(413, message="the request exceeds the maximum size"))
        if not http.headers.get("x-api-key") and not http.headers.get("authorization"):
            return self._refused(Fail(401, message="x-api-key header is required"))
        if not http.headers.get("anthropic-version"):
            return self._refused(Fail(400, message="anthropic-version: header is required"))
        if problem := request_problem(body):
            return self._refused(Fail(400, message=problem))
        return ModelRequest(body, http.headers.copy(), time.perf_counter())

    async def _count_tokens(self, http: web.Request) -> web.Response:
        try:
            body = json.loads(await http.read())
        except ValueError:
            return self._refused(Fail(400, message="the request body is not valid JSON"))
        # This endpoint has no `max_tokens`; all other rules are the same.
        if problem := request_problem({"max_tokens": 1, **body} if body else body):
            return self._refused(Fail(400, message=problem))
        return web.json_response({"input_tokens": count_tokens(body)})

    async def _reachable(self, _: web.Request) -> web.Response:
        return web.Response()

    async def _unknown(self, http: web.Request) -> web.Response:
        return self._refused(Fail(404, message=f"no such endpoint: {http.method} {http.path}"))

    def _refused(self, fail: Fail) -> web.Response:
        self.problems.append(f"{fail.status}: {fail.message}")
        return error_response(fail)
