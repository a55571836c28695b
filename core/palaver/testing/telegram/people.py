"""People who talk to the bot."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from palaver.testing.telegram.chats import Chat, Place
from palaver.testing.telegram.entities import Entity, FormattedText
from palaver.testing.telegram.files import StoredFile
from palaver.testing.telegram.formatting import MAX_CAPTION, MAX_TEXT, as_sent
from palaver.testing.telegram.messages import Content, Home, Message
from palaver.testing.telegram.presses import Press, PressBook
from palaver.testing.telegram.scene import Scene
from palaver.testing.telegram.wire import Json, JsonObject


@dataclass(frozen=True)
class Attached:
    """A file for an album: see `Person.send_album`."""

    kind: str
    data: bytes
    name: str = ""
    caption: str = ""


class Person:
    """Somebody with a Telegram client.

    Each action queues the updates that the bot would get. They are coroutines because people's
    actions will take time somewhere else; here they return at once. `to` is a chat or a topic,
    the private chat with the bot by default.
    """

    def __init__(self, scene: Scene, presses: PressBook, json: JsonObject) -> None:
        self._scene = scene
        self._presses = presses
        self.json = json
        self.chat: Chat | None = None

    @property
    def id(self) -> int:
        """The user id."""
        return int(str(self.json["id"]))

    @property
    def name(self) -> str:
        """The first name."""
        return str(self.json["first_name"])

    async def send(
        self,
        text: str,
        *,
        entities: Sequence[Entity] = (),
        to: Place | None = None,
        reply_to: Message | None = None,
    ) -> Message:
        """A text of at most 4096 characters; commands, mentions and links get their entities."""
        if not 0 < len(text) <= MAX_TEXT:
            raise ValueError(f"a client does not send a text of {len(text)} characters at once")
        return self._say(Content("text", as_sent(text, entities)), to, reply_to)

    async def send_long(self, text: str, *, to: Place | None = None) -> list[Message]:
        """A text of any length: a client cuts it into messages of 4096 characters."""
        parts = [text[start : start + MAX_TEXT] for start in range(0, len(text), MAX_TEXT)]
        return [await self.send(part, to=to) for part in parts]

    async def send_photo(
        self,
        data: bytes,
        caption: str = "",
        *,
        to: Place | None = None,
        reply_to: Message | None = None,
    ) -> Message:
        """A picture, compressed by the client."""
        return self._send_file(self._scene.files.add("photo", data), caption, to, reply_to)

    async def send_document(
        self,
        data: bytes,
        name: str,
        caption: str = "",
        *,
        mime_type: str = "",
        size: int | None = None,
        to: Place | None = None,
        reply_to: Message | None = None,
    ) -> Message:
        """A file under its name; `size` in bytes may claim more than there is."""
        stored = self._scene.files.add("document", data, name=name, mime_type=mime_type, size=size)
        return self._send_file(stored, caption, to, reply_to)

    async def send_voice(
        self, data: bytes, *, duration: int = 1, size: int | None = None, to: Place | None = None
    ) -> Message:
        """A voice message: OGG with Opus; `duration` in seconds."""
        stored = self._scene.files.add(
            "voice", data, mime_type="audio/ogg", duration=duration, size=size
        )
        return self._send_file(stored, "", to, None)

    async def send_audio(
        self,
        data: bytes,
        name: str,
        caption: str = "",
        *,
        duration: int = 1,
        to: Place | None = None,
    ) -> Message:
        """A music file."""
        stored = self._scene.files.add("audio", data, name=name, duration=duration)
        return self._send_file(stored, caption, to, None)

    async def send_video(
        self,
        data: bytes,
        name: str,
        caption: str = "",
        *,
        duration: int = 1,
        to: Place | None = None,
    ) -> Message:
        """A video."""
        stored = self._scene.files.add("video", data, name=name, duration=duration)
        return self._send_file(stored, caption, to, None)

    async def send_other(self, fields: JsonObject, *, to: Place | None = None) -> Message:
        """A message of another kind (a location, a sticker), given by its fields."""
        return self._say(Content("other", extra=fields), to, None)

    async def send_album(
        self, files: Sequence[Attached], *, to: Place | None = None
    ) -> list[Message]:
        """Two to ten files at once: as many messages with one `media_group_id`."""
        if not 2 <= len(files) <= 10:
            raise ValueError("an album has two to ten files")
        group = str(10_000_000_000_000_000 + self._scene.next_number())
        sent = []
        for file in files:
            stored = self._scene.files.add(file.kind, file.data, name=file.name)
            content = Content(file.kind, _caption(file.caption), stored)
            sent.append(self._say(content, to, None, media_group_id=group))
        return sent

    async def forward(self, message: Message, *, to: Place | None = None) -> Message:
        """Somebody's message once more, with its origin."""
        origin: JsonObject = {
            "type": "user",
            "sender_user": message.sender,
            "date": message.date,
        }
        kept = message.forward_origin or origin
        return self._say(message.content, to, None, forward_origin=kept)

    async def edit(self, message: Message, text: str) -> None:
        """Another text (or caption) for an own message."""
        if message.sender is not self.json:
            raise ValueError("only an own message can be edited")
        content = dataclasses.replace(message.content, text=as_sent(text))
        message.change(self._scene.clock.now(), content, message.keyboard)
        message.edit_date = self._scene.clock.date()
        self._tell(message.chat, "edited_message", message)

    async def delete(self, message: Message) -> None:
        """An own message away. The Bot API does not tell the bot."""
        message.deleted_at = self._scene.clock.now()
        self._scene.signal.notify()

    async def react(self, message: Message, *emoji: str) -> None:
        """Reactions on a message; none takes them away."""
        old = message.reactions.get(self.id, ())
        message.reactions[self.id] = emoji
        if not (message.chat.private or message.chat.bot_is_admin):
            return
        self._scene.tell(
            "message_reaction",
            {
                "chat": message.chat.to_json(),
                "message_id": message.id,
                "user": self.json,
                "date": self._scene.clock.date(),
                "old_reaction": _reactions(old),
                "new_reaction": _reactions(emoji),
            },
        )

    async def press(self, message: Message, label: str = "", *, data: str = "") -> Press:
        """Press an inline button, by its label or its data.

        `data` presses a button that need not be there any more, as a client with an old view
        does, or one that forges it. Raises LookupError when no button is labelled so. The
        `Press` that comes back can be asked what the bot answered.
        """
        button_data = data or message.button(label).data
        if not button_data:
            raise LookupError(f"the button {label!r} does not ask the bot")
        press = self._presses.open(self.id, message)
        shown = message.inaccessible() if message.deleted else message.to_json()
        self._scene.tell(
            "callback_query",
            {
                "id": press.id,
                "from": self.json,
                "message": shown,
                "chat_instance": str(message.chat.to_json()["id"]),
                "data": button_data,
            },
        )
        return press

    async def block(self) -> None:
        """Block the bot: it gets 403 in the private chat."""
        self._private().drop_bot()

    async def unblock(self) -> None:
        """Take the bot back."""
        self._private().take_bot()

    def _private(self) -> Chat:
        if self.chat is None:
            raise LookupError(f"{self.name} has no private chat: api.private({self.name.lower()})")
        return self.chat

    def _send_file(
        self, stored: StoredFile, caption: str, to: Place | None, reply_to: Message | None
    ) -> Message:
        return self._say(Content(stored.kind, _caption(caption), stored), to, reply_to)

    def _say(
        self,
        content: Content,
        to: Place | None,
        reply_to: Message | None,
        *,
        media_group_id: str = "",
        forward_origin: JsonObject | None = None,
    ) -> Message:
        place = to or self._private()
        if self.id not in place.chat.members:
            raise ValueError(f"{self.name} is not in that chat")
        message = place.chat.add(
            self.json,
            content,
            topic_id=place.topic_id,
            reply_to=reply_to,
            media_group_id=media_group_id,
            forward_origin=forward_origin,
        )
        self._tell(place.chat, "message", message)
        return message

    def _tell(self, chat: Home, kind: str, message: Message) -> None:
        if chat.forbidden:
            return
        if (
            chat.private
            or chat.bot_is_admin
            or self._scene.reads_all_groups
            or _is_for_bot(message, self._scene.username)
        ):
            self._scene.tell(kind, message.to_json())


def _caption(text: str) -> FormattedText:
    if len(text) > MAX_CAPTION:
        raise ValueError(f"a client does not send a caption of {len(text)} characters")
    return as_sent(text)


def _reactions(emoji: Sequence[str]) -> list[Json]:
    return [{"type": "emoji", "emoji": one} for one in emoji]


def _is_for_bot(message: Message, username: str) -> bool:
    """What a bot hears in a group in privacy mode. Source: the Bot FAQ, "Privacy mode"."""
    if message.content.kind == "service":
        return True
    # The opening of a topic counts as answered only by Telegram, not by the person.
    replied = message.reply_to
    if replied is not None and replied.from_bot and replied.content.kind != "service":
        return True
    commands = message.content.text.pieces("bot_command")
    if any(command.partition("@")[2].lower() in ("", username.lower()) for command in commands):
        return True
    return any(
        mention.lower() == f"@{username.lower()}"
        for mention in message.content.text.pieces("mention")
    )
