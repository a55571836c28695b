"""A group that becomes a supergroup has another id, and its messages are out of reach: what is at
work goes on there, and nothing is asked of the old id time and again."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from telegram.constants import ChatAction

from palaver import Action, Marks, Place, View
from palaver.testing.telegram import BotApi, Chat, Person
from palaver_telegram.client import Client
from palaver_telegram.live import LiveMessages
from palaver_telegram.places import Spot, namespace
from palaver_telegram.reactions import Reactions
from palaver_telegram.sending import Sender
from palaver_telegram.settings import TelegramSettings

UPGRADED = "Bad Request: group chat was upgraded to a supergroup chat"


@pytest.fixture
async def client(api: BotApi) -> AsyncIterator[Client]:
    own = TelegramSettings.model_validate(
        {"token": api.token, "base_url": api.base_url, "base_file_url": api.base_file_url}
    )
    client = Client(own)
    await client.open()
    yield client
    await client.close()


@pytest.fixture
def group(api: BotApi, alice: Person) -> Chat:
    return api.group("Team", members=[alice])


def in_group(alice: Person, group: Chat) -> Place:
    return Place(namespace(alice.id), Spot(group.id).conversation)


def progress(text: str) -> View:
    return View(text=text, actions=(Action(label="Stop", command="/stop"),), kind="progress")


def only_told_once(api: BotApi) -> None:
    """Telegram has told the new id by one refusal, and there was no other."""
    assert [one.text for one in api.problems] == [UPGRADED]
    api.problems.clear()


async def test_what_is_only_nice_to_have_learns_the_new_id(
    api: BotApi, client: Client, group: Chat
) -> None:
    moved = api.migrate(group)

    async def typing(chat_id: int) -> int:
        await client.bot.send_chat_action(chat_id, ChatAction.TYPING)
        return chat_id

    assert [await client.attempt(group.id, typing) for _ in range(3)] == [moved.id] * 3
    assert len(moved.actions) == 3
    only_told_once(api)


async def test_a_live_message_goes_on_there_and_is_taken_away_there(
    api: BotApi, client: Client, alice: Person, group: Chat, tmp_path: Path
) -> None:
    live = LiveMessages(client, Marks(tmp_path, "live"), drafts=True)
    place = in_group(alice, group)
    message = await live.begin(place, progress("one"))
    await live.change(place, message, progress("two"))
    moved = api.migrate(group)
    await live.change(place, message, progress("three"))
    await live.change(place, message, progress("four"))
    [shown] = moved.messages
    assert (shown.text, shown.texts, shown.buttons) == ("four", ["three", "four"], ["Stop"])
    assert shown.silent
    assert len(await live.left()) == 1
    assert await live.end(message)
    assert moved.messages == []
    assert await live.left() == []
    only_told_once(api)


async def test_what_was_said_before_is_left_alone_and_no_other_message_in_its_place(
    api: BotApi, client: Client, alice: Person, group: Chat, tmp_path: Path
) -> None:
    sender = Sender(client)
    live = LiveMessages(client, Marks(tmp_path, "live"), drafts=True)
    place = in_group(alice, group)
    old = await sender.send(place, View(title="an old one"))
    older = await live.begin(place, progress("at work"))
    moved = api.migrate(group)
    while moved.everything[-1].id <= max(one.id for one in group.everything):
        await client.bot.send_message(moved.id, "another matter")
    await Reactions(client).seen(Spot(group.id), int(old.rpartition(":")[2]))
    await sender.edit(place, old, View(title="changed"))
    await sender.remove(old)
    await live.end(older)
    assert {message.text for message in moved.messages} == {"another matter"}
    assert [message.bot_reactions for message in moved.messages if message.bot_reactions] == []
    new = await sender.send(place, View(title="a new one"))
    await sender.edit(place, new, View(title="a changed one"))
    assert moved.last.text == "a changed one"
    await sender.remove(new)
    assert moved.last.text == "another matter"
    only_told_once(api)
