"""All methods that are simulated, by name."""

from palaver.testing.telegram.methods import account, editing, media, places, sending
from palaver.testing.telegram.methods.common import Handler
from palaver.testing.telegram.methods.polling import SLOW_HANDLERS
from palaver.testing.telegram.wire import Fields, Json, StricterThanTelegram
from palaver.testing.telegram.world import World

HANDLERS: dict[str, Handler] = {
    **sending.HANDLERS,
    **media.HANDLERS,
    **editing.HANDLERS,
    **account.HANDLERS,
    **places.HANDLERS,
}

_NOT_SIMULATED = {
    "business_connection_id",
    "direct_messages_topic_id",
    "suggested_post_parameters",
    "inline_message_id",
}

#: The names of all methods that are simulated.
SIMULATED = frozenset({*HANDLERS, *SLOW_HANDLERS})


async def run(world: World, method: str, given: Fields) -> Json:
    """The result of a method. Raises ApiError when it is refused."""
    if method in SLOW_HANDLERS:
        return await SLOW_HANDLERS[method](world, given)
    if method not in HANDLERS:
        raise StricterThanTelegram(
            f"this loopback server does not simulate {method}", "has the method", 501
        )
    left_out = sorted(_NOT_SIMULATED & set(given.values))
    if left_out:
        raise StricterThanTelegram(
            f"this loopback server does not simulate {left_out[0]}", "has the parameter", 501
        )
    return HANDLERS[method](world, given)
