"""Telling processes apart, also after their ids have been given to others."""

import os

import psutil


def identity(pid: int | None = None) -> str:
    """`pid:start time` of a process, by default of this one; the time in seconds since 1970.

    Raises:
        ProcessLookupError: if there is no such process.
    """
    pid = os.getpid() if pid is None else pid
    try:
        return f"{pid}:{psutil.Process(pid).create_time():.2f}"
    except psutil.Error:
        raise ProcessLookupError(pid) from None


_CLOCK_S = 2.0
"""Seconds that the system's clock may be adjusted by: start times are told by that clock."""


def find(identity_text: str) -> psutil.Process | None:
    """The very process of that identity; None if it has ended (a zombie has)."""
    pid, _, started = identity_text.partition(":")
    try:
        process = psutil.Process(int(pid))
        same = abs(process.create_time() - float(started)) < _CLOCK_S
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.Error, ValueError):
        return None
