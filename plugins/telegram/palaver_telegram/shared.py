"""Topics, and groups without topics, in which all who are let in work in one session.

Such a place has a namespace of its own. Whoever speaks or presses there must be let in himself;
then he acts for that namespace.
"""

import asyncio
import logging
from dataclasses import replace
from pathlib import Path

from telegram import ChatMember
from telegram.error import TelegramError

from palaver import ConversationId, Namespace, PalaverError, Place, View, hookimpl
from palaver_telegram.client import Client
from palaver_telegram.incoming import Incoming
from palaver_telegram.places import FRONTEND, Spot
from palaver_telegram.sending import Sender

log = logging.getLogger(__name__)

PLUGIN = "telegram-shared"
COMMANDS = {
    "share": "Let all members who may use me work in one session here.",
    "unshare": "Let everybody here have sessions of their own again.",
}
_SUFFIX = ".shared"
_ADMINISTRATORS = frozenset({ChatMember.OWNER, ChatMember.ADMINISTRATOR})


class Shares:
    """Which places are shared. As a plugin, lets their namespaces in, each in its own place.

    There is one empty file for each, which can be neither half written nor broken.
    """

    def __init__(self) -> None:
        self._folder = Path()
        self._owners: dict[ConversationId, Namespace] = {}

    async def open(self, folder: Path) -> None:
        """Read what is noted in this folder, and note there what comes."""
        self._folder = folder
        spots = await asyncio.to_thread(_read, folder)
        self._owners = {spot.conversation: _namespace(spot) for spot in spots}

    def owner(self, spot: Spot) -> Namespace | None:
        """The namespace of a shared place; None if everybody has an own one there."""
        return self._owners.get(spot.conversation)

    def placed(self, message: Incoming) -> Incoming:
        """The message as one of the namespace that it is for; its sender must be let in."""
        return replace(message, owner=self.owner(message.spot) or message.sender)

    async def add(self, spot: Spot) -> None:
        """From now on it is shared.

        Raises:
            OSError: if that cannot be noted.
        """
        await asyncio.to_thread(_write, self._file(spot))
        self._owners[spot.conversation] = _namespace(spot)

    async def drop(self, spot: Spot) -> None:
        """It is shared no more; its sessions wait for it to be shared again.

        Raises:
            OSError: if that cannot be noted.
        """
        await asyncio.to_thread(self._file(spot).unlink, missing_ok=True)
        self._owners.pop(spot.conversation, None)

    @hookimpl
    async def on_authorize(self, namespace: Namespace, conversation: ConversationId) -> bool | None:
        return True if self._owners.get(conversation) == namespace else None

    def _file(self, spot: Spot) -> Path:
        return self._folder / (spot.conversation.replace(":", "_") + _SUFFIX)


class Sharing:
    """The commands `/share` and `/unshare`."""

    def __init__(self, client: Client, sender: Sender, shares: Shares) -> None:
        self._client = client
        self._sender = sender
        self._shares = shares

    async def take(self, message: Incoming) -> None:
        """Do it, if its sender may; that he is let in is known."""
        place = Place(message.sender, message.spot.conversation)
        await self._sender.send(place, await self._done(message))

    async def _done(self, message: Incoming) -> View:
        if message.spot.private:
            return _notice("Only groups and their topics can be shared.")
        try:
            if not await self._administers(message):
                return _notice("Only administrators of this group can do that.")
        except (TelegramError, PalaverError) as error:
            log.warning("the administrators of %d are not known: %s", message.spot.chat_id, error)
            return _notice("Telegram does not tell who administers this group. Try again.")
        try:
            return await self._changed(message)
        except OSError as error:
            log.error("what is shared cannot be noted: %s", error)  # noqa: TRY400
            return _notice(f"⚠️ That could not be noted: {error.strerror}.")

    async def _administers(self, message: Incoming) -> bool:
        """As Telegram has it now. Bots are told the administrators of every group of theirs;
        `getChatMember` is sure to work only for bots that are administrators themselves.
        """
        members = await self._client.attempt(
            message.spot.chat_id, self._client.bot.get_chat_administrators
        )
        found = (one.status for one in members if str(one.user.id) == message.sender.user)
        return next(found, "") in _ADMINISTRATORS

    async def _changed(self, message: Incoming) -> View:
        spot, shared = message.spot, self._shares.owner(message.spot) is not None
        wanted = message.command_name == "share"
        if shared == wanted:
            return _notice("This is shared already." if shared else "This is not shared.")
        if wanted:
            await self._shares.add(spot)
            title = f"👥 Shared by {message.speaker}"
            text = (
                "All members who may use me now work in one session here, and each of them may "
                "decide what it asks. /unshare ends that."
            )
        else:
            await self._shares.drop(spot)
            title = f"👤 Not shared any more: {message.speaker} has ended it"
            text = "Everybody here has sessions of their own again. /share brings back the others."
        log.info("%s: /%s by %s", spot.conversation, message.command_name, message.sender)
        return View(title=title, text=text)


def attributed(message: Incoming, text: str) -> str:
    """What is said in a shared place, with who says it; the agent's own commands as they are."""
    if not message.shared or text.startswith("//"):
        return text
    return f"{message.speaker}: {text}".strip()


def _namespace(spot: Spot) -> Namespace:
    """Users are numbers, so it is nobody's."""
    return Namespace(FRONTEND, "shared." + spot.conversation.replace(":", "."))


def _notice(words: str) -> View:
    return View(title=words, kind="notice")


def _read(folder: Path) -> list[Spot]:
    spots = []
    for file in sorted(folder.glob(f"*{_SUFFIX}")):
        try:
            spots.append(Spot.parse(ConversationId(file.stem.replace("_", ":"))))
        except ValueError:
            log.warning("%s is not the name of a chat or a topic", file)
    return spots


def _write(file: Path) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch()
