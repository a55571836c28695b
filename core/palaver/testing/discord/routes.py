"""Routes that simcord lacks, or answers otherwise than the live service."""

import re
from collections.abc import Callable
from typing import Any

from simcord.backend import errors, serializers
from simcord.http import router

from palaver.testing.discord import threads
from palaver.testing.discord.calls import Call
from palaver.testing.discord.limits import limit_of
from palaver.testing.discord.wire import ApiError, JsonObject
from palaver.testing.discord.world import World

#: The application's flags of an intent that is allowed to an unverified bot.
#: Source: discord-api-docs, "Application Flags".
_FLAGS = {"presences": 1 << 13, "members": 1 << 15, "message_content": 1 << 19}


def application_flags(privileged: frozenset[str]) -> int:
    """The flags of an application that may ask for these intents."""
    return sum(_FLAGS[name] for name in privileged)


class Routes:
    """All routes of the REST API for one application."""

    def __init__(
        self, world: World, gateway_url: Callable[[], str], allowed: frozenset[str]
    ) -> None:
        self._world = world
        self._gateway_url = gateway_url
        self._allowed = allowed
        self._own: list[tuple[re.Pattern[str], Callable[..., Any]]] = [
            (re.compile(pattern), handle)
            for pattern, handle in (
                (r"GET /gateway", self._gateway),
                (r"GET /gateway/bot", self._bot_gateway),
                (r"GET /(?:oauth2/)?applications/@me", self._application),
                (r"(?:PATCH|DELETE) /channels/(\d+)", self._channel),
                (r"GET /channels/(\d+)/messages", self._history),
                (r"POST /channels/(\d+)/messages", self._send),
                (r"POST /interactions/\d+/[^/]+/callback", self._callback),
                (r"[A-Z]+ /webhooks/\d+/([^/]+)(?:/messages/[^/]+)?", self._webhook),
            )
        ]

    def run(self, call: Call) -> Any:
        """Carry a request out. Raises BackendError for what is refused."""
        for pattern, handle in self._own:
            match = pattern.fullmatch(call.route)
            if match:
                return handle(call, *match.groups())
        return self._dispatch(call)

    def _dispatch(self, call: Call) -> Any:
        return router.dispatch(
            self._world,
            call.method,
            call.path,
            json=call.body,
            params=call.query,
            files=call.uploads,
            message_content_access="message_content" in self._allowed,
        )

    def _gateway(self, _call: Call) -> JsonObject:
        return {"url": self._gateway_url()}

    def _bot_gateway(self, _call: Call) -> JsonObject:
        starts = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
        return {"url": self._gateway_url(), "shards": 1, "session_start_limit": starts}

    def _application(self, call: Call) -> JsonObject:
        body: JsonObject = dict(
            router.dispatch(self._world, call.method, "/oauth2/applications/@me")
        )
        owner = self._world.users[self._world.owner_id]
        body["owner"] = serializers.user_payload(owner)
        body["flags"] = application_flags(self._allowed)
        return body

    def _channel(self, call: Call, channel: str) -> Any:
        known = self._world.channels.get(int(channel))
        if known is None or not known.is_thread:
            return self._dispatch(call)
        if call.method == "DELETE":
            return threads.delete(self._world, known)
        return threads.edit(self._world, known, call)

    def _history(self, call: Call, channel: str) -> list[JsonObject]:
        """simcord gives the newest messages after `after`, the live service the next ones."""
        limit = limit_of(call.query)
        if "after" not in call.query:
            found: list[JsonObject] = self._dispatch(call)
            return found
        everything = {**call.query, "limit": str(len(self._world.messages.get(int(channel), {})))}
        call_all = Call(call.method, call.path, call.at, query=everything)
        after: list[JsonObject] = self._dispatch(call_all)
        return after[-limit:]

    def _send(self, call: Call, channel: str) -> JsonObject:
        body = call.body if isinstance(call.body, dict) else {}
        nonce = None if body.get("nonce") is None else str(body["nonce"])
        if nonce is not None and body.get("enforce_nonce"):
            before = self._world.sent_with(int(channel), nonce)
            if before is not None:
                return {**serializers.message_payload(self._world, before), "nonce": nonce}
        self._world.begin_nonce(nonce)
        try:
            sent: JsonObject = self._dispatch(call)
        finally:
            self._world.begin_nonce(None)
        if nonce is not None:
            self._world.keep_nonce(int(channel), nonce, int(sent["id"]))
            sent["nonce"] = nonce
        return sent

    def _callback(self, call: Call) -> JsonObject | None:
        answer: JsonObject = self._dispatch(call)
        wanted = call.query.get("with_response", "").lower() in {"1", "true"}
        return answer if wanted else None

    def _webhook(self, call: Call, token: str) -> Any:
        if self._world.interaction_expired(token):
            raise ApiError(401, 50027, "Invalid Webhook Token")
        number = self._world.interaction_tokens.get(token)
        if number is not None and not self._world.interactions[number].responded:
            raise errors.unknown_webhook()
        answer = self._dispatch(call)
        waits = call.query.get("wait", "").lower() in {"1", "true"}
        is_execute = call.method == "POST" and token not in self._world.interaction_tokens
        return None if is_execute and not waits else answer
