"""One gateway connection: the protocol between a bot's socket and its session.

Source: discord-api-docs, "Gateway", "Opcodes and Status Codes".
"""

import asyncio
import json
from collections import deque
from typing import Any

from aiohttp import WSMsgType, web

from palaver.testing.discord.gateway import Gateway
from palaver.testing.discord.intents import Intents
from palaver.testing.discord.members import chunks
from palaver.testing.discord.sessions import Closing, Connection
from palaver.testing.discord.wire import JsonObject
from palaver.testing.discord.world import World
from palaver.testing.lines import Lines

#: Bytes of what a bot sends, and how often it may in a minute.
MAX_PAYLOAD, MAX_SENDS = 4096, 120

#: Intervals without a heartbeat after which a bot is gone, and seconds more for slow machines.
MISSED, PATIENCE = 3, 2.0

HEARTBEAT, IDENTIFY, PRESENCE, VOICE_STATE = 1, 2, 3, 4
RESUME, REQUEST_MEMBERS, HELLO, ACK = 6, 8, 10, 11


class Socket:
    """Reads what a bot says and writes what it is told."""

    def __init__(
        self,
        world: World,
        gateway: Gateway,
        lines: Lines,
        *,
        token: str,
        allowed: frozenset[str],
        heartbeat_s: float,
    ) -> None:
        self._world = world
        self._gateway = gateway
        self._lines = lines
        self._token = token
        self._allowed = allowed
        self._heartbeat_s = heartbeat_s
        self._sends: deque[float] = deque(maxlen=MAX_SENDS)
        self._watch: asyncio.TimerHandle | None = None

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Until either side closes."""
        await self._lines.enter(request)
        socket = web.WebSocketResponse(compress=False, timeout=0.2)
        await socket.prepare(request)
        transport = request.transport
        connection = Connection(lambda: transport.abort() if transport else None)
        self._gateway.connections.append(connection)
        writer = asyncio.create_task(self._write(socket, connection))
        try:
            connection.tell(HELLO, {"heartbeat_interval": int(self._heartbeat_s * 1000)})
            self._beat(connection)
            await self._read(socket, connection)
        finally:
            if self._watch:
                self._watch.cancel()
            self._gateway.leave(connection, for_good=socket.close_code in (1000, 1001))
            writer.cancel()
            await asyncio.wait([writer])
            if not writer.cancelled():
                writer.result()
        return socket

    async def _write(self, socket: web.WebSocketResponse, connection: Connection) -> None:
        while True:
            frame = await connection.frames.get()
            await self._gateway.flowing()
            if connection.silent:
                continue
            try:
                if isinstance(frame, tuple):
                    await socket.close(code=frame[0], message=frame[1].encode())
                else:
                    await socket.send_str(frame)
            except ConnectionError:
                # The reader hears of it too, and ends the connection.
                return

    async def _read(self, socket: web.WebSocketResponse, connection: Connection) -> None:
        async for message in socket:
            if connection.silent:
                continue
            try:
                self._take(connection, _parse(message.type, message.data))
            except Closing as closing:
                self._end(connection, closing, message.data)

    def _beat(self, connection: Connection) -> None:
        """The bot is alive; if it does not say so again, it is gone."""
        if self._watch:
            self._watch.cancel()
        seconds = MISSED * self._heartbeat_s + PATIENCE
        loop = asyncio.get_running_loop()
        self._watch = loop.call_later(seconds, self._missed, connection)

    def _missed(self, connection: Connection) -> None:
        if not connection.silent:
            self._end(connection, Closing(4009, "Session timed out."), None)

    def _end(self, connection: Connection, closing: Closing, said: Any) -> None:
        self._gateway.problem(closing.code, closing.text, said)
        connection.close(closing.code, closing.text)
        if connection.session is not None:
            self._gateway.end(connection.session)

    def _take(self, connection: Connection, said: JsonObject) -> None:
        self._count()
        op, data = said.get("op"), said.get("d")
        if op == HEARTBEAT:
            connection.heartbeats += 1
            self._beat(connection)
            connection.tell(ACK, None)
        elif op == IDENTIFY:
            self._identify(connection, data)
        elif op == RESUME:
            self._resume(connection, data)
        elif connection.session is None:
            raise Closing(4003, "Not authenticated.")
        elif op == REQUEST_MEMBERS:
            for body in chunks(self._world, data):
                connection.session.push("GUILD_MEMBERS_CHUNK", json.dumps(body))
        elif op not in (PRESENCE, VOICE_STATE):
            raise Closing(4001, "Unknown opcode.")

    def _count(self) -> None:
        now = asyncio.get_running_loop().time()
        if len(self._sends) == MAX_SENDS and now - self._sends[0] < 60:
            raise Closing(4008, "Rate limited.")
        self._sends.append(now)

    def _identify(self, connection: Connection, data: Any) -> None:
        if connection.session is not None:
            raise Closing(4005, "Already authenticated.")
        self._check_token(data)
        if not isinstance(data.get("properties"), dict):
            raise Closing(4002, "Error while decoding payload.")
        try:
            intents = Intents(int(data["intents"]))
        except (KeyError, TypeError, ValueError):
            raise Closing(4013, "Invalid intent(s).") from None
        if intents.privileged - self._allowed:
            raise Closing(4014, "Disallowed intent(s).")
        self._gateway.begin(connection, intents)

    def _resume(self, connection: Connection, data: Any) -> None:
        if connection.session is not None:
            raise Closing(4005, "Already authenticated.")
        self._check_token(data)
        self._gateway.resume(connection, str(data.get("session_id")), int(data.get("seq") or 0))

    def _check_token(self, data: Any) -> None:
        if not isinstance(data, dict):
            raise Closing(4002, "Error while decoding payload.")
        if str(data.get("token")).removeprefix("Bot ") != self._token:
            raise Closing(4004, "Authentication failed.")


def _parse(kind: WSMsgType, raw: Any) -> JsonObject:
    text = raw if kind == WSMsgType.TEXT else ""
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    if not isinstance(said, dict) or len(text.encode()) > MAX_PAYLOAD:
        raise Closing(4002, "Error while decoding payload.")
    return said
