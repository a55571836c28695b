"""What an agent may write, all the way to the phone: nothing is refused and nothing is cut."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import ClassVar

import pytest

from palaver.agents.contract import Agent, AgentProcess, Asker
from palaver.agents.scripted import ScriptedAgent, ScriptedProcess, ScriptedTranscripts
from palaver.events import AgentEvent, AgentFinished, TextDelta, ToolFinished, ToolStarted
from palaver.hookspecs import hookimpl
from palaver.models import Prompt, Session
from palaver.testing.telegram import BotApi, Chat, Person
from support.telegrams import Launch, button

ANSWERS = {
    "long": "A **bold** word, `code` and [a link](https://example.org/x). " * 3300,
    "wide": "\n".join("|".join(["", *[cell] * 10_000, ""]) for cell in ("head", "---", "x")),
    "deep": ">" * 3000 + " quoted\n\n" + "\n".join("  " * n + "- item" for n in range(200)),
    "unclosed": "```python\n" + "print('x')\n" * 2000 + "**bold `code [link](",
    "stars": "**a *b _c " * 3000 + "[" * 2000 + "](x)" * 2000,
    "unseen": "\u200b\u2060\u2800" * 2000,
    "astral": "🙂👩‍👩‍👧‍👦é" * 3000,
    "controls": "a\x00b\x1bc\u202ed\ud83d" * 500,
    "blank": " \n\t\n ",
}
ASKED = 15_000
PATIENT = 30.0


class HardProcess(ScriptedProcess):
    """Answers with one of these, a tenth at a time, with a tool in between; or asks; or fails."""

    async def _act(
        self, word: str, rest: str, prompt: Prompt, asker: Asker
    ) -> AsyncIterator[AgentEvent]:
        del rest, prompt
        if word == "asks":
            detail = "\n".join(f"rm file{number}" for number in range(ASKED))
            decision = await asker.approve("Bash", {}, summary="rm", detail=detail)
            yield TextDelta(text=f"You said: {decision}")
            return
        if word == "fails":
            yield AgentFinished(text=ANSWERS["long"], error="The hard agent gives up.")
            return
        text = ANSWERS[word]
        step = len(text) // 10 + 1
        for start in range(0, len(text), step):
            yield TextDelta(text=text[start : start + step])
            yield ToolStarted(tool_id=f"{start}", tool="Bash", summary=text[start : start + 300])
            yield ToolFinished(tool_id=f"{start}", ok=True)


class HardAgent(ScriptedAgent):
    name: ClassVar[str] = "hard"

    async def open(self, session: Session, *, resume: bool) -> AgentProcess:
        del resume
        assert isinstance(self.transcripts, ScriptedTranscripts)
        return HardProcess(session, self.transcripts)


class Plugin:
    @hookimpl
    def register_agents(self) -> list[type[Agent]]:
        return [HardAgent]


@pytest.mark.parametrize("kind", ["drafts", "edits", "group", "rich"])
async def test_nothing_of_it_is_refused_and_the_answer_arrives(
    launch: Launch, api: BotApi, alice: Person, chat: Chat, tmp_path: Path, kind: str
) -> None:
    palaver = launch(
        tmp_path,
        sessions={"agent": "hard"},
        telegram={"drafts": kind != "edits", "rich": "always" if kind == "rich" else "never"},
    )
    await palaver.start({"hard": Plugin()})
    place = api.group("Team", members=[alice]) if kind == "group" else chat
    for count, name in enumerate(ANSWERS, 1):
        await alice.send(f"@palaver_bot {name}" if kind == "group" else name, to=place)
        await _answered(place, count)
    await palaver.stop()
    assert place.abandoned_drafts == []


async def _answered(place: Chat, count: int) -> None:
    """Wait for so many answers that are whole: with a receipt, or with the rest in a file."""
    await place.wait_until(
        lambda: sum("⏱" in text or text.startswith("✂️") for text in place.texts) >= count, PATIENT
    )


async def test_two_hundred_kilobytes_are_in_the_file_to_the_last_character(
    launch: Launch, alice: Person, chat: Chat, tmp_path: Path
) -> None:
    palaver = launch(tmp_path, sessions={"agent": "hard"})
    await palaver.start({"hard": Plugin()})
    await alice.send("long")
    sent = await chat.wait_for(lambda message: message.file, PATIENT)
    assert sent.file
    assert sent.file.data.decode() == ANSWERS["long"]
    await palaver.stop()


async def test_an_answer_whose_rest_is_in_a_file_has_its_receipt_all_the_same(
    launch: Launch, alice: Person, chat: Chat, tmp_path: Path
) -> None:
    palaver = launch(tmp_path, sessions={"agent": "hard"})
    await palaver.start({"hard": Plugin()})
    await alice.send("long")
    sent = await chat.wait_for(lambda message: message.file, PATIENT)
    await palaver.stop()
    assert any("⏱" in text for text in chat.texts)
    assert any("all of it is in the file" in text for text in chat.texts)
    assert sent.silent, "the answer has rung already"


async def test_all_of_a_long_approval_comes_in_messages_for_there_is_no_file(
    launch: Launch, alice: Person, chat: Chat, tmp_path: Path
) -> None:
    palaver = launch(tmp_path, sessions={"agent": "hard"})
    await palaver.start({"hard": Plugin()})
    await alice.send("asks")
    asked = await button(chat, "See all of it")
    await alice.press(asked, "See all of it")
    await chat.wait_for(lambda message: f"rm file{ASKED - 1}\n" in f"{message.text}\n", PATIENT)
    said = "\n".join(chat.texts)
    assert all(f"rm file{number}\n" in f"{said}\n" for number in range(ASKED))
    assert "is in the file" not in said
    assert [message for message in chat.messages if message.file] == []
    await palaver.stop()


async def test_of_a_turn_that_fails_after_a_long_text_the_reason_is_told(
    launch: Launch, alice: Person, chat: Chat, tmp_path: Path
) -> None:
    palaver = launch(tmp_path, sessions={"agent": "hard"})
    await palaver.start({"hard": Plugin()})
    await alice.send("fails")
    sent = await chat.wait_for(lambda message: message.file, PATIENT)
    await palaver.stop()
    assert sent.file
    assert sent.file.data.decode() == ANSWERS["long"]
    assert any("The hard agent gives up." in text for text in chat.texts)
