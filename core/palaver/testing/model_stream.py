"""Writes a reply the way the Messages API streams it: server-sent events over one response."""

import asyncio
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aiohttp import web

from palaver.testing.model_messages import (
    Block,
    Drop,
    Envelope,
    Fail,
    Hang,
    ModelRequest,
    Raw,
    Say,
    Think,
    Use,
    Wait,
)

_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}
# About four characters make a token of English text.
_CHARACTERS_PER_TOKEN = 4
_ARRIVAL_S = 0.05


def error_body(status: int, message: str, kind: str | None = None) -> dict[str, Any]:
    """The API's error object for an HTTP status."""
    name = kind or _ERROR_TYPES.get(status, "api_error")
    return {
        "type": "error",
        "error": {"type": name, "message": message},
        "request_id": "req_" + secrets.token_hex(12),
    }


def error_response(fail: Fail, envelope: Envelope | None = None) -> web.Response:
    """A refusal before any byte of an answer, with the headers of the reply's envelope."""
    headers = dict(envelope.headers) if envelope else {}
    if fail.retry_after is not None:
        headers["retry-after"] = f"{fail.retry_after:g}"
    body = error_body(fail.status, fail.message, fail.type)
    return web.json_response(body, status=fail.status, headers=headers)


def count_tokens(body: Mapping[str, Any]) -> int:
    """Roughly how many tokens the model would read."""
    read = {key: body[key] for key in ("system", "messages", "tools") if key in body}
    return len(json.dumps(read)) // _CHARACTERS_PER_TOKEN + 1


def reply_message(request: ModelRequest, blocks: Sequence[Block]) -> dict[str, Any]:
    """A whole reply as one message, for a request that did not ask for a stream."""
    content = [_whole(block) for block in blocks if isinstance(block, Say | Think | Use)]
    envelope = envelope_of(blocks)
    return {
        **_empty_message(request, envelope),
        "content": content,
        "stop_reason": _stop_reason(blocks, envelope),
        "usage": _usage(request, envelope, _output_tokens(blocks, envelope)),
    }


def envelope_of(blocks: Sequence[Block]) -> Envelope:
    """The reply's `Envelope`, an empty one if it has none."""
    return next((block for block in blocks if isinstance(block, Envelope)), Envelope())


class ReplyStream:
    """Streams one reply into one HTTP response, which begins with the first block that needs it."""

    def __init__(self, http: web.Request, request: ModelRequest, blocks: Sequence[Block]) -> None:
        self._http = http
        self._request = request
        self._blocks = blocks
        self._envelope = envelope_of(blocks)
        self._response: web.StreamResponse | None = None
        self._index = 0

    async def run(self) -> web.StreamResponse:
        """Send everything; the response is complete, cut or refused when this returns."""
        following: list[Block | None] = [*self._blocks[1:], None]
        for block, after in zip(self._blocks, following, strict=True):
            match block:
                case Wait(seconds):
                    await asyncio.sleep(seconds)
                case Hang():
                    # Ends when the client or the server hangs up: both cancel this handler.
                    await asyncio.Event().wait()
                case Drop():
                    return await self._cut()
                case Fail():
                    return await self._fail(block)
                case Raw(data):
                    await (await self._begun()).write(data)
                case Say() | Think() | Use():
                    await self._content(block, broken=isinstance(after, Drop | Fail | Hang))
                case Envelope():
                    pass
        return await self._end()

    async def _begun(self) -> web.StreamResponse:
        if self._response is None:
            headers = {"Cache-Control": "no-cache", **self._envelope.headers}
            self._response = web.StreamResponse(headers=headers)
            self._response.content_type = "text/event-stream"
            await self._response.prepare(self._http)
            message = _empty_message(self._request, self._envelope)
            await self._event("message_start", {"message": message})
        return self._response

    async def _event(self, name: str, data: Mapping[str, Any]) -> None:
        response = await self._begun()
        payload = json.dumps({"type": name, **data})
        await response.write(f"event: {name}\ndata: {payload}\n\n".encode())

    async def _content(self, block: Say | Think | Use, *, broken: bool) -> None:
        start, deltas, delay_s = _pieces(block)
        await self._event("content_block_start", {"index": self._index, "content_block": start})
        for delta in deltas:
            if delay_s:
                await asyncio.sleep(delay_s)
            await self._event("content_block_delta", {"index": self._index, "delta": delta})
        if not broken:
            await self._event("content_block_stop", {"index": self._index})
        self._index += 1

    async def _end(self) -> web.StreamResponse:
        response = await self._begun()
        stop_reason = _stop_reason(self._blocks, self._envelope)
        tokens = _output_tokens(self._blocks, self._envelope)
        await self._event(
            "message_delta",
            {
                "delta": {"stop_reason": stop_reason, "stop_sequence": None},
                "usage": {"output_tokens": tokens},
            },
        )
        await self._event("message_stop", {})
        await response.write_eof()
        return response

    async def _fail(self, fail: Fail) -> web.StreamResponse:
        if self._response is None:
            return error_response(fail, self._envelope)
        await self._event("error", error_body(fail.status, fail.message, fail.type))
        await self._response.write_eof()
        return self._response

    async def _cut(self) -> web.StreamResponse:
        if self._response is not None:
            # Claude Code, which reads data and end at once, would never see the data.
            await asyncio.sleep(_ARRIVAL_S)
        if self._http.transport is not None:
            # Not `abort`: a reset could take back what the client has not read yet.
            self._http.transport.close()
        return self._response or web.Response()


def _empty_message(request: ModelRequest, envelope: Envelope) -> dict[str, Any]:
    return {
        "id": "msg_" + secrets.token_hex(12),
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _usage(request, envelope, 1),
    }


def _usage(request: ModelRequest, envelope: Envelope, output_tokens: int) -> dict[str, int]:
    given = envelope.input_tokens
    return {
        "input_tokens": count_tokens(request.body) if given is None else given,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": output_tokens,
    }


def _output_tokens(blocks: Sequence[Block], envelope: Envelope) -> int:
    if envelope.output_tokens is not None:
        return envelope.output_tokens
    said = [json.dumps(_whole(b)) for b in blocks if isinstance(b, Say | Think | Use)]
    return sum(len(text) for text in said) // _CHARACTERS_PER_TOKEN + 1


def _stop_reason(blocks: Sequence[Block], envelope: Envelope) -> str:
    used = any(isinstance(block, Use) for block in blocks)
    return envelope.stop_reason or ("tool_use" if used else "end_turn")


def _whole(block: Say | Think | Use) -> dict[str, Any]:
    match block:
        case Say(text):
            return {"type": "text", "text": text}
        case Think(text):
            return {"type": "thinking", "thinking": text, "signature": "loopback"}
        case Use(tool, tool_input, call_id):
            return {"type": "tool_use", "id": call_id, "name": tool, "input": dict(tool_input)}


def _pieces(block: Say | Think | Use) -> tuple[dict[str, Any], list[dict[str, Any]], float]:
    """The start of a content block, its deltas, and the seconds before each delta."""
    whole = _whole(block)
    match block:
        case Say():
            chunks = _chunks(block.text, block.words_per_chunk)
            texts = [{"type": "text_delta", "text": chunk} for chunk in chunks]
            return {**whole, "text": ""}, texts, block.delay_s
        case Think():
            chunks = _chunks(block.text, block.words_per_chunk)
            thoughts = [{"type": "thinking_delta", "thinking": chunk} for chunk in chunks]
            signed = {"type": "signature_delta", "signature": whole["signature"]}
            return {**whole, "thinking": "", "signature": ""}, [*thoughts, signed], block.delay_s
        case Use():
            partial = {"type": "input_json_delta", "partial_json": json.dumps(whole["input"])}
            return {**whole, "input": {}}, [partial], 0.0


def _chunks(text: str, words: int) -> Iterator[str]:
    """The text in pieces of so many words, every space and line break kept."""
    rest = text.split(" ")
    for start in range(0, len(rest), words):
        piece = " ".join(rest[start : start + words])
        yield piece if start == 0 else " " + piece
