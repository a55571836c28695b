"""A chat in memory with a reception: several people, several places, files, and trouble."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from palaver.engine import Engine
from palaver.frontends.contract import MessageId, Place
from palaver.frontends.inbox import store_file
from palaver.frontends.incoming import Incoming, RemoteFile
from palaver.frontends.pressing import Press, PressSurface
from palaver.frontends.reception import Reception
from palaver.identity import ConversationId, Namespace
from palaver.models import Attachment
from palaver.testing.frontends import MemoryFrontend
from palaver.views import View

WAIT_S = 10.0


class Hall(MemoryFrontend):
    """One chat. `home(user)` is where somebody is alone with the bot; all else is public.

    Attributes:
        gates: by a file's id, what must be set before it can be fetched.
        trouble: what raises this when it is asked for: `send`, `fetch`, `acknowledge`, `heard`.
        refusal: why nothing can be shared; empty if it can.
        taken: the keys of messages that were acknowledged.
        whispered: what only its reader may see, by the reader.
    """

    name: ClassVar[str] = "chat"

    def __init__(self, folder: Path, *, coalesce_s: float = 0.0) -> None:
        super().__init__()
        self._folder = folder
        self._coalesce_s = coalesce_s
        self._changed = asyncio.Event()
        self.gates: dict[str, asyncio.Event] = {}
        self.trouble: dict[str, Exception] = {}
        self.refusal = ""
        self.taken: list[str] = []
        self.remembered: list[str] = []
        self.whispered: list[tuple[Namespace, View]] = []

    async def start(self, engine: Engine) -> None:
        self.engine = engine
        self.reception = Reception(engine, self, self._folder, coalesce_s=self._coalesce_s)
        await self.reception.open()
        await self.reception.recover()

    async def stop(self) -> None:
        await self.reception.close()

    # --- people ---------------------------------------------------------------------------------

    def message(self, user: str, text: str = "", place: str = "", **fields: Any) -> Incoming:
        """A message; its key is its text unless it is given."""
        fields.setdefault("key", text or "message")
        return Incoming(
            sender=Namespace(self.name, user),
            conversation=ConversationId(place or f"home-{user}"),
            text=text,
            speaker=user.title(),
            private=not place,
            command=text.startswith("/"),
            **fields,
        )

    async def say(self, user: str, text: str = "", place: str = "", **fields: Any) -> bool:
        """Somebody writes; as `Reception.take`."""
        return await self.reception.take(self.message(user, text, place, **fields))

    async def edit_of(self, user: str, key: str, text: str, place: str = "") -> None:
        """Somebody changes the message with that key."""
        await self.change(self.message(user, key, place), text)

    async def change(self, message: Incoming, text: str) -> None:
        """Its sender changes a message."""
        await self.reception.edited(replace(message, text=text))

    # --- what they see --------------------------------------------------------------------------

    def seen(self, place: str) -> list[View]:
        return list(self.messages.get(ConversationId(place), {}).values())

    def texts(self, place: str) -> list[str]:
        return [view.plain() for view in self.seen(place)]

    async def sees(self, place: str, part: str, kind: str = "") -> View:
        """The first view there with that text, of any kind unless it is given."""

        def found() -> list[View]:
            views = [view for view in self.seen(place) if part in view.plain()]
            return [view for view in views if kind in {"", view.kind}]

        await self.until(found)
        return found()[0]

    async def answered(self, place: str, part: str) -> View:
        """The first answer of the agent's there with that text."""
        return await self.sees(place, part, "answer")

    async def until(self, probe: Callable[[], object]) -> None:
        """Until that is so, which something that is shown must make it."""
        async with asyncio.timeout(WAIT_S):
            while not probe():
                self._changed.clear()
                await self._changed.wait()

    async def until_taken(self, key: str) -> None:
        await self.until(lambda: key in self.taken)

    # --- the frontend ---------------------------------------------------------------------------

    async def send(self, place: Place, view: View) -> MessageId:
        self._fail("send")
        message = await super().send(place, view)
        self._changed.set()
        return message

    async def edit(self, place: Place, message: MessageId, view: View) -> None:
        await super().edit(place, message, view)
        self._changed.set()

    def heard(self, message: Incoming) -> None:
        self._fail("heard")
        self.remembered.append(message.key)

    async def acknowledge(self, message: Incoming) -> None:
        self._fail("acknowledge")
        self.taken.append(message.key)
        self._changed.set()

    async def fetch(self, file: RemoteFile, folder: Path) -> Attachment:
        self._fail("fetch")
        if gate := self.gates.get(file.id):
            await gate.wait()
        path = await store_file(folder, file.name, file.id.encode())
        return Attachment(path=path, media_type=file.media_type, name=path.name)

    async def send_privately(self, place: Place, view: View) -> None:
        self.whispered.append((place.namespace, view))
        self._changed.set()

    async def sharing_refused(self, message: Incoming) -> str:
        return self.refusal

    def _fail(self, what: str) -> None:
        if error := self.trouble.get(what):
            raise error


class Surface(PressSurface):
    """Where somebody has pressed; notes what is shown there.

    Args:
        replaces: whether the button's message can be replaced.
    """

    def __init__(self, *, replaces: bool = True) -> None:
        self._replaces = replaces
        self._changed = asyncio.Event()
        self.said: list[tuple[str, bool]] = []
        self.replaced: list[View] = []
        self.private: list[View] = []
        self.disarmed = False

    @property
    def alerts(self) -> list[str]:
        """What was said of refusals and failures."""
        return [words for words, alert in self.said if alert]

    async def until(self, probe: Callable[[], object]) -> None:
        """Until that is so: what a press answers may come a moment after it was taken."""
        async with asyncio.timeout(WAIT_S):
            while not probe():
                self._changed.clear()
                await self._changed.wait()

    async def say(self, words: str, *, alert: bool = False) -> None:
        self.said.append((words, alert))
        self._changed.set()

    async def replace(self, place: Place, view: View) -> bool:
        if self._replaces:
            self.replaced.append(view)
        self._changed.set()
        return self._replaces

    async def disarm(self) -> None:
        self.disarmed = True
        self._changed.set()

    async def privately(self, place: Place, view: View) -> None:
        self.private.append(view)
        self._changed.set()


async def press(
    hall: Hall, user: str, button: str, place: str = "", *, key: str = "press", **how: Any
) -> Surface:
    """Somebody presses a button, and sees something of it; where he sees it."""
    surface = Surface(**how)
    one = Press(
        sender=Namespace(hall.name, user),
        conversation=ConversationId(place or f"home-{user}"),
        key=key,
        button=button,
        private=not place,
    )
    await hall.reception.press(one, surface)
    await surface.until(lambda: surface.said)
    return surface
