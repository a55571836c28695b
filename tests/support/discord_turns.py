"""What became of prompts on Discord: in the chat, in the ledger, in the server's log."""

import json
import sqlite3
from pathlib import Path

from palaver.testing.discord import Channel, DiscordServer

PATIENT = 20.0
"""Seconds for what the library repeats at a pace of its own."""


def answers(place: Channel) -> list[str]:
    """The first lines of the final answers there, in their order."""
    return [text.partition("\n")[0] for text in place.texts if "⏱" in text]


async def answered(place: Channel, *wanted: str) -> None:
    """Wait until these are the first lines of the final answers there."""
    await place.wait_until(lambda: answers(place) == list(wanted), PATIENT)


def ledger(data_dir: Path) -> list[str]:
    """All prompts that were ever taken, in their order."""
    with sqlite3.connect(data_dir / "palaver.db") as connection:
        rows = connection.execute("SELECT prompt FROM turns ORDER BY rowid").fetchall()
    connection.close()
    return [json.loads(prompt)["text"] for (prompt,) in rows]


def deliveries(data_dir: Path) -> set[str]:
    """How far the answers to all prompts have come."""
    with sqlite3.connect(data_dir / "palaver.db") as connection:
        rows = connection.execute("SELECT delivery FROM turns").fetchall()
    connection.close()
    return {delivery for (delivery,) in rows}


def refused(server: DiscordServer) -> list[int]:
    """The codes of what was refused; the test asked for that, so it is no problem any more."""
    codes = [problem.code for problem in server.problems]
    server.problems.clear()
    return codes
