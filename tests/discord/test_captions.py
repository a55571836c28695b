"""What is a command: what is said to the bot, unless it is said of files."""

from palaver.testing.discord import Guild, Member
from support.discord_people import Listener
from support.discords import Palaver


async def test_a_command_beside_a_file_is_no_command(palaver: Palaver, owner: Member) -> None:
    listener = Listener()
    palaver.engine.host.add("listener", listener)
    await owner.dm("/newsession", attachments=[("notes.txt", b"data")])
    await owner.direct.wait_for_text("/newsession (with notes.txt)")
    assert listener.heard == ["/newsession"]
    assert not [text for text in owner.direct.texts if "New session" in text]


async def test_a_command_in_a_reply_is_one(
    palaver: Palaver, guild: Guild, owner: Member, member: Member
) -> None:
    said = await member.say("which ones?", to=guild.general)
    await owner.say(f"<@{palaver.server.bot_id}> /status", to=guild.general, reply_to=said)
    await guild.general.wait_for_text("Idle")
