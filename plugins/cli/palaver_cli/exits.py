"""What `palaver ask` and `palaver chat` leave with."""

import enum


class Exit(enum.IntEnum):
    """An exit code and what it means.

    Other errors of Palaver's leave with their own: 74 for the database, 78 for the configuration.
    """

    DONE = 0
    """The agent has answered; or the user has left the REPL."""
    FAILED = 1
    """The turn failed or was cut off; standard error says why."""
    USAGE = 2
    """The command line, or a chat command given as the prompt, is wrong."""
    DENIED = 3
    """The agent has answered, but something it wanted was refused: nobody could be asked."""
    STOPPED = 130
    """The turn was stopped with Ctrl-C; 128 and the signal's number, as shells count it."""
