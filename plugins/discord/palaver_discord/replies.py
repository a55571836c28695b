"""Answers to interactions.

Discord gives up on an interaction that is not acknowledged within 3 seconds, and forgets its
token after 15 minutes (API reference, "Receiving and Responding"). So it is acknowledged before
anything else; what comes too late for the token comes as a message of the channel.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import discord

from palaver import MessageId, Namespace, Place, PressSurface, View
from palaver_discord.client import words_of
from palaver_discord.places import conversation, namespace
from palaver_discord.render import Message
from palaver_discord.sending import Sender, laid_out

log = logging.getLogger(__name__)

_SEEN = frozenset({"allow", "answer", "cancel", "deny", "now", "stop"})
"""Commands of which one sees at once, in the chat itself, that they have been carried out."""
_WAITS_S = 3.0
"""Seconds that Discord waits for an acknowledgement (same page)."""
_ACKNOWLEDGED = 40060
"""It has been acknowledged already (API reference, "JSON Error Codes")."""


class Reply:
    """What is answered to one interaction.

    Args:
        owner: who made it: what answers it has his buttons.
    """

    def __init__(self, interaction: discord.Interaction, sender: Sender, owner: Namespace) -> None:
        self._interaction = interaction
        self._sender = sender
        self._owner = owner
        self._hidden = False
        self._alive = False
        self._waits = False  # Discord shows that the bot is thinking

    async def acknowledge(self, *, ephemeral: bool) -> None:
        """Show that the bot is thinking.

        Args:
            ephemeral: only he who made the interaction shall see the answer.
        """
        self._hidden = ephemeral
        self._alive = self._waits = await self._respond(ephemeral)

    async def answer(self, view: View) -> bool:
        """Show what a command answers; False if it cannot be shown here any more."""
        if await self._show(view):
            return True
        if not view.private or self._for_all:
            return False
        await self._sender.send_privately(self._place, view)
        return True

    async def finish(self, words: str) -> None:
        """There was nothing to show: what comes of it comes into the channel."""
        if self._waits:
            await self._show(View(text=words, kind="answer"))

    async def apologise(self, view: View) -> None:
        """Say that it failed, whatever was shown before."""
        if not self._interaction.response.is_done():
            await self.acknowledge(ephemeral=True)
        self._alive = self._hidden = True
        await self._show(view)

    async def quote(self, text: str) -> discord.Message | discord.PartialMessage | None:
        """Show what was asked; the message, if there is one."""
        quoted = "\n".join(f"> {line}" for line in text.splitlines())
        view = View(text=quoted, kind="answer")
        try:
            if await self._show(view):
                return await self._sender.delivery.insist(self._interaction.original_response)
            sent = await self._sender.send(self._place, view)
        except discord.HTTPException as error:
            log.info("what was asked cannot be shown: %s", error)
            return None
        guild_id, channel_id = self._interaction.guild_id, self._interaction.channel_id or 0
        channel = self._interaction.client.get_partial_messageable(channel_id, guild_id=guild_id)
        return channel.get_partial_message(int(sent))

    @property
    def _place(self) -> Place:
        return Place(self._owner, conversation(self._interaction.channel_id or 0))

    @property
    def _for_all(self) -> bool:
        """Whether what is shown here is for more eyes than his, or nobody else is here."""
        shared = self._owner != namespace(self._interaction.user.id)
        return shared or self._interaction.guild_id is None

    async def _respond(self, ephemeral: bool) -> bool:
        """Whether Discord still waited for it."""
        response = self._interaction.response
        return await self._in_time(lambda: response.defer(ephemeral=ephemeral, thinking=True))

    async def _in_time(self, respond: Callable[[], Awaitable[object]]) -> bool:
        """Respond, again if need be; False if Discord does not wait any more. What is to be done is
        done all the same."""
        try:
            async with asyncio.timeout(_WAITS_S):
                await self._sender.delivery.insist(respond)
        except (discord.HTTPException, TimeoutError) as error:
            if isinstance(error, discord.HTTPException) and error.code == _ACKNOWLEDGED:
                return True  # by an earlier try whose answer was lost
            log.warning("an interaction was acknowledged too late: %s", words_of(error))
            return False
        return True

    async def _show(self, view: View) -> bool:
        """In place of the thinking, or after what was shown; False if the token is gone."""
        if not self._alive or self._interaction.is_expired():
            return False
        try:
            for part in await laid_out(view, self._owner):
                await self._sender.delivery.insist(self._showing(part))
                self._waits = False
        except discord.HTTPException as error:
            log.info("an interaction could not be answered: %s", error)
            return False
        return True

    def _showing(self, part: Message) -> Callable[[], Awaitable[object]]:
        """A request; were its answer lost, a further message might come twice."""
        if self._waits:
            return lambda: self._interaction.edit_original_response(**part.as_edit())
        arguments = {**part.as_message(), "ephemeral": self._hidden, "wait": True}
        return lambda: self._interaction.followup.send(**arguments)


class PressReply(Reply, PressSurface):
    """What is answered to a press of a button.

    Args:
        button: what it carries.
    """

    def __init__(
        self, interaction: discord.Interaction, sender: Sender, owner: Namespace, button: str
    ) -> None:
        super().__init__(interaction, sender, owner)
        self._command = button.partition("/")[2].partition(" ")[0]

    async def acknowledge_press(self) -> None:
        """Let Discord know; nothing is to be seen of it."""
        self._hidden = self._interaction.guild_id is not None
        self._alive = await self._in_time(self._interaction.response.defer)

    async def open(self, modal: discord.ui.Modal) -> None:
        """Ask for a word."""
        await self._in_time(lambda: self._interaction.response.send_modal(modal))

    async def say(self, words: str, *, alert: bool = False) -> None:
        if not words or (self._command in _SEEN and not alert):
            return
        view = View(title=words, kind="error" if alert else "notice")
        if await self._show(view):
            return
        direct = self._interaction.guild_id is None
        elsewhere = self._sender.send if direct else self._sender.send_privately
        await elsewhere(Place(namespace(self._interaction.user.id), self._place.conversation), view)

    async def replace(self, place: Place, view: View) -> bool:
        message, insist = self._interaction.message, self._sender.delivery.insist
        if message is None:
            return False
        try:
            if message.flags.ephemeral:
                [part, *more] = await laid_out(view, place.namespace)
                if more:
                    return False
                arguments = part.as_edit()
                await insist(lambda: self._interaction.edit_original_response(**arguments))
            else:
                await self._sender.edit(place, MessageId(str(message.id)), view)
        except discord.HTTPException as error:
            log.info("a message could not be changed, so there is a new one: %s", error)
            return False
        return True

    async def disarm(self) -> None:
        message, insist = self._interaction.message, self._sender.delivery.insist
        if message is None or not message.components:
            return
        try:
            if message.flags.ephemeral:
                await insist(lambda: self._interaction.edit_original_response(view=None))
            else:
                await insist(lambda: message.edit(view=None))
        except discord.HTTPException as error:  # it is gone, or has changed meanwhile
            log.info("buttons could not be taken away: %s", error)

    async def privately(self, place: Place, view: View) -> None:
        self._owner = place.namespace
        if await self._show(view):
            return
        elsewhere = self._sender.send if self._for_all else self._sender.send_privately
        await elsewhere(place, view)
