"""Palaver on Discord, end to end over sockets: a strict server and the real library."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from palaver.config import Settings
from palaver.testing.discord import DiscordServer
from support.palavers import Lives

OWNER, MEMBER, HOSTILE = 1001, 1002, 6666
GUILD = 500
DEAD_S = 2.0
"""Seconds without an answer after which the tests' bots give up on a connection."""


def settings_for(server: DiscordServer, data_dir: Path, **tables: Any) -> Settings:
    """As a palaver.toml would say it."""
    discord = {
        "token": server.token,
        "api_base": server.api_base,
        "gateway": server.gateway_url,
        "guilds": [GUILD],
        "answer_timeout_s": DEAD_S,
        **tables.pop("discord", {}),
    }
    sessions = {"agent": "scripted", **tables.pop("sessions", {})}
    access = {"owners": [f"discord:{OWNER}"], "members": [f"discord:{MEMBER}"]}
    access |= tables.pop("access", {})
    return Settings.model_validate(
        {
            "data_dir": data_dir,
            "sessions": sessions,
            "access": access,
            "plugins": {"discord": discord},
            **tables,
        }
    )


class Palaver(Lives):
    """One Palaver on that server."""

    def __init__(self, server: DiscordServer, data_dir: Path, **tables: Any) -> None:
        super().__init__("discord", lambda: settings_for(server, data_dir, **tables))
        self.server = server


Launch = Callable[..., Palaver]
"""Makes a Palaver that is stopped at the end of the test, whatever happens."""
