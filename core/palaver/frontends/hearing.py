"""Messages made into prompts: their words joined, their files fetched, their voices heard."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from pathlib import Path

from palaver.commands.registry import is_command
from palaver.engine import Engine
from palaver.errors import PalaverError
from palaver.frontends.contract import Frontend
from palaver.frontends.incoming import Incoming, RemoteFile, attributed
from palaver.models import Attachment, Audio, Prompt
from palaver.views import View

log = logging.getLogger(__name__)

Say = Callable[[Incoming, View], Awaitable[None]]
Inbox = Callable[[Incoming, Prompt], Awaitable[Path]]
More = Callable[[Incoming], Awaitable[Sequence[Incoming]]]

_UNHEARD = View(
    title="🎙️ I cannot hear voice messages",
    text="No speech engine is installed. Write it, or ask the owner to install one.",
    kind="notice",
)


class Hearing:
    """Understands what people send.

    Args:
        say: tells a message's sender something about it.
        inbox: the folder for a prompt's files; it waits for a store that refuses.
    """

    def __init__(self, engine: Engine, frontend: Frontend, say: Say, inbox: Inbox) -> None:
        self._engine = engine
        self._frontend = frontend
        self._say = say
        self._inbox = inbox

    async def prompt(self, messages: Sequence[Incoming]) -> Prompt | None:
        """One prompt of several messages; None if nothing is left of it, as its sender knows."""
        first = messages[0]
        prompt = as_prompt(first, text=joined(messages))
        prompt = prompt.model_copy(update={"messages": tuple(one.key for one in messages)})
        lost = False
        if any(message.files for message in messages):
            prompt, lost = await self._with_files(prompt, messages)
        if not (prompt.text or prompt.attachments):
            return None
        if lost and is_command(prompt.text) and not prompt.attachments:
            return None  # it was said of the file
        if not first.shared or self._answers_a_question(prompt):
            return prompt
        return prompt.model_copy(update={"text": attributed(first, prompt.text)})

    async def whole(self, messages: list[Incoming], more: More) -> Prompt | None:
        """As `prompt`, with what comes meanwhile and goes on with them; that joins `messages`.

        Args:
            more: what has come and goes on with a message.
        """
        prompt = await self.prompt(messages)
        while came := await more(messages[-1]):
            rest = await self.prompt(came)
            if prompt and rest:
                rest = continued(prompt, messages[-1], rest, came[0])
            prompt = rest or prompt
            messages += came
        return prompt

    def _answers_a_question(self, prompt: Prompt) -> bool:
        """Then its words may be a choice's, and stay as they are."""
        asks = self._engine.asks(prompt.namespace, prompt.conversation)
        return asks and not prompt.attachments

    async def _with_files(
        self, prompt: Prompt, messages: Sequence[Incoming]
    ) -> tuple[Prompt, bool]:
        """The prompt with what its files are or say, and whether one of them could not be had."""
        texts, attachments, lost = [prompt.text], list[Attachment](), False
        for message, file in ((one, file) for one in messages for file in one.files):
            try:
                fetched = await self._fetched(message, prompt, file)
            except PalaverError as error:
                view = View(title=f"📎 {error.message}", text=error.hint, kind="error")
                await self._say(message, view)
                lost = True
            else:
                if file.spoken:
                    texts.append(await self._heard(message, file, fetched))
                    lost = lost or not texts[-1]
                else:
                    attachments.append(fetched)
        text = "\n\n".join(filter(None, texts))
        changes = {"text": text, "attachments": tuple(attachments)}
        return prompt.model_copy(update=changes), lost

    async def _fetched(self, message: Incoming, prompt: Prompt, file: RemoteFile) -> Attachment:
        folder = await self._inbox(message, prompt)
        try:
            return await self._frontend.fetch(file, folder)
        except PalaverError as error:
            log.info("a file of %s was not fetched: %s", prompt.namespace, error)
            raise

    async def _heard(self, message: Incoming, file: RemoteFile, attachment: Attachment) -> str:
        """What a voice message says; its sender sees what was heard."""
        audio = Audio(
            path=attachment.path, media_type=attachment.media_type, duration_s=file.duration_s
        )
        try:
            text = await self._engine.transcribe(message.namespace, audio)
        except PalaverError as error:
            view = View(title=f"🎙️ {error.message}", text=error.hint, kind="error")
            await self._say(message, view)
            return ""
        finally:
            await asyncio.to_thread(attachment.path.unlink, missing_ok=True)
        if text is None:
            await self._say(message, _UNHEARD)
            return ""
        text = text.strip()
        title = "🎙️ I heard" if text else "🎙️ I heard nothing"
        await self._say(message, View(title=title, text=text, kind="notice"))
        return text


def as_prompt(message: Incoming, *, text: str | None = None) -> Prompt:
    """A message as it is, or with other words."""
    return Prompt(
        namespace=message.namespace,
        conversation=message.conversation,
        text=message.text if text is None else text,
        key=message.key,
        private=message.private,
    )


def continued(prompt: Prompt, last: Incoming, rest: Prompt, first: Incoming) -> Prompt:
    """A prompt, and one that goes on with it, as one.

    Args:
        last: of the messages of `prompt`, and `first` of those of `rest`.
    """
    more = rest.text.removeprefix(f"{first.speaker}: ") if first.shared else rest.text
    text = last.gap(first).join(filter(None, [prompt.text, more]))
    attachments = (*prompt.attachments, *rest.attachments)
    messages = (*prompt.messages, *rest.messages)
    changes = {"text": text, "attachments": attachments, "messages": messages}
    return prompt.model_copy(update=changes)


def joined(messages: Sequence[Incoming], sent: Sequence[Incoming] | None = None) -> str:
    """The words of all.

    Args:
        sent: the same messages as they were before they were edited: they tell what belongs
            between them.
    """
    spoken = [(now, then) for now, then in zip(messages, sent or messages, strict=True) if now.text]
    text = spoken[0][0].text if spoken else ""
    for (_, previous), (message, then) in pairwise(spoken):
        text += previous.gap(then) + message.text
    return text
