"""Up to where all messages have been dealt with: what is newer was missed.

Ids of messages grow with time, whatever their channel (API reference, "Snowflakes"), but those
of several channels may arrive a little out of order: so the latest are remembered one by one.
"""

import asyncio
import logging
from pathlib import Path

import discord
from discord.utils import time_snowflake, utcnow

log = logging.getLogger(__name__)

MARGIN = 60_000 << 22
"""One minute, in ids."""
MOST_HELD = 5000
"""Messages that are remembered one by one while it is held; a few hundred are usual."""

_BY_CLOCK = "~"
"""Stands before an id of this machine's clock, which may be ahead of Discord's: no message has been
dealt with yet, and the first one is believed more."""


class Watermark:
    """Kept in a file: the id, and those that were dealt with within a minute before it or since.

    Attributes:
        value: all up to a minute before it has been dealt with.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._pending: set[int] = set()
        self._done: set[int] = set()
        self._newest = 0
        self._lock = asyncio.Lock()
        self._held = False
        self._by_clock = False
        self.value = 0

    @property
    def since(self) -> discord.Object:
        """Messages after this one may have been missed."""
        return discord.Object(max(0, self.value - MARGIN))

    async def open(self) -> None:
        """Read what another life has noted; the first one begins with now.

        Raises:
            OSError: if it cannot be read or written.
        """
        self.value, self._done = await asyncio.to_thread(self._read)
        self._newest = 0 if self._by_clock else self.value
        await asyncio.to_thread(self._write, self._text())

    def hold(self) -> None:
        """Stay where it is: older messages than those that come now may still be found."""
        self._held = True

    def release(self) -> None:
        """All that was missed has been found, and is claimed."""
        self._held = False

    def claim(self, message_id: int) -> bool:
        """Whether nobody has dealt with this message, nor is about to; the caller is, now."""
        if message_id in self._done or message_id in self._pending:
            return False
        self._pending.add(message_id)
        return True

    async def done(self, message_id: int) -> None:
        """It is durable, or answered.

        Raises:
            OSError: if that cannot be noted.
        """
        self._pending.discard(message_id)
        self._done.add(message_id)
        self._newest = max(self._newest, message_id)
        if not self._held or len(self._done) > MOST_HELD:
            self.value = min((one - 1 for one in self._pending), default=self._newest)
            self._by_clock = False
            self._done = {one for one in self._done if one > self.value - MARGIN}
        async with self._lock:
            await asyncio.to_thread(self._write, self._text())

    def _text(self) -> str:
        mark = _BY_CLOCK if self._by_clock else ""
        return mark + "\n".join(map(str, [self.value, *sorted(self._done)]))

    def _read(self) -> tuple[int, set[int]]:
        try:
            text = self._file.read_text("ascii")
            value, *done = map(int, text.removeprefix(_BY_CLOCK).split())
        except FileNotFoundError:
            return self._now(), set()
        except ValueError:  # what cannot be read is kept aside, not written over
            log.warning("%s cannot be read, and is kept aside", self._file)
            self._file.replace(self._file.with_suffix(".broken"))
            return self._now(), set()
        self._by_clock = text.startswith(_BY_CLOCK)
        return value, set(done)

    def _now(self) -> int:
        self._by_clock = True
        return time_snowflake(utcnow())

    def _write(self, text: str) -> None:
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = self._file.with_suffix(".part")
        part.write_text(text, "ascii")
        part.replace(self._file)
