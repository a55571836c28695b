"""A frontend in memory, for tests, and the suite that every frontend has to pass.

A plugin's test subclasses `FrontendConformance` and says how to talk through its chat:

    class TestMyChat(FrontendConformance):
        @pytest.fixture
        async def chat(self, tmp_path):
            async with MyDriver(tmp_path) as chat:
                yield chat
"""

import asyncio
import itertools
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from palaver.engine import Engine
from palaver.errors import AccessDeniedError, CommandError
from palaver.frontends.contract import Capabilities, Frontend, MessageId, Place
from palaver.frontends.presenter import Presenter
from palaver.identity import ConversationId, Namespace
from palaver.models import Prompt
from palaver.views import View, encode_button

_NOBODY = "1:0.00"
"""The identity of a process that has ended: since 1970 no system has started."""

SETTLE_S = 10.0
"""Seconds that a test waits for something to show before it fails."""


def pretend_killed(data_dir: Path) -> None:
    """Let the Palaver that has worked on this folder look as if it had been killed. Blocking.

    A turn belongs to the process that has begun it, and in a test two lives of Palaver are one
    process; without this the second takes the first for alive, and leaves its turns alone. Call it
    between the two.

    Args:
        data_dir: as in the settings; the database is in there.

    Raises:
        sqlite3.Error: if there is no database of Palaver's.
    """
    with closing(sqlite3.connect(data_dir / "palaver.db")) as database, database:
        database.execute("UPDATE turns SET runner = ?", (_NOBODY,))


@dataclass
class Shown:
    """A message as the people in a chat see it.

    Attributes:
        text: all of it, title and footer too, without markup.
        buttons: their labels, in order.
    """

    text: str
    buttons: list[str] = field(default_factory=list)


class ChatDriver(ABC):
    """How the suite talks through a frontend: people write, press, and look at their chat.

    The users "alice" and "bob" are on the access list, "mallory" is not; each has a conversation
    alone with the bot. The agent is `scripted`.
    """

    capabilities: Capabilities

    @abstractmethod
    async def say(self, user: str, text: str) -> None:
        """Send a message as this user."""

    @abstractmethod
    async def press(self, user: str, label: str, *, of: str | None = None) -> None:
        """Press the newest button of that label that the user sees.

        Args:
            of: press it in that other user's conversation, as a hostile client would.
        """

    @abstractmethod
    def shown(self, user: str) -> list[Shown]:
        """What the user's conversation with the bot shows now, oldest first."""

    @abstractmethod
    async def again(self, user: str) -> None:
        """Deliver the user's last message a second time, as a bad connection does."""

    @abstractmethod
    async def restart(self) -> None:
        """Stop Palaver in an orderly way, `pretend_killed`, and start it again."""

    async def sees(self, user: str, text: str, *, limit_s: float = SETTLE_S) -> Shown:
        """Wait until a message with this text shows; the newest such."""
        return await self.until(user, lambda message: text in message.text, limit_s=limit_s)

    async def until(
        self, user: str, wanted: Callable[[Shown], bool], *, limit_s: float = SETTLE_S
    ) -> Shown:
        """Wait until a message is as wanted; the newest such."""
        try:
            async with asyncio.timeout(limit_s):
                while not (found := [one for one in self.shown(user) if wanted(one)]):
                    await asyncio.sleep(0.01)
        except TimeoutError:
            seen = "\n---\n".join(one.text for one in self.shown(user))
            raise AssertionError(f"it never showed; {user} sees:\n{seen}") from None
        return found[-1]

    async def works(self, user: str) -> None:
        """Wait until the agent has the user's prompt."""
        for _ in range(100):
            await self.say(user, "/status")
            await self.sees(user, "")
            if any("At work for" in message.text for message in self.shown(user)):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"the agent never began to work for {user}")

    async def allow(self, user: str, label: str) -> None:
        """Press a button, or type its command where there are none."""
        if self.capabilities.actions:
            await self.until(user, lambda message: label in message.buttons)
            await self.press(user, label)
            return
        message = await self.sees(user, f"{label}: /")
        line = next(line for line in message.text.splitlines() if f"{label}: /" in line)
        await self.say(user, line.partition(": ")[2].strip())


class FrontendConformance:
    """What every frontend must do; each test needs the fixture `chat`, a `ChatDriver`."""

    async def test_a_prompt_is_answered(self, chat: ChatDriver) -> None:
        await chat.say("alice", "hello there")
        await chat.until("alice", lambda message: message.text.startswith("hello there"))

    async def test_a_session_remembers_and_a_new_one_does_not(self, chat: ChatDriver) -> None:
        await chat.say("alice", "remember 42")
        await chat.sees("alice", "I will remember 42.")
        await chat.say("alice", "what number")
        await chat.sees("alice", "You told me 42.")
        await chat.say("alice", "/newsession")
        await chat.sees("alice", "New session started!")
        await chat.say("alice", "what number")
        await chat.sees("alice", "You have told me no number.")

    async def test_the_list_marks_the_current_session(self, chat: ChatDriver) -> None:
        await chat.say("alice", "an apple")
        await chat.until("alice", lambda message: message.text.startswith("an apple"))
        await chat.say("alice", "/sessions")
        message = await chat.sees("alice", "Your Claude Sessions")
        assert "👉" in message.text
        assert "an apple" in message.text

    async def test_users_see_nothing_of_each_other(self, chat: ChatDriver) -> None:
        await chat.say("alice", "remember 42")
        await chat.sees("alice", "I will remember 42.")
        await chat.say("bob", "what number")
        await chat.sees("bob", "You have told me no number.")
        await chat.say("bob", "/sessions")
        message = await chat.sees("bob", "Your Claude Sessions")
        assert "remember 42" not in message.text

    async def test_a_stranger_reaches_nothing(self, chat: ChatDriver) -> None:
        await chat.say("mallory", "run ls")
        await chat.say("mallory", "/sessions")
        await chat.say("alice", "hello there")
        await chat.until("alice", lambda message: message.text.startswith("hello there"))
        for message in chat.shown("mallory"):
            assert "ls" not in message.text
            assert "Sessions" not in message.text

    async def test_an_approval_is_asked_and_obeyed(self, chat: ChatDriver) -> None:
        await chat.say("alice", "run ls")
        await chat.allow("alice", "Allow once")
        await chat.sees("alice", "I ran ls.")
        await chat.say("alice", "run rm")
        await chat.sees("alice", "Bash: rm")
        await chat.allow("alice", "Deny")
        await chat.sees("alice", "I did not run rm.")

    async def test_free_text_never_approves(self, chat: ChatDriver) -> None:
        await chat.say("alice", "run ls")
        await chat.sees("alice", "Bash: ls")
        await chat.say("alice", "yes, allow")
        await chat.sees("alice", "Queued")
        await chat.say("alice", "/stop")
        await chat.sees("alice", "I did not run ls.")

    async def test_a_question_is_answered_in_words(self, chat: ChatDriver) -> None:
        await chat.say("alice", "ask Which colour?|red|green")
        await chat.sees("alice", "Which colour?")
        await chat.say("alice", "2")
        await chat.sees("alice", "You said: green")

    async def test_stop_reaches_a_turn_at_work(self, chat: ChatDriver) -> None:
        await chat.say("alice", "wait 60")
        if chat.capabilities.edit:
            await chat.sees("alice", "Working.")
        await chat.say("alice", "/stop")
        await chat.sees("alice", "Stopped")

    async def test_one_users_turn_never_delays_another(self, chat: ChatDriver) -> None:
        await chat.say("alice", "wait 60")
        await chat.say("bob", "hello there")
        await chat.until("bob", lambda message: message.text.startswith("hello there"))
        await chat.say("alice", "/stop")
        await chat.sees("alice", "Stopped")

    async def test_nothing_of_a_long_answer_is_cut(self, chat: ChatDriver) -> None:
        def missing() -> list[int]:
            said = set(" ".join(message.text for message in chat.shown("alice")).split())
            return [number for number in range(3000) if f"word{number}" not in said]

        await chat.say("alice", "stream 3000")
        await chat.until("alice", lambda message: "word2999" in message.text and not missing())
        assert missing() == []

    async def test_a_message_delivered_twice_runs_once(self, chat: ChatDriver) -> None:
        await chat.say("alice", "remember 42")
        await chat.sees("alice", "I will remember 42.")
        await chat.again("alice")
        await chat.say("alice", "/sessioninfo")
        assert "Turns: 1" in (await chat.sees("alice", "Session Information")).text

    async def test_a_session_goes_on_after_a_restart(self, chat: ChatDriver) -> None:
        await chat.say("alice", "remember 42")
        await chat.sees("alice", "I will remember 42.")
        await chat.restart()
        await chat.say("alice", "what number")
        await chat.sees("alice", "You told me 42.")

    async def test_a_turn_cut_off_by_a_restart_is_told(self, chat: ChatDriver) -> None:
        await chat.say("alice", "wait 60")
        await chat.works("alice")
        await chat.restart()
        await chat.sees("alice", "/retry")

    async def test_what_was_asked_before_a_restart_loses_its_buttons(
        self, chat: ChatDriver
    ) -> None:
        if not (chat.capabilities.actions and chat.capabilities.edit):
            return
        await chat.say("alice", "run ls")
        await chat.until("alice", lambda message: "Allow once" in message.buttons)
        await chat.say("alice", "/sessioninfo")  # once that is answered, what was sent is known
        await chat.sees("alice", "Session Information")
        await chat.restart()
        old = await chat.sees("alice", "Nobody decided")
        assert (old.buttons, "Bash: ls" in old.text) == ([], True)
        await chat.allow("alice", "Allow once")
        await chat.sees("alice", "I ran ls.")

    async def test_a_foreign_button_decides_nothing(self, chat: ChatDriver) -> None:
        if not chat.capabilities.actions:
            return
        await chat.say("alice", "run ls")
        await chat.until("alice", lambda message: "Allow once" in message.buttons)
        await chat.press("bob", "Allow once", of="alice")
        await chat.press("alice", "Deny")
        await chat.sees("alice", "I did not run ls.")


class MemoryFrontend(Frontend):
    """A chat in memory: `push` a message in, look at `messages`. Each user has one conversation."""

    name: ClassVar[str] = "memory"
    capabilities: ClassVar[Capabilities] = Capabilities(
        edit=True, actions=True, files=True, typing=True, max_text=1000, edit_interval_s=0.01
    )

    def __init__(self) -> None:
        self.messages: dict[ConversationId, dict[MessageId, View]] = {}
        self.files: list[tuple[Path, str]] = []
        self.typed = 0
        self._ids = itertools.count(1)
        self._presenter: Presenter | None = None

    async def start(self, engine: Engine) -> None:
        self._presenter = Presenter(engine, self)
        await self._presenter.recover()

    async def stop(self) -> None:
        if self._presenter:
            await self._presenter.close()

    async def push(self, user: str, text: str, key: str) -> None:
        """Somebody writes. A stranger is not answered."""
        assert self._presenter
        try:
            await self._presenter.take(self._prompt(user, text, key))
        except AccessDeniedError:
            return

    async def click(self, user: str, button: str, key: str) -> None:
        """Somebody presses a button, whoever's it is."""
        assert self._presenter
        try:
            await self._presenter.press(self._prompt(user, "", key), button)
        except (AccessDeniedError, CommandError):
            return

    def _prompt(self, user: str, text: str, key: str) -> Prompt:
        namespace, place = Namespace(self.name, user), ConversationId(user)
        return Prompt(namespace=namespace, conversation=place, text=text, key=key)

    async def send(self, place: Place, view: View) -> MessageId:
        message = MessageId(str(next(self._ids)))
        self.messages.setdefault(place.conversation, {})[message] = view
        return message

    async def edit(self, place: Place, message: MessageId, view: View) -> None:
        self.messages[place.conversation][message] = view

    async def remove(self, place: Place, message: MessageId) -> None:
        del self.messages[place.conversation][message]

    async def typing(self, place: Place) -> None:
        del place
        self.typed += 1

    async def send_file(self, place: Place, path: Path, caption: str) -> MessageId:
        self.files.append((path, caption))
        return await self.send(place, View(title=path.name, text=caption))


def buttons(view: View, owner: Namespace) -> dict[str, str]:
    """The labels of a view's buttons, with what each carries."""
    actions = [*(action for item in view.items for action in item.actions), *view.actions]
    return {action.label: encode_button(owner, action) for action in actions}
