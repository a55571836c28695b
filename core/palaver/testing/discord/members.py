"""The answer to a bot that asks who is in a guild."""

from collections.abc import Iterator
from typing import Any

from simcord.backend import models, serializers

from palaver.testing.discord.wire import JsonObject
from palaver.testing.discord.world import World

#: Members of one event. Source: discord-api-docs, "Request Guild Members".
CHUNK = 1000


def chunks(world: World, asked: Any) -> Iterator[JsonObject]:
    """The bodies of GUILD_MEMBERS_CHUNK; none for an unknown guild."""
    guild = world.guilds.get(int(asked.get("guild_id", 0)))
    if guild is None:
        return
    found, unknown = _matching(world, guild, asked)
    pages = [found[start : start + CHUNK] for start in range(0, len(found), CHUNK)] or [[]]
    for index, page in enumerate(pages):
        body: JsonObject = {
            "guild_id": str(guild.id),
            "members": [serializers.member_payload(world, guild, one) for one in page],
            "chunk_index": index,
            "chunk_count": len(pages),
        }
        if unknown and index == 0:
            body["not_found"] = unknown
        if asked.get("nonce"):
            body["nonce"] = asked["nonce"]
        yield body


def _matching(
    world: World, guild: models.Guild, asked: Any
) -> tuple[list[models.Member], list[str]]:
    members = list(guild.members.values())
    unknown: list[str] = []
    wanted = asked.get("user_ids")
    if wanted:
        ids = [int(one) for one in (wanted if isinstance(wanted, list) else [wanted])]
        unknown = [str(one) for one in ids if one not in guild.members]
        members = [one for one in members if one.user_id in ids]
    elif asked.get("query"):
        start = str(asked["query"]).lower()
        members = [
            one
            for one in members
            if world.users[one.user_id].name.lower().startswith(start)
            or (one.nick or "").lower().startswith(start)
        ]
    limit = int(asked.get("limit") or 0)
    return members[:limit] if limit else members, unknown
