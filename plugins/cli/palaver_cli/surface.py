"""What the conversation is drawn on: a terminal that is alive, or a pipe."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from palaver import View
from palaver_cli.markdown import Block


@dataclass(frozen=True, slots=True)
class Key:
    """One of the answers to a question of one key. `key` is a lower-case letter."""

    key: str
    label: str


class Surface(Protocol):
    """Where a conversation shows. What is printed stays; only `live` changes."""

    def echo(self, text: str) -> None:
        """What the user has sent."""
        ...

    def answer(self, block: Block) -> None:
        """A block of the agent's answer."""
        ...

    def view(self, view: View) -> None:
        """A message of Palaver's."""
        ...

    def tool(self, tool: str, summary: str, *, ok: bool, output: str) -> None:
        """A use of a tool, over."""
        ...

    def note(self, text: str, *, joined: bool = False) -> None:
        """A word beside the conversation; `joined`: about what was printed last."""
        ...

    def changed(self) -> None:
        """What is live has changed."""
        ...

    async def key(self, question: str, keys: Sequence[Key]) -> str | None:
        """One of the keys; empty for any other, which is a no; None if nobody can be asked."""
        ...

    async def words(self, question: str) -> str | None:
        """An answer in the user's words; None if nobody can be asked."""
        ...
