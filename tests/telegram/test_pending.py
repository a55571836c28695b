"""What waited for the user's word when Palaver was stopped: told, and asked again by itself."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from palaver.testing.model import LoopbackModel, ModelRequest, Reply, Say, Use
from palaver.testing.telegram import BotApi, Chat, Message, Person
from support.claude import claude_processes
from support.noting import noted
from support.served import STARTED_S, serving, write_config
from support.telegrams import button

pytestmark = pytest.mark.usefixtures("killed")

CUT_OFF = "It waited for your word on Bash: touch ran.txt"


def persistent(request: ModelRequest) -> Reply:
    """An agent that wants the file, and asks again when it is told that nobody has decided."""
    if not request.tool_results:
        return Use("Bash", {"command": "touch ran.txt", "description": "make a file"})
    [result] = request.tool_results
    return Say("It was not possible." if result.is_error else "The file is there.")


async def asked_again(chat: Chat, old: Message) -> Message:
    return await chat.wait_for(
        lambda one: "Allow once" in one.buttons and one.id != old.id, STARTED_S
    )


async def files(folder: Path) -> list[Path]:
    return await asyncio.to_thread(lambda: list(folder.rglob("ran.txt")))


@pytest.mark.parametrize("end", ["palaver killed", "all killed", "orderly"])
async def test_a_tool_that_waited_for_a_yes_is_told_and_asked_for_again(
    api: BotApi,
    model: LoopbackModel,
    claude_home: Path,
    alice: Person,
    chat: Chat,
    tmp_path: Path,
    end: str,
) -> None:
    model.script = persistent
    config = write_config(api, tmp_path, agent="claude")
    async with serving(config) as served:
        await alice.send("Make the file")
        old = await chat.wait_for(lambda one: "Allow once" in one.buttons, STARTED_S)
        await noted(tmp_path)
        if end == "orderly":
            assert await served.terminate() == 0
        else:
            await served.kill()
        if end == "all killed":
            for pid in claude_processes(claude_home):
                os.kill(pid, signal.SIGKILL)
    await alice.send("and after that this")
    async with serving(config) as served:
        told = await chat.wait_for_text("⚠️ Interrupted", STARTED_S)
        assert CUT_OFF in told.text
        assert told.buttons == []
        again = await asked_again(chat, old)
        assert "touch ran.txt" in again.text
        await chat.wait_until(lambda: old.buttons == [])
        assert "touch ran.txt" in old.text
        assert await files(tmp_path) == []
        await alice.press(again, "Allow once")
        await chat.wait_for(lambda one: one.text.startswith("The file is there."), STARTED_S)
        assert len(await files(tmp_path)) == 1
        # what was sent meanwhile comes after what was being done
        await chat.wait_until(lambda: "and after that this" in model.requests[-1].prompt, STARTED_S)
        await served.terminate()
    assert sum("Interrupted" in text for text in chat.texts) == 1
    assert [one.prompt for one in model.requests].count("Make the file") <= 2


async def test_a_denied_or_answered_request_is_not_asked_again(
    api: BotApi, alice: Person, chat: Chat, tmp_path: Path
) -> None:
    config = write_config(api, tmp_path)
    async with serving(config) as served:
        await alice.send("run ls")
        asked = await button(chat, "Deny")
        await alice.press(asked, "Deny")
        await chat.wait_for_text("I did not run ls.")
        await served.kill()
    async with serving(config):
        await alice.send("hello")
        await chat.wait_for(lambda one: one.text.startswith("hello"))
    assert [one for one in chat.messages if "Allow once" in one.buttons] == []


async def test_a_question_that_waited_is_asked_again_after_each_restart(
    api: BotApi, alice: Person, chat: Chat, tmp_path: Path
) -> None:
    async def asked(times: int) -> Message:
        def those() -> list[Message]:
            return [one for one in chat.messages if "green" in one.buttons]

        await chat.wait_until(lambda: len(those()) == times)
        return those()[-1]

    config = write_config(api, tmp_path)
    await alice.send("ask Which colour?|red|green")
    for times in (1, 2, 3):
        async with serving(config) as served:
            await asked(times)
            await served.kill()
    async with serving(config):
        await alice.press(await asked(4), "green")
        await chat.wait_for_text("You said: green")
    assert sum("It waited for your word on a question" in text for text in chat.texts) == 3
