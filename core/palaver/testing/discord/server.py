"""A strict Discord on a loopback address."""

import asyncio
import contextlib
import mimetypes
from collections.abc import AsyncIterator, Callable, Collection
from types import TracebackType

from aiohttp import web

from palaver.testing.clock import Clock
from palaver.testing.discord.calls import Call, CallLog, Problem
from palaver.testing.discord.faults import Faults
from palaver.testing.discord.files import MAX_REQUEST
from palaver.testing.discord.gateway import Gateway
from palaver.testing.discord.guilds import Guild
from palaver.testing.discord.intents import PRIVILEGED
from palaver.testing.discord.people import Member
from palaver.testing.discord.places import WAIT_SECONDS, Channel
from palaver.testing.discord.rates import RateLimits
from palaver.testing.discord.rest import Rest
from palaver.testing.discord.routes import Routes, application_flags
from palaver.testing.discord.sockets import Socket
from palaver.testing.discord.wire import API_PREFIX
from palaver.testing.discord.world import World
from palaver.testing.lines import Lines

#: No secret: it has the form of one, for code that checks it.
TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GAAAAA." + "A" * 38


class DiscordServer:
    """Discord for one application, with the world behind it.

    >>> async with DiscordServer() as discord:
    ...     guild = discord.guild()
    ...     member = guild.member("member", id=2001)
    ...     # the bot connects to discord.api_base and discord.gateway_url with discord.token
    ...     await discord.gateway.wait_connected()
    ...     await member.say("hello")
    ...     answer = await guild.general.wait_for_text("Welcome")
    ...     assert discord.problems == []

    State, permissions and the life of interactions are simcord's, on real time. It refuses what
    Discord refuses, with its status and code, and more strictly what it does not simulate: unknown
    routes and fields. Each refusal that was not asked for is in `problems`.

    `calls` logs all requests; `faults`, `limits`, `gateway`, `refused` and `half_open` make
    trouble; `clock` can be moved. `privileged` are the intents that the application may ask for,
    `heartbeat_s` is the interval of heartbeats in seconds.
    """

    def __init__(
        self,
        token: str = TOKEN,
        *,
        username: str = "palaver",
        clock: Clock | None = None,
        privileged: Collection[str] = PRIVILEGED,
        heartbeat_s: float = 41.25,
    ) -> None:
        allowed = frozenset(privileged)
        if allowed - PRIVILEGED:
            raise ValueError(f"privileged intents are {sorted(PRIVILEGED)}")
        self.token = token
        self.clock = clock or Clock()
        self.world = World(self.clock, username=username)
        self.faults = Faults()
        # What is too large is read and refused: a client that still sends would not hear of it.
        app = web.Application(client_max_size=4 * MAX_REQUEST)
        self._lines = Lines(app)
        routes = Routes(self.world, lambda: self.gateway_url, allowed)
        self.limits = RateLimits(self.clock)
        self._rest = Rest(self.world, self._lines, routes, self.faults, self.limits, token)
        self.gateway = Gateway(
            self.world,
            lambda: self.gateway_url,
            self._rest.problems,
            flags=application_flags(allowed),
        )
        self._heartbeat_s = heartbeat_s
        self._allowed = allowed
        app.router.add_get("/gateway", self._connect)
        app.router.add_get("/gateway/", self._connect)
        app.router.add_get("/attachments/{path:.+}", self._rest.give_file)
        app.router.add_route("*", API_PREFIX + "/{path:.*}", self._rest.answer)

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return self._lines.url

    @property
    def api_base(self) -> str:
        """The REST API: discord.py's `Route.BASE`."""
        return f"{self.url}{API_PREFIX}"

    @property
    def gateway_url(self) -> str:
        """The gateway: discord.py's `DiscordWebSocket.DEFAULT_GATEWAY`."""
        return f"{self.url.replace('http', 'ws', 1)}/gateway"

    @property
    def calls(self) -> CallLog:
        """All requests."""
        return self._rest.calls

    @property
    def problems(self) -> list[Problem]:
        """What was refused, and gateway connections that the bot lost by its own fault."""
        return self._rest.problems

    @property
    def bot_id(self) -> int:
        """The bot's user id."""
        return self.world.bot_user.id

    @property
    def application_id(self) -> int:
        """The application's id."""
        return self.world.application_id

    @property
    def owner_id(self) -> int:
        """The user id of the application's owner."""
        return self.world.owner_id

    async def __aenter__(self) -> "DiscordServer":
        await asyncio.to_thread(mimetypes.init)
        await self._lines.open()
        self.world.files.base = self.url
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.gateway.stop()
        self.gateway.drop()
        await self._lines.close()

    def guild(self, name: str = "guild", *, id: int | None = None) -> Guild:  # noqa: A002 - discord.py's own name
        """A new guild with the bot and a text channel, "general", in it."""
        guild = Guild(self.world, self.world.create_guild(name, id=id))
        guild.channel("general")
        return guild

    def channel(self, channel_id: int) -> Channel:
        """A channel or thread by its id. Raises LookupError when it is not there."""
        return Channel(self.world, self.world.channels[channel_id])

    def member(self, user_id: int) -> Member:
        """Somebody by the user id, in whatever guild. Raises LookupError."""
        for guild in self.world.guilds.values():
            if user_id in guild.members:
                return Guild(self.world, guild).members[user_id]
        raise LookupError(f"{user_id} is in no guild")

    def revoke_token(self) -> None:
        """From now on the token is worth nothing: 401, and 4004 at the gateway."""
        self.token = self._rest.token = f"{self.token}.revoked"

    async def wait_for_call(
        self,
        route: str,
        when: Callable[[Call], object] = lambda call: call.status,
        timeout: float = WAIT_SECONDS,
    ) -> Call:
        """The first answered call of the routes that a glob names; `when` may ask for more."""

        def probe() -> Call | None:
            return next((call for call in self.calls.of(route) if when(call)), None)

        return await self.world.signal.wait(probe, timeout, self.calls.picture)

    async def wait_until(self, probe: Callable[[], object], timeout: float = WAIT_SECONDS) -> None:
        """Until `probe()` is true. Raises TimeoutError after `timeout` seconds."""

        def picture() -> str:
            return f"{self.calls.picture()}\n{self.gateway.picture()}"

        await self.world.signal.wait(lambda: bool(probe()) or None, timeout, picture)

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

        Nothing that comes in on a dead one is processed, nothing is sent there. Returns how many
        there were.
        """
        self.gateway.silence()
        return self._lines.deaden()

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        socket = Socket(
            self.world,
            self.gateway,
            self._lines,
            token=self.token,
            allowed=self._allowed,
            heartbeat_s=self._heartbeat_s,
        )
        return await socket.serve(request)
