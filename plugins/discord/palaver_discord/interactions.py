"""Commands, buttons, menus and modals: acknowledged at once, answered where they were made."""

import logging
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import discord

from palaver import (
    SHARING,
    Action,
    Command,
    Completion,
    Incoming,
    Namespace,
    PalaverError,
    Place,
    Press,
    Reception,
    View,
    encode_button,
    speaker_name,
)
from palaver_discord.admission import Admission
from palaver_discord.components import ASK, Pressed, label_of, modal, pressed, submitted
from palaver_discord.incoming import COMMAND
from palaver_discord.places import conversation, namespace
from palaver_discord.replies import PressReply, Reply
from palaver_discord.sending import Sender
from palaver_discord.threads import Starter, Threads

log = logging.getLogger(__name__)

_ELSEWHERE = "I am not at work in this channel: whoever runs me has not named it in the settings."
_REMEMBERED = 1000
_ASKED = 30
"""Characters of what a modal asks for that fit into a custom_id beside a button."""


class Interactions:
    """Takes what people do with commands and components."""

    def __init__(
        self, reception: Reception, sender: Sender, threads: Threads, admission: Admission
    ) -> None:
        self._reception = reception
        self._sender = sender
        self._threads = threads
        self._admission = admission
        self._taken: OrderedDict[int, None] = OrderedDict()

    def first(self, interaction: discord.Interaction) -> bool:
        """Whether nobody deals with it yet: events may come twice."""
        if interaction.id in self._taken:
            return False
        self._taken[interaction.id] = None
        if len(self._taken) > _REMEMBERED:
            self._taken.popitem(last=False)
        return True

    async def command(self, interaction: discord.Interaction, text: str) -> None:
        """Carry a command out; what it answers is for its sender's eyes, unless all share."""
        message = _incoming(interaction, text, command=True)
        reply = self._reply(interaction)
        async with _contained(reply):
            await reply.acknowledge(ephemeral=not await self._for_all(interaction, message))
            if not await self._here(interaction, reply):
                return
            if await self._reception.take(message, answer=reply.answer):
                await reply.finish("▶️ On its way.")
            place, command = message.conversation, message.command_name
            await self._threads.commanded(message.sender, place, command)

    async def want(self, interaction: discord.Interaction, command: Command) -> None:
        """Ask for the word that a command needs and was not given."""
        message = _incoming(interaction, f"/{command.name}", command=True)
        if not (self._heard(interaction) and await self._let_in(message)):
            await self.command(interaction, message.text)  # which says why not
            return
        acting = self._acting(interaction)
        button = encode_button(acting, Action(label=command.name, command=message.text))
        asked = command.argument.capitalize().replace(ASK, " ")[:_ASKED]
        one = pressed(f"{ASK}{asked}{ASK}{button}")
        await self._press_reply(interaction, one).open(modal(one, command.summary))

    async def ask(self, interaction: discord.Interaction, text: str) -> None:
        """Take a prompt: here, or from a channel in a thread of its own."""
        if COMMAND.fullmatch(text.strip()):  # what it answers may be for its sender's eyes
            await self.command(interaction, text.strip())
            return
        message = _incoming(interaction, text)
        reply = self._reply(interaction)
        async with _contained(reply):
            let_in = self._heard(interaction) and await self._let_in(message)
            await reply.acknowledge(ephemeral=not let_in)
            if not await self._here(interaction, reply):
                return
            if not await self._reception.admitted(message, reply.answer):
                return
            if asked := await reply.quote(text):
                message = await self._placed(asked, message, interaction)
            await self._reception.take(message)

    async def complete(self, interaction: discord.Interaction, text: str) -> list[Completion]:
        """What a command can become: sessions of who types it, or of all where they share."""
        message = _incoming(interaction, text)
        if not self._heard(interaction):
            return []
        return await self._reception.complete(message.sender, message.conversation, text)

    async def failed(self, interaction: discord.Interaction, error: Exception) -> None:
        """A command failed in a way that nobody foresaw."""
        log.error("a command failed", exc_info=error)
        await self._reply(interaction).apologise(_unexpected(error))

    async def component(self, interaction: discord.Interaction) -> None:
        """Do what a button or a menu says."""
        data: Any = interaction.data or {}
        custom_id = str(data.get("custom_id", ""))
        one = pressed(custom_id, [str(value) for value in data.get("values", ())])
        reply = self._press_reply(interaction, one)
        async with _contained(reply):
            if one.kind == "ask":
                await self._ask_for(interaction, reply, one, custom_id)
            else:
                await self._press(interaction, reply, one.button)

    async def modal(self, interaction: discord.Interaction) -> None:
        """Do what a button says, with the words that were asked for."""
        data: Any = interaction.data or {}
        one = pressed(str(data.get("custom_id", "")))
        button = one.with_word(submitted(data))
        if interaction.message is None:  # it was a command that wanted them
            await self._command_with_words(interaction, button)
            return
        reply = self._press_reply(interaction, replace(one, button=button))
        async with _contained(reply):
            await self._press(interaction, reply, button)

    # --- how ------------------------------------------------------------------------------------

    async def _press(
        self, interaction: discord.Interaction, reply: PressReply, button: str
    ) -> None:
        await reply.acknowledge_press()
        if await self._here(interaction, reply):
            press = _press(interaction, button)
            await self._reception.press(press, reply)
            command = button.partition("/")[2].partition(" ")[0]
            await self._threads.commanded(press.sender, press.conversation, command)

    async def _ask_for(
        self, interaction: discord.Interaction, reply: PressReply, one: Pressed, custom_id: str
    ) -> None:
        """Open the window for a word, for him whose button it is."""
        refusal = "" if self._heard(interaction) else _ELSEWHERE
        try:
            await self._reception.pressing(_press(interaction, one.button))
        except PalaverError as error:
            refusal = refusal or f"{error.message} {error.hint}".strip()
        if refusal:
            await reply.acknowledge_press()
            await reply.say(refusal, alert=True)
            return
        await reply.open(modal(one, label_of(interaction.message, custom_id) or one.asked))

    async def _command_with_words(self, interaction: discord.Interaction, button: str) -> None:
        reply = self._reply(interaction)
        async with _contained(reply):
            try:
                await self._reception.pressing(_press(interaction, button))
            except PalaverError as error:
                await reply.acknowledge(ephemeral=True)
                words = f"{error.message} {error.hint}".strip()
                await reply.answer(View(title=words, kind="error"))
                return
        await self.command(interaction, "/" + button.partition("/")[2])

    async def _placed(
        self,
        asked: Starter,
        message: Incoming,
        interaction: discord.Interaction,
    ) -> Incoming:
        """The prompt in a new thread, if it comes from a channel that has threads."""
        user_id, channel = interaction.user.id, interaction.channel
        if isinstance(channel, discord.TextChannel):
            try:
                thread = await self._threads.begin(asked, message.text, user_id)
            except discord.HTTPException as error:
                log.warning(
                    "no thread can be opened in %s, it goes on there: %s", channel.id, error
                )
            else:
                return replace(message, conversation=conversation(thread))
        alone = message.private or self._threads.owner(asked.channel.id) == user_id
        if not (alone or self._reception.shared(message.conversation)):
            place = Place(message.sender, message.conversation, answers=message.key)
            self._sender.remember(place, asked.id)
        return message

    async def _for_all(self, interaction: discord.Interaction, message: Incoming) -> bool:
        """Whether all may see what the command answers."""
        shared = self._reception.shared(message.conversation) or message.command_name in SHARING
        if message.private or not shared:
            return message.private
        return self._heard(interaction) and await self._let_in(message)

    async def _let_in(self, message: Incoming) -> bool:
        return await self._reception.lets_in(message.sender, message.conversation)

    def _heard(self, interaction: discord.Interaction) -> bool:
        """Whether the bot is at work here at all."""
        self._admission.saw(interaction.user)
        if interaction.guild_id is None:
            self._admission.direct(interaction.channel_id or 0)
        return self._admission.heard_in(interaction.channel, interaction.guild_id)

    async def _here(self, interaction: discord.Interaction, reply: Reply) -> bool:
        """The same; if not, it is said."""
        if self._heard(interaction):
            return True
        await reply.answer(View(title=_ELSEWHERE, kind="notice"))
        return False

    def _reply(self, interaction: discord.Interaction) -> Reply:
        return Reply(interaction, self._sender, self._acting(interaction))

    def _press_reply(self, interaction: discord.Interaction, one: Pressed) -> PressReply:
        return PressReply(interaction, self._sender, self._acting(interaction), one.button)

    def _acting(self, interaction: discord.Interaction) -> Namespace:
        """Whose the buttons of an answer are."""
        place = conversation(interaction.channel_id or 0)
        return self._reception.acting(namespace(interaction.user.id), place)


@asynccontextmanager
async def _contained(reply: Reply) -> AsyncIterator[None]:
    try:
        yield
    except Exception as error:  # whoever made the interaction must not wait for nothing
        log.exception("an interaction could not be taken")
        await reply.apologise(_unexpected(error))


def _unexpected(error: Exception) -> View:
    cause = error.__cause__ or error  # the library wraps what callbacks raise
    words = f"Something unexpected went wrong ({type(cause).__name__}). Try it again."
    return View(title=f"⚠️ {words}", kind="error")


def _press(interaction: discord.Interaction, button: str) -> Press:
    message = interaction.message
    return Press(
        sender=namespace(interaction.user.id),
        conversation=conversation(interaction.channel_id or 0),
        key=f"press:{interaction.id}",
        button=button,
        private=interaction.guild_id is None,
        hidden=message is not None and message.flags.ephemeral,
    )


def _incoming(interaction: discord.Interaction, text: str, *, command: bool = False) -> Incoming:
    user = interaction.user
    return Incoming(
        sender=namespace(user.id),
        conversation=conversation(interaction.channel_id or 0),
        key=f"interaction:{interaction.id}",
        text=text,
        speaker=speaker_name(user.display_name, f"Member {user.id}"),
        private=interaction.guild_id is None,
        command=command,
    )
