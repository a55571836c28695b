"""Answers to interactions.

Discord gives up on an interaction that is not acknowledged within 3 seconds, and forgets its
token after 15 minutes (API reference, "Receiving and Responding"). So it is acknowledged before
anything else; what comes too late for the token comes as a message of the channel.
"""

import logging

import discord

from palaver import MessageId, Namespace, Place, PressSurface, View
from palaver_discord.places import conversation
from palaver_discord.sending import Sender, laid_out

log = logging.getLogger(__name__)

_SEEN = frozenset({"allow", "answer", "cancel", "deny", "now", "stop"})
"""Commands of which one sees at once, in the chat itself, that they have been carried out."""


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
        place = Place(self._owner, conversation(self._interaction.channel_id or 0))
        if await self._show(view):
            return True
        if not (view.private and self._interaction.guild_id):
            return False
        await self._sender.send_privately(place, view)
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

    async def quote(self, text: str) -> discord.InteractionMessage | None:
        """Show what was asked; the message, if there is one."""
        quoted = "\n".join(f"> {line}" for line in text.splitlines())
        if not await self._show(View(text=quoted, kind="answer")):
            return None
        try:
            return await self._interaction.original_response()
        except discord.HTTPException as error:
            log.info("an answer is not to be found: %s", error)
            return None

    async def _respond(self, ephemeral: bool) -> bool:
        """Whether Discord still waited for it."""
        try:
            await self._interaction.response.defer(ephemeral=ephemeral, thinking=True)
        except discord.HTTPException as error:  # too late; what is to be done is done all the same
            log.warning("an interaction was acknowledged too late: %s", error)
            return False
        return True

    async def _show(self, view: View) -> bool:
        """In place of the thinking, or after what was shown; False if the token is gone."""
        if not self._alive or self._interaction.is_expired():
            return False
        try:
            for part in await laid_out(view, self._owner):
                if self._waits:
                    self._waits = False
                    await self._interaction.edit_original_response(**part.as_edit())
                else:
                    await self._interaction.followup.send(
                        **part.as_message(), ephemeral=self._hidden, wait=True
                    )
        except discord.HTTPException as error:
            log.info("an interaction could not be answered: %s", error)
            return False
        return True


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
        try:
            await self._interaction.response.defer()
        except discord.HTTPException as error:
            log.warning("a press was acknowledged too late: %s", error)
        else:
            self._alive = True

    async def open(self, modal: discord.ui.Modal) -> None:
        """Ask for a word."""
        try:
            await self._interaction.response.send_modal(modal)
        except discord.HTTPException as error:
            log.warning("a press was acknowledged too late: %s", error)

    async def say(self, words: str, *, alert: bool = False) -> None:
        if words and (alert or self._command not in _SEEN):
            await self._show(View(title=words, kind="error" if alert else "notice"))

    async def replace(self, place: Place, view: View) -> bool:
        message = self._interaction.message
        if message is None:
            return False
        try:
            if message.flags.ephemeral:
                [part, *more] = await laid_out(view, place.namespace)
                if more:
                    return False
                await self._interaction.edit_original_response(**part.as_edit())
            else:
                await self._sender.edit(place, MessageId(str(message.id)), view)
        except discord.HTTPException as error:
            log.info("a message could not be changed, so there is a new one: %s", error)
            return False
        return True

    async def disarm(self) -> None:
        message = self._interaction.message
        if message is None or not message.components:
            return
        try:
            if message.flags.ephemeral:
                await self._interaction.edit_original_response(view=None)
            else:
                await message.edit(view=None)
        except discord.HTTPException as error:  # it is gone, or has changed meanwhile
            log.info("buttons could not be taken away: %s", error)

    async def privately(self, place: Place, view: View) -> None:
        self._owner = place.namespace
        if not await self.answer(view):
            await self._sender.send(place, view)
