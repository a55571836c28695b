"""Messages made into prompts: their words joined, their files fetched, their voices heard."""

import asyncio
import logging
from collections.abc import Coroutine, Sequence

from telegram import ReactionTypeEmoji
from telegram.error import TelegramError

from palaver import Attachment, Audio, Engine, PalaverError, Place, Prompt, StoreError, View
from palaver_telegram.client import HEAD_START_S, Client
from palaver_telegram.files import FileError, fetch
from palaver_telegram.incoming import Incoming, RemoteFile
from palaver_telegram.sending import Sender
from palaver_telegram.settings import TelegramSettings
from palaver_telegram.shared import attributed
from palaver_telegram.text import MAX_TEXT

log = logging.getLogger(__name__)

_SEEN = "👀"
_UNHEARD = View(
    title="🎙️ I cannot hear voice messages",
    text="No speech engine is installed. Write it, or ask the owner to install one.",
    kind="notice",
)


class Prompts:
    """Makes prompts, and shows that they have been taken."""

    def __init__(
        self, engine: Engine, client: Client, sender: Sender, settings: TelegramSettings
    ) -> None:
        self._engine = engine
        self._client = client
        self._sender = sender
        self._reactions = settings.reactions
        self._unreactive: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def make(self, messages: Sequence[Incoming]) -> Prompt | None:
        """One prompt of several messages; None if nothing is left of it, as its sender knows."""
        first = messages[0]
        prompt = Prompt(
            namespace=first.owner,
            conversation=first.spot.conversation,
            text=_joined(messages),
            key=first.key,
        )
        if any(message.file for message in messages):
            self.acknowledge(messages[-1])
            prompt = await self._with_files(prompt, messages)
        if not (prompt.text or prompt.attachments):
            return None
        if not first.shared or self._answers_a_question(prompt):
            return prompt
        return prompt.model_copy(update={"text": attributed(first, prompt.text)})

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def acknowledge(self, message: Incoming) -> None:
        """Show at once, and beside all else, that the message has been taken."""
        if self._reactions and message.spot.chat_id not in self._unreactive:
            self._spawn(self._react(message))

    def _answers_a_question(self, prompt: Prompt) -> bool:
        """Then its words may be a choice's, and stay as they are."""
        asks = self._engine.asks(prompt.namespace, prompt.conversation)
        return asks and not prompt.attachments

    # --- files and voices -----------------------------------------------------------------------

    async def _with_files(self, prompt: Prompt, messages: Sequence[Incoming]) -> Prompt:
        texts = [prompt.text]
        attachments = []
        for message in messages:
            if message.file is None:
                continue
            try:
                attachment = await self._fetched(prompt, message.file)
            except StoreError:
                raise  # all of it is tried again
            except PalaverError as error:
                view = View(title=f"📎 {error.message}", text=error.hint, kind="error")
                await self._say(prompt, view)
            else:
                if message.file.kind == "voice":
                    texts.append(await self._heard(prompt, message.file, attachment))
                else:
                    attachments.append(attachment)
        text = "\n\n".join(filter(None, texts))
        return prompt.model_copy(update={"text": text, "attachments": tuple(attachments)})

    async def _fetched(self, prompt: Prompt, file: RemoteFile) -> Attachment:
        folder = await self._engine.inbox(prompt)
        try:
            return await fetch(self._client, file, folder)
        except FileError as error:
            log.info("a file of %s was not fetched: %s", prompt.namespace, error)
            raise

    async def _heard(self, prompt: Prompt, file: RemoteFile, attachment: Attachment) -> str:
        """What a voice message says; its sender sees what was heard."""
        audio = Audio(
            path=attachment.path, media_type=attachment.media_type, duration_s=file.duration_s
        )
        try:
            text = await self._engine.transcribe(prompt.namespace, audio)
        except PalaverError as error:
            view = View(title=f"🎙️ {error.message}", text=error.hint, kind="error")
            await self._say(prompt, view)
            return ""
        finally:
            await asyncio.to_thread(attachment.path.unlink, missing_ok=True)
        if text is None:
            await self._say(prompt, _UNHEARD)
            return ""
        text = text.strip()
        title = "🎙️ I heard" if text else "🎙️ I heard nothing"
        await self._say(prompt, View(title=title, text=text, kind="notice"))
        return text

    async def _say(self, prompt: Prompt, view: View) -> None:
        try:
            await self._sender.send(Place(prompt.namespace, prompt.conversation), view)
        except TelegramError as error:  # the prompt matters more
            log.info("a notice could not be sent: %s", error)

    # --- reactions ------------------------------------------------------------------------------

    async def _react(self, message: Incoming) -> None:
        await asyncio.sleep(3 * HEAD_START_S)
        try:
            await self._client.attempt(
                message.spot.chat_id,
                lambda chat_id: self._client.bot.set_message_reaction(
                    chat_id, message.message_id, [ReactionTypeEmoji(_SEEN)]
                ),
            )
        except (TelegramError, PalaverError) as error:  # a chat may forbid reactions
            log.info("no reactions in chat %s: %s", message.spot.chat_id, error)
            self._unreactive.add(message.spot.chat_id)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _joined(messages: Sequence[Incoming]) -> str:
    """The words of all; a text that a client has cut is put together as it was."""
    text = ""
    previous: Incoming | None = None
    for message in messages:
        if message.text and text:
            cut = previous and not (previous.forwarded or message.forwarded)
            full = bool(previous) and len(previous.text) == MAX_TEXT if previous else False
            text += "" if cut and full else "\n" if cut else "\n\n"
        text += message.text
        previous = message if message.text else previous
    return text
