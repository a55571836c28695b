"""The simulated Telegram behind the server: who there is and what has been said."""

from collections.abc import Iterable

from palaver.testing.clock import Clock
from palaver.testing.telegram.chats import Chat
from palaver.testing.telegram.faults import Faults
from palaver.testing.telegram.limits import FloodLimits
from palaver.testing.telegram.menus import CommandBook
from palaver.testing.telegram.messages import Content
from palaver.testing.telegram.people import Person
from palaver.testing.telegram.presses import PressBook
from palaver.testing.telegram.scene import Scene
from palaver.testing.telegram.wire import (
    ApiError,
    Fields,
    JsonObject,
    bad_request,
    forbidden,
)

_SUPERGROUP = -1_000_000_000_000
#: Who writes in a chat's own name. Source: Message.from of the Bot API, and its updates.
_ANONYMOUS: JsonObject = {
    "id": 1087968824,
    "is_bot": True,
    "first_name": "Group",
    "username": "GroupAnonymousBot",
}


class World(Scene):
    """People, chats and what the bot has set up, without any network."""

    def __init__(
        self,
        token: str,
        *,
        username: str = "palaver_bot",
        name: str = "Palaver",
        clock: Clock | None = None,
        reads_all_groups: bool = False,
        private_topics: bool = False,
    ) -> None:
        super().__init__(token, username, name, clock or Clock())
        self.reads_all_groups = reads_all_groups
        self.private_topics = private_topics
        self.people: dict[int, Person] = {}
        self.chats: dict[int, Chat] = {}
        self.presses = PressBook(self)
        self.faults = Faults(self.updates)
        self.limits = FloodLimits(self.clock)
        self.commands = CommandBook()
        self.webhook: JsonObject = {}
        self.profile: dict[str, str] = {}
        self.menu_buttons: dict[int, JsonObject] = {}
        self.revoked = False

    def user(
        self,
        name: str,
        *,
        id: int | None = None,  # noqa: A002 - the Bot API's own name
        username: str = "",
        last_name: str = "",
        language_code: str = "en",
    ) -> Person:
        """A person; without a private chat yet (see `private`)."""
        user_id = 1000 + len(self.people) + 1 if id is None else id
        if user_id in self.users:
            raise ValueError(f"user {user_id} is there already")
        body: JsonObject = {"id": user_id, "is_bot": False, "first_name": name}
        optional = {
            "username": username,
            "last_name": last_name,
            "language_code": language_code,
        }
        body |= {key: value for key, value in optional.items() if value}
        self.users[user_id] = body
        person = self.people[user_id] = Person(self, self.presses, body)
        return person

    def private(self, person: Person) -> Chat:
        """The person's chat with the bot. Before it is opened the bot can't write: 400."""
        if person.chat is None:
            names = {
                key: str(person.json[key])
                for key in ("first_name", "last_name", "username")
                if key in person.json
            }
            chat = person.chat = Chat(self, person.id, "private", **names)
            chat.members = {person.id: "member", self.bot_id: "member"}
            self.chats[chat.id] = chat
        return person.chat

    def group(
        self,
        title: str,
        *,
        members: Iterable[Person],
        id: int | None = None,  # noqa: A002 - the Bot API's own name
        supergroup: bool = False,
        forum: bool = False,
        bot_is_admin: bool = False,
        username: str = "",
    ) -> Chat:
        """A group with the bot in it; the first member is its creator.

        A forum, or a group with a username, is a supergroup.
        """
        super_ = supergroup or forum or bool(username)
        number = len(self.chats) + 1
        chat_id = (_SUPERGROUP - number if super_ else -number) if id is None else id
        if chat_id >= 0 or chat_id in self.chats:
            raise ValueError(f"{chat_id} can't be the id of a new group")
        kind = "supergroup" if super_ else "group"
        chat = Chat(self, chat_id, kind, title=title, username=username)
        chat.forum = forum
        for person in members:
            chat.members[person.id] = "member" if chat.members else "creator"
        if not chat.members:
            raise ValueError("a group has at least one member")
        chat.members[self.bot_id] = "administrator" if bot_is_admin else "member"
        self.chats[chat_id] = chat
        return chat

    def migrate(self, group: Chat) -> Chat:
        """Make a supergroup of a group: it gets another id, the old one answers 400.

        The bot is told in both: of the new id by whoever did it, of the old one in the
        supergroup's own name, as anonymous administrators write.
        """
        chat = Chat(self, _SUPERGROUP - len(self.chats) - 1, "supergroup", **group.details)
        chat.members = dict(group.members)
        self.chats[chat.id] = chat
        group.migrated_to = chat
        creator = self.users[next(iter(group.members))]
        moved = group.add(creator, Content("service", extra={"migrate_to_chat_id": chat.id}))
        came = chat.begin(
            _ANONYMOUS, {"migrate_from_chat_id": group.id, "sender_chat": chat.to_json()}
        )
        self.tell("message", moved.to_json())
        self.tell("message", came.to_json())
        return chat

    async def all_taken(self, timeout: float = 5.0) -> None:
        """Until the bot has acknowledged every update. Raises TimeoutError after `timeout` s."""

        def waiting() -> str:
            return "\n".join(map(str, self.updates.pending))

        await self.signal.wait(lambda: self.updates.empty or None, timeout, waiting)

    def menu(self, person: Person, chat: Chat | None = None) -> list[str]:
        """The commands that a person is shown in a chat (the private one by default)."""
        place = chat or self.private(person)
        admin = place.members.get(person.id) in {"creator", "administrator"}
        language = str(person.json.get("language_code", ""))
        return self.commands.shown(
            place.id, person.id, private=place.private, admin=admin, language=language
        )

    def chat_of(self, given: Fields, name: str = "chat_id") -> Chat:
        """The chat that a request names, if the bot may write there.

        Raises ApiError in Telegram's words (Client::check_chat, check_chat_access).
        """
        chat = self._find(given.text(name))
        if chat is None and self._is_known(given.text(name)):
            raise forbidden("bot can't initiate conversation with a user")
        if chat is None:
            raise bad_request("chat not found")
        if chat.migrated_to is not None:
            raise ApiError(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                migrate_to_chat_id=chat.migrated_to.id,
            )
        if chat.forbidden:
            raise forbidden(chat.forbidden)
        return chat

    def _is_known(self, name: str) -> bool:
        """Whether it is the id of somebody whom the bot knows from a group."""
        return any(name == str(user) for chat in self.chats.values() for user in chat.members)

    def _find(self, name: str) -> Chat | None:
        if name.startswith("@"):
            found = (
                chat
                for chat in self.chats.values()
                if not chat.private and f"@{chat.details.get('username', '')}" == name
            )
            return next(found, None)
        return self.chats.get(int(name)) if name.removeprefix("-").isdecimal() else None
