"""Threads, where simcord asks for other permissions than the live service.

Source: discord-api-docs, "Modify Channel", "Threads" and the JSON error codes.
"""

from simcord.backend import errors, models, serializers
from simcord.backend.permissions import flag

from palaver.testing.discord.calls import Call
from palaver.testing.discord.wire import ApiError, JsonObject, bad_form
from palaver.testing.discord.world import World

_METADATA = ("archived", "locked", "auto_archive_duration", "invitable")
_FIELDS = {"name", "rate_limit_per_user", "applied_tags", *_METADATA}


def archived(world: World, channel_id: int) -> models.Channel | None:
    """The thread with that id, if it is archived."""
    thread = world.channels.get(channel_id)
    if thread is None or thread.thread_metadata is None or not thread.thread_metadata.archived:
        return None
    return thread


def require_awake(world: World, channel_id: int) -> None:
    """Raises ApiError 50083 in an archived thread."""
    if archived(world, channel_id) is not None:
        raise ApiError(400, 50083, "Thread is archived")


def rouse(world: World, channel_id: int) -> None:
    """A message wakes an archived thread. Raises ApiError if only moderators may write there."""
    thread = world.channels.get(channel_id)
    if thread is None or thread.thread_metadata is None:
        return
    if thread.thread_metadata.locked and not _may(world, thread, "manage_threads"):
        if thread.thread_metadata.archived:
            raise ApiError(400, 50083, "Thread is archived")
        raise ApiError(403, 160005, "Thread is locked")
    if thread.thread_metadata.archived:
        world.wake(thread)


def edit(world: World, thread: models.Channel, call: Call) -> JsonObject:
    """Change a thread as the bot. Raises BackendError."""
    body = call.body
    unknown = sorted(body.keys() - _FIELDS)
    if unknown:
        raise bad_form(unknown[0], "Unknown field.")
    world.require_permissions(thread.guild_id, world.bot_user.id, thread.id)
    if body.get("archived") is not False:
        require_awake(world, thread.id)
    _require(world, thread, body)
    metadata = {name: body[name] for name in _METADATA if name in body}
    if "archived" in body:
        metadata["archive_timestamp"] = world.now_iso()
    changes = {name: body[name] for name in ("name", "rate_limit_per_user") if name in body}
    if "applied_tags" in body:
        changes["applied_tags"] = [int(tag) for tag in body["applied_tags"]]
    world.edit_channel(thread.id, changes, thread_metadata=metadata)
    return dict(serializers.channel_payload(world, thread))


def delete(world: World, thread: models.Channel) -> JsonObject:
    """Delete a thread as the bot. Raises BackendError."""
    world.require_permissions(thread.guild_id, world.bot_user.id, thread.id, "manage_threads")
    gone = dict(serializers.channel_payload(world, thread))
    world.delete_channel(thread.id)
    return gone


def _require(world: World, thread: models.Channel, body: JsonObject) -> None:
    """Moderators may do all; who opened it all but lock; who may write there may wake it."""
    metadata = thread.thread_metadata
    wakes = body.keys() == {"archived"} and body["archived"] is False
    if _may(world, thread, "manage_threads"):
        return
    if metadata is not None and metadata.locked:
        raise errors.missing_permissions()
    if wakes and _may(world, thread, "send_messages_in_threads"):
        return
    owns = thread.owner_id == world.bot_user.id
    if not owns or body.keys() & {"locked", "rate_limit_per_user"}:
        raise errors.missing_permissions()


def _may(world: World, thread: models.Channel, permission: str) -> bool:
    have = world.compute_permissions(thread.guild_id or 0, world.bot_user.id, thread.id)
    return bool(have & flag(permission))
