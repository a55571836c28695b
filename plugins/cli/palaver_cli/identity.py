"""Who sits at this terminal, and where: a namespace and a conversation."""

import os
import pwd
from pathlib import Path

from palaver import ConversationId, Namespace, PalaverError, Prompt

FRONTEND = "cli"


def os_user(uid: int | None = None) -> str:
    """The name of the process's user, or of `uid`.

    It comes from the system's user table and not from `LOGNAME` or `USER`: those are for
    everybody to set, and the name decides whose sessions one sees. A user without an entry, as in
    some containers, goes by his number.
    """
    number = os.getuid() if uid is None else uid
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def namespace(uid: int | None = None) -> Namespace:
    """`cli:NAME`; with a name that cannot be one of a namespace, `cli:uid-NUMBER`."""
    try:
        return Namespace(FRONTEND, os_user(uid))
    except PalaverError:
        return Namespace(FRONTEND, f"uid-{os.getuid() if uid is None else uid}")


def conversation(workspace: Path) -> ConversationId:
    """The working directory is the conversation."""
    return ConversationId(str(workspace))


def prompt(text: str, workspace: Path, owner: Namespace | None = None) -> Prompt:
    """What this terminal's user sends from that directory, which is also the workspace."""
    return Prompt(
        namespace=owner or namespace(),
        conversation=conversation(workspace),
        text=text,
        workspace=workspace,
    )
