"""The bot: discord.py's client, made and logged in."""

import asyncio
import logging
import urllib.request
from typing import TypeVar
from urllib.parse import urlsplit

import aiohttp
import discord
import yarl

from palaver import ConfigError, PalaverError
from palaver_discord.settings import API, GATEWAY, DiscordSettings
from palaver_discord.wire import trace

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
_LONGEST_LIMIT_S = 30.0
"""Seconds of a rate limit that the library waits by itself; for longer ones it raises."""
_LATE_SERVER_S = 0.5
"""Seconds without news of a server after which all are known; `Bot` takes a later one in."""
_TOKEN = ("plugins", "discord", "token")
_PORTAL = "https://discord.com/developers/applications"

UNREACHABLE = (
    discord.DiscordServerError,
    discord.GatewayNotFound,
    aiohttp.ClientError,
    OSError,
    TimeoutError,
)
"""What the library raises for a network that is down and a Discord that is broken."""

NEEDED = {
    "view_channel": "View Channels",
    "send_messages": "Send Messages",
    "send_messages_in_threads": "Send Messages in Threads",
    "create_public_threads": "Create Public Threads",
    "embed_links": "Embed Links",
    "attach_files": "Attach Files",
    "read_message_history": "Read Message History",
    "add_reactions": "Add Reactions",
}
"""The permissions that the bot needs in its servers, as Discord's settings call them."""

C = TypeVar("C", bound=discord.Client)


def make_client(settings: DiscordSettings, kind: type[C]) -> C:
    """A client that hears messages and says nothing to anybody by a mention.

    Args:
        kind: the class to make it of.
    """
    if settings.api_base != API:
        discord.http.Route.BASE = settings.api_base
    if settings.gateway != GATEWAY:
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(settings.gateway)
    intents = discord.Intents.none()
    intents.guilds = intents.guild_messages = intents.dm_messages = True
    intents.message_content = True
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # no call is made
    for library in map(logging.getLogger, ("discord.http", "discord.gateway")):
        if library.getEffectiveLevel() < logging.INFO:
            library.setLevel(logging.INFO)  # below it tells tokens of interactions, good to answer
    return kind(
        intents=intents,
        allowed_mentions=discord.AllowedMentions.none(),
        max_messages=None,
        chunk_guilds_at_startup=False,
        max_ratelimit_timeout=_LONGEST_LIMIT_S,
        guild_ready_timeout=_LATE_SERVER_S,
        proxy=_proxy(settings.api_base),
        http_trace=trace(),
    )


async def log_in(client: discord.Client, settings: DiscordSettings) -> None:
    """Say hello to Discord, and wait for it where the network is down.

    Raises:
        ConfigError: without a token, or with one that is worth nothing.
        PalaverError: if Discord refuses for another reason.
    """
    token = token_of(settings)
    pause = FIRST_PAUSE_S
    while True:
        try:
            async with asyncio.timeout(settings.answer_timeout_s):
                await client.login(token)
        except discord.LoginFailure as error:
            raise refused() from error
        except (discord.RateLimited, discord.HTTPException, *UNREACHABLE) as error:
            if not isinstance(error, UNREACHABLE) and getattr(error, "status", 429) != 429:
                raise explained(error, client) from error
            log.warning("Discord cannot be reached, trying again: %s", words_of(error))
            await client.http.close()
            client.http.connector = discord.utils.MISSING  # else the closed one is used again
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)
        else:
            return


async def stay_connected(client: discord.Client) -> None:
    """Listen to the gateway for ever, and wait for it where it is not there yet.

    Raises:
        Exception: as `discord.Client.connect` does, when it has become impossible.
    """
    pause = FIRST_PAUSE_S
    while True:
        try:
            return await client.connect()
        except AttributeError as error:  # it looks back at a first connection that never was
            if not isinstance(error.__context__, UNREACHABLE):
                raise
            log.warning("the gateway cannot be reached, trying again: %s", error.__context__)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_S)


def token_of(settings: DiscordSettings) -> str:
    """The token.

    Raises:
        ConfigError: if there is none.
    """
    token = settings.secret()
    if token is None:
        hint = "Write the one from the Developer Portal's Bot page, or its file as token_file."
        raise ConfigError("is missing", location=_TOKEN, hint=hint)
    return token.get_secret_value()


def refused() -> ConfigError:
    """Discord does not take the token, or takes it no longer."""
    return ConfigError(
        "Discord does not know this token",
        location=_TOKEN,
        hint=f"Reset it on your application's Bot page and copy all of it: {_PORTAL}",
    )


def unheard(application_id: int | None) -> ConfigError:
    """The application may not read messages: `PrivilegedIntentsRequired`, or its flags."""
    page = f"{_PORTAL}/{application_id}/bot" if application_id else _PORTAL
    return ConfigError(
        "the application may not read messages",
        location=("plugins", "discord"),
        hint=f"Switch on “Message Content Intent” at {page} and save.",
    )


def explained(error: Exception, client: discord.Client) -> PalaverError:
    """What an error of `login` or `connect` means for the one who runs Palaver."""
    if isinstance(error, discord.LoginFailure):
        return refused()
    if isinstance(error, discord.PrivilegedIntentsRequired):
        return unheard(client.application_id)
    if isinstance(error, discord.ConnectionClosed) and error.code == 4004:  # authentication failed
        return refused()
    hint = "Is this machine online? A proxy is set with HTTPS_PROXY."
    return PalaverError(f"Discord cannot be reached: {words_of(error)}.", hint=hint)


def words_of(error: Exception) -> str:
    """What went wrong; some errors of the network say nothing."""
    silent = "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
    return str(error) or silent


def lacking(permissions: discord.Permissions) -> list[str]:
    """Names of the permissions that the bot needs and does not have."""
    return [name for flag, name in NEEDED.items() if not getattr(permissions, flag)]


def invite_link(application_id: int, guild_id: int | None = None) -> str:
    """Where an administrator lets the bot in, or gives it what it lacks."""
    return discord.utils.oauth_url(
        application_id,
        permissions=discord.Permissions(**dict.fromkeys(NEEDED, True)),
        guild=discord.Object(guild_id) if guild_id else discord.utils.MISSING,
        scopes=("bot", "applications.commands"),
    )


def _proxy(url: str) -> str | None:
    """The library asks no environment variables by itself."""
    host, scheme = urlsplit(url).hostname or "", urlsplit(url).scheme
    return None if urllib.request.proxy_bypass(host) else urllib.request.getproxies().get(scheme)
