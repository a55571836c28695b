"""A turn at work: one message in its channel, with a Stop button.

It is no answer to an interaction: the token of one dies after 15 minutes, a turn may take longer.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace

import discord

from palaver import Action, MessageId, Place, View
from palaver_discord.components import components
from palaver_discord.delivery import Delivery
from palaver_discord.render import Message, live
from palaver_discord.sending import Sender

EDIT_INTERVAL_S = 1.1
"""Five changes in five seconds are what Discord takes in a channel, seen in its answers' headers;
one a second leaves room for answers."""
HEAD_START_S = 0.03
"""Seconds that a prompt has on its way to the agent before what is only shown takes its time."""

State = tuple[str | None, tuple[Action, ...]]
"""What a live message says, and what can be pressed below it."""


class LiveMessages:
    """The live messages of all channels; the presenter bears what their methods raise."""

    def __init__(self, client: discord.Client, delivery: Delivery, sender: Sender) -> None:
        self._client = client
        self._delivery = delivery
        self._sender = sender
        self._begun: dict[Place, tuple[State, Callable[[], Awaitable[MessageId]]]] = {}
        self._shown: dict[MessageId, State] = {}

    async def show(self, place: Place, message: MessageId | None, view: View) -> MessageId:
        """How far the turn has come, in its message, new if there is none.

        Raises:
            Exception: if it cannot be shown now.
        """
        channel_id = int(place.conversation)
        buttons, _ = components(view, place.namespace)
        now = replace(live(view), buttons=buttons)
        state = now.content, view.actions
        if message is None:
            return await self._begin(place, now, state)
        if state != self._shown.get(message):
            await self._delivery.attempt(
                channel_id, lambda: self._change(channel_id, message, now, state)
            )
        return message

    async def end(self, place: Place, message: MessageId) -> None:
        """Take the message away.

        Raises:
            discord.HTTPException: if Discord refuses it for good.
        """
        self._shown.pop(message, None)
        await self._sender.remove(place, message)

    async def typing(self, place: Place) -> None:
        """Show that the agent is at work, for ten seconds.

        Raises:
            Exception: if it cannot be shown now.
        """
        await asyncio.sleep(2 * HEAD_START_S)
        channel_id = int(place.conversation)
        channel = self._client.get_partial_messageable(channel_id)

        async def type_() -> None:
            await channel.typing()

        await self._delivery.attempt(channel_id, type_)

    async def _begin(self, place: Place, now: Message, state: State) -> MessageId:
        """A first try may have arrived though its answer has not: the next is the same request.

        That may have been for an earlier turn, with the Stop button of that.
        """
        await asyncio.sleep(HEAD_START_S)
        channel_id = int(place.conversation)
        begun = self._begun.pop(place, (state, self._sender.post(channel_id, now, quiet=True)))
        before, post = begun

        async def begin() -> MessageId:
            message = await post()
            self._shown[message] = before
            if before != state:
                with contextlib.suppress(Exception):  # it stands there, and changes again
                    await self._change(channel_id, message, now, state)
            return message

        async def remove(late: MessageId) -> None:
            await self.end(place, late)

        try:
            return await self._delivery.attempt(channel_id, begin, late=remove)
        except Exception:
            self._begun[place] = begun
            raise

    async def _change(
        self, channel_id: int, message: MessageId, now: Message, state: State
    ) -> None:
        old = self._client.get_partial_messageable(channel_id).get_partial_message(int(message))
        await old.edit(**now.as_edit())
        self._shown[message] = state
