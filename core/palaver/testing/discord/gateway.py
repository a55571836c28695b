"""The gateway: who is connected, what they are told, and how that goes wrong on demand."""

import asyncio
import fnmatch
import json
from collections.abc import Callable, Mapping
from typing import Any

from palaver.testing.discord.calls import Problem
from palaver.testing.discord.events import shaped
from palaver.testing.discord.intents import Intents
from palaver.testing.discord.sessions import SESSION_SECONDS, Closing, Connection, Session
from palaver.testing.discord.wire import JsonObject
from palaver.testing.discord.world import World

WAIT_SECONDS = 5.0


class Gateway:
    """All sessions of the bot, and the trouble that a test makes."""

    def __init__(
        self, world: World, url: Callable[[], str], problems: list[Problem], *, flags: int
    ) -> None:
        self._world = world
        self._url = url
        self._flags = flags
        self.problems = problems
        self.sessions: dict[str, Session] = {}
        self.connections: list[Connection] = []
        #: What bots asked for, in its order: "IDENTIFY" and "RESUME".
        self.greetings: list[str] = []
        self.refusals = 0
        self._duplicates: list[str] = []
        self._lost: set[str] = set()
        self._late: list[tuple[str, float]] = []
        self._timers: set[asyncio.TimerHandle] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        world.subscribers.append(self._tell_all)

    @property
    def connected(self) -> bool:
        """Whether a bot is there, and was told what there is."""
        return any(session.connected for session in self.sessions.values())

    async def wait_connected(self, timeout: float = WAIT_SECONDS) -> None:
        """Until a bot is there. Raises TimeoutError after `timeout` seconds."""
        await self._wait(lambda: self.connected, timeout)

    async def wait_for_greeting(
        self, kind: str, count: int = 1, timeout: float = WAIT_SECONDS
    ) -> None:
        """Until bots have asked `count` times for "IDENTIFY" or "RESUME", and one is there."""
        await self._wait(lambda: self.connected and self.greetings.count(kind) >= count, timeout)

    async def _wait(self, probe: Callable[[], bool], timeout: float) -> None:
        await self._world.signal.wait(lambda: probe() or None, timeout, self.picture)

    def picture(self) -> str:
        """The state as text, for a failing test's message."""
        lines = [f"greetings: {self.greetings}"]
        for session in self.sessions.values():
            kinds = [event for event, _ in session.events][-20:]
            lines.append(f"session {session.id}: connected={session.connected}, told {kinds}")
        return "\n".join(lines)

    def drop(self) -> None:
        """Reset the sockets; the sessions can be resumed."""
        for connection in list(self.connections):
            connection.abort()

    def reconnect(self) -> None:
        """Op 7: the bot is asked to come again, and to resume."""
        for connection in self.connections:
            connection.tell(7, None)

    def invalidate(self, *, resumable: bool = False) -> None:
        """Op 9: the session is over; `resumable`: the bot may try to resume it."""
        for connection in self.connections:
            if connection.session is not None and not resumable:
                self.end(connection.session)
            connection.tell(9, resumable)

    def close(self, code: int = 4000, text: str = "") -> None:
        """Close the sockets with a code: 4000 can be resumed, 4004 and 4014 end the bot."""
        for connection in self.connections:
            connection.close(code, text)

    def refuse_resumes(self, times: int = 1) -> None:
        """The next resumes are answered with op 9: the bot has to identify itself anew."""
        self.refusals += times

    def silence(self) -> None:
        """The sockets that there are go dead: nothing is read, sent or acknowledged there."""
        for connection in self.connections:
            connection.silent = True

    def hold(self) -> None:
        """Keep everything back until `release`."""
        self._flowing.clear()

    def release(self) -> None:
        """Send what was kept back."""
        self._flowing.set()

    def duplicate_events(self, event: str = "*", times: int = 1) -> None:
        """The next events that the glob names come twice."""
        self._duplicates += [event] * times

    def repeat(self, event: str, when: Callable[[JsonObject], bool] = bool) -> None:
        """The latest event of that name whose body is as wanted comes once more."""
        for session in self.sessions.values():
            bodies = (json.loads(frame)["d"] for name, frame in session.events if name == event)
            if wanted := [body for body in bodies if when(body)]:
                session.push(event, json.dumps(wanted[-1]))

    def late_events(self, seconds: float, event: str = "*", times: int = 1) -> None:
        """The next events that the glob names come `seconds` late, behind later ones."""
        self._late += [(event, seconds)] * times

    def lose_guild(self, guild_id: int) -> None:
        """A guild is out of order: nothing is told of it until `find_guild`."""
        self._tell_all("GUILD_DELETE", {"id": str(guild_id), "unavailable": True})
        self._lost.add(str(guild_id))

    def find_guild(self, guild_id: int) -> None:
        """A guild is there again."""
        self._lost.discard(str(guild_id))
        self._tell_all("GUILD_CREATE", self._world.guild_payload(self._world.guilds[guild_id]))

    async def flowing(self) -> None:
        """Pass, unless everything is held back."""
        await self._flowing.wait()

    def problem(self, code: int, text: str, body: Any) -> None:
        """Record what a bot did wrong, and with which code its socket was closed."""
        self.problems.append(Problem("GATEWAY", "/gateway", 0, code, text, body))

    def begin(self, connection: Connection, intents: Intents) -> None:
        """A new session: READY, then the guilds."""
        session = Session(intents)
        self.sessions[session.id] = session
        connection.session = session
        session.sink = connection.frames.put_nowait
        guilds = list(self._world.guilds.values())
        session.push("READY", json.dumps(self._ready(session)))
        for guild in guilds:
            self._tell(session, "GUILD_CREATE", self._world.guild_payload(guild))
        self.greetings.append("IDENTIFY")
        self._world.signal.notify()

    def resume(self, connection: Connection, session_id: str, sequence: int) -> None:
        """Go on with a session: the events missed, then RESUMED; or op 9.

        Raises Closing when it was never told so many events.
        """
        self.greetings.append("RESUME")
        session = self.sessions.get(session_id)
        if self.refusals and session is not None:
            self.refusals -= 1
            self.end(session)
            session = None
        if session is None or self._forgotten(session):
            connection.tell(9, False)
            return
        if sequence > session.sequence:
            raise Closing(4007, "Invalid seq.")
        connection.session = session
        session.sink = connection.frames.put_nowait
        session.replay(sequence)
        session.push("RESUMED", json.dumps({"_trace": []}))
        self._world.signal.notify()

    def _forgotten(self, session: Session) -> bool:
        gone = 0.0 if session.connected else self._world.clock.moment() - session.left_at
        return not session.resumable or gone > SESSION_SECONDS

    def leave(self, connection: Connection, *, for_good: bool) -> None:
        """A socket is gone; `for_good`: and its session too."""
        if connection in self.connections:
            self.connections.remove(connection)
        session = connection.session
        if session is not None and session.sink == connection.frames.put_nowait:
            session.sink = None
            session.left_at = self._world.clock.moment()
            if for_good:
                self.end(session)
        self._world.signal.notify()

    def end(self, session: Session) -> None:
        """A session can't be resumed any more."""
        session.resumable = False
        session.sink = None
        self.sessions.pop(session.id, None)

    def stop(self) -> None:
        """Nothing is told any more."""
        for timer in self._timers:
            timer.cancel()
        self._flowing.set()
        if self._tell_all in self._world.subscribers:
            self._world.subscribers.remove(self._tell_all)

    def _ready(self, session: Session) -> JsonObject:
        guilds = [{"id": str(guild), "unavailable": True} for guild in self._world.guilds]
        return {
            "v": 10,
            "user": self._world.user_payload(self._world.bot_user.id),
            "guilds": guilds,
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": self._url(),
            "shard": [0, 1],
            "private_channels": [],
            "relationships": [],
            "application": {"id": str(self._world.application_id), "flags": self._flags},
        }

    def _tell_all(self, event: str, payload: Mapping[str, Any]) -> None:
        if payload.get("guild_id") in self._lost:
            return
        copies = 2 if _take(self._duplicates, event) else 1
        late = next((one for one in self._late if fnmatch.fnmatchcase(event, one[0])), None)
        if late is not None:
            self._late.remove(late)
        # As it is now: what is told does not change with the world.
        told = json.loads(json.dumps(payload))
        for session in list(self.sessions.values()):
            for _ in range(copies):
                self._tell(session, event, told, late[1] if late else 0.0)

    def _tell(
        self, session: Session, event: str, payload: Mapping[str, Any], delay: float = 0.0
    ) -> None:
        body = shaped(self._world, session.intents, event, payload)
        if body is None:
            return
        text = json.dumps(body)
        if delay:
            loop = asyncio.get_running_loop()
            self._timers.add(loop.call_later(delay, session.push, event, text))
        else:
            session.push(event, text)


def _take(planned: list[str], event: str) -> bool:
    fitting = next((one for one in planned if fnmatch.fnmatchcase(event, one)), None)
    if fitting is None:
        return False
    planned.remove(fitting)
    return True
