"""Commands, buttons, menus and modals: acknowledged at once, answered where they were made."""

import logging

import discord

from palaver import SHARING, Incoming, Press, Reception, View, speaker_name
from palaver_discord.admission import Admission
from palaver_discord.components import label_of, modal, pressed, submitted
from palaver_discord.places import conversation, namespace
from palaver_discord.replies import PressReply, Reply
from palaver_discord.sending import Sender
from palaver_discord.threads import Threads

log = logging.getLogger(__name__)

_ELSEWHERE = "I am not at work in this channel: whoever runs me has not named it in the settings."


class Interactions:
    """Takes what people do with commands and components."""

    def __init__(
        self, reception: Reception, sender: Sender, threads: Threads, admission: Admission
    ) -> None:
        self._reception = reception
        self._sender = sender
        self._threads = threads
        self._admission = admission

    async def command(self, interaction: discord.Interaction, text: str) -> None:
        """Carry a command out; what it answers is for its sender's eyes, unless all share."""
        message = _incoming(interaction, text, command=True)
        reply = Reply(interaction, self._sender, message.sender)
        shared = self._reception.shared(message.conversation) or message.command_name in SHARING
        await reply.acknowledge(ephemeral=not (message.private or shared))
        if await self._here(interaction, reply) and (
            await self._reception.take(message, answer=reply.answer)
        ):
            await reply.finish("▶️ On its way.")

    async def ask(self, interaction: discord.Interaction, text: str) -> None:
        """Take a prompt: here, or from a channel in a thread of its own."""
        message = _incoming(interaction, text)
        reply = Reply(interaction, self._sender, message.sender)
        await reply.acknowledge(ephemeral=False)
        if not await self._here(interaction, reply):
            return
        if not await self._reception.admitted(message, reply.answer):
            return
        asked = await reply.quote(text)
        if asked and isinstance(interaction.channel, discord.TextChannel):
            place = await self._threads.begin(asked, text, interaction.user.id)
            message = _incoming(interaction, text, channel_id=place)
        await self._reception.take(message)

    async def component(self, interaction: discord.Interaction) -> None:
        """Do what a button or a menu says."""
        data = interaction.data
        custom_id = str(data.get("custom_id", "")) if data else ""
        values = data.get("values", ()) if data else ()
        one = pressed(custom_id, [str(value) for value in values])  # type: ignore[attr-defined]
        reply = PressReply(interaction, self._sender, namespace(interaction.user.id), one.button)
        if one.kind == "ask":
            title = label_of(interaction.message, custom_id) or one.asked
            await reply.open(modal(one, title))
            return
        await self._press(interaction, reply, one.button)

    async def modal(self, interaction: discord.Interaction) -> None:
        """Do what a button says, with the words that were asked for."""
        data = interaction.data
        one = pressed(str(data.get("custom_id", "")) if data else "")
        button = one.with_word(submitted(data))
        reply = PressReply(interaction, self._sender, namespace(interaction.user.id), button)
        await self._press(interaction, reply, button)

    async def _press(
        self, interaction: discord.Interaction, reply: PressReply, button: str
    ) -> None:
        await reply.acknowledge_press()
        if await self._here(interaction, reply):
            press = Press(
                sender=namespace(interaction.user.id),
                conversation=conversation(interaction.channel_id or 0),
                key=f"press:{interaction.id}",
                button=button,
                private=interaction.guild_id is None,
            )
            await self._reception.press(press, reply)

    async def _here(self, interaction: discord.Interaction, reply: Reply) -> bool:
        """Whether the bot is at work here at all."""
        self._admission.saw(interaction.user)
        if self._admission.heard_in(interaction.channel):
            return True
        await reply.answer(View(title=_ELSEWHERE, kind="notice"))
        return False


def _incoming(
    interaction: discord.Interaction,
    text: str,
    *,
    command: bool = False,
    channel_id: int | None = None,
) -> Incoming:
    user = interaction.user
    return Incoming(
        sender=namespace(user.id),
        conversation=conversation(channel_id or interaction.channel_id or 0),
        key=f"interaction:{interaction.id}",
        text=text,
        speaker=speaker_name(user.display_name, f"Member {user.id}"),
        private=interaction.guild_id is None,
        command=command,
    )
