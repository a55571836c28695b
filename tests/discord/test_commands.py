"""Application commands, their views, and what is done with them: menus, buttons, modals."""

from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import pytest

from palaver import Command, CommandCall, View
from palaver.access import Role
from palaver.hookspecs import hookimpl
from palaver.testing.discord import Channel, DiscordServer, Guild, Interaction, Member, Message
from support.discord_people import (
    asked_in_a_thread,
    choose,
    newest_with,
    options,
    says,
    session_in,
    told,
)
from support.discords import Launch, Palaver
from support.noting import noted

PUT = "PUT /applications/*/commands"


async def answer(call: CommandCall) -> View:
    return View(title=f"You said {call.argument or 'nothing'}.")


class Added:
    """A plugin with these commands."""

    def __init__(self, *commands: Command) -> None:
        self._commands = commands

    @hookimpl
    def register_commands(self) -> list[Command]:
        return list(self._commands)


@pytest.fixture
def call(server: DiscordServer) -> str:
    return f"<@{server.bot_id}>"


@pytest.fixture
async def thread(palaver: Palaver, guild: Guild, owner: Member, call: str) -> Channel:
    """The owner's, with a session of two turns."""
    thread = await asked_in_a_thread(owner, guild.general, f"{call} remember 42")
    await says(owner, thread, "what number", "You told me 42.")
    return thread


async def sessions(person: Member, titles: Sequence[str]) -> None:
    """One for each, in direct messages."""
    for title in titles:
        await person.dm("/newsession")
        await says(person, person.direct, title, f"{title}\n\n")


# --- which there are ----------------------------------------------------------------------------


async def test_every_command_of_the_engine_is_one_of_discords(
    palaver: Palaver, server: DiscordServer
) -> None:
    put = await server.wait_for_call(PUT)
    by_name = {one["name"]: one for one in put.body}
    shown = {one.name: one for one in palaver.engine.commands.shown(Role.OWNER)}
    assert by_name.keys() == shown.keys() | {"ask", "share", "unshare"}
    for name, command in shown.items():
        assert by_name[name]["description"] == command.summary
        options = by_name[name].get("options") or []
        assert len(options) == bool(command.argument)
        for option in options:
            assert option["description"] == command.argument
            assert bool(option.get("autocomplete")) is command.sessions


async def test_discord_is_told_of_commands_only_when_they_have_changed(
    palaver: Palaver, server: DiscordServer, owner: Member
) -> None:
    await server.wait_for_call(PUT)
    added = Command("echo", "Say it", answer, argument="WORDS")
    reworded = Command("echo", "Say it again", answer, argument="WORDS")
    optional = Command("echo", "Say it again", answer, argument="[WORDS]")
    lives: list[tuple[tuple[Command, ...], int]]
    lives = [((), 0), ((added,), 1), ((added,), 0), ((reworded,), 1), ((optional,), 1), ((), 1)]
    for commands, told_again in lives:
        await palaver.stop()
        server.calls.clear()
        await palaver.start({"added": Added(*commands)})
        await server.wait_for_call("GET /applications/*/commands")
        await says(owner, owner.direct, "/status", "Idle")
        assert len(server.calls.of(PUT)) == told_again, commands


async def test_what_discord_cannot_show_can_still_be_typed(
    launch: Launch, server: DiscordServer, owner: Member, member: Member, tmp_path: Path
) -> None:
    many = [Command(f"more{number}", "One more", answer) for number in range(120)]
    palaver = launch(tmp_path / "data")
    await palaver.start({"added": Added(Command("ask", "Mine", answer, argument="WORDS"), *many)})
    put = await server.wait_for_call(PUT)
    assert len(put.body) == 100
    assert {"sessions", "ask", "share"} <= {one["name"] for one in put.body}
    await owner.dm("/more119")
    await owner.direct.wait_for_text("You said nothing.")


async def test_a_command_that_discord_still_shows_is_carried_out_or_answered_why_not(
    palaver: Palaver, server: DiscordServer, owner: Member
) -> None:
    await palaver.stop()
    echo = Command("echo", "Say it", answer, argument="WORDS")
    await palaver.start({"added": Added(echo, Command("gone", "Old", answer))})
    await server.wait_for_call(PUT, when=lambda put: "gone" in str(put.body))
    await palaver.stop()
    server.faults.add(PUT, error=403, times=None)  # so Discord shows what it has read before
    await palaver.start({"added": Added(Command("echo", "Say it", answer, argument="SESSION"))})
    await server.wait_for_call("GET /applications/*/commands")
    asked = await owner.command("gone")
    assert "There is no command /gone" in await told(asked)
    asked = await owner.command("echo", words="as before")
    assert "You said as before." in await told(asked)


# --- who sees what is answered ------------------------------------------------------------------


async def test_answers_are_for_the_eyes_of_who_asked(
    palaver: Palaver, guild: Guild, thread: Channel, owner: Member, member: Member
) -> None:
    for command, title in (
        ("sessions", "Your Claude Sessions"),
        ("sessioninfo", "Session Information"),
        ("usage", "Usage"),
        ("status", "Idle"),
        ("newsession", "New session started!"),
    ):
        assert title in await told(await owner.command(command, in_=thread))
        assert not [text for text in thread.texts if title in text]
    assert guild.general.messages == []
    assert not [one for one in member.sees(thread) if one.ephemeral]


async def test_in_a_shared_thread_answers_are_for_all(
    palaver: Palaver, thread: Channel, owner: Member, member: Member, hostile: Member
) -> None:
    await (await owner.command("share", in_=thread)).answer()
    for person in (owner, member):
        asked = await person.command("sessions", in_=thread)
        assert not (await asked.answer()).ephemeral
    for command in ("sessions", "share"):
        assert "private" in await told(await hostile.command(command, in_=thread))


async def test_a_command_that_begins_a_turn_says_so(
    palaver: Palaver, thread: Channel, owner: Member
) -> None:
    asked = await owner.command("compact", in_=thread)
    assert "On its way" in await told(asked)
    await thread.wait_until(lambda: sum("⏱" in text for text in thread.texts) == 3)


async def test_what_fails_unexpectedly_is_told(
    palaver: Palaver, thread: Channel, owner: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("nobody foresaw this")

    asked = await newest_with_sessions(owner, thread)
    monkeypatch.setattr(palaver.frontend, "sharing_refused", broken)
    monkeypatch.setattr(palaver.engine, "submit", broken)
    for command in ("share", "status"):
        failed = await owner.command(command, in_=thread)
        await failed.wait_for_text("Something unexpected went wrong (RuntimeError).")
    monkeypatch.setattr(palaver.engine, "press", broken)
    failed = await owner.press(asked, "Rename")
    failed = await owner.submit(await failed.shown_modal(), {"The new name": "x"})
    assert "Something unexpected went wrong (RuntimeError)." in await told(failed)


async def newest_with_sessions(person: Member, place: Channel) -> Message:
    """What is told of a session, with its buttons."""
    asked = await person.command("sessioninfo", in_=place)
    return await asked.wait_for(lambda message: "Rename" in message.buttons)


# --- completion ---------------------------------------------------------------------------------


async def test_sessions_are_completed_by_their_names_and_only_ones_own(
    palaver: Palaver, owner: Member, member: Member, hostile: Member
) -> None:
    await sessions(owner, ["an apple", "a pear"])
    await sessions(member, ["a plum"])
    for name in ("switch", "sessioninfo", "delete", "fork"):
        assert [one for one, _ in await owner.autocomplete(name, session="app")] == ["an apple"]
    everything = dict(await owner.autocomplete("switch", session=""))
    assert everything.keys() == {"an apple", "a pear"}
    apple = str(everything["an apple"])
    for guess in ("", "app", apple, apple[:8], "%", "_"):
        assert {one for one, _ in await member.autocomplete("switch", session=guess)} <= {"a plum"}
        assert await hostile.autocomplete("switch", session=guess) == []
    await owner.command("switch", session=apple, in_=owner.direct)
    await owner.direct.wait_for_text("👉 an apple")


async def test_in_a_shared_thread_the_sessions_of_all_are_completed(
    palaver: Palaver, thread: Channel, owner: Member, member: Member, hostile: Member
) -> None:
    await sessions(member, ["a plum"])
    await (await owner.command("share", in_=thread)).answer()
    await says(owner, thread, "the launch", "owner: the launch")
    completed = await member.autocomplete("switch", in_=thread, session="")
    assert [name for name, _ in completed] == ["owner: the launch"]
    assert await hostile.autocomplete("switch", in_=thread, session="") == []


# --- views --------------------------------------------------------------------------------------


async def listed(person: Member, place: Channel) -> tuple[Interaction, Message]:
    asked = await person.command("sessions", in_=place)
    return asked, await asked.wait_for_text("Your Claude Sessions")


async def test_pages_are_turned_in_place(
    palaver: Palaver, thread: Channel, owner: Member, call: str
) -> None:
    await sessions(owner, [f"matter {number}" for number in range(11)])
    asked, page = await listed(owner, thread)
    assert "matter 10" in page.text
    assert "remember 42" not in page.text
    await owner.press(page, "Older ▶")
    await asked.wait_until(lambda: "remember 42" in page.text)
    await owner.press(page, "◀ Newer")
    await asked.wait_until(lambda: "matter 10" in page.text)
    assert (asked.messages, page.ephemeral) == ([page], True)


async def test_a_session_is_chosen_from_a_menu_to_switch_to_it(
    palaver: Palaver, thread: Channel, owner: Member
) -> None:
    await (await owner.command("newsession", in_=thread)).answer()
    await says(owner, thread, "another matter", "another matter\n\n")
    _, page = await listed(owner, thread)
    assert options(page, "Switch") == ["2. remember 42"]
    pressed = await choose(owner, page, "Switch", "2. remember 42")
    assert "👉 remember 42" in await told(pressed)
    await says(owner, thread, "what number", "You told me 42.")
    await thread.wait_until(lambda: thread.name == "remember 42")


async def test_a_session_is_looked_at_renamed_and_deleted_after_a_question_with_undo(
    palaver: Palaver, thread: Channel, owner: Member
) -> None:
    asked, page = await listed(owner, thread)
    await choose(owner, page, "Info", "1. remember 42")
    await asked.wait_until(lambda: "Session Information" in page.text)
    modal = await (await owner.press(page, "Rename")).shown_modal()
    assert modal.title == "Rename"
    renamed = await owner.submit(modal, {"The new name": "My Project"})
    assert "Renamed to “My Project”" in await told(renamed)
    await thread.wait_until(lambda: thread.name == "My Project")
    await owner.press(page, "Delete")
    await asked.wait_until(lambda: "Delete “My Project”?" in page.text)
    await owner.press(page, "Delete")
    await asked.wait_until(lambda: "🗑️ Deleted “My Project”" in page.text)
    await owner.press(page, "Undo")
    await asked.wait_until(lambda: "♻️ Restored “My Project”" in page.text)
    await says(owner, thread, "what number", "You told me 42.")


# --- modals -------------------------------------------------------------------------------------


async def test_rename_without_a_name_asks_for_it(
    palaver: Palaver, thread: Channel, owner: Member, hostile: Member
) -> None:
    asked = await owner.command("rename", in_=thread)
    modal = await asked.shown_modal()
    assert (modal.title, list(modal.fields.values())) == ("Name the current session", ["Name"])
    assert "Renamed to “My Project”" in await told(
        await owner.submit(modal, {"Name": "My Project"})
    )
    await thread.wait_until(lambda: thread.name == "My Project")
    named = await owner.command("rename", in_=thread, name="At once")
    assert "Renamed to “At once”" in await told(named)
    assert "private" in await told(await hostile.command("rename", in_=thread))


async def test_in_a_shared_thread_any_member_may_rename_in_a_modal(
    palaver: Palaver, thread: Channel, owner: Member, member: Member
) -> None:
    await (await owner.command("share", in_=thread)).answer()
    await says(owner, thread, "the launch", "owner: the launch")
    modal = await (await member.command("rename", in_=thread)).shown_modal()
    renamed = await member.submit(modal, {"Name": "Launch"})
    assert "Renamed to “Launch”" in (await renamed.answer()).text
    await thread.wait_until(lambda: thread.name == "Launch")


# --- another life -------------------------------------------------------------------------------


async def test_menus_buttons_and_modals_of_another_life_still_work(
    palaver: Palaver, thread: Channel, owner: Member
) -> None:
    await owner.say("/sessioninfo", to=thread)
    info = await newest_with(owner.direct, "Rename")
    modal = await (await owner.press(info, "Rename")).shown_modal()
    wanted = await (await owner.command("rename", in_=thread)).shown_modal()
    await owner.dm("/sessions")
    page = await owner.direct.wait_for_text("Your Claude Sessions")
    await palaver.restart()
    await owner.submit(modal, {"The new name": "One"})
    await owner.direct.wait_for_text("Renamed to “One”")
    assert "Renamed to “Two”" in await told(await owner.submit(wanted, {"Name": "Two"}))
    await choose(owner, page, "Switch", "1. remember 42")
    await owner.direct.wait_for_text("👉 Two")


async def test_a_button_whose_time_is_over_says_so(
    palaver: Palaver, thread: Channel, owner: Member, tmp_path: Path
) -> None:
    await owner.say("run ls", to=thread)
    asked = await newest_with(thread, "Allow once")
    await noted(tmp_path)
    components = list(asked.components)
    await palaver.restart()
    await thread.wait_until(lambda: not asked.buttons)
    asked.stored.components[:] = components  # a client that has not heard of it yet
    pressed = await owner.press(asked, "Allow once")
    await pressed.wait_for(lambda message: message.ephemeral and "request is over" in message.text)
    await thread.wait_until(lambda: not asked.buttons)
    session = await session_in(owner, thread)
    await says(owner, owner.direct, f"/switch {uuid4()}", "You have no such session.")
    assert session == await session_in(owner, thread)
