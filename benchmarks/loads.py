"""What neighbours do to `palaver serve` meanwhile."""

import asyncio
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from benchmarks.bystanders import LIMIT_S, finally_answered, short_prompt
from benchmarks.model import LONG, WORDS
from palaver.testing.telegram import BotApi, Person

_LAST_WORD = f"word{WORDS - 1}"
_AHEAD_S = 0.005
"""Seconds by which a neighbour's message comes before the bystander's: while it is dealt with."""
_SLOW_FILE_S = 5.0
"""Seconds until a file comes: as long as a load's samples take."""


class Load:
    """Something that goes on beside the bystander; by itself nothing."""

    async def begin(self) -> None:
        """Return when it is under way."""

    async def keep_up(self) -> None:
        """Before each sample: see to it that it is still under way."""

    async def end(self) -> None:
        """Return when nothing of it is left."""


class LongTurn(Load):
    """A turn that writes 40 words, uses a tool, writes 40 words ... until it is stopped."""

    def __init__(self, api: BotApi, person: Person) -> None:
        self._person = person
        self._chat = api.private(person)
        self._before = 0

    async def begin(self) -> None:
        self._before = self._ended()
        await self._person.send(LONG)
        await self._chat.wait_for_draft(lambda draft: "note-" in draft.text, LIMIT_S)

    async def keep_up(self) -> None:
        if self._ended() != self._before:
            raise RuntimeError(f"the long turn has ended by itself:\n{self._chat.picture()}")

    async def end(self) -> None:
        await self._person.send("/stop")
        await self._chat.wait_until(lambda: self._ended() > self._before, LIMIT_S)

    def _ended(self) -> int:
        return sum(not one.silent or "Stopped" in one.text for one in self._chat.messages)


class Transcription(Load):
    """A long voice message, and the next one when it has been understood."""

    def __init__(
        self, api: BotApi, person: Person, pid: int, recording: Path, seconds: int
    ) -> None:
        self._person = person
        self._chat = api.private(person)
        self._pid = pid
        self._recording = recording
        self._seconds = seconds
        self._sent = 0

    async def begin(self) -> None:
        voice = await asyncio.to_thread(self._recording.read_bytes)
        await self._person.send_voice(voice, duration=self._seconds)
        self._sent += 1
        async with asyncio.timeout(LIMIT_S):
            while not await asyncio.to_thread(_listens, self._pid):
                await asyncio.sleep(0.05)

    async def keep_up(self) -> None:
        if not await asyncio.to_thread(_listens, self._pid):
            await self.begin()

    async def end(self) -> None:
        await self._chat.wait_until(lambda: self._answers() == self._sent, LIMIT_S)

    def _answers(self) -> int:
        return sum(_LAST_WORD in one.text and not one.silent for one in self._chat.messages)


def _listens(pid: int) -> bool:
    """Whether a recording is being understood right now, not only its process started."""
    for child in psutil.Process(pid).children():
        try:
            if "palaver_voice.worker" in child.cmdline() and sum(child.cpu_times()[:2]) > 0.5:
                return True
        except psutil.Error:
            continue
    return False


class BusyChat(Load):
    """Somebody who writes before each sample, to a chat that takes everything, or nothing.

    Args:
        people: one of them after the other, a round each: Palaver remembers what a chat refused.
        prompts: that he sends at one instant, to begin with; then commands.
        fault: what befalls all that is sent to the chat, as `Faults.add` takes it.
    """

    def __init__(
        self, api: BotApi, people: Sequence[Person], *, prompts: int = 1, **fault: Any
    ) -> None:
        self._api = api
        self._people = itertools.cycle(people)
        self._prompts = prompts
        self._fault = fault

    async def begin(self) -> None:
        self._person = next(self._people)
        mine = str(self._person.id)
        if self._fault:
            self._planned = self._api.faults.add(
                times=None, when=lambda fields: fields.text("chat_id") == mine, **self._fault
            )
        for _ in range(self._prompts):
            self._prompt = short_prompt()
            await self._person.send(self._prompt)
        if self._fault:
            chat = self._api.private(self._person)
            await chat.wait_until(lambda: self._planned.hits, LIMIT_S)

    async def keep_up(self) -> None:
        await self._person.send("/status")
        await asyncio.sleep(_AHEAD_S)

    async def end(self) -> None:
        if self._fault:
            self._api.faults.remove(self._planned)
        await finally_answered(self._api.private(self._person), self._prompt)


class SlowFiles(Load):
    """Somebody who sends a file before each sample, from a Telegram that takes its time."""

    def __init__(self, api: BotApi, person: Person) -> None:
        self._api = api
        self._person = person
        self._chat = api.private(person)

    async def begin(self) -> None:
        self._expected = self._answers()
        self._planned = self._api.faults.add("file", delay=_SLOW_FILE_S, times=None)

    async def keep_up(self) -> None:
        self._expected += 1
        await self._person.send_document(b"some words", "words.txt", short_prompt())
        await asyncio.sleep(_AHEAD_S)

    async def end(self) -> None:
        self._api.faults.remove(self._planned)
        await self._chat.wait_until(lambda: self._answers() == self._expected, LIMIT_S)

    def _answers(self) -> int:
        return sum(not message.silent for message in self._chat.messages)


class ManyPrompts(Load):
    """Several prompt at one instant, and again once all have their answers.

    Attributes:
        turns: how many turns that were.
        unseen: in how many of them no text was shown before the answer.
    """

    def __init__(self, api: BotApi, people: Sequence[Person], prompt: str) -> None:
        self._prompt = prompt
        self._prompters = [_Prompter(api, person) for person in people]
        self.turns = 0
        self.unseen = 0

    async def keep_up(self) -> None:
        if all(prompter.is_answered() for prompter in self._prompters):
            self._count()
            for prompter in self._prompters:
                await prompter.ask(self._prompt)
            self.turns += len(self._prompters)
            await asyncio.sleep(_AHEAD_S)

    async def end(self) -> None:
        for prompter in self._prompters:
            await prompter.chat.wait_until(prompter.is_answered, LIMIT_S)
        self._count()

    def _count(self) -> None:
        self.unseen += sum(prompter.asked and not prompter.saw() for prompter in self._prompters)
        for prompter in self._prompters:
            prompter.asked = False


class _Prompter:
    """One of the many."""

    def __init__(self, api: BotApi, person: Person) -> None:
        self.chat = api.private(person)
        self.asked = False
        self._person = person
        self._drafts = 0
        self._after = 0

    async def ask(self, prompt: str) -> None:
        self.asked = True
        self._drafts = len(self.chat.drafts)
        self._after = (await self._person.send(prompt)).id

    def is_answered(self) -> bool:
        """True before the first prompt, too."""
        newest = self.chat.messages[-1:]
        return not self.asked or any(
            one.id > self._after and _LAST_WORD in one.text and not one.silent for one in newest
        )

    def saw(self) -> bool:
        """Whether text was shown, and then the answer came in its place."""
        drafts = self.chat.drafts[self._drafts :]
        return any("word0" in text for draft in drafts if draft.followed for text in draft.texts)
