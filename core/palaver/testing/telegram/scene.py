"""What all parts of the simulated Telegram share: time, files, people's names, numbers."""

from dataclasses import dataclass

from palaver.testing.clock import Clock, Signal
from palaver.testing.telegram.files import FileStore
from palaver.testing.telegram.schema import Schema, load
from palaver.testing.telegram.updates import UpdateQueue
from palaver.testing.telegram.wire import Json, JsonObject


@dataclass(frozen=True)
class Problem:
    """Something that a bot should not have done.

    `refused` tells whether it was answered with an error; `telegram` tells what the real
    Telegram does where this server is stricter on purpose, and is empty where it is not.
    """

    method: str
    text: str
    refused: bool = True
    telegram: str = ""


class Scene:
    """The common ground of people, chats and methods."""

    def __init__(self, token: str, username: str, name: str, clock: Clock) -> None:
        self.token = token
        self.clock = clock
        self.signal = Signal()
        self.files = FileStore()
        self.updates = UpdateQueue(lambda update: self.schema.check_type("Update", update))
        self.problems: list[Problem] = []
        self.bot: JsonObject = {
            "id": int(token.partition(":")[0]),
            "is_bot": True,
            "first_name": name,
            "username": username,
        }
        self.users: dict[int, JsonObject] = {self.bot_id: self.bot}
        self.reads_all_groups = False
        self.private_topics = False
        self._next_message = 0
        self._next_number = 0

    @property
    def schema(self) -> Schema:
        """The description of the Bot API, read on first use."""
        return load()

    @property
    def bot_id(self) -> int:
        """The bot's own user id, which its token begins with."""
        return int(str(self.bot["id"]))

    @property
    def username(self) -> str:
        """The bot's username, without the @."""
        return str(self.bot["username"])

    def next_message(self) -> int:
        """A message id; private chats and basic groups share one row of numbers."""
        self._next_message += 1
        return self._next_message

    def next_number(self) -> int:
        """A number for anything else."""
        self._next_number += 1
        return self._next_number

    def tell(self, kind: str, body: Json) -> None:
        """Queue an update for the bot."""
        self.updates.push(kind, body)
        self.signal.notify()

    def problem(self, method: str, text: str, *, refused: bool = False, telegram: str = "") -> None:
        """Record what a bot should not have done."""
        self.problems.append(Problem(method, text, refused=refused, telegram=telegram))
