"""Drafts, chat actions, reactions and rich messages."""

import pytest

from core.testing.telegram.bots import BadRequest, Bot, TelegramError, ask
from palaver.testing.telegram import BotApi, Chat, Person


async def test_a_draft_is_shown_grows_and_ends_with_the_message(chat: Chat, bot: Bot) -> None:
    await bot.send_message_draft(chat.id, 7, "Hel")
    await bot.send_message_draft(chat.id, 7, "Hello")
    draft = await chat.wait_for_draft(lambda draft: draft.text == "Hello")
    assert draft.texts == ["Hel", "Hello"]
    await bot.send_message(chat.id, "Hello!")
    assert chat.shown_draft() is None
    assert len(chat.drafts) == 1
    assert chat.abandoned_drafts == []


async def test_a_draft_that_no_message_follows_is_lost_after_30_seconds(
    api: BotApi, chat: Chat, bot: Bot
) -> None:
    await bot.send_message_draft(chat.id, 7, "Hel")
    api.clock.advance(29)
    assert chat.shown_draft() is not None
    api.clock.advance(2)
    assert chat.shown_draft() is None
    assert [draft.text for draft in chat.abandoned_drafts] == ["Hel"]


async def test_an_empty_draft_is_taken_and_a_long_one_is_not(
    api: BotApi, chat: Chat, bot: Bot
) -> None:
    await ask(api, "sendMessageDraft", chat_id=chat.id, draft_id=1, text="")
    assert [draft.text for draft in chat.drafts] == [""]
    with pytest.raises(BadRequest, match=r"(?i)message is too long"):
        await bot.send_message_draft(chat.id, 1, "x" * 4097)


async def test_a_draft_is_for_private_chats_and_has_a_number(
    api: BotApi, alice: Person, chat: Chat
) -> None:
    group = api.group("Team", members=[alice])
    for chat_id, draft_id, refusal in (
        (group.id, 1, "TEXTDRAFT_PEER_INVALID"),
        (chat.id, 0, "RANDOM_ID_INVALID"),
    ):
        answer = await ask(api, "sendMessageDraft", chat_id=chat_id, draft_id=draft_id, text="x")
        assert answer["description"] == f"Bad Request: {refusal}"


async def test_a_chat_action_is_shown_for_5_seconds_or_until_a_message(
    api: BotApi, chat: Chat, bot: Bot
) -> None:
    await bot.send_chat_action(chat.id, "typing")
    assert chat.shown_action() == "typing"
    api.clock.advance(5.1)
    assert chat.shown_action() is None
    await bot.send_chat_action(chat.id, "upload_document")
    await bot.send_message(chat.id, "there")
    assert chat.shown_action() is None
    assert [action.action for action in chat.actions] == ["typing", "upload_document"]
    with pytest.raises(BadRequest, match=r"(?i)wrong parameter action"):
        await bot.send_chat_action(chat.id, "dancing")


async def test_an_action_is_shown_in_its_topic(api: BotApi, alice: Person, bot: Bot) -> None:
    forum = api.group("Team", members=[alice], forum=True)
    topic = forum.topic("Bugs")
    await bot.send_chat_action(forum.id, "typing", message_thread_id=topic.id)
    assert (topic.shown_action(), forum.shown_action()) == ("typing", None)
    await bot.send_chat_action(forum.id, "typing", message_thread_id=1)
    assert forum.shown_action() == "typing"


async def test_a_reaction_of_the_bot(alice: Person, chat: Chat, bot: Bot) -> None:
    message = await alice.send("good idea")
    await bot.set_message_reaction(chat.id, message.id, "👀")
    assert list(message.bot_reactions) == ["👀"]
    await bot.set_message_reaction(chat.id, message.id, "❤")
    await bot.set_message_reaction(chat.id, message.id)
    assert list(message.bot_reactions) == []


@pytest.mark.parametrize(
    ("reaction", "refusal"),
    [(["🧀"], "REACTION_INVALID"), (["👍", "👎"], "REACTIONS_TOO_MANY")],
)
async def test_a_reaction_that_a_bot_may_not_set_is_refused(
    api: BotApi, alice: Person, chat: Chat, bot: Bot, reaction: list[str], refusal: str
) -> None:
    message = await alice.send("good idea")
    with pytest.raises(BadRequest):
        await bot.set_message_reaction(chat.id, message.id, reaction)
    assert api.calls[-1].error == f"Bad Request: {refusal}"


async def test_a_rich_message_is_sent_edited_and_drafted(api: BotApi, chat: Chat, bot: Bot) -> None:
    table = "| a | b |\n|---|---|\n| 1 | 2 |"
    rich = {"chat_id": chat.id, "rich_message": {"markdown": table}}
    await bot.do_api_request("sendRichMessageDraft", {**rich, "draft_id": 3})
    assert [draft.text for draft in chat.drafts] == [table]
    sent = await bot.do_api_request("sendRichMessage", rich)
    assert isinstance(sent, dict)
    assert chat.last.text == table
    assert chat.shown_draft() is None
    # The library has no edit with a rich message yet.
    new = {
        "chat_id": chat.id,
        "message_id": sent["message_id"],
        "rich_message": {"markdown": "# N"},
    }
    assert (await ask(api, "editMessageText", **new))["ok"]
    assert chat.last.text == "# N"
    assert chat.last.content.kind == "rich"


@pytest.mark.parametrize(
    ("rich", "refusal"),
    [
        ({}, "exactly one of the fields html and markdown must be used"),
        ({"html": "a", "markdown": "b"}, "exactly one of the fields html and markdown"),
        ({"markdown": " "}, "rich message must be non-empty"),
        ({"markdown": "x" * 32_769}, "message is too long"),
        ({"markdown": "|a" * 21 + "|\n" + "|-" * 21 + "|"}, "a table has more than 20 columns"),
        ({"markdown": "a\n\n" * 501}, "a rich message has more than 500 blocks"),
    ],
)
async def test_a_rich_message_beyond_its_limits_is_refused(
    api: BotApi, chat: Chat, rich: dict[str, str], refusal: str
) -> None:
    answer = await ask(api, "sendRichMessage", chat_id=chat.id, rich_message=rich)
    assert answer["description"].startswith(f"Bad Request: {refusal}")
    assert api.problems


async def test_a_wide_table_in_a_code_block_is_code(api: BotApi, chat: Chat) -> None:
    code = "```\n" + "|a" * 30 + "|\n" + "|-" * 30 + "|\n```"
    answer = await ask(api, "sendRichMessage", chat_id=chat.id, rich_message={"markdown": code})
    assert answer["ok"]


async def test_waiting_in_vain_shows_what_there_was(chat: Chat, bot: Bot) -> None:
    await bot.send_message(chat.id, "something else")
    with pytest.raises(TimeoutError, match="something else"):
        await chat.wait_for_text("the answer", timeout=0.05)
    assert chat.texts == ["something else"]
    with pytest.raises(TelegramError):
        await bot.send_message(chat.id, "")
