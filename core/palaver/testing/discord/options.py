"""What a client makes of the options that somebody fills in for a command."""

from typing import Any, Protocol

from simcord import interactions as simulated
from simcord.backend import serializers
from simcord.enums import OptionType

from palaver.testing.discord.files import Data
from palaver.testing.discord.wire import JsonObject
from palaver.testing.discord.world import World

#: Names of an attachment and its bytes.
File = tuple[str, bytes]
Value = Any

_ENTITIES = (OptionType.USER, OptionType.CHANNEL, OptionType.ROLE, OptionType.MENTIONABLE)


class _Named(Protocol):
    @property
    def id(self) -> int: ...


def built(
    world: World,
    command: JsonObject,
    path: list[str],
    values: dict[str, Value],
    *,
    channel_id: int,
    focus: str | None = None,
) -> tuple[list[JsonObject], JsonObject]:
    """The options of an interaction and what they refer to (`resolved`).

    `path` leads to a subcommand; `focus` is the option that is being typed. Raises simcord's
    SetupError for what a client does not let anybody send.
    """
    leaf, nesting = simulated.walk_to_subcommand(command, path)
    declared = {one["name"]: one for one in leaf.get("options") or []}
    plain = {name: value for name, value in values.items() if not _is_entity(declared, name)}
    checked = {**leaf, "options": [o for o in declared.values() if o["type"] not in _ENTITIES]}
    if focus is not None:
        plain.pop(focus, None)
    plain = simulated.check_options(command["name"], checked, plain, partial=focus is not None)
    resolved: JsonObject = {}
    options: list[JsonObject] = []
    for name, value in plain.items():
        kind = declared[name]["type"]
        if kind == OptionType.ATTACHMENT:
            filename, data = value
            value = simulated.store_interaction_attachment(
                world, channel_id, filename, Data(data), resolved
            )
        options.append({"name": name, "type": kind, "value": value})
    for name, value in values.items():
        if _is_entity(declared, name):
            options.append({"name": name, "type": declared[name]["type"], "value": str(value.id)})
            _resolve(world, channel_id, value, resolved)
    if focus is not None:
        typed = {"name": focus, "type": declared[focus]["type"], "value": values[focus]}
        options.append({**typed, "focused": True})
    return simulated.nest_options(command, nesting, options), resolved


def _is_entity(declared: dict[str, JsonObject], name: str) -> bool:
    return name in declared and declared[name]["type"] in _ENTITIES


def _resolve(world: World, channel_id: int, value: _Named, resolved: JsonObject) -> None:
    """Add a member or a channel to what an interaction refers to."""
    number, guild_id = str(value.id), world.channels[channel_id].guild_id
    if value.id in world.users:
        resolved.setdefault("users", {})[number] = world.user_payload(value.id)
        guild = world.guilds.get(guild_id or 0)
        if guild is not None and value.id in guild.members:
            member = serializers.member_payload(
                world, guild, guild.members[value.id], with_user=False
            )
            resolved.setdefault("members", {})[number] = member
    elif value.id in world.channels:
        channel = world.channels[value.id]
        body: JsonObject = dict(serializers.channel_payload(world, channel))
        body["permissions"] = str(world.compute_permissions(guild_id or 0, world.bot_user.id))
        resolved.setdefault("channels", {})[number] = body
    elif guild_id is not None:
        role = world.get_role(guild_id, value.id)
        resolved.setdefault("roles", {})[number] = serializers.role_payload(role)
