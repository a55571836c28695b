"""The seed's procedures through Telegram: what a user says, and reads in the answers."""

import re
from pathlib import Path

from palaver.testing.telegram import Chat, Person

SLOW = 30.0
"""Seconds that an answer of the real agent may take; the machine may be busy."""


async def ask(person: Person, chat: Chat, text: str) -> str:
    """The final answer to a prompt: the next message with a receipt."""
    before = sum("⏱" in said for said in chat.texts)
    await person.send(text)
    await chat.wait_until(lambda: sum("⏱" in said for said in chat.texts) > before, SLOW)
    return [said for said in chat.texts if "⏱" in said][-1]


async def view(person: Person, chat: Chat, command: str, title: str) -> str:
    """The answer to a command: the next message with that title."""
    before = len([said for said in chat.texts if title in said])
    await person.send(command)
    await chat.wait_until(lambda: len([s for s in chat.texts if title in s]) > before, SLOW)
    return [said for said in chat.texts if title in said][-1]


def session_id(info: str) -> str:
    found = re.search(r"ID: ([0-9a-f-]{36})", info)
    assert found
    return found[1]


async def info_of(person: Person, chat: Chat) -> str:
    return await view(person, chat, "/sessioninfo", "Session Information")


def transcript(home: Path, info: str) -> Path:
    [path] = (home / ".claude" / "projects").glob(f"*/{session_id(info)}.jsonl")
    return path
