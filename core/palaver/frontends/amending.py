"""Messages that are changed by their senders, while the prompts that they are part of wait."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from palaver.engine import Engine
from palaver.frontends.hearing import as_prompt, joined
from palaver.frontends.incoming import Incoming, attributed
from palaver.models import Prompt

_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class _Made:
    """A prompt, and the messages that it was made of: as they are, and as they were sent."""

    messages: tuple[Incoming, ...]
    sent: tuple[Incoming, ...]
    prompt: Prompt


class Amending:
    """Which messages have become which prompts, as far as it matters; a room of `Reception`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._made: OrderedDict[object, _Made] = OrderedDict()

    def note(self, messages: Sequence[Incoming], prompt: Prompt) -> None:
        """Any of a prompt's messages may be edited while it waits."""
        self._note(_Made(tuple(messages), tuple(messages), prompt))

    async def amend(self, message: Incoming) -> bool:
        """Whether it was changed in a prompt that waits, of one message or several."""
        made = self._made.get(_key(message))
        if made is None:  # in another life, perhaps
            prompt = as_prompt(message, text=attributed(message, message.text))
            return not message.files and await self._engine.amend(prompt)
        messages = [message if one.key == message.key else one for one in made.messages]
        if any(file.spoken for one in messages for file in one.files):
            return False
        text = attributed(messages[0], joined(messages, made.sent))
        prompt = made.prompt.model_copy(update={"text": text})
        if not await self._engine.amend(prompt):
            return False
        self._note(_Made(tuple(messages), made.sent, prompt))
        return True

    def _note(self, made: _Made) -> None:
        for message in made.messages:
            self._made[_key(message)] = made
        while len(self._made) > _REMEMBERED:
            self._made.popitem(last=False)


def _key(message: Incoming) -> object:
    return message.namespace, message.conversation, message.key
