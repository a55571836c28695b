"""A bot's session with the gateway, and the socket that it has now."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from palaver.testing.discord.intents import Intents

#: Seconds after which a session without connection is forgotten. Source: discord-api-docs,
#: "Initiating a Disconnect" ("a few minutes").
SESSION_SECONDS = 180.0


class Closing(Exception):  # noqa: N818 - it is how a connection ends, not always an error
    """Raised to close the connection with a code."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code, self.text = code, text


class Session:
    """What a bot was told since it identified itself; it survives its connections."""

    def __init__(self, intents: Intents) -> None:
        self.id = uuid4().hex
        self.intents = intents
        self.events: list[tuple[str, str]] = []
        self.resumable = True
        #: When its connection went, in Unix time.
        self.left_at = 0.0
        self.sink: Callable[[str], None] | None = None

    @property
    def sequence(self) -> int:
        """The number of its last event."""
        return len(self.events)

    @property
    def connected(self) -> bool:
        """Whether somebody listens."""
        return self.sink is not None

    def push(self, event: str, body: str) -> None:
        """One more event, sent if somebody listens; `body` is JSON."""
        number = self.sequence + 1
        frame = f'{{"op":0,"s":{number},"t":"{event}","d":{body}}}'
        self.events.append((event, frame))
        if self.sink is not None:
            self.sink(frame)

    def replay(self, after: int) -> None:
        """Send again what came after the event of that number."""
        if self.sink is None:
            return
        for _, frame in self.events[after:]:
            self.sink(frame)


class Connection:
    """One open socket, as the faults handle it."""

    def __init__(self, abort: Callable[[], None]) -> None:
        self.abort = abort
        self.frames: asyncio.Queue[str | tuple[int, str]] = asyncio.Queue()
        self.session: Session | None = None
        self.silent = False
        self.heartbeats = 0

    def tell(self, op: int, data: Any) -> None:
        """Send something that is no event."""
        self.frames.put_nowait(json.dumps({"op": op, "d": data, "s": None, "t": None}))

    def close(self, code: int, text: str) -> None:
        """Send what is waiting, then close."""
        self.frames.put_nowait((code, text))
