"""The engine on this machine, in a process of its own for each recording.

So it holds up nothing, can be ended at any time, gives back its memory (200 MB and more), and a
recording that breaks the decoder breaks nothing else.
"""

import asyncio
import importlib.util
import json
import logging
import os
import sys
from pathlib import Path

from palaver import PromptRejectedError

log = logging.getLogger(__name__)

_NEEDED = ("av", "moonshine_voice")
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "LD_LIBRARY_PATH")
"""All that the process inherits: it reads what strangers may have made, and needs no secret."""


def is_installed() -> bool:
    """Whether the extra `voice` is there. Blocking."""
    return all(importlib.util.find_spec(name) for name in _NEEDED)


def too_long(limit_s: float) -> PromptRejectedError:
    """What to say of a recording that is longer than that."""
    return PromptRejectedError(
        f"That recording is longer than {limit_s:g} seconds. Say it in shorter pieces."
    )


async def text(path: Path, limit_s: float) -> str:
    """What is said in a file that FFmpeg's libraries can read.

    Raises:
        PromptRejectedError: if it is too long, or cannot be read.
    """
    process = await asyncio.create_subprocess_exec(
        # -P: nothing of the working directory is taken for a module
        *(sys.executable, "-P", "-m", "palaver_voice.worker", str(path), str(limit_s)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
    )
    try:
        out, errors = await process.communicate()
    finally:
        if process.returncode is None:  # cancelled, or given up
            process.kill()
            await process.wait()
    return _answer(out, errors, process.returncode, limit_s)


def _answer(out: bytes, errors: bytes, code: int | None, limit_s: float) -> str:
    try:
        answer = json.loads(out)
    except ValueError:
        told = errors.decode(errors="replace").strip().splitlines()
        log.warning("the speech engine ended with %s: %s", code, told[-1] if told else "no word")
        reason = "The speech engine broke down on that recording. Write it, or try again."
        raise PromptRejectedError(reason) from None
    if "text" in answer:
        return str(answer["text"])
    if answer["problem"] == "long":
        raise too_long(limit_s)
    log.info("a recording could not be read: %s", answer.get("detail"))
    raise PromptRejectedError("That recording cannot be read: it is damaged, or holds no sound.")
