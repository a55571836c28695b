"""`palaver sessions`, on the scripted agent's sessions."""

import asyncio
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from core.app.conftest import Call
from core.app.world import PALAVER, World
from palaver.app.terminal import terminal_conversation, terminal_namespace
from palaver.identity import ConversationId, Namespace
from palaver.models import Session
from support.people import Person, engine_starter

OTHER = Namespace("telegram", "1001")


def talk(
    world: World, namespace: Namespace, conversation: ConversationId, *texts: str
) -> list[Session]:
    """Say something in one session each; the sessions, in the order of their making."""

    async def work() -> list[Session]:
        starter = engine_starter(world.data, "scripted")
        async with starter(access={"owners": [f"{namespace.frontend}:*"]}) as engine:
            person = Person(engine, namespace, conversation)
            sessions = []
            for text in texts:
                await person.view("/newsession")
                await person.ask(text)
                sessions.append(await person.session())
            return sessions

    return asyncio.run(work())


@pytest.fixture
def mine(world: World, call: Call) -> list[Session]:
    """Three sessions of this terminal's user, in this directory; the last one is current."""
    return talk(
        world, terminal_namespace(), terminal_conversation(), "first", "second", "日本語 third"
    )


@pytest.fixture
def others(world: World, call: Call) -> list[Session]:
    return talk(world, OTHER, ConversationId("chat"), "theirs")


def test_list_shows_the_newest_first_and_marks_the_current(call: Call, mine: list[Session]) -> None:
    result = call("sessions", "list")
    assert result.exit_code == 0
    _, *rows = result.stdout.splitlines()
    assert [row.split()[-1] for row in rows] == ["third", "second", "first"]
    assert [row.startswith("*") for row in rows] == [True, False, False]
    assert [str(one.id)[:8] for one in reversed(mine)] == [row[1:].split()[1] for row in rows]


def test_list_json_has_one_session_a_line(call: Call, mine: list[Session]) -> None:
    lines = call("sessions", "list", "--json").stdout.splitlines()
    found = [json.loads(line) for line in lines]
    assert [one["id"] for one in found] == [str(one.id) for one in reversed(mine)]
    assert [one["current"] for one in found] == [True, False, False]
    assert {one["namespace"] for one in found} == {str(terminal_namespace())}
    assert found[0]["label"] == "日本語 third"


def test_a_piped_line_is_never_cut(world: World, call: Call) -> None:
    long = "a title that is much longer than eighty columns would allow, all of it"
    talk(world, terminal_namespace(), terminal_conversation(), long[:60])
    assert long[:60] in call("sessions", "list").stdout


def test_an_empty_list_says_so_on_standard_error(call: Call) -> None:
    result = call("sessions", "list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "has no sessions yet" in result.stderr


def test_another_namespace_is_reached_only_by_its_name(
    call: Call, mine: list[Session], others: list[Session]
) -> None:
    [theirs] = others
    assert str(theirs.id) not in call("sessions", "list", "--json").stdout
    for command in ("show", "export", "rm", "restore"):
        options = ("--yes",) if command == "rm" else ()
        result = call("sessions", command, str(theirs.id), *options)
        assert result.exit_code == 1
        assert f"{terminal_namespace()} has no session '{theirs.id}'" in result.stderr
    listed = call("sessions", "list", "--json", "--namespace", str(OTHER)).stdout
    assert [json.loads(line)["id"] for line in listed.splitlines()] == [str(theirs.id)]
    assert json.loads(listed)["current"] is False


def test_what_is_no_namespace_is_a_usage_error(call: Call) -> None:
    result = call("sessions", "list", "--namespace", "nobody")
    assert result.exit_code == 2
    assert "'nobody' is not a namespace" in result.stderr


@pytest.mark.parametrize("how", [str, lambda name: name[:8]])
def test_show_finds_a_session_by_its_id_and_by_its_beginning(
    call: Call, mine: list[Session], how: Callable[[str], str]
) -> None:
    result = call("sessions", "show", how(str(mine[1].id)))
    assert f"ID:         {mine[1].id}" in result.stdout
    assert f"Transcript: {mine[1].transcript}" in result.stdout
    assert json.loads(call("sessions", "show", "2", "--json").stdout)["id"] == str(mine[1].id)


def test_export_writes_the_conversation_as_markdown_and_as_json(
    call: Call, mine: list[Session]
) -> None:
    text = call("sessions", "export", "3").stdout
    assert text.startswith("# first\n")
    assert "## User\n\nfirst\n\n## Assistant\n\nfirst\n" in text
    whole = json.loads(call("sessions", "export", "3", "--json").stdout)
    assert whole["session"]["id"] == str(mine[0].id)
    assert whole["messages"][0] == {"role": "user", "text": "first"}


def test_export_never_overwrites_a_file(call: Call, mine: list[Session], tmp_path: Path) -> None:
    file = tmp_path / "session.md"
    assert call("sessions", "export", "1", "-o", str(file)).exit_code == 0
    written = file.read_text("utf-8")
    assert written.startswith("# 日本語 third")
    result = call("sessions", "export", "2", "-o", str(file))
    assert result.exit_code == 1
    assert "File exists" in result.stderr
    assert file.read_text("utf-8") == written


def test_export_of_a_lost_session_says_so(call: Call, mine: list[Session]) -> None:
    assert mine[0].transcript
    mine[0].transcript.unlink()
    result = call("sessions", "export", str(mine[0].id))
    assert result.exit_code == 1
    assert f"The transcript of session {mine[0].id} is gone" in result.stderr
    assert "(lost)" in call("sessions", "list").stdout


def test_rm_without_a_terminal_wants_yes(call: Call, mine: list[Session]) -> None:
    result = call("sessions", "rm", "1", stdin="y\n")
    assert result.exit_code == 2
    assert "add --yes" in result.stderr
    assert len(call("sessions", "list", "--json").stdout.splitlines()) == 3


def test_rm_moves_to_the_trash_and_restore_brings_back(call: Call, mine: list[Session]) -> None:
    result = call("sessions", "rm", "first", str(mine[1].id), "--yes")
    assert result.exit_code == 0
    assert result.stdout.count("is in the trash for 7 days") == 2
    left = call("sessions", "list", "--json").stdout.splitlines()
    assert [json.loads(line)["id"] for line in left] == [str(mine[2].id)]
    trash = call("sessions", "list", "--trash", "--json").stdout.splitlines()
    assert {json.loads(line)["id"] for line in trash} == {str(mine[0].id), str(mine[1].id)}

    assert call("sessions", "restore", "first", str(mine[1].id)[:8]).exit_code == 0
    assert len(call("sessions", "list", "--json").stdout.splitlines()) == 3
    assert call("sessions", "export", str(mine[0].id)).stdout.startswith("# first")


def test_nothing_is_removed_if_one_of_them_is_not_there(call: Call, mine: list[Session]) -> None:
    assert call("sessions", "rm", "first", "nonesuch", "--yes").exit_code == 1
    assert len(call("sessions", "list", "--json").stdout.splitlines()) == 3


def test_restore_of_what_is_not_in_the_trash_names_the_list(
    call: Call, mine: list[Session]
) -> None:
    result = call("sessions", "restore", str(mine[0].id))
    assert result.exit_code == 1
    assert "See `palaver sessions list --trash`." in result.stderr


def age(session: Session) -> None:
    assert session.transcript
    old = time.time() - 40 * 86400
    os.utime(session.transcript, (old, old))


def test_clean_moves_what_is_old_and_keeps_the_current(call: Call, mine: list[Session]) -> None:
    for session in (mine[0], mine[2]):
        age(session)
    result = call("sessions", "clean")
    assert result.exit_code == 0
    assert result.stdout == f"{terminal_namespace()}: 1 moved to the trash, 0 purged from it.\n"
    left = call("sessions", "list", "--json").stdout.splitlines()
    assert {json.loads(line)["id"] for line in left} == {str(mine[1].id), str(mine[2].id)}


def test_clean_is_about_one_namespace_unless_all_are_meant(
    world: World, call: Call, mine: list[Session]
) -> None:
    theirs, _ = talk(world, OTHER, ConversationId("chat"), "old", "new")
    age(theirs)
    assert "nothing is older" in call("sessions", "clean").stdout
    assert f"{OTHER}: 1 moved to the trash" in call("sessions", "clean", "--all").stdout


def test_what_could_steer_the_terminal_is_not_printed(world: World, call: Call) -> None:
    talk(world, terminal_namespace(), terminal_conversation(), "evil \x1b]0;title\x07 \x9b31m")
    for command in (("list",), ("show", "1"), ("export", "1")):
        output = call("sessions", *command).stdout
        assert "evil" in output
        assert not {"\x1b", "\x07", "\x9b"} & set(output)


def test_rm_asks_in_a_terminal_and_no_is_the_default(world: World, call: Call) -> None:
    [session] = talk(world, terminal_namespace(), terminal_conversation(), "dear to me")
    environment = world.environment | {"PALAVER_SESSIONS__AGENT": "scripted", "TERM": "dumb"}
    for answer, code in (("", 1), ("\x03", 130), ("y", 0)):
        terminal = pexpect.spawn(
            PALAVER[0],
            [*PALAVER[1:], "sessions", "rm", "1"],
            env=environment,
            cwd=str(world.workspace),
            encoding="utf-8",
            timeout=20,
        )
        terminal.expect_exact(f"{str(session.id)[:8]}")
        terminal.expect_exact("Move 1 session to the trash? [y/N]:")
        terminal.sendline(answer)
        terminal.expect(pexpect.EOF)
        terminal.wait()
        assert terminal.exitstatus == code
        terminal.close()
    assert str(session.id) in call("sessions", "list", "--trash", "--json").stdout
