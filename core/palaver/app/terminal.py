"""Whose terminal this is, and what it can show."""

import os
import pwd
import sys
from pathlib import Path

from palaver.errors import InvalidNamespaceError
from palaver.identity import ConversationId, Namespace

_FRONTEND = "cli"


def terminal_namespace() -> Namespace:
    """`cli:NAME` of the process's user, as the system's user table has it.

    `LOGNAME` and `USER` do not count: anybody can set them. A user without an entry, as in some
    containers, goes by the number, and one whose name cannot be in a namespace by `uid-NUMBER`.
    """
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:
        name = str(number)
    try:
        return Namespace(_FRONTEND, name)
    except InvalidNamespaceError:
        return Namespace(_FRONTEND, f"uid-{number}")


def terminal_conversation() -> ConversationId:
    """The conversation of the terminal: its working directory."""
    return ConversationId(str(Path.cwd()))


def is_interactive() -> bool:
    """Whether somebody sits there who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()
