"""Which commands there are, and which one is meant."""

import difflib
import re
from collections.abc import Iterable, Mapping

from palaver.access import Role
from palaver.commands import control, help, sessions, settings  # noqa: A004 - a command's name
from palaver.commands.contract import Command
from palaver.errors import CommandError

BUILT_IN: tuple[Command, ...] = (
    *help.COMMANDS,
    *sessions.COMMANDS,
    *control.COMMANDS,
    *settings.COMMANDS,
)

_COMMAND = re.compile(r"/(?P<name>[A-Za-z0-9_]+)(@\w+)?(\s+(?P<argument>.*))?", re.DOTALL)


def is_command(text: str) -> bool:
    """Whether a message is a command: `/usr/bin is empty` and `//review` are not."""
    return _COMMAND.fullmatch(text.strip()) is not None


class Commands:
    """The built-in commands and the plugins'; a built-in one cannot be taken over."""

    def __init__(self, added: Mapping[str, Command]) -> None:
        self._commands: dict[str, Command] = {}
        for command in (*added.values(), *BUILT_IN):
            for name in (command.name, *command.aliases):
                self._commands[name] = command

    def get(self, name: str) -> Command | None:
        """The command of that name or alias."""
        return self._commands.get(name)

    def shown(self, role: Role) -> list[Command]:
        """What menus and /help list, in their order."""
        order: Iterable[Command] = (*BUILT_IN, *self._commands.values())
        return [one for one in dict.fromkeys(order) if not one.hidden and one.role <= role]

    def parse(self, text: str, role: Role) -> tuple[Command, str]:
        """The command and its argument; `/name@bot` is `/name`, as Telegram writes it in groups.

        Raises:
            CommandError: for an unknown command, with the nearest ones, and for one that is not
                for this role.
        """
        match = _COMMAND.fullmatch(text.strip())
        name = match["name"].lower() if match else text
        argument = (match["argument"] or "").strip() if match else ""
        command = self._commands.get(name)
        if command is None:
            shown = [one.name for one in self.shown(role)]
            near = difflib.get_close_matches(name, shown, n=3, cutoff=0.5)
            hint = "Did you mean " + " or ".join(f"/{one}" for one in near) + "?" if near else ""
            hint = hint or f"See /help. If it is the agent's own, write //{name[:40]}."
            raise CommandError(f"There is no command /{name[:40]}.", hint=hint)
        if command.role > role:
            raise CommandError(f"/{name} is for the owner.", hint="See /help for what you can do.")
        return command, argument
