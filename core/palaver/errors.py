"""One tree of errors. Each says what went wrong and, in `hint`, what to do next.

PalaverError
├── InvalidNamespaceError
├── ConfigError
├── PluginError
│   └── PluginConflictError
├── AccessDeniedError
├── AccessUnknownError
├── PromptRejectedError
├── CommandError
├── SessionError
│   ├── SessionNotFoundError
│   ├── SessionLostError
│   └── SessionBusyError
├── StoreError
│   ├── StoreNewerError
│   ├── StoreCorruptError
│   ├── StoreReadOnlyError
│   ├── StoreFullError
│   └── StoreLockedError
└── AgentError
    ├── AgentMissingError
    ├── AgentOutdatedError
    ├── AgentLoginError
    ├── AgentCrashedError
    ├── AgentHungError
    ├── AgentProtocolError
    └── AgentMismatchError
"""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar


class PalaverError(Exception):
    """The base of all errors that are meant to be read by a person.

    Attributes:
        message: what went wrong and why, one sentence.
        hint: what to do next; may be empty.
    """

    hint: str = ""
    exit_code: ClassVar[int] = 1
    """What the `palaver` command leaves with."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if hint is not None:
            self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class InvalidNamespaceError(PalaverError, ValueError):
    """Raised for a namespace that is not `frontend:user`."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text[:80]!r} is not a namespace.",
            hint="Write it as frontend:user, for example telegram:12345.",
        )


class ConfigError(PalaverError):
    """Raised when the configuration cannot be read or does not hold.

    Attributes:
        location: the path of keys to the setting, outermost first.
        source: the file or environment variable it came from, if known.
    """

    exit_code = 78  # EX_CONFIG of sysexits.h
    hint = "Run `palaver config check` after mending it."

    def __init__(
        self,
        problem: str,
        *,
        location: Sequence[str | int] = (),
        source: str | Path | None = None,
        hint: str | None = None,
    ) -> None:
        self.location = tuple(location)
        self.source = source
        where = " -> ".join(map(str, self.location))
        parts = [str(source) if source else "", where, problem]
        super().__init__(": ".join(filter(None, parts)), hint=hint)


class PluginError(PalaverError):
    """Raised when a plugin cannot be loaded or breaks the contract.

    Attributes:
        plugin: the plugin's name.
    """

    def __init__(self, plugin: str, problem: str, *, hint: str | None = None) -> None:
        self.plugin = plugin
        super().__init__(f"plugin {plugin}: {problem}", hint=hint)


class PluginConflictError(PluginError):
    """Raised when two plugins claim one name (a plugin, a frontend, an agent or a command)."""


class AccessDeniedError(PalaverError):
    """Raised when a namespace is not on the access list."""

    hint = "Its owner can let you in."

    def __init__(self) -> None:
        super().__init__("You are not on this bot's access list.")


class AccessUnknownError(PalaverError):
    """Raised when nobody can tell now whether a namespace may talk to Palaver."""

    hint = "Send it again in a moment."

    def __init__(self) -> None:
        super().__init__("It cannot be found out now whether you may use this bot.")


class PromptRejectedError(PalaverError):
    """Raised by a plugin's `on_prompt` to refuse a prompt; the reason is shown to the user."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CommandError(PalaverError):
    """Raised when a chat command cannot be carried out as it was written."""

    exit_code = 2


class SessionError(PalaverError):
    """The base of errors about one session."""


class SessionNotFoundError(SessionError):
    """Raised for a session that this namespace does not have.

    An id that nobody has, somebody else's id and a text that is no id give the same answer.
    """

    hint = "See /sessions for yours."

    def __init__(self) -> None:
        super().__init__("You have no such session.")


class SessionLostError(SessionError):
    """Raised when a session's transcript is gone from the disk."""

    hint = "A new session begins with your next message."

    def __init__(self, session_id: object) -> None:
        self.session_id = session_id
        super().__init__(f"The transcript of session {session_id} is gone.")


class SessionBusyError(SessionError):
    """Raised when something is asked of a session that a running turn forbids."""

    hint = "Wait for the turn to end, or send /stop."

    def __init__(self) -> None:
        super().__init__("This session is at work.")


class StoreError(PalaverError):
    """The base of errors of the database; nothing is overwritten when one is raised."""

    exit_code = 74  # EX_IOERR of sysexits.h


class StoreNewerError(StoreError):
    """Raised for a database that a newer Palaver has written."""

    hint = "Install that version of Palaver, or point data_dir at another folder."


class StoreCorruptError(StoreError):
    """Raised for a file that is not a sound database; it is left as it is."""

    hint = "Move the file aside or restore a copy; Claude's own transcripts are not touched."


class StoreReadOnlyError(StoreError):
    """Raised when the data folder or the database cannot be written."""

    hint = "Give yourself the right to write there, or point data_dir elsewhere."


class StoreFullError(StoreError):
    """Raised when the disk is full."""

    hint = "Free some room, then send it again."


class StoreLockedError(StoreError):
    """Raised when another program holds the database for too long."""

    hint = "Close the program that has it open, then try again."


class AgentError(PalaverError):
    """The base of errors of the agent's backend."""

    hint = "Your message is kept: /retry runs it again."


class AgentMissingError(AgentError):
    """Raised when the agent's program is not installed."""


class AgentOutdatedError(AgentError):
    """Raised when the agent's program is too old to be used safely."""


class AgentLoginError(AgentError):
    """Raised when the agent has no account to work with, or it was refused."""


class AgentCrashedError(AgentError):
    """Raised when the agent's process ends in the middle of a turn.

    Attributes:
        exit_code_of_agent: what it left with; None if unknown, negative for a signal.
    """

    def __init__(self, message: str, *, code: int | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.exit_code_of_agent = code


class AgentHungError(AgentError):
    """Raised when the agent has given no sign of life for the time the settings allow."""


class AgentProtocolError(AgentError):
    """Raised when the agent says something that cannot be understood, or far too much of it."""


class AgentMismatchError(AgentError):
    """Raised when a resumed turn reports another session than the one that was asked for."""
