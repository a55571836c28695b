"""Requests that fail: what became of them, and whether it is worth a wait."""

from http import HTTPStatus
from http.client import responses
from typing import Any

import httpx
from telegram.error import BadRequest, NetworkError
from telegram.request import HTTPXRequest

_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.LocalProtocolError,
    httpx.UnsupportedProtocol,
)
_OURS = (httpx.LocalProtocolError, httpx.UnsupportedProtocol)
_OUTAGE = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)


class ServerError(NetworkError):
    """Raised for an answer that says that the server, or one on the way there, broke down.

    Attributes:
        status: of HTTP, from 500 on.
        restarts: the Bot API server says so (tdlib/telegram-bot-api answers 500 then).
    """

    def __init__(self, status: int, *, restarts: bool) -> None:
        super().__init__(f"the server answers {status} {responses.get(status, '')}".strip())
        self.status = status
        self.restarts = restarts


class TooLargeError(BadRequest):
    """Raised for what a server on the way finds too large (413); Telegram's own limits are known
    before."""

    def __init__(self) -> None:
        super().__init__("it is too large for a server on the way")


class Request(HTTPXRequest):
    """The library's, but that it tells one failure from another."""

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        status, payload = await super().do_request(*args, **kwargs)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise ServerError(status, restarts=b"restart" in payload)
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            raise TooLargeError
        return status, payload


def may_have_arrived(error: NetworkError) -> bool:
    """Whether Telegram may have done what it did not answer."""
    if isinstance(error, ServerError):
        return True
    cause = error.__cause__
    return isinstance(cause, httpx.HTTPError) and not isinstance(cause, _NOT_SENT)


def passes(error: NetworkError) -> bool:
    """Whether it is the network's fault, or an outage: it ends some time, and concerns all."""
    if isinstance(error, ServerError):
        return error.restarts or error.status in _OUTAGE
    cause = error.__cause__
    return isinstance(cause, httpx.TransportError) and not isinstance(cause, _OURS)
