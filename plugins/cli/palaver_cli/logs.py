"""The program's log while the screen is alive: lines of its own, not a stain on what is drawn."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class _Lines:
    """A stream that hands over whole lines."""

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take = take

    def write(self, text: str) -> int:
        if text.strip():
            self._take(text.rstrip("\n"))
        return len(text)

    def flush(self) -> None:
        """Lines are handed over as they come."""


@contextmanager
def logs_to(take: Callable[[str], None]) -> Iterator[None]:
    """Give `take` what is logged to standard error, if that shows in a terminal."""
    handlers = [
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stderr
    ]
    if not sys.stderr.isatty():
        handlers = []
    for handler in handlers:
        handler.setStream(_Lines(take))
    try:
        yield
    finally:
        for handler in handlers:
            handler.setStream(sys.stderr)
