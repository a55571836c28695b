"""The outgoing half of the Discord plugin alone: a bot that is logged in and only sends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import discord  # noqa: TID251 - for tests of the plugin that may import it

from palaver import Place
from palaver.testing.discord import Channel, DiscordServer, Member
from palaver_discord.client import log_in, make_client
from palaver_discord.delivery import Delivery
from palaver_discord.live import LiveMessages
from palaver_discord.places import conversation, namespace
from palaver_discord.sending import Sender
from palaver_discord.settings import DiscordSettings

POST, PATCH = "POST /channels/*/messages", "PATCH /channels/*/messages/*"


@dataclass
class Out:
    """The parts of a frontend that send."""

    client: discord.Client
    delivery: Delivery
    sender: Sender
    live: LiveMessages


def settings_of(server: DiscordServer, **more: object) -> DiscordSettings:
    """What leads to this server."""
    addresses = {"api_base": server.api_base, "gateway": server.gateway_url}
    return DiscordSettings.model_validate({"token": server.token, **addresses, **more})


@asynccontextmanager
async def sending(server: DiscordServer, *, timeout_s: float = 30) -> AsyncIterator[Out]:
    """Logged in, and not connected to the gateway."""
    own = settings_of(server)
    client = make_client(own, discord.Client)
    async with client:
        await log_in(client, own)
        delivery = Delivery(client, timeout_s)
        sender = Sender(client, delivery)
        yield Out(client, delivery, sender, LiveMessages(client, delivery, sender))


def place(who: Member, where: Channel) -> Place:
    """Somebody's conversation there."""
    return Place(namespace(who.id), conversation(where.id))
