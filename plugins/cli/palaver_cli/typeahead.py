"""What is typed while the program starts, kept for the prompt that is about to come."""

import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager

_INPUT, _LOCAL = 0, 3
"""Where `termios.tcgetattr` has the input modes and the local modes."""


@contextmanager
def kept() -> Iterator[None]:
    """Show nothing of it before its time, and keep Enter what it is.

    Otherwise the terminal echoes it above the prompt, and turns Enter into a mere line feed. The
    terminal is put back as it was in the end.
    """
    try:
        before = termios.tcgetattr(sys.stdin)
    except (termios.error, ValueError, OSError):
        yield  # no terminal
        return
    now = list(before)
    now[_INPUT] &= ~termios.ICRNL
    now[_LOCAL] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(sys.stdin, termios.TCSANOW, now)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
