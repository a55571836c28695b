"""What Discord adds to Palaver. The library itself is imported when the frontend is made."""

from typing import TYPE_CHECKING

from palaver import hookimpl

if TYPE_CHECKING:
    from palaver import Frontend, FrontendSetup
    from palaver_discord.settings import DiscordSettings


@hookimpl
def register_settings() -> "type[DiscordSettings]":
    from palaver_discord.settings import DiscordSettings

    return DiscordSettings


@hookimpl
def register_frontends(settings: "DiscordSettings") -> "list[Frontend]":
    from palaver_discord.frontend import DiscordFrontend

    return [DiscordFrontend(settings)]


@hookimpl
def register_setup() -> "list[FrontendSetup]":
    from palaver_discord.setup import DiscordSetup

    return [DiscordSetup()]
