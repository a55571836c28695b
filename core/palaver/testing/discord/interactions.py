"""Commands, presses and modals as the one who caused them sees them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simcord.backend import models
from simcord.backend.models.interaction import ResponseKind
from simcord.components import walk_components

from palaver.testing.discord.messages import Message
from palaver.testing.discord.places import WAIT_SECONDS
from palaver.testing.discord.wire import JsonObject
from palaver.testing.discord.world import World

if TYPE_CHECKING:
    from palaver.testing.discord.people import Member

#: A label with one field in it.
_LABEL = 18


@dataclass(frozen=True)
class Modal:
    """A form that was shown; `fields` maps custom_id to label."""

    interaction: "Interaction"
    title: str
    custom_id: str
    fields: dict[str, str]
    components: list[JsonObject]


class Interaction:
    """What became of a command, a press or a submitted modal."""

    def __init__(self, world: World, record: models.Interaction, member: "Member") -> None:
        self._world = world
        self.record = record
        self.member = member

    @property
    def responded(self) -> bool:
        """Whether the bot acknowledged it in any way."""
        return self.record.responded

    @property
    def deferred(self) -> bool:
        """Whether it was acknowledged without an answer yet."""
        return self.record.deferred

    @property
    def ephemeral(self) -> bool:
        """Whether the first answer is only for the member."""
        return self.record.ephemeral

    @property
    def failed(self) -> bool:
        """Whether the member reads "The application did not respond": 3 s without a word."""
        deadline = self.record.initial_response_deadline or ""
        return not self.responded and self._world.now_iso() >= deadline

    @property
    def message(self) -> Message | None:
        """The first answer; for a press that updates: the message that was pressed."""
        return self._world.views.get(self.record.message_id or 0)

    @property
    def followups(self) -> list[Message]:
        """The messages that came after the first answer."""
        return [self._world.views[one] for one in self.record.followup_ids]

    @property
    def messages(self) -> list[Message]:
        """All answers that are still there, "thinking..." not among them."""
        first = [self.message] if self.message is not None and not self.record.loading else []
        return [one for one in [*first, *self.followups] if not one.deleted]

    @property
    def texts(self) -> list[str]:
        """The texts of all answers as they are now; see `Message.text`."""
        return [message.text for message in self.messages]

    @property
    def modal(self) -> Modal | None:
        """The modal that was shown."""
        shown = self.record.modal
        if shown is None:
            return None
        return Modal(self, shown["title"], shown["custom_id"], _fields(shown), shown["components"])

    @property
    def choices(self) -> list[tuple[str, str | int | float]] | None:
        """The choices of an autocompletion: what is shown, and what it stands for."""
        offered = self.record.autocomplete_choices
        return None if offered is None else [(one["name"], one["value"]) for one in offered]

    async def acknowledged(self, timeout: float = WAIT_SECONDS) -> "Interaction":
        """Itself, once the bot acknowledged it in any way. Raises TimeoutError."""
        await self.wait_until(lambda: self.responded, timeout)
        return self

    async def answer(self, timeout: float = WAIT_SECONDS) -> Message:
        """The first answer, once it is more than "thinking...". Raises TimeoutError."""

        def probe() -> Message | None:
            ready = self.record.response_kind in (ResponseKind.MESSAGE, ResponseKind.UPDATE)
            return self.message if ready else None

        return await self._world.signal.wait(probe, timeout, self.picture)

    async def wait_for(
        self, predicate: Callable[[Message], object], timeout: float = WAIT_SECONDS
    ) -> Message:
        """The first of the answers, as they are, that fits. Raises TimeoutError."""

        def probe() -> Message | None:
            return next((message for message in self.messages if predicate(message)), None)

        return await self._world.signal.wait(probe, timeout, self.picture)

    async def wait_for_text(self, part: str, timeout: float = WAIT_SECONDS) -> Message:
        """The first of the answers that has `part` in its text. Raises TimeoutError."""
        return await self.wait_for(lambda message: part in message.text, timeout)

    async def shown_modal(self, timeout: float = WAIT_SECONDS) -> Modal:
        """The modal, once it is shown. Raises TimeoutError."""
        return await self._world.signal.wait(lambda: self.modal, timeout, self.picture)

    async def wait_until(self, probe: Callable[[], object], timeout: float = WAIT_SECONDS) -> None:
        """Until `probe()` is true. Raises TimeoutError."""
        await self._world.signal.wait(lambda: bool(probe()) or None, timeout, self.picture)

    def picture(self) -> str:
        """All of it as text, for a failing test's message."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        kind = self.record.response_kind
        name = self.record.command_name or "component or modal"
        yield f"interaction {self.record.id} ({name}): {kind.value if kind else 'no response'}"
        for message in self.messages:
            yield f"  {message}"
        if self.modal is not None:
            yield f"  modal {self.modal.title!r} with {self.modal.fields}"


def _fields(modal: JsonObject) -> dict[str, str]:
    """custom_id to label; the label is around the field, or in old forms at it."""
    fields: dict[str, str] = {}
    for component in walk_components(modal["components"]):
        inner = component.get("component") if component["type"] == _LABEL else component
        if isinstance(inner, dict) and "custom_id" in inner:
            fields.setdefault(str(inner["custom_id"]), str(component.get("label") or ""))
    return fields
