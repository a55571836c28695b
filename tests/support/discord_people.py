"""What people do with a bot on Discord, in the words of the tests."""

import re
from typing import Any

from palaver.hookspecs import hookimpl
from palaver.models import Prompt, Session
from palaver.testing.discord import Channel, Interaction, Member, Message

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}")


class Listener:
    """A plugin that sees the prompts; of those with a speaker the agent hears the words alone."""

    def __init__(self, *speakers: str) -> None:
        self.heard: list[str] = []
        self._speaker = re.compile(rf"^({'|'.join(speakers)}): ") if speakers else None

    @hookimpl
    def on_prompt(self, session: Session, prompt: Prompt) -> Prompt | None:
        self.heard.append(prompt.text)
        if self._speaker is None:
            return None
        return prompt.model_copy(update={"text": self._speaker.sub("", prompt.text)})


async def thread_at(message: Message, channel: Channel) -> Channel:
    """The thread that was opened at a message."""
    return await channel.wait_for_thread(lambda thread: thread.id == message.id)


async def asked_in_a_thread(person: Member, channel: Channel, text: str) -> Channel:
    """The thread that somebody's prompt in a channel opens, once it is answered there."""
    thread = await thread_at(await person.say(text, to=channel), channel)
    await thread.wait_for_text("⏱")
    await thread.wait_until(lambda: not any("Stop" in one.buttons for one in thread.messages))
    return thread


async def says(person: Member, place: Channel, text: str, answer: str) -> None:
    """Somebody writes it, and there is one more message of the bot's with this in it."""

    def count() -> int:
        return sum(answer in said for said in place.texts)

    before = count()
    await person.say(text, to=place)
    await place.wait_until(lambda: count() > before)


async def newest_with(place: Channel, label: str) -> Message:
    """The newest message there with such a button."""
    await place.wait_for(lambda message: label in message.buttons)
    return next(one for one in reversed(place.messages) if label in one.buttons)


def options(message: Message, menu: str) -> list[str]:
    """What the menu that is called so offers."""
    return [option["label"] for option in _menu(message, menu)["options"]]


async def choose(person: Member, message: Message, menu: str, label: str) -> Interaction:
    """Choose it from the menu that is called so."""
    return await person.select(message, [label], custom_id=_menu(message, menu)["custom_id"])


def _menu(message: Message, name: str) -> Any:
    parts = [one for row in message.components for one in row["components"]]
    [found] = [one for one in parts if str(one.get("placeholder", "")).startswith(name)]
    return found


async def told(asked: Interaction) -> str:
    """What an interaction was answered, to its maker alone, beside what was pressed."""
    pressed = asked.record.source_message_id
    answer = await asked.wait_for(lambda message: message.text and message.id != pressed)
    assert answer.ephemeral
    return answer.text


async def session_in(person: Member, place: Channel) -> str:
    """The id of the member's current session there."""
    asked = await person.command("sessioninfo", in_=place)
    found = _ID.search((await asked.answer()).text)
    assert found
    return found[0]
