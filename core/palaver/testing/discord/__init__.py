"""A strict loopback Discord, for end-to-end tests of bots.

Any library that lets its addresses be set can talk to it. Its state is simcord's
(`pip install simcord==3.2.1`). See `DiscordServer`.
"""

try:
    import simcord as _simcord  # noqa: F401
except ImportError as missing:
    raise ImportError(
        "palaver.testing.discord needs simcord: pip install simcord==3.2.1"
    ) from missing

from palaver.testing.discord.calls import Call, CallLog, Problem
from palaver.testing.discord.faults import Fault, Faults
from palaver.testing.discord.files import Attachment
from palaver.testing.discord.gateway import Gateway
from palaver.testing.discord.guilds import Guild
from palaver.testing.discord.interactions import Interaction, Modal
from palaver.testing.discord.messages import Message
from palaver.testing.discord.people import Member
from palaver.testing.discord.places import Channel, Role
from palaver.testing.discord.rates import RateLimits
from palaver.testing.discord.server import TOKEN, DiscordServer

__all__ = [
    "TOKEN",
    "Attachment",
    "Call",
    "CallLog",
    "Channel",
    "DiscordServer",
    "Fault",
    "Faults",
    "Gateway",
    "Guild",
    "Interaction",
    "Member",
    "Message",
    "Modal",
    "Problem",
    "RateLimits",
    "Role",
]
