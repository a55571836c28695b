"""Channels and threads: what is in them, and how a test looks at it."""

from collections.abc import Callable, Iterator
from typing import Protocol

from simcord.backend import models
from simcord.backend.models import Overwrite
from simcord.backend.permissions import flag
from simcord.enums import OverwriteType

from palaver.testing.discord.messages import Message
from palaver.testing.discord.world import World

WAIT_SECONDS = 5.0
#: Seconds for which somebody is shown as typing. Source: discord-api-docs.
TYPING_SECONDS = 10.0


class Entity(Protocol):
    """Something that permissions are given to: a role, a member, the bot."""

    @property
    def id(self) -> int: ...


class Role:
    """A role of a guild."""

    def __init__(self, stored: models.Role) -> None:
        self.stored = stored

    @property
    def id(self) -> int:
        """Its id."""
        return self.stored.id


class Channel:
    """Where messages are: a channel, a thread, a direct conversation."""

    def __init__(self, world: World, stored: models.Channel) -> None:
        self.world = world
        self.stored = stored

    @property
    def id(self) -> int:
        """Its id."""
        return self.stored.id

    @property
    def name(self) -> str:
        """Its name; a direct conversation has none."""
        return self.stored.name or ""

    @property
    def guild_id(self) -> int | None:
        """The guild that it is in."""
        return self.stored.guild_id

    @property
    def parent_id(self) -> int | None:
        """The channel that a thread belongs to."""
        return self.stored.parent_id

    @property
    def is_thread(self) -> bool:
        """Whether it is a thread, or a post of a forum."""
        return self.stored.is_thread

    @property
    def deleted(self) -> bool:
        """Whether it is gone."""
        return self.id not in self.world.channels

    @property
    def archived(self) -> bool:
        """Whether it is a thread that was archived."""
        return self.stored.thread_metadata is not None and self.stored.thread_metadata.archived

    @property
    def locked(self) -> bool:
        """Whether only moderators may wake it."""
        return self.stored.thread_metadata is not None and self.stored.thread_metadata.locked

    @property
    def thread_members(self) -> set[int]:
        """The ids of those who joined the thread."""
        return set(self.stored.thread_members)

    @property
    def threads(self) -> list["Channel"]:
        """The threads in it, archived ones too, the first one first."""
        found = (one for one in self.world.channels.values() if one.parent_id == self.id)
        return [Channel(self.world, one) for one in found if one.is_thread]

    @property
    def log(self) -> list[Message]:
        """Every message that was ever here, deleted and ephemeral ones too."""
        return list(self.world.log.get(self.id, []))

    @property
    def messages(self) -> list[Message]:
        """The bot's messages that all can see, as they are now."""
        return [
            one
            for one in self.log
            if one.from_bot and not one.deleted and not one.ephemeral and not one.system
        ]

    @property
    def texts(self) -> list[str]:
        """The texts of the bot's messages as they are now; see `Message.text`."""
        return [message.text for message in self.messages]

    @property
    def last(self) -> Message:
        """The bot's newest message. Raises LookupError when there is none."""
        if not self.messages:
            raise LookupError(f"the bot has said nothing here:\n{self.picture()}")
        return self.messages[-1]

    @property
    def typings(self) -> list[float]:
        """When the bot said that it is typing here, in Unix time."""
        return [at for channel_id, at in self.world.typing if channel_id == self.id]

    def shows_typing(self) -> bool:
        """Whether the bot is shown as typing: within 10 s, no message of it since."""
        latest = max(self.typings, default=0.0)
        said = max((one.versions[0].at for one in self.messages), default=0.0)
        return latest > said and latest + TYPING_SECONDS > self.world.clock.moment()

    async def wait_for(
        self, predicate: Callable[[Message], object], timeout: float = WAIT_SECONDS
    ) -> Message:
        """The first of the bot's messages, as they are, that fits.

        Raises TimeoutError after `timeout` seconds, with a picture of the channel.
        """

        def probe() -> Message | None:
            return next((message for message in self.messages if predicate(message)), None)

        return await self.world.signal.wait(probe, timeout, self.picture)

    async def wait_for_text(self, part: str, timeout: float = WAIT_SECONDS) -> Message:
        """The first of the bot's messages that has `part` in its text."""
        return await self.wait_for(lambda message: part in message.text, timeout)

    async def wait_for_thread(
        self,
        predicate: Callable[["Channel"], object] = bool,
        timeout: float = WAIT_SECONDS,
    ) -> "Channel":
        """The first thread here that fits."""

        def probe() -> Channel | None:
            return next((thread for thread in self.threads if predicate(thread)), None)

        return await self.world.signal.wait(probe, timeout, self.picture)

    async def wait_until(self, probe: Callable[[], object], timeout: float = WAIT_SECONDS) -> None:
        """Until `probe()` is true: for typing, reactions, deletions, archiving."""
        await self.world.signal.wait(lambda: bool(probe()) or None, timeout, self.picture)

    def picture(self) -> str:
        """The channel as text, for a failing test's message."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        state = " (archived)" if self.archived else ""
        yield f"#{self.name or 'direct'}{state}:"
        for message in self.log:
            yield f"  {message}"
        for thread in self.threads:
            yield f"  thread {thread.id} {thread.name!r}{' (archived)' if thread.archived else ''}"

    def allow(self, who: Entity, *permissions: str) -> None:
        """Give permissions here, under discord.py's names: "view_channel"."""
        self._overwrite(who, allow=permissions)

    def deny(self, who: Entity, *permissions: str) -> None:
        """Take permissions away here."""
        self._overwrite(who, deny=permissions)

    def _overwrite(
        self, who: Entity, allow: tuple[str, ...] = (), deny: tuple[str, ...] = ()
    ) -> None:
        kind = OverwriteType.ROLE if isinstance(who, Role) else OverwriteType.MEMBER
        before = next((o for o in self.stored.overwrites if o.target_id == who.id), None)
        given, taken = (before.allow, before.deny) if before else (0, 0)
        more, less = sum(map(flag, allow)), sum(map(flag, deny))
        overwrite = Overwrite(who.id, kind, (given & ~less) | more, (taken & ~more) | less)
        self.world.set_overwrite(self.id, overwrite)

    def rename(self, name: str) -> None:
        """Give it another name."""
        self.world.edit_channel(self.id, {"name": name})

    def archive(self, *, locked: bool = False) -> None:
        """Archive the thread, as its age does; `locked`: only moderators may wake it."""
        state = {"archived": True, "locked": locked, "archive_timestamp": self.world.now_iso()}
        self.world.edit_channel(self.id, {}, thread_metadata=state)

    def delete(self) -> None:
        """It is gone, with all that was said in it."""
        self.world.delete_channel(self.id)
