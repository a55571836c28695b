"""What Telegram adds to Palaver. The library itself is imported when the frontend is made."""

from typing import TYPE_CHECKING

from palaver import hookimpl

if TYPE_CHECKING:
    from palaver import Frontend, FrontendSetup
    from palaver_telegram.settings import TelegramSettings


@hookimpl
def register_settings() -> "type[TelegramSettings]":
    from palaver_telegram.settings import TelegramSettings

    return TelegramSettings


@hookimpl
def register_frontends(settings: "TelegramSettings") -> "list[Frontend]":
    from palaver_telegram.frontend import TelegramFrontend

    return [TelegramFrontend(settings)]


@hookimpl
def register_setup() -> "list[FrontendSetup]":
    from palaver_telegram.setup import TelegramSetup

    return [TelegramSetup()]
