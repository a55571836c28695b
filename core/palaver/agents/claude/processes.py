"""Processes by their identity: a pid alone may be somebody else's by now."""

import contextlib
import os
import signal
from collections.abc import Sequence

import psutil

_SAME_START_S = 2.0
"""The start time is counted from the boot time, which shifts when the clock is set."""


def process_name(pid: int) -> str:
    """`pid:start time` of a running process; empty if there is none."""
    try:
        return f"{pid}:{psutil.Process(pid).create_time():.2f}"
    except psutil.Error:
        return ""


def find_process(name: str) -> psutil.Process | None:
    """The very process that `process_name` named; None if it no longer runs."""
    pid, _, started = name.partition(":")
    try:
        process = psutil.Process(int(pid))
        same = abs(process.create_time() - float(started)) < _SAME_START_S
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.Error, ValueError):
        return None


def descendants(pid: int) -> list[psutil.Process]:
    """All that this process has started, directly or not, and that still runs."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


def end_processes(processes: Sequence[psutil.Process]) -> None:
    """Kill those of the processes that still run."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()  # checks the start time first


def signal_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process and, if it leads one, to its group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.getpgid(pid) == pid:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)


def own_memory(pid: int) -> int:
    """Bytes that a process holds without those it may share; 0 if that cannot be told."""
    try:
        memory = psutil.Process(pid).memory_info()
    except psutil.Error:
        return 0
    return int(memory.rss - getattr(memory, "shared", 0))
