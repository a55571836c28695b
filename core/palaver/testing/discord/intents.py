"""What a bot asked to be told: the intents of its IDENTIFY."""

from simcord.intents import PRIVILEGED_INTENTS

#: The bits in their order, under the names that simcord knows them by.
#: Source: discord-api-docs, "List of Intents"; None marks bits that are not in use.
_BITS: tuple[str | None, ...] = (
    "guilds",
    "members",
    "moderation",
    "emojis_and_stickers",
    "integrations",
    "webhooks",
    "invites",
    "voice_states",
    "presences",
    "guild_messages",
    "guild_reactions",
    "guild_typing",
    "dm_messages",
    "dm_reactions",
    "dm_typing",
    "message_content",
    "guild_scheduled_events",
    None,
    None,
    None,
    "auto_moderation_configuration",
    "auto_moderation_execution",
    None,
    None,
    "guild_polls",
    "dm_polls",
)

PRIVILEGED = frozenset(PRIVILEGED_INTENTS)


class Intents:
    """The intents in a bit field, by name. Raises ValueError for bits that are not in use."""

    def __init__(self, value: int) -> None:
        known = {1 << bit: name for bit, name in enumerate(_BITS) if name}
        if not 0 <= value < 1 << len(_BITS) or value & ~sum(known):
            raise ValueError(f"{value} has unknown intents")
        self.names = frozenset(name for bit, name in known.items() if value & bit)

    def __contains__(self, name: str) -> bool:
        return name in self.names

    @property
    def presences(self) -> bool:
        """Whether GUILD_CREATE carries all members."""
        return "presences" in self.names

    @property
    def privileged(self) -> frozenset[str]:
        """Those that the application needs a permission for."""
        return self.names & PRIVILEGED
