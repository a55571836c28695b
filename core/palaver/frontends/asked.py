"""What is asked in chats, kept on disk: a request dies with its Palaver, and its buttons stay."""

import asyncio
import hashlib
import logging
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from palaver.frontends.contract import MessageId, Place
from palaver.identity import ConversationId, Namespace
from palaver.views import View

log = logging.getLogger(__name__)


class _Note(BaseModel):
    model_config = ConfigDict(frozen=True)

    namespace: Namespace
    conversation: str
    message: str
    over: View


class Asked:
    """The messages with requests that wait, a small file for each.

    Nothing is raised: without its note a message keeps its buttons after a crash, and they decide
    nothing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ours: set[str] = set()

    async def add(self, place: Place, message: MessageId, over: View) -> None:
        """A request is shown; `over` is to stand in its place once nobody can decide it."""
        note = _Note(
            namespace=place.namespace,
            conversation=place.conversation,
            message=message,
            over=over,
        )
        file = self._file(place, message)
        self._ours.add(file.name)
        try:
            await asyncio.to_thread(_write, file, note.model_dump_json())
        except OSError as error:
            log.warning("a request that is shown cannot be noted: %s", error)

    async def drop(self, place: Place, message: MessageId) -> None:
        """It is settled."""
        file = self._file(place, message)
        self._ours.discard(file.name)
        await asyncio.to_thread(_remove, file)

    async def left(self) -> list[tuple[Place, MessageId, View]]:
        """Those of earlier lives."""
        notes = await asyncio.to_thread(self._left)
        return [
            (
                Place(note.namespace, ConversationId(note.conversation)),
                MessageId(note.message),
                note.over,
            )
            for note in notes
        ]

    def _left(self) -> list[_Note]:
        notes = []
        for file in sorted(self._folder.glob("*.asked")):
            if file.name in self._ours:
                continue
            try:
                notes.append(_Note.model_validate_json(file.read_bytes()))
            except (OSError, ValidationError) as error:
                log.info("a request of an earlier life is not known: %s", error)
                _remove(file)
        return notes

    def _file(self, place: Place, message: MessageId) -> Path:
        key = f"{place.conversation}\n{message}".encode()
        return self._folder / f"{hashlib.blake2s(key, digest_size=16).hexdigest()}.asked"


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = file.with_suffix(".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    new.replace(file)  # there is none that is half written


def _remove(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        log.warning("a request that is over stays noted: %s", error)
