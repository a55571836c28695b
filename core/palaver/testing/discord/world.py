"""The simulated Discord: simcord's state, on real time, with a memory of all that was said."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from simcord._clock import Clock as SimulatedClock
from simcord.backend import Backend, models, serializers
from simcord.backend.access import channel_accessible

from palaver.testing.clock import Clock, Signal
from palaver.testing.discord.files import Cdn
from palaver.testing.discord.messages import Message
from palaver.testing.discord.wire import ApiError, JsonObject

#: A link that is to be looked at: in angle brackets it is not.
_LINK = re.compile(r"(?<!<)https?://[^\s<>]+")
#: Seconds for which a nonce is remembered. Source: discord-api-docs, "Create Message".
_NONCE_SECONDS = 300.0


class Time(SimulatedClock):
    """simcord's clock, showing the kit's: real time that a test may move."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def moment(self) -> float:
        """Unix time in seconds."""
        return self._clock.now()

    def now(self) -> datetime:
        """The time in UTC."""
        return datetime.fromtimestamp(self._clock.now(), UTC)

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once; back, if negative."""
        self._clock.advance(seconds)


class World(Backend):
    """Who there is, and what has been said; `signal` wakes those who wait for a change."""

    def __init__(self, clock: Clock, *, username: str) -> None:
        self.signal = Signal()
        self.log: dict[int, list[Message]] = {}
        self.views: dict[int, Message] = {}
        self.typing: list[tuple[int, float]] = []
        self.files = Cdn()
        self.clock: Time = Time(clock)
        self._nonces: dict[tuple[int, str], tuple[int, float]] = {}
        self._nonce: str | None = None
        self._post_id: int | None = None
        super().__init__(clock=self.clock)
        self.cdn = self.files
        self.bot_user.name = username
        self.owner_id = self.user("owner").id

    def emit(self, event: str, payload: Mapping[str, Any]) -> None:
        """Tell the gateways."""
        if event == "TYPING_START" and payload["user_id"] == str(self.bot_user.id):
            self.typing.append((int(payload["channel_id"]), self.clock.moment()))
        if event == "MESSAGE_CREATE" and self._nonce is not None:
            payload = {**payload, "nonce": self._nonce}
        super().emit(event, payload)
        self.signal.notify()

    def commit_message(self, message: models.Message, *, broadcast: bool = True) -> models.Message:
        """A new message is there."""
        view = Message(self, message)
        self.views[message.id] = view
        self.log.setdefault(message.channel_id, []).append(view)
        stored = super().commit_message(message, broadcast=broadcast)
        self.signal.notify()
        return stored

    def edit_message(
        self, channel_id: int, message_id: int, fields: dict[str, Any]
    ) -> models.Message:
        """A message changes."""
        stored = super().edit_message(channel_id, message_id, fields)
        self.views[message_id].remember()
        self.signal.notify()
        return stored

    def show_previews(self, message: models.Message) -> None:
        """Embeds of the links in a message: Discord looks at them later, and tells of it in an
        event of its own, in which the moment of the last edit has no microseconds.

        Source: discord-api-docs, issue 8281.
        """
        links = [one.rstrip(").,") for one in _LINK.findall(message.content)]
        if not links:
            return
        message.embeds = [{"type": "link", "url": link, "title": link} for link in links]
        payload = dict(serializers.message_payload(self, message))
        if message.edited_timestamp is not None:
            moment = datetime.fromisoformat(message.edited_timestamp)
            payload["edited_timestamp"] = moment.isoformat(timespec="milliseconds")
        self.emit("MESSAGE_UPDATE", payload)

    def delete_message(self, channel_id: int, message_id: int) -> None:
        """A message goes."""
        super().delete_message(channel_id, message_id)
        self.views[message_id].deleted = True
        self.signal.notify()

    def bulk_delete_messages(self, channel_id: int, message_ids: Iterable[int]) -> list[int]:
        """Several messages go."""
        gone = super().bulk_delete_messages(channel_id, message_ids)
        for message_id in gone:
            self.views[message_id].deleted = True
        return gone

    def create_forum_post(
        self, forum_id: int, name: str, starter: models.Message, **details: Any
    ) -> tuple[models.Channel, models.Message]:
        """A post of a forum; its thread has the id of the message that began it."""
        self._post_id = starter.id
        try:
            return super().create_forum_post(forum_id, name, starter, **details)
        finally:
            self._post_id = None

    def create_thread(
        self,
        parent_id: int,
        name: str,
        owner_id: int,
        *,
        message_id: int | None = None,
        **details: Any,
    ) -> models.Channel:
        """A thread. Raises ApiError when the message already has one."""
        message_id = message_id or self._post_id
        if message_id in self.channels:
            raise ApiError(400, 160004, "A thread has already been created for this message")
        return super().create_thread(parent_id, name, owner_id, message_id=message_id, **details)

    def add_thread_member(self, thread_id: int, user_id: int) -> models.Channel:
        """Somebody is added to a thread; of a private one the bot hears only then."""
        knew = self.accessible(thread_id, self.bot_user.id)
        thread = super().add_thread_member(thread_id, user_id)
        if user_id == self.bot_user.id and not knew:
            payload = dict(serializers.thread_payload(self, thread))
            payload["member"] = serializers.thread_member_payload(thread, user_id)
            self.emit("THREAD_CREATE", payload)
        return thread

    def wake(self, thread: models.Channel) -> None:
        """An archived thread is active again."""
        self.edit_channel(thread.id, {}, thread_metadata={"archived": False})

    def user(self, name: str, user_id: int | None = None, *, bot: bool = False) -> models.User:
        """A new user."""
        chosen = self.snowflake() if user_id is None else self.reserve_id(user_id)
        user = self.users[chosen] = models.User(id=chosen, name=name, bot=bot)
        return user

    def accessible(self, channel_id: int, user_id: int, *, history: bool = False) -> bool:
        """Whether somebody can look into a channel."""
        return channel_accessible(self, channel_id, user_id, history=history)

    def visible(self, channel_id: int, user_id: int) -> list[Message]:
        """The messages of a channel that somebody sees, the first one first."""
        if not self.accessible(channel_id, user_id, history=True):
            return []
        return [
            message
            for message in self.log.get(channel_id, [])
            if not message.deleted and message.stored.visible_to(user_id)
        ]

    def sent_with(self, channel_id: int, nonce: str) -> models.Message | None:
        """The message that the bot sent with this nonce a short time ago."""
        message_id, at = self._nonces.get((channel_id, nonce), (0, 0.0))
        if self.clock.moment() - at > _NONCE_SECONDS:
            return None
        return self.messages.get(channel_id, {}).get(message_id)

    def begin_nonce(self, nonce: str | None) -> None:
        """What is sent until the next call carries this nonce."""
        self._nonce = nonce

    def keep_nonce(self, channel_id: int, nonce: str, message_id: int) -> None:
        """Remember what was sent with it."""
        self._nonces[channel_id, nonce] = (message_id, self.clock.moment())

    def interaction_expired(self, token: str) -> bool:
        """Whether the token is one of an interaction whose 15 minutes are over."""
        number = self.interaction_tokens.get(token)
        if number is None:
            return False
        expires = self.interactions[number].expires_at
        return expires is not None and self.now_iso() >= expires

    def user_payload(self, user_id: int) -> JsonObject:
        """A user object."""
        return dict(serializers.user_payload(self.users[user_id]))

    def guild_payload(self, guild: models.Guild) -> JsonObject:
        """The body of GUILD_CREATE."""
        return dict(serializers.guild_create_payload(self, guild))

    def speaker(self, user_id: int, guild_id: int | None) -> JsonObject:
        """The part of an event that says who did it."""
        if guild_id is None:
            return {"user_id": str(user_id)}
        guild = self.get_guild(guild_id)
        member = serializers.member_payload(self, guild, guild.members[user_id])
        return {"user_id": str(user_id), "member": member}
