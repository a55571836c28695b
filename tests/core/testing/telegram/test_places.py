"""Groups, topics and members."""

import pytest

from core.testing.telegram.bots import BadRequest, Bot, ChatMigrated, Forbidden, ask, client
from palaver.testing.telegram import BotApi, Chat, Person


def heard(updates: object) -> list[str]:
    """The texts of the messages that the bot got."""
    assert isinstance(updates, tuple)
    return [update.message.text for update in updates if update.message and update.message.text]


async def test_a_bot_in_privacy_mode_hears_only_what_is_meant_for_it(
    api: BotApi, alice: Person, bot: Bot
) -> None:
    group = api.group("Team", members=[alice])
    assert group.id < 0
    await alice.send("hello all", to=group)
    await alice.send("/status", to=group)
    await alice.send("/status@other_bot", to=group)
    await alice.send("/status@palaver_bot", to=group)
    await alice.send("what do you say, @Palaver_Bot?", to=group)
    await bot.send_message(group.id, "here I am")
    await alice.send("and now?", to=group, reply_to=group.last)
    assert heard(await bot.get_updates()) == [
        "/status",
        "/status@palaver_bot",
        "what do you say, @Palaver_Bot?",
        "and now?",
    ]


async def test_an_administrator_and_a_bot_without_privacy_hear_all(alice: Person) -> None:
    async with BotApi(reads_all_groups=True) as open_api, client(open_api) as bot:
        eve = open_api.user("Eve")
        await eve.send("hello all", to=open_api.group("Team", members=[eve]))
        assert (await bot.get_me()).can_read_all_group_messages
        assert heard(await bot.get_updates()) == ["hello all"]
    async with BotApi() as closed_api, client(closed_api) as bot:
        eve = closed_api.user("Eve")
        await eve.send("all", to=closed_api.group("Team", members=[eve], bot_is_admin=True))
        assert heard(await bot.get_updates()) == ["all"]


async def test_a_forum_has_a_thread_for_each_topic(api: BotApi, alice: Person, bot: Bot) -> None:
    forum = api.group("Team", members=[alice], forum=True, bot_is_admin=True)
    bugs, ideas = forum.topic("Bugs"), forum.topic("Ideas")
    await alice.send("it crashes", to=bugs)
    await alice.send("in general", to=forum)
    made, _, crash, general = [update.message for update in await bot.get_updates()]
    assert made is not None
    assert made.forum_topic_created is not None
    assert crash is not None
    assert (crash.message_thread_id, crash.is_topic_message) == (bugs.id, True)
    # In a forum a message that answers nothing answers the topic's beginning.
    assert crash.reply_to_message is not None
    assert crash.reply_to_message.forum_topic_created is not None
    assert general is not None
    assert general.message_thread_id is None
    await bot.send_message(forum.id, "seen", message_thread_id=bugs.id)
    await bot.send_message(forum.id, "hm", message_thread_id=ideas.id)
    await bot.send_message(forum.id, "all")
    assert (bugs.texts, ideas.texts, forum.texts) == (["seen"], ["hm"], ["all"])


@pytest.mark.parametrize("thread", [1, 999])
async def test_a_bad_topic_is_not_found(api: BotApi, alice: Person, thread: int) -> None:
    forum = api.group("Team", members=[alice], forum=True)
    answer = await ask(api, "sendMessage", chat_id=forum.id, text="x", message_thread_id=thread)
    assert answer["description"] == "Bad Request: message thread not found"


async def test_a_chat_without_topics_ignores_a_thread(api: BotApi, alice: Person, bot: Bot) -> None:
    group = api.group("Team", members=[alice])
    await bot.send_message(group.id, "x", message_thread_id=999)
    assert group.texts == ["x"]


async def test_topics_are_made_renamed_closed_and_deleted(
    api: BotApi, alice: Person, bot: Bot
) -> None:
    forum = api.group("Team", members=[alice], forum=True, bot_is_admin=True)
    made = await bot.create_forum_topic(forum.id, "Bugs")
    topic = forum.topics[made.message_thread_id]
    assert topic.name == "Bugs"
    await bot.edit_forum_topic(forum.id, topic.id, "Fixed")
    with pytest.raises(BadRequest, match=r"(?i)topic_not_modified"):
        await bot.edit_forum_topic(forum.id, topic.id, "Fixed")
    await bot.close_forum_topic(forum.id, topic.id)
    assert (topic.name, topic.closed) == ("Fixed", True)
    await bot.reopen_forum_topic(forum.id, topic.id)
    await bot.send_message(forum.id, "bye", message_thread_id=topic.id)
    await bot.delete_forum_topic(forum.id, topic.id)
    assert topic.texts == []
    assert topic.id not in forum.topics


async def test_topics_need_rights_a_forum_and_a_name(api: BotApi, alice: Person) -> None:
    forum = api.group("Team", members=[alice], forum=True)
    group = api.group("Pub", members=[alice])
    for chat_id, name, refusal in (
        (forum.id, "x", "not enough rights to create a topic"),
        (group.id, "x", "the chat is not a forum"),
        (forum.id, "x" * 129, "can't parse name: 129 is not within 1-128"),
    ):
        answer = await ask(api, "createForumTopic", chat_id=chat_id, name=name)
        assert answer["description"] == f"Bad Request: {refusal}"
    with pytest.raises(TypeError, match="no topics"):
        group.topic("x")


async def test_a_closed_topic_is_closed_for_a_bot_without_rights(
    api: BotApi, alice: Person
) -> None:
    forum = api.group("Team", members=[alice], forum=True)
    topic = forum.topic("Bugs")
    topic.closed = True
    answer = await ask(api, "sendMessage", chat_id=forum.id, text="x", message_thread_id=topic.id)
    assert answer["description"] == "Bad Request: TOPIC_CLOSED"


async def test_private_chats_have_topics_where_the_bot_has_them_on(alice: Person) -> None:
    async with BotApi(private_topics=True) as api, client(api) as bot:
        assert (await bot.get_me()).has_topics_enabled
        eve = api.user("Eve")
        private = api.private(eve)
        made = await bot.create_forum_topic(private.id, "Work")
        topic = private.topics[made.message_thread_id]
        await eve.send("in it", to=topic)
        (update,) = await bot.get_updates()
        assert update.message is not None
        assert update.message.message_thread_id == topic.id
        await bot.send_message(private.id, "here", message_thread_id=topic.id)
        assert topic.texts == ["here"]
        assert private.texts == []


async def test_a_private_chat_without_topics_knows_none(api: BotApi, chat: Chat) -> None:
    made = await ask(api, "createForumTopic", chat_id=chat.id, name="x")
    assert made["description"] == "Bad Request: the chat is not a forum"
    sent = await ask(api, "sendMessage", chat_id=chat.id, text="x", message_thread_id=5)
    assert sent["description"] == "Bad Request: message thread not found"


async def test_members_and_administrators(api: BotApi, alice: Person, bot: Bot) -> None:
    bob = api.user("Bob")
    group = api.group("Team", members=[alice, bob], supergroup=True, username="team_chat")
    assert (await bot.get_chat_member(group.id, alice.id)).status == "creator"
    assert (await bot.get_chat_member("@team_chat", bob.id)).status == "member"
    eve = api.user("Eve")
    assert (await bot.get_chat_member(group.id, eve.id)).status == "left"
    admins = await bot.get_chat_administrators(group.id)
    assert [admin.user.id for admin in admins] == [alice.id]
    assert await bot.get_chat_member_count(group.id) == 3
    with pytest.raises(BadRequest, match="no administrators in the private chat"):
        await bot.get_chat_administrators(api.private(alice).id)


async def test_what_a_chat_is(api: BotApi, alice: Person, chat: Chat, bot: Bot) -> None:
    message = await bot.send_message(chat.id, "pin me")
    await message.pin()
    info = await bot.get_chat(chat.id)
    assert info.first_name == "Alice"
    assert info.pinned_message is not None
    await bot.unpin_chat_message(chat.id)
    assert chat.pinned == []
    forum = api.group("Team", members=[alice], forum=True)
    assert (await bot.get_chat(forum.id)).is_forum


async def test_a_bot_that_is_thrown_out_or_left_is_forbidden(
    api: BotApi, alice: Person, bot: Bot
) -> None:
    group = api.group("Team", members=[alice])
    group.drop_bot()
    with pytest.raises(Forbidden, match="kicked from the group chat"):
        await bot.send_message(group.id, "x")
    group.take_bot(admin=True)
    await bot.send_message(group.id, "x")
    await bot.leave_chat(group.id)
    with pytest.raises(Forbidden, match="not a member of the group chat"):
        await bot.send_message(group.id, "x")


async def test_a_group_that_becomes_a_supergroup_says_where_it_went(
    api: BotApi, alice: Person, bot: Bot
) -> None:
    group = api.group("Team", members=[alice])
    new = api.migrate(group)
    with pytest.raises(ChatMigrated) as moved:
        await bot.send_message(group.id, "x")
    assert moved.value.new_chat_id == new.id
    await bot.send_message(new.id, "x")
    assert new.texts == ["x"]


async def test_a_group_that_becomes_a_supergroup_tells_so_in_both(
    api: BotApi, alice: Person, bot: Bot
) -> None:
    group = api.group("Team", members=[alice])
    new = api.migrate(group)
    moved, came = (update.message for update in await bot.get_updates())
    assert moved is not None
    assert came is not None
    assert moved.from_user is not None
    assert (moved.chat.id, moved.migrate_to_chat_id) == (group.id, new.id)
    assert (moved.from_user.id, moved.sender_chat) == (alice.id, None)
    assert (came.chat.id, came.migrate_from_chat_id) == (new.id, group.id)
    assert came.sender_chat is not None
    assert (came.message_id, came.sender_chat.id) == (1, new.id)
    assert new.messages == []


async def test_a_reply_in_a_supergroup_begins_a_thread(
    api: BotApi, alice: Person, bot: Bot
) -> None:
    group = api.group("Team", members=[alice], supergroup=True)
    await bot.send_message(group.id, "root")
    await alice.send("reply", to=group, reply_to=group.last)
    (update,) = await bot.get_updates()
    assert update.message is not None
    assert update.message.message_thread_id == group.last.id
    assert not update.message.is_topic_message


async def test_a_person_known_from_a_group_is_not_written_to_first(
    api: BotApi, alice: Person, bot: Bot
) -> None:
    bob = api.user("Bob")
    api.group("Team", members=[alice, bob])
    with pytest.raises(Forbidden, match="can't initiate conversation with a user"):
        await bot.send_message(bob.id, "hello")
    api.private(bob)
    await bot.send_message(bob.id, "hello")


async def test_people_write_where_they_are(api: BotApi, alice: Person, chat: Chat) -> None:
    bob = api.user("Bob")
    group = api.group("Team", members=[alice])
    for place in (group, chat):
        with pytest.raises(ValueError, match="Bob is not in that chat"):
            await bob.send("hello", to=place)
    with pytest.raises(LookupError, match="no private chat"):
        await bob.send("hello")
