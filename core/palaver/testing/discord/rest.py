"""One request of the REST API: read, judged, carried out and answered."""

import asyncio
import json
import logging
from typing import Any
from urllib.parse import unquote

from aiohttp import BodyPartReader, web
from simcord.backend.errors import BackendError
from simcord.http.router import RouteNotImplemented, UnsupportedField

from palaver.testing.discord import limits
from palaver.testing.discord.calls import Call, CallLog, Problem
from palaver.testing.discord.faults import Fault, Faults
from palaver.testing.discord.files import MAX_REQUEST, Data, Upload
from palaver.testing.discord.rates import RateLimits
from palaver.testing.discord.routes import Routes
from palaver.testing.discord.wire import (
    API_PREFIX,
    ApiError,
    JsonObject,
    bad_form,
    not_found,
    unauthorized,
)
from palaver.testing.discord.world import World
from palaver.testing.lines import Lines

logger = logging.getLogger(__name__)

#: Routes that are opened by a token in their path.
_OPEN = ("/interactions/", "/webhooks/")
#: Fields of an attachment's description that stay with the file.
_DETAILS = ("duration_secs", "waveform", "title")


class Rest:
    """The REST API, and the files that it gave addresses of."""

    def __init__(
        self,
        world: World,
        lines: Lines,
        routes: Routes,
        faults: Faults,
        rates: RateLimits,
        token: str,
    ) -> None:
        self._world = world
        self._lines = lines
        self._routes = routes
        self._faults = faults
        self._rates = rates
        self.token = token
        self.calls = CallLog()
        self.problems: list[Problem] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The answer to a request of the API."""
        path = request.path.removeprefix(API_PREFIX)
        call = await self._begin(request, path)
        fault: Fault | None = None
        try:
            self._check_token(request, path)
            await self._read(request, call)
            fault = self._faults.strike(call)
            await self._suffer(request, call, fault)
            call.headers = self._rates.check(call)
            call.answer = self._carry_out(call)
        except BackendError as refusal:
            return await self._refuse(request, call, refusal)
        await self._finish(request, call, fault)
        call.status = 204 if call.answer is None else 200
        self._world.signal.notify()
        return _reply(call.status, call.answer, call.headers)

    async def give_file(self, request: web.Request) -> web.StreamResponse:
        """The answer to a request for a file."""
        call = await self._begin(request, request.path)
        fault = self._faults.strike(call)
        try:
            await self._suffer(request, call, fault)
            data = self._world.files.by_path(unquote(request.rel_url.raw_path))
            if data is None:
                raise ApiError(404, 0, "This content is no longer available.")
        except BackendError as refusal:
            return await self._refuse(request, call, refusal)
        await self._finish(request, call, fault)
        call.status = 200
        self._world.signal.notify()
        return web.Response(body=data, content_type="application/octet-stream")

    async def _begin(self, request: web.Request, path: str) -> Call:
        await self._lines.enter(request)
        now = self._world.clock.moment()
        call = Call(request.method, path, now, query=dict(request.query))
        self.calls.add(call)
        return call

    async def _finish(self, request: web.Request, call: Call, fault: Fault | None) -> None:
        if fault is not None and fault.drop == "after":
            call.fault = "drop after"
            self._world.signal.notify()
            await self._lines.drop(request)
        await self._lines.enter(request)

    async def _refuse(
        self, request: web.Request, call: Call, refusal: BackendError
    ) -> web.StreamResponse:
        body = refusal.to_json()
        call.status, call.code, call.answer = refusal.status, refusal.code, body
        if refusal.status == 429:
            call.fault = call.fault or "rate limit"
        if not call.fault:
            text = f"{refusal.message} {json.dumps(refusal.errors or '')}".strip(' "')
            self.problems.append(
                Problem(call.method, call.path, refusal.status, refusal.code, text, call.body)
            )
        self._world.signal.notify()
        await self._lines.enter(request)
        call.headers = refusal.headers if isinstance(refusal, ApiError) else {}
        return _reply(refusal.status, body, call.headers)

    def _check_token(self, request: web.Request, path: str) -> None:
        given = request.headers.get("Authorization")
        if given is None and path.startswith(_OPEN):
            return
        if given != f"Bot {self.token}":
            raise unauthorized()

    async def _suffer(self, request: web.Request, call: Call, fault: Fault | None) -> None:
        """The part of a fault that comes before processing."""
        if fault is None:
            return
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
            call.fault = f"error {error.status}"
            raise error

    def _carry_out(self, call: Call) -> Any:
        try:
            limits.check(self._world, call)
            return self._routes.run(call)
        except RouteNotImplemented as unknown:
            logger.warning("%s", unknown.message)
            raise not_found() from unknown
        except UnsupportedField as unknown:
            logger.warning("%s", unknown.message)
            raise bad_form(unknown.fields[0], "Unknown field.") from unknown
        except (KeyError, ValueError, TypeError) as wrong:
            # simcord reads required fields and numbers without asking.
            logger.warning("%s: %r", call.route, wrong)
            raise bad_form("body", f"{type(wrong).__name__}: {wrong}") from wrong
        except BackendError:
            raise
        except Exception as broken:
            text = f"this server failed: {broken!r}"
            self.problems.append(Problem(call.method, call.path, 500, 0, text, call.body))
            raise

    async def _read(self, request: web.Request, call: Call) -> None:
        if request.content_type.startswith("multipart/"):
            await self._read_form(request, call)
        elif request.can_read_body:
            raw = await request.read()
            limits.check_size(len(raw), [])
            call.body = _parse(raw)

    async def _read_form(self, request: web.Request, call: Call) -> None:
        total = 0
        parts: dict[str, tuple[str, bytes]] = {}
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                raise bad_form("body", "Nested forms are unknown.")
            raw = bytes(await part.read())
            total += len(raw)
            if total <= MAX_REQUEST:
                parts[part.name or ""] = (part.filename or "", raw)
        limits.check_size(total, [])
        call.body = _parse(parts.pop("payload_json", ("", b"{}"))[1])
        call.uploads = _uploads(parts, call.body)
        limits.check_size(total, call.uploads)


def _parse(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError:
        raise ApiError(400, 50109, "The request body contains invalid JSON.") from None


def _uploads(parts: dict[str, tuple[str, bytes]], body: Any) -> list[Upload]:
    described = {str(one.get("id")): one for one in _attachments(body) if isinstance(one, dict)}
    uploads = []
    for index, (name, (filename, raw)) in enumerate(parts.items()):
        if name != f"files[{index}]" or not filename:
            raise bad_form(name or "body", "Files are named files[n], in their order.")
        told: JsonObject = described.get(str(index), {})
        details = {key: told[key] for key in _DETAILS if key in told}
        description = told.get("description")
        uploads.append(Upload(told.get("filename") or filename, Data(raw, **details), description))
    return uploads


def _attachments(body: Any) -> list[Any]:
    """What a body says of its files; a forum's post and an interaction's answer wrap it."""
    if not isinstance(body, dict):
        return []
    for wrapped in ("message", "data"):
        if isinstance(body.get(wrapped), dict):
            return _attachments(body[wrapped])
    found = body.get("attachments") or []
    return found if isinstance(found, list) else []


def _reply(status: int, body: Any, headers: dict[str, str] | None = None) -> web.Response:
    if body is None:
        return web.Response(status=status, headers=headers)
    response = web.Response(body=json.dumps(body).encode(), status=status, headers=headers)
    # Without a charset: discord.py compares the whole header.
    response.headers["Content-Type"] = "application/json"
    return response
