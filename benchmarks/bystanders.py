"""Somebody who only wants an answer: how long it takes, and where the time goes."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.model import SHORT
from palaver.testing.telegram import BotApi, Chat, Message, Person

LIMIT_S = 90.0
"""Seconds after which the benchmark gives up on an answer."""

_numbers = itertools.count(1)
_NS = 1e-9


@dataclass(frozen=True)
class Sample:
    """One message and its answer, all in seconds.

    Attributes:
        fetched: from the message to the answer of getUpdates that carried it; 0 where a poll was
            waiting for it.
        answered: from there to the sendMessage of its answer at the Bot API.
        worked: in which the event loop's thread of `palaver serve` ran meanwhile.
        unserved: in which that thread could have run, but every processor was taken.
    """

    fetched: float
    answered: float
    worked: float
    unserved: float

    @property
    def total(self) -> float:
        """From the message to its answer."""
        return self.fetched + self.answered


class Bystander:
    """Two people of whom one sends commands, the other one short prompts.

    Args:
        pid: of `palaver serve`.
    """

    def __init__(self, api: BotApi, pid: int, commander: Person, prompter: Person) -> None:
        self._api = api
        self._pid = pid
        self._commander = commander
        self._prompter = prompter

    async def command(self) -> Sample:
        """`/status`, to its answer."""
        return await self._sample(self._commander, "/status", lambda answer: "Idle" in answer.text)

    async def prompt(self) -> Sample:
        """A prompt that the model answers at once, to the final answer."""
        text = short_prompt()
        return await self._sample(self._prompter, text, lambda answer: is_final(answer, text))

    async def _sample(
        self, person: Person, text: str, expected: Callable[[Message], bool]
    ) -> Sample:
        worked, unserved = _thread_times(self._pid)
        sent = self._api.clock.now()
        message = await person.send(text)
        chat = self._api.private(person)
        answer = await chat.wait_for(lambda one: one.id > message.id and expected(one), LIMIT_S)
        worked_after, unserved_after = _thread_times(self._pid)
        # A poll that was under way before the message came was answered with it at once.
        fetched = max(sent, _poll_with(self._api, message))
        return Sample(
            fetched=fetched - sent,
            answered=answer.history[0].at - fetched,
            worked=worked_after - worked,
            unserved=unserved_after - unserved,
        )


def short_prompt() -> str:
    """A prompt like no other; the model answers `Answer to` it."""
    return f"{SHORT} {next(_numbers)}"


def is_final(message: Message, prompt: str) -> bool:
    """Whether it is the answer to a short prompt, and not the turn at work."""
    return f"Answer to {prompt}." in message.text and not message.silent


async def finally_answered(chat: Chat, prompt: str) -> None:
    """Until the answer to a short prompt is there."""
    await chat.wait_for(lambda message: is_final(message, prompt), LIMIT_S)


def _poll_with(api: BotApi, message: Message) -> float:
    """When the poll came (Unix time) whose answer carried this message."""
    for number in reversed(range(len(api.calls))):
        call = api.calls[number]
        updates = call.result if call.method == "getUpdates" else None
        for update in updates if isinstance(updates, list) else []:
            body = update.get("message") if isinstance(update, dict) else None
            if isinstance(body, dict) and body["message_id"] == message.id:
                return call.at
    raise LookupError(f"message {message.id} was answered, and never fetched")


def _thread_times(pid: int) -> tuple[float, float]:
    """Seconds that a process's first thread has run, and has waited for a processor (Linux)."""
    text = Path(f"/proc/{pid}/task/{pid}/schedstat").read_text()
    ran, waited, _ = (int(number) * _NS for number in text.split())
    return ran, waited
