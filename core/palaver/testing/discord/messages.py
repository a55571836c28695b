"""A message as a test looks at it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simcord.backend import models
from simcord.components import walk_components

from palaver.testing.discord.files import VOICE_MESSAGE, Attachment
from palaver.testing.discord.wire import JsonObject

if TYPE_CHECKING:
    from palaver.testing.discord.world import World

_BUTTON = 2
_SELECTS = (3, 5, 6, 7, 8)
#: Types of messages that somebody wrote: plain, reply, and answers to commands.
_WRITTEN = (0, 19, 20, 23)
#: The flag of a message that notifies nobody.
_SILENT = 1 << 12
_LOADING = 1 << 7


@dataclass(frozen=True)
class Version:
    """One state of a message; `at` is Unix time."""

    content: str
    embeds: list[JsonObject]
    at: float


class Message:
    """A message, always as it is now; `versions` has what it was."""

    def __init__(self, world: "World", stored: models.Message) -> None:
        self._world = world
        self.stored = stored
        self.deleted = False
        self.versions: list[Version] = []
        self.remember()

    def remember(self) -> None:
        """Its state now is one of its versions."""
        now = self._world.clock.moment()
        self.versions.append(Version(self.content, list(self.embeds), now))

    @property
    def id(self) -> int:
        """Its id."""
        return self.stored.id

    @property
    def channel_id(self) -> int:
        """Where it is."""
        return self.stored.channel_id

    @property
    def author_id(self) -> int:
        """Who wrote it."""
        return self.stored.author_id

    @property
    def from_bot(self) -> bool:
        """Whether it is the bot's."""
        return self.author_id == self._world.bot_user.id

    @property
    def system(self) -> bool:
        """Whether it tells of something ("... started a thread"), written by nobody."""
        return self.stored.type not in _WRITTEN

    @property
    def content(self) -> str:
        """Its Markdown, without embeds."""
        return self.stored.content

    @property
    def embeds(self) -> list[JsonObject]:
        """Its embeds as they were sent."""
        return self.stored.embeds

    @property
    def text(self) -> str:
        """All that is to be read in it: content, embeds and text components, line by line."""
        return "\n".join(part for part in self._texts() if part)

    def _texts(self) -> Iterator[str]:
        yield self.content
        for embed in self.embeds:
            yield str(embed.get("title") or "")
            yield str(embed.get("description") or "")
            for field in embed.get("fields") or []:
                yield f"{field['name']}: {field['value']}"
            yield str((embed.get("footer") or {}).get("text") or "")
        for component in walk_components(self.stored.components):
            yield str(component.get("content") or "")

    @property
    def attachments(self) -> list[Attachment]:
        """Its files."""
        return [self._world.files.opened(one) for one in self.stored.attachments]

    @property
    def components(self) -> list[JsonObject]:
        """Its components as Discord keeps them."""
        return self.stored.components

    @property
    def buttons(self) -> list[str]:
        """The labels of its buttons (of one without label: its emoji)."""
        return [_label(one) for one in walk_components(self.components) if one["type"] == _BUTTON]

    def button(self, name: str) -> JsonObject:
        """The button with this label, custom_id or emoji. Raises LookupError."""
        return self._component((_BUTTON,), name)

    def select(self, name: str | None = None) -> JsonObject:
        """The select menu with this custom_id, or the only one. Raises LookupError."""
        return self._component(_SELECTS, name)

    def _component(self, types: tuple[int, ...], name: str | None) -> JsonObject:
        found = [
            one
            for one in walk_components(self.components)
            if one["type"] in types and name in (None, one.get("custom_id"), _label(one))
        ]
        if len(found) != 1:
            have = [_label(one) or one.get("custom_id") for one in walk_components(self.components)]
            raise LookupError(f"{len(found)} components are {name!r} here; there are {have}")
        return found[0]

    @property
    def ephemeral(self) -> bool:
        """Whether only the one who caused it sees it."""
        return self.stored.is_ephemeral

    @property
    def loading(self) -> bool:
        """Whether it is only "thinking..." yet."""
        return bool(self.stored.flags & _LOADING)

    @property
    def silent(self) -> bool:
        """Whether it notifies nobody."""
        return bool(self.stored.flags & _SILENT)

    @property
    def voice(self) -> bool:
        """Whether it is a voice message."""
        return bool(self.stored.flags & VOICE_MESSAGE)

    @property
    def edited(self) -> bool:
        """Whether it was edited."""
        return self.stored.edited_timestamp is not None

    @property
    def pinned(self) -> bool:
        """Whether it is pinned."""
        return self.stored.pinned

    @property
    def reply_to(self) -> int | None:
        """The id of the message that it answers."""
        reference = self.stored.reference
        return int(reference["message_id"]) if reference and not self.stored.snapshots else None

    @property
    def reactions(self) -> dict[str, list[int]]:
        """Emoji to the ids of the users who reacted with it."""
        return {one.emoji: list(one.user_ids) for one in self.stored.reactions}

    @property
    def pings(self) -> set[int]:
        """The ids of the users and roles that it notifies by mention."""
        return {*self.stored.ping_user_ids, *self.stored.ping_role_ids}

    @property
    def pings_everyone(self) -> bool:
        """Whether it notifies all of the channel."""
        return self.stored.mention_everyone

    def __str__(self) -> str:
        name = self._world.users[self.author_id].name
        notes = [note for note in ("deleted", "ephemeral", "loading") if getattr(self, note)]
        if self.edited:
            notes.append(f"edited {len(self.versions) - 1}x")
        files = [one["filename"] for one in self.stored.attachments]
        extra: list[Any] = [one for one in (self.buttons, files) if one]
        shown = " ".join(map(str, [f"{self.text[:200]!r}", *extra]))
        return f"{self.id} {name}{' (' + ', '.join(notes) + ')' if notes else ''}: {shown}"


def _label(component: JsonObject) -> str:
    return str(component.get("label") or (component.get("emoji") or {}).get("name") or "")
