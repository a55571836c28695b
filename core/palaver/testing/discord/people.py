"""People who talk to the bot."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from simcord._modal import _modal_submit_nodes
from simcord.backend import serializers
from simcord.backend.command_access import command_access
from simcord.enums import InteractionType
from simcord.interactions import base_payload, store_interaction_attachment

from palaver.testing.discord import options
from palaver.testing.discord.files import MAX_FILE
from palaver.testing.discord.interactions import Interaction, Modal
from palaver.testing.discord.messages import Message
from palaver.testing.discord.places import WAIT_SECONDS, Channel
from palaver.testing.discord.wire import JsonObject
from palaver.testing.discord.writers import Writer


class Member(Writer):
    """Somebody with a Discord client, in one guild.

    Each action tells the bot what Discord would tell it. `to` and `in_` are channels, by default
    the first one of the guild. What a client or the permissions do not allow raises
    PermissionError, LookupError or ValueError: the test's fault, not the bot's.
    """

    async def command(
        self,
        name: str,
        /,
        *,
        in_: Channel | None = None,
        late_by: float = 0.0,
        **values: options.Value,
    ) -> Interaction:
        """A command of the bot, with its options; "group sub" names a subcommand.

        Waits until the bot has registered it. `late_by`: the bot hears of it that many seconds
        after it was given; 3 seconds are all it has to respond.
        """
        data, place = await self._command_data(name, in_, values, None)
        with self._past(late_by):
            return self._interact(InteractionType.APPLICATION_COMMAND, place, data)

    async def autocomplete(
        self,
        name: str,
        /,
        *,
        in_: Channel | None = None,
        **values: options.Value,
    ) -> list[tuple[str, str | int | float]]:
        """The choices that the bot offers for the last of the options, as it is typed so far."""
        data, place = await self._command_data(name, in_, values, list(values)[-1])
        kind = InteractionType.APPLICATION_COMMAND_AUTOCOMPLETE
        asked = self._interact(kind, place, data)
        return (await asked.acknowledged()).choices or []

    async def press(self, message: Message, button: str, *, late_by: float = 0.0) -> Interaction:
        """Press the button with this label or custom_id."""
        found = message.button(button)
        if "custom_id" not in found or found.get("disabled"):
            raise LookupError(f"{button!r} can't be pressed: a link, or disabled")
        data = {"custom_id": found["custom_id"], "component_type": found["type"]}
        return self._use(message, data, late_by)

    async def select(
        self, message: Message, values: Sequence[str], *, custom_id: str | None = None
    ) -> Interaction:
        """Choose values of a select menu of texts, by value or label."""
        menu = message.select(custom_id)
        if "options" not in menu:
            raise LookupError("only menus of texts can be used here, not of users or channels")
        known = {one["label"]: one["value"] for one in menu["options"]}
        known |= {one["value"]: one["value"] for one in menu["options"]}
        if menu.get("disabled") or not set(values) <= known.keys():
            raise LookupError(f"{list(values)} can't be selected; there are {list(known)}")
        low, high = menu.get("min_values", 1), menu.get("max_values", 1)
        if not low <= len(values) <= high:
            raise ValueError(f"between {low} and {high} values can be selected")
        chosen = [known[one] for one in values]
        data = {"custom_id": menu["custom_id"], "component_type": menu["type"], "values": chosen}
        return self._use(message, data, 0.0)

    async def submit(self, modal: Modal, values: dict[str, Any]) -> Interaction:
        """Fill a modal in, by label or custom_id, and send it."""
        names = {label: custom_id for custom_id, label in modal.fields.items()}
        named = {names.get(name, name): value for name, value in values.items()}
        if not named.keys() <= modal.fields.keys():
            raise LookupError(f"{list(values)}: the modal has {modal.fields}")
        record = modal.interaction.record
        if record.user_id != self.id or record.modal_consumed:
            raise LookupError("it is another member's modal, or was sent already")
        resolved: JsonObject = {}
        uploads: list[tuple[dict[str, Any], str, bytes]] = []
        nodes = _modal_submit_nodes(
            modal.components, self, named, resolved, record.channel_id, uploads
        )
        for field, name, content in uploads:
            number = store_interaction_attachment(
                self._world, record.channel_id, name, content, resolved
            )
            field["values"].append(number)
        record.modal_consumed = True
        data: JsonObject = {"custom_id": modal.custom_id, "components": nodes}
        if resolved:
            data["resolved"] = resolved
        source = self._world.views.get(record.source_message_id or 0)
        place = Channel(self._world, self._world.channels[record.channel_id])
        return self._interact(InteractionType.MODAL_SUBMIT, place, data, source)

    async def _command_data(
        self,
        name: str,
        in_: Channel | None,
        values: dict[str, options.Value],
        focus: str | None,
    ) -> tuple[JsonObject, Channel]:
        place = in_ or self.guild.general
        self._must_be_awake(place.id)
        root, *path = name.split()
        command = await self._world.signal.wait(
            lambda: self._world.find_command(root, place.guild_id), WAIT_SECONDS, self._commands
        )
        access = command_access(self._world, command, user_id=self.id, channel_id=place.id)
        if not access.allowed:
            raise PermissionError(f"{self.name} does not see /{root} there: {access.reason}")
        given, resolved = options.built(
            self._world, command, path, values, channel_id=place.id, focus=focus
        )
        data: JsonObject = {
            "id": command["id"],
            "name": command["name"],
            "type": command["type"],
            "options": given,
        }
        if resolved:
            data["resolved"] = resolved
        if command.get("guild_id"):
            data["guild_id"] = command["guild_id"]
        return data, place

    def _commands(self) -> str:
        known = {scope: [name for name, _ in book] for scope, book in self._world.commands.items()}
        return f"registered commands, by guild: {known}"

    def _use(self, message: Message, data: JsonObject, late_by: float) -> Interaction:
        self._sees(message)
        place = Channel(self._world, self._world.channels[message.channel_id])
        with self._past(late_by):
            return self._interact(InteractionType.MESSAGE_COMPONENT, place, data, message)

    def _interact(
        self, kind: int, place: Channel, data: JsonObject, source: Message | None = None
    ) -> Interaction:
        self._may(place)
        record, body = base_payload(
            self._world,
            type=kind,
            channel_id=place.id,
            guild_id=place.guild_id,
            user_id=self.id,
            data=data,
        )
        body["attachment_size_limit"] = MAX_FILE
        if source is not None:
            record.source_message_id = source.id
            body["message"] = dict(serializers.message_payload(self._world, source.stored))
        self._world.emit("INTERACTION_CREATE", body)
        return Interaction(self._world, record, self)

    @contextmanager
    def _past(self, seconds: float) -> Iterator[None]:
        """Within it, what is made was made some time ago."""
        self._world.clock.advance(-seconds)
        try:
            yield
        finally:
            self._world.clock.advance(seconds)
