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

from palaver.identity import ConversationId, Namespace
from palaver.models import Prompt


class Offers:
    """One file for each (namespace, conversation) in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def add(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        """Keep these with what is kept there already; all of it. On the disk when it returns."""
        return await asyncio.to_thread(self._add, prompts)

    async def get(self, namespace: Namespace, conversation: ConversationId) -> list[Prompt]:
        """What is kept for this namespace here."""
        return await asyncio.to_thread(self._read, self._file(namespace, conversation))

    async def forget(self, namespace: Namespace, conversation: ConversationId) -> None:
        """It is decided."""
        file = self._file(namespace, conversation)
        await asyncio.to_thread(file.unlink, missing_ok=True)

    def _add(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        file = self._file(prompts[0].namespace, prompts[0].conversation)
        known = self._read(file)
        keys = {prompt.key for prompt in known}
        prompts = [*known, *(prompt for prompt in prompts if prompt.key not in keys)]
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        with part.open("w", encoding="utf-8") as stream:
            json.dump([prompt.model_dump(mode="json") for prompt in prompts], stream)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)
        return list(prompts)

    def _read(self, file: Path) -> list[Prompt]:
        try:
            read = json.loads(file.read_text("utf-8"))
        except FileNotFoundError:
            return []
        except ValueError:  # what cannot be read is kept aside, not written over
            file.replace(file.with_suffix(".broken"))
            return []
        return [Prompt.model_validate(one) for one in read]

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
            "key": f"merged:{first.key}"[:200],
        }
    )
