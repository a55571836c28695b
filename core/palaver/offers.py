"""Messages that came while nobody listened: kept on the disk until their sender says what to do.

One is simply run. Several may have overtaken each other's sense ("never mind"), so they are
offered: run them all, make one of them, or let them go.
"""

import asyncio
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter

from palaver.errors import StoreError
from palaver.identity import ConversationId, Namespace
from palaver.models import Prompt

_PROMPTS = TypeAdapter(list[Prompt])


class Offers:
    """One file for each (namespace, conversation) in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._changing = asyncio.Lock()

    async def add(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        """Keep these with what is kept there already; all of it. On the disk when it returns."""
        async with self._changing:
            return await asyncio.to_thread(self._add, prompts)

    async def get(self, namespace: Namespace, conversation: ConversationId) -> list[Prompt]:
        """What is kept for this namespace here."""
        return await asyncio.to_thread(self._read, self._file(namespace, conversation))

    async def amend(self, prompt: Prompt) -> bool:
        """Put `prompt` in the place of the one with its key; False if that is not kept here."""
        async with self._changing:
            return await asyncio.to_thread(self._amend, prompt)

    async def forget(self, namespace: Namespace, conversation: ConversationId) -> None:
        """It is decided."""
        file = self._file(namespace, conversation)
        async with self._changing:
            await asyncio.to_thread(file.unlink, missing_ok=True)

    async def move(self, frontend: str, before: ConversationId, after: ConversationId) -> None:
        """The conversation has got another id for good: what is kept there goes over.

        Raises:
            StoreError: if it could not all be kept; then it can be tried again.
        """
        async with self._changing:
            try:
                await asyncio.to_thread(self._move, frontend, before, after)
            except OSError as error:
                raise StoreError(f"What waits cannot be moved: {error.strerror}.") from error

    def _move(self, frontend: str, before: ConversationId, after: ConversationId) -> None:
        for file in list(self._folder.glob("*.json")):
            prompts = self._read(file)
            place = {(one.namespace.frontend, one.conversation) for one in prompts}
            if place == {(frontend, before)}:
                self._add([one.model_copy(update={"conversation": after}) for one in prompts])
                file.unlink(missing_ok=True)

    def _add(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        file = self._file(prompts[0].namespace, prompts[0].conversation)
        known = self._read(file)
        keys = {prompt.key for prompt in known}
        prompts = [*known, *(prompt for prompt in prompts if prompt.key not in keys)]
        self._write(file, prompts)
        return prompts

    def _amend(self, prompt: Prompt) -> bool:
        file = self._file(prompt.namespace, prompt.conversation)
        known = self._read(file)
        if prompt.key not in {one.key for one in known}:
            return False
        self._write(file, [prompt if one.key == prompt.key else one for one in known])
        return True

    def _write(self, file: Path, prompts: Sequence[Prompt]) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        with part.open("w", encoding="utf-8") as stream:
            json.dump([prompt.model_dump(mode="json") for prompt in prompts], stream)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)

    def _read(self, file: Path) -> list[Prompt]:
        try:
            return _PROMPTS.validate_json(file.read_bytes())
        except FileNotFoundError:
            return []
        except ValueError:  # what cannot be read is kept aside, not written over
            file.replace(file.with_suffix(".broken"))
            return []

    def _file(self, namespace: Namespace, conversation: ConversationId) -> Path:
        name = f"{namespace}\n{conversation}"
        return self._folder / f"{hashlib.blake2s(name.encode()).hexdigest()[:32]}.json"


def merged(prompts: Sequence[Prompt]) -> Prompt:
    """One prompt of several: their texts as paragraphs, all their files."""
    first = prompts[0]
    return first.model_copy(
        update={
            "text": "\n\n".join(prompt.text for prompt in prompts if prompt.text),
            "attachments": tuple(one for prompt in prompts for one in prompt.attachments),
            "messages": tuple(key for prompt in prompts for key in prompt.messages),
            "key": f"merged:{first.key}"[:200],
        }
    )
