"""How `palaver init` sets up the bot, and `palaver doctor` looks at it."""

from typing import ClassVar

from pydantic import BaseModel

from palaver import Account, ConfigError, FrontendSetup, PalaverError
from palaver_telegram.settings import TelegramSettings


class TelegramSetup(FrontendSetup):
    """One question: the token that @BotFather gives."""

    name: ClassVar[str] = "telegram"
    title: ClassVar[str] = "Telegram"
    steps: ClassVar[tuple[str, ...]] = (
        "In Telegram, open a chat with @BotFather and send /newbot.",
        "Give the bot a name, and a username that ends in “bot”.",
        "Copy the token from the answer; it looks like 123456789:AAF…",
    )
    libraries: ClassVar[tuple[str, ...]] = ("telegram",)

    async def check(self, settings: BaseModel) -> Account:
        """Ask Telegram who the bot is (`getMe`); that disturbs no other program that polls."""
        from telegram.error import InvalidToken, TelegramError

        from palaver_telegram.client import Client

        client = Client(TelegramSettings.model_validate(settings, from_attributes=True))
        try:
            me = await client.bot.get_me()
        except InvalidToken as error:
            raise ConfigError(
                "Telegram does not know this token",
                location=["plugins", "telegram", "token"],
                hint="Copy all of it from @BotFather; /token there shows it again.",
            ) from error
        except TelegramError as error:
            problem = f"Telegram cannot be reached: {error}."
            hint = "Is this machine online? A proxy is set with HTTPS_PROXY."
            raise PalaverError(problem, hint=hint) from error
        finally:
            await client.close()
        link = f"https://t.me/{me.username}"
        return Account(f"@{me.username}", link, f"{link}?start={{code}}")
