"""A chat command: written once, for every frontend."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from palaver.access import Role
from palaver.identity import ConversationId, Namespace
from palaver.models import Prompt
from palaver.views import View

if TYPE_CHECKING:
    from palaver.engine import Engine
    from palaver.feeds import Submission

MAX_SUMMARY = 100
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")


@dataclass(frozen=True, slots=True)
class CommandCall:
    """One use of a command.

    Attributes:
        argument: what stands behind the command, without surrounding white space.
    """

    engine: "Engine"
    prompt: Prompt
    role: Role
    argument: str

    @property
    def namespace(self) -> Namespace:
        return self.prompt.namespace

    @property
    def conversation(self) -> ConversationId:
        return self.prompt.conversation


@dataclass(frozen=True, slots=True)
class Command:
    """A command that a user can type or press.

    Attributes:
        name: without the slash; a small letter, then up to 31 of `[a-z0-9_]`: Telegram's rule,
            the strictest.
        summary: one line for menus and /help, at most 100 characters (Discord's limit).
        run: carries it out; answers at once. A `PalaverError` from it is shown to the user.
        argument: how its argument is written in /help, for example `NAME`; empty for none.
        aliases: other names, not shown in menus.
        role: who may use it.
        hidden: not in menus: buttons stand for it.
        sessions: its argument names a session, so frontends can complete it.

    Raises:
        ValueError: for a name or a summary that not every chat can show.
    """

    name: str
    summary: str
    run: Callable[[CommandCall], Awaitable["View | Submission"]]
    argument: str = ""
    aliases: tuple[str, ...] = ()
    role: Role = Role.MEMBER
    hidden: bool = False
    sessions: bool = False

    def __post_init__(self) -> None:
        for name in (self.name, *self.aliases):
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} cannot be a command's name")
        if not 1 <= len(self.summary) <= MAX_SUMMARY:
            raise ValueError(f"/{self.name}: a summary has 1 to {MAX_SUMMARY} characters")
