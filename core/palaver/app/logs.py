"""What the `palaver` command writes to its standard error stream; no secret is ever in it."""

import contextlib
import logging
import re
import sys
from collections.abc import Iterable, Iterator

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
SHORT_FORMAT = "%(levelname)s: %(message)s"
"""For commands that somebody waits for."""

_TALKATIVE = ("httpx", "httpcore", "telegram", "discord", "aiohttp", "asyncio", "aiosqlite")
"""They tell every request, some with its whole address, in which Telegram has the bot's token."""

_SECRETS = re.compile(
    r"\d{6,}:[A-Za-z0-9_-]{30,}"  # Telegram's tokens, also behind the "bot" of its addresses
    r"|[A-Za-z0-9_-]{23,}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}"  # Discord's
    r"|sk-ant-[A-Za-z0-9_-]{8,}"
)


def mask(text: str) -> str:
    """The text without what looks like a token."""
    return _SECRETS.sub("***", text)


class MaskingFormatter(logging.Formatter):
    """Masks the finished line, so tracebacks, too."""

    def format(self, record: logging.LogRecord) -> str:
        return mask(super().format(record))


def set_up(level: int, *, short: bool = False) -> None:
    """Log to standard error: Palaver from this level on, all others from warnings on.

    Plugins follow when they are loaded: `let_speak`.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(MaskingFormatter(SHORT_FORMAT if short else FORMAT))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("palaver").setLevel(level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def let_speak(modules: Iterable[str]) -> None:
    """Log what these plugins tell as if it were Palaver's own.

    Args:
        modules: theirs; one that lies in a package speaks with all of the package.
    """
    level = logging.getLogger("palaver").level
    for module in modules:
        name = module.rpartition(".")[0] or module
        if name.partition(".")[0] not in _TALKATIVE:
            logging.getLogger(name).setLevel(level)


class Aside(logging.Handler):
    """Keeps the log from a screen that is for something else.

    Attributes:
        last: the newest message of a warning or worse, without secrets; empty if there is none.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.last = mask(record.getMessage())
        except Exception:  # noqa: BLE001 - as in the standard handlers: whoever logs must go on
            self.handleError(record)


@contextlib.contextmanager
def aside() -> Iterator[Aside]:
    """For a dialogue: nothing is logged to the terminal while the block runs."""
    root, kept = logging.getLogger(), Aside()
    before = root.handlers[:]
    root.handlers[:] = [kept]
    try:
        yield kept
    finally:
        root.handlers[:] = before


def leave_plugins_out() -> None:
    """For commands that show themselves which plugins have failed."""
    logging.getLogger("palaver.plugins").setLevel(logging.CRITICAL)
