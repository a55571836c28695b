"""getUpdates and the webhook methods."""

from collections.abc import Awaitable, Callable

from palaver.testing.telegram.updates import (
    BY_WEBHOOK,
    MAX_LIMIT,
    MAX_TIMEOUT,
    WEBHOOK_ACTIVE,
)
from palaver.testing.telegram.webhook import check_webhook
from palaver.testing.telegram.wire import ApiError, Fields, Json, JsonObject
from palaver.testing.telegram.world import World

SlowHandler = Callable[[World, Fields], Awaitable[Json]]


async def get_updates(world: World, given: Fields) -> Json:
    """getUpdates."""
    if world.webhook:
        raise ApiError(409, WEBHOOK_ACTIVE)
    if "allowed_updates" in given:
        world.updates.allow(str(kind) for kind in given.array("allowed_updates"))
    timeout = _clamped(world, given, "timeout", 0, MAX_TIMEOUT, default=0)
    limit = _clamped(world, given, "limit", 1, MAX_LIMIT, default=MAX_LIMIT)
    batch: list[Json] = [
        *(await world.updates.get(given.number("offset"), limit, timeout)),
    ]
    return batch


async def set_webhook(world: World, given: Fields) -> Json:
    """setWebhook: an empty URL deletes it."""
    if not given.text("url"):
        return await delete_webhook(world, given)
    check_webhook(given)
    if given.flag("drop_pending_updates"):
        world.updates.clear()
    if "allowed_updates" in given:
        world.updates.allow(str(kind) for kind in given.array("allowed_updates"))
    world.updates.interrupt(BY_WEBHOOK)
    world.webhook = given.without("drop_pending_updates", "certificate")
    world.signal.notify()
    return True


async def delete_webhook(world: World, given: Fields) -> Json:
    """deleteWebhook."""
    if given.flag("drop_pending_updates"):
        world.updates.clear()
    world.webhook = {}
    world.signal.notify()
    return True


async def get_webhook_info(world: World, _given: Fields) -> Json:
    """getWebhookInfo."""
    body: JsonObject = {
        "url": world.webhook.get("url", ""),
        "has_custom_certificate": False,
        "pending_update_count": len(world.updates.pending),
    }
    if world.updates.asked:
        asked: list[Json] = [*world.updates.asked]
        body["allowed_updates"] = asked
    return body


def _clamped(world: World, given: Fields, name: str, low: int, high: int, *, default: int) -> int:
    """As Telegram does it: a number out of range becomes the nearest one; but it is noted."""
    asked = given.number(name, default)
    if not low <= asked <= high:
        world.problem(
            "getUpdates", f"{name}={asked} is not within {low}-{high}", telegram="clamps it"
        )
    return min(max(asked, low), high)


SLOW_HANDLERS: dict[str, SlowHandler] = {
    "getUpdates": get_updates,
    "setWebhook": set_webhook,
    "deleteWebhook": delete_webhook,
    "getWebhookInfo": get_webhook_info,
}
