"""Messages that are changed by their senders, and the prompts that they are part of."""

import enum
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from palaver.engine import Engine
from palaver.frontends.hearing import as_prompt, continued, joined
from palaver.frontends.incoming import Incoming, attributed
from palaver.frontends.known import Known, same
from palaver.keeping import Kept
from palaver.models import Prompt

_REMEMBERED = 1000


class Outcome(enum.Enum):
    """What comes of a changed message, in words for its sender."""

    UNCHANGED = ""
    NEW = "It was never taken, so it is taken now."
    CHANGED = "✏️ Changed before it was run."
    TOO_LATE = (
        "✏️ The agent already has that message as it was. To have it run as it is now, "
        "send it again; /stop stops what is running."
    )
    JOINED = (
        "✏️ That message waits as it was: it cannot be changed alone. To have it run as it is "
        "now, cancel what waits and send it again."
    )
    DEALT_WITH = (
        "✏️ That message has been dealt with as it was. To have it run as it is now, send it again."
    )
    UNKNOWN = "✏️ I know nothing of that message. To have it run, send it again."


@dataclass(frozen=True, slots=True)
class _Made:
    """A prompt, and the messages that it was made of: as they are, and as they were sent."""

    messages: tuple[Incoming, ...]
    sent: tuple[Incoming, ...]
    prompt: Prompt


class Amending:
    """Which messages have become which prompts, as far as it matters; a room of `Reception`.

    Args:
        known: the messages of this life.
        coalesce_s: seconds in which what goes on with a message comes behind it.
    """

    def __init__(self, engine: Engine, known: Known, coalesce_s: float = 0.0) -> None:
        self._engine = engine
        self._known = known
        self._coalesce_s = coalesce_s
        self._made: OrderedDict[object, _Made] = OrderedDict()
        self._newest: OrderedDict[object, _Made] = OrderedDict()

    def note(self, messages: Sequence[Incoming], prompt: Prompt) -> None:
        """Any of a prompt's messages may be edited while it waits."""
        self._note(_Made(tuple(messages), tuple(messages), prompt))

    async def extend(self, messages: Sequence[Incoming], prompt: Prompt) -> bool:
        """Whether it was added to the prompt before it, which waits: its messages go on with those
        of that one, and came right behind them."""
        first = messages[0]
        made = self._newest.get((first.namespace, first.conversation))
        if made is None or not made.messages[-1].takes(first):
            return False
        if first.came - made.messages[-1].came > self._coalesce_s:
            return False
        longer = continued(made.prompt, made.messages[-1], prompt, first)
        if not await self._engine.amend(longer):
            return False
        self._note(_Made((*made.messages, *messages), (*made.sent, *messages), longer))
        return True

    def unchanged(self, message: Incoming) -> bool:
        """Whether it says what it said; chats tell of other changes, too, such as a reaction."""
        known = self._known.get(message)
        return known is not None and (known.sender != message.sender or same(known, message))

    async def amend(self, message: Incoming) -> Outcome:
        """What comes of a change of a message that waits in no lane.

        Raises:
            StoreError: if that cannot be found out or kept.
        """
        if self.unchanged(message):
            return Outcome.UNCHANGED
        known = self._known.get(message)
        if known is None:
            return await self._amend_unknown(message)
        outcome = await self._amend_known(message, known)
        self._known.change(message)
        return outcome

    async def _amend_known(self, message: Incoming, known: Incoming) -> Outcome:
        made = self._made.get(_key(message))
        its_words = same(replace(message, text=known.text), known)  # and not its files
        if made and its_words:
            messages = [message if one.key == message.key else one for one in made.messages]
            if not any(map(_spoken, messages)):
                text = attributed(messages[0], joined(messages, made.sent))
                prompt = made.prompt.model_copy(update={"text": text})
                if await self._engine.amend(prompt):
                    self._note(_Made(tuple(messages), made.sent, prompt))
                    return Outcome.CHANGED
        kept = await self._engine.kept(as_prompt(message))
        if kept is None:
            return Outcome.DEALT_WITH
        return await self._amend_kept(message, kept, alone=its_words and _alone(message, kept))

    async def _amend_unknown(self, message: Incoming) -> Outcome:
        """It came in another life, or so long ago that it is forgotten, or never."""
        kept = await self._engine.kept(as_prompt(message))
        if kept is None:
            if self._known.missed(message):
                return Outcome.NEW
            return Outcome.UNCHANGED if message.private else Outcome.UNKNOWN  # all was for us
        alone, before = _alone(message, kept), kept.prompt.text
        text = attributed(message, message.text)
        if before in {text, text.removeprefix("/")} or (not alone and message.text in before):
            return Outcome.UNCHANGED
        return await self._amend_kept(message, kept, alone=alone)

    async def _amend_kept(self, message: Incoming, kept: Kept, *, alone: bool) -> Outcome:
        if not kept.waits:
            return Outcome.TOO_LATE
        if not alone:
            return Outcome.JOINED
        text = attributed(message, message.text)
        changed = await self._engine.amend(kept.prompt.model_copy(update={"text": text}))
        return Outcome.CHANGED if changed else Outcome.TOO_LATE

    def _note(self, made: _Made) -> None:
        for message in made.messages:
            self._made[_key(message)] = made
        place = made.messages[0].namespace, made.messages[0].conversation
        self._newest[place] = made
        self._newest.move_to_end(place)
        for kept in (self._made, self._newest):
            while len(kept) > _REMEMBERED:
                kept.popitem(last=False)


def _alone(message: Incoming, kept: Kept) -> bool:
    """Whether a prompt is known to be of this one message and its words."""
    return kept.prompt.messages == (message.key,) and not _spoken(message)


def _spoken(message: Incoming) -> bool:
    return any(file.spoken for file in message.files)


def _key(message: Incoming) -> object:
    return message.namespace, message.conversation, message.key
