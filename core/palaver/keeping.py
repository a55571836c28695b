"""What was taken, by its message: known if it comes twice, and changed while it waits."""

from collections import OrderedDict
from dataclasses import dataclass

from palaver.identity import ConversationId, Namespace
from palaver.models import Prompt, TurnState
from palaver.offers import Offers
from palaver.requests import Requests
from palaver.store import Store
from palaver.turns import Turns

_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class Kept:
    """A prompt as it is kept.

    Attributes:
        waits: it has not been given to the agent: it is queued, or its sender is asked about it.
    """

    prompt: Prompt
    waits: bool


class Keeping:
    """Prompts in the ledger and in the offers."""

    def __init__(self, store: Store, offers: Offers, turns: Turns, requests: Requests) -> None:
        self._store = store
        self._requests = requests
        self._offers = offers
        self._turns = turns

    async def find(self, prompt: Prompt) -> Kept | None:
        """As `Engine.kept`."""
        for one in await self._offers.get(prompt.namespace, prompt.conversation):
            if prompt.key in (one.key, *one.messages):
                return Kept(one, waits=True)
        turn = await self._store.ledger.find(prompt)
        return Kept(turn.prompt, turn.state is TurnState.QUEUED) if turn else None

    async def amend(self, prompt: Prompt) -> bool:
        """As `Engine.amend`."""
        return await self._turns.amend(agents_own(prompt)) or await self._offers.amend(prompt)

    async def move(self, frontend: str, before: ConversationId, after: ConversationId) -> None:
        """As `Engine.move`."""
        await self._store.move(frontend, before, after)
        await self._offers.move(frontend, before, after)
        self._turns.move(frontend, before, after)
        self._requests.move(frontend, before, after)


class Seen:
    """What leaves nothing in the ledger, and yet must not be done twice."""

    def __init__(self) -> None:
        self._keys: OrderedDict[tuple[Namespace, ConversationId, str], None] = OrderedDict()

    def __contains__(self, prompt: Prompt) -> bool:
        return _key(prompt) in self._keys

    def add(self, prompt: Prompt) -> bool:
        """Know it from now on; False if it was known."""
        if prompt in self:
            return False
        self._keys[_key(prompt)] = None
        if len(self._keys) > _REMEMBERED:
            self._keys.popitem(last=False)
        return True


def agents_own(prompt: Prompt) -> Prompt:
    """The prompt as the agent gets it: `//compact` is its own `/compact`."""
    if not prompt.text.startswith("//"):
        return prompt
    return prompt.model_copy(update={"text": prompt.text[1:]})


def _key(prompt: Prompt) -> tuple[Namespace, ConversationId, str]:
    return prompt.namespace, prompt.conversation, prompt.key
