"""Palaver's frontend for Telegram."""

import sys

# httpx imports its command-line client, and with it rich and pygments, wherever they are
# installed: 4 MB and some start time of a server that has no use for them. None stands for a
# module that is not there, which httpx allows for (Python's reference, "The module cache").
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
