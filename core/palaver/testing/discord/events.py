"""Events as one session is told them: only what it asked for and what the bot may see."""

import copy
from collections.abc import Mapping
from typing import Any

from simcord import intents as simulated

from palaver.testing.discord.intents import Intents
from palaver.testing.discord.wire import JsonObject
from palaver.testing.discord.world import World

_IN_CHANNEL = ("MESSAGE_", "TYPING_START", "THREAD_CREATE", "THREAD_UPDATE")


def shaped(
    world: World, intents: Intents, event: str, payload: Mapping[str, Any]
) -> JsonObject | None:
    """The event's body, or None when the session is not told."""
    needed = simulated.required_intent(event, payload)
    if needed is not None and needed not in intents:
        return None
    if not _visible(world, event, payload):
        return None
    body: JsonObject = copy.deepcopy(dict(payload))
    if "message_content" not in intents:
        _censor(world, event, body)
    if event == "GUILD_CREATE":
        _prune(world, intents, body)
    return body


def _visible(world: World, event: str, payload: Mapping[str, Any]) -> bool:
    if payload.get("guild_id") is None or not event.startswith(_IN_CHANNEL):
        return True
    channel_id = int(payload["id" if event.startswith("THREAD_") else "channel_id"])
    return channel_id not in world.channels or world.accessible(channel_id, world.bot_user.id)


def _censor(world: World, event: str, body: JsonObject) -> None:
    """Take away what needs the message-content intent, as simcord does in process."""
    bot_id = world.bot_user.id
    if event in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
        simulated.censor_message(body, bot_id, backend=world)
    elif event == "INTERACTION_CREATE" and isinstance(body.get("message"), dict):
        simulated.censor_message(body["message"], bot_id, backend=world, exempt_root=True)


def _prune(world: World, intents: Intents, body: JsonObject) -> None:
    bot_id = world.bot_user.id
    if not intents.presences:
        mine = [one for one in body["members"] if one["user"]["id"] == str(bot_id)]
        body["members"] = mine
    body["threads"] = [
        thread
        for thread in body["threads"]
        if not thread["thread_metadata"]["archived"] and world.accessible(int(thread["id"]), bot_id)
    ]
