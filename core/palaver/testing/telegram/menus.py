"""The bot's commands by scope, and which of them a person is shown."""

import re

from palaver.testing.telegram.wire import ApiError, Fields, bad_request

#: Source: `telegram.constants.BotCommandLimit`.
MAX_COMMANDS = 100
MAX_NAME = 32
MAX_DESCRIPTION = 256

_NAME = re.compile(r"[a-z0-9_]+")
_LANGUAGE = re.compile(r"[a-z]{2}")
_OF_CHAT = {"chat", "chat_administrators", "chat_member"}

Scope = tuple[str, str, str]
Commands = dict[str, str]


class CommandBook:
    """What setMyCommands has set: descriptions by name, by scope and language."""

    def __init__(self) -> None:
        self._lists: dict[tuple[Scope, str], Commands] = {}

    def set(self, given: Fields) -> None:
        """Replace a list. Raises ApiError 400 in Telegram's words."""
        commands = [_command(command) for command in given.items("commands")]
        if len(commands) > MAX_COMMANDS:
            raise bad_request("BOT_COMMANDS_TOO_MUCH")
        self._lists[self._key(given)] = dict(commands)

    def get(self, given: Fields) -> Commands:
        """The list of exactly this scope and language."""
        return self._lists.get(self._key(given), {})

    def delete(self, given: Fields) -> None:
        """Forget a list."""
        self._lists.pop(self._key(given), None)

    def of(self, kind: str, chat_id: int | str = "", language: str = "") -> Commands:
        """The list of a scope: `of("all_private_chats")`."""
        return self._lists.get(((kind, str(chat_id), ""), language), {})

    def shown(
        self, chat_id: int, user_id: int, *, private: bool, admin: bool, language: str
    ) -> list[str]:
        """The names in a person's menu: those of the narrowest scope that has a list.

        Source: the Bot API, "Determining list of commands".
        """
        chat, user = str(chat_id), str(user_id)
        scopes: list[Scope] = []
        if private:
            scopes += [("chat", chat, ""), ("all_private_chats", "", "")]
        else:
            scopes.append(("chat_member", chat, user))
            if admin:
                scopes.append(("chat_administrators", chat, ""))
            scopes.append(("chat", chat, ""))
            if admin:
                scopes.append(("all_chat_administrators", "", ""))
            scopes.append(("all_group_chats", "", ""))
        for scope in [*scopes, ("default", "", "")]:
            for spoken in (language, ""):
                if self._lists.get((scope, spoken)):
                    return list(self._lists[scope, spoken])
        return []

    def _key(self, given: Fields) -> tuple[Scope, str]:
        scope = given.nested("scope") or Fields({"type": "default"})
        language = given.text("language_code")
        if language and not _LANGUAGE.fullmatch(language):
            raise bad_request("invalid language code specified")
        kind = scope.text("type", "default")
        chat_id = scope.text("chat_id") if kind in _OF_CHAT else ""
        return (kind, chat_id, scope.text("user_id") if kind == "chat_member" else ""), language


def _command(given: Fields) -> tuple[str, str]:
    name = given.text("command").strip().removeprefix("/")
    description = given.text("description").strip()
    if not name:
        raise bad_request("command must be non-empty")
    if len(name) > MAX_NAME:
        raise bad_request(f"command length must not exceed {MAX_NAME}")
    if not description:
        raise bad_request("command description must be non-empty")
    if len(description) > MAX_DESCRIPTION:
        raise bad_request(f"command description length must not exceed {MAX_DESCRIPTION}")
    if not _NAME.fullmatch(name):
        raise ApiError(400, "Bad Request: BOT_COMMAND_INVALID")
    return name, description
