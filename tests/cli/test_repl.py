"""The REPL as its user sees it: a real process in a real pseudo-terminal."""

import os
import re
import signal
from pathlib import Path

from cli.conftest import Sit
from cli.terminals import (
    CTRL_C,
    CTRL_D,
    ENTER,
    ESCAPE,
    LIMIT_S,
    TAB,
    LiveTerminal,
    without_colours,
)


def test_a_prompt_is_answered(chat: LiveTerminal) -> None:
    chat.say("remember 42")
    chat.until("I will remember 42.")
    chat.say("what number")
    text = chat.until("You told me 42.")
    assert text.index("❯ remember 42") < text.index("I will remember 42.")
    assert text.index("❯ what number") < text.index("You told me 42.")


def test_what_is_typed_while_it_starts_is_sent(sit: Sit) -> None:
    chat = sit()
    chat.say("remember 42")  # the terminal is not ours yet
    chat.child.waitnoecho(LIMIT_S)
    assert "❯" not in chat.everything
    chat.say("what number")
    chat.until("I will remember 42.")
    chat.until("You told me 42.")


def test_ctrl_d_leaves_with_0(fresh: LiveTerminal) -> None:
    fresh.send(CTRL_D)
    assert fresh.ended() == 0


def test_the_status_says_which_session_this_is_and_that_it_resumes(sit: Sit) -> None:
    first = sit()
    first.until(lambda screen: "\n  new session" in screen)
    first.say("remember 42")
    first.until("remember 42 · 1 turn")
    first.send(CTRL_D)
    assert first.ended() == 0
    second = sit()
    second.until("Going on with “remember 42”")
    second.until("remember 42 · 1 turn · resumes")
    second.say("what number")
    second.until("You told me 42.")


def test_sessions_are_a_table_whose_columns_line_up(fresh: LiveTerminal) -> None:
    for title in ("remember 1", "漢字とかな 🎉", "é", "careful"):
        fresh.say(title)
        fresh.until(f"{title[:4]}")
        fresh.until(lambda screen: "1 turn" in screen)
        fresh.say("/newsession")
        fresh.until(lambda screen: "  new session" in screen)
    fresh.say("/sessions")
    fresh.until("Your Claude Sessions")
    fresh.quiet(0.2)
    rows = [line for line in fresh.screen.splitlines() if "📅" in line]
    assert len(rows) == 5
    columns = [column_of(fresh, line_number, "📅") for line_number in lines_with(fresh, "📅")]
    assert len(set(columns)) == 1, fresh.screen


def lines_with(chat: LiveTerminal, text: str) -> list[int]:
    return [at for at, line in enumerate(chat.screen.splitlines()) if text in line]


def column_of(chat: LiveTerminal, line_number: int, character: str) -> int:
    """In which column of cells the character stands."""
    return chat.cells(line_number).index(character)


def test_tab_completes_a_command(chat: LiveTerminal) -> None:
    chat.send("/who")
    chat.send(TAB)
    chat.until("❯ /whoami")
    chat.send(ENTER)
    chat.until("Who you are")


def test_tab_completes_a_session_by_its_name(fresh: LiveTerminal) -> None:
    fresh.say("remember the parser")
    fresh.until("1 turn")
    fresh.say("/newsession")
    fresh.until("New session started!")
    fresh.send("/switch pars")
    fresh.send(TAB)
    fresh.until(lambda screen: bool(re.search(r"❯ /switch [0-9a-f]{8}-", screen)))
    fresh.send(ENTER)
    fresh.until("👉 remember the parser")


def test_tab_on_an_empty_line_presses_a_button(chat: LiveTerminal) -> None:
    chat.say("remember 42")
    chat.until("1 turn")
    chat.say("/newsession")
    chat.until("Tab: Back to the previous one")
    chat.send(TAB)
    chat.until(lambda screen: bool(re.search(r"❯ /switch [0-9a-f]{8}-", screen)))
    chat.send(ENTER)
    chat.until("👉 remember 42")


def test_ctrl_c_stops_the_turn_and_not_the_program(chat: LiveTerminal) -> None:
    chat.say("wait 30")
    chat.until("Working.")
    chat.until("Ctrl-C stops")
    chat.send(CTRL_C)
    chat.until("Stopped")
    chat.say("remember 7")
    chat.until("I will remember 7.")


def test_ctrl_c_empties_the_line(chat: LiveTerminal) -> None:
    chat.send("half a thought")
    chat.until("❯ half a thought")
    chat.send(CTRL_C)
    chat.until(lambda screen: "half a thought" not in screen)


def test_a_prompt_sent_while_the_agent_works_runs_afterwards(chat: LiveTerminal) -> None:
    chat.say("wait 1")
    chat.until("Working.")
    chat.say("remember 7")
    chat.until("⏳ Queued: remember 7")
    text = chat.until("I will remember 7.")
    assert text.index("Done.") < text.index("❯ remember 7") < text.index("I will remember 7.")


def test_a_command_does_not_wait_behind_a_turn(chat: LiveTerminal) -> None:
    chat.say("wait 30")
    chat.until("Working.")
    chat.say("/status")
    chat.until("At work for")
    chat.send(CTRL_C)
    chat.until("Stopped")


def test_leaving_in_the_middle_of_a_turn_asks_for_a_second_ctrl_d(fresh: LiveTerminal) -> None:
    fresh.say("wait 30")
    fresh.until("Working.")
    fresh.send(CTRL_D)
    fresh.until("Ctrl-D again leaves")
    fresh.send(CTRL_D)
    assert fresh.ended() == 0


def test_alt_enter_begins_a_line(chat: LiveTerminal) -> None:
    chat.send("first" + ESCAPE + ENTER + "second" + ENTER)
    chat.until(lambda screen: screen.count("second") >= 2)
    rows = [line.strip() for line in chat.screen.splitlines()]
    assert "❯ first" in rows
    assert rows[rows.index("❯ first") + 1] == "second"


def test_a_paste_keeps_its_lines_and_is_not_sent(chat: LiveTerminal) -> None:
    chat.send("\x1b[200~one\rtwo\r\x1b[201~")
    chat.until("two")
    chat.quiet(0.5)
    assert "0.0 s" not in chat.screen
    chat.send("three" + ENTER)
    chat.until("⏱")
    assert "one two three" in " ".join(chat.everything.split())


def test_a_window_made_narrow_in_the_middle_still_shows_all(chat: LiveTerminal) -> None:
    chat.say("wait 2")
    chat.until("Working.")
    chat.resize(40, 20)
    chat.quiet(0.5)
    assert "Ctrl-C stops" in chat.screen
    chat.until("Done.")
    chat.say("a sentence that is quite a bit longer than forty cells are")
    chat.until("forty cells are")
    assert max(map(len, chat.screen.splitlines())) <= 40


def test_wide_characters_can_be_typed_and_corrected(chat: LiveTerminal) -> None:
    chat.send("漢字🎉x")
    chat.until("❯ 漢字🎉x")
    chat.send("\x7f\x7f" + "!" + ENTER)
    chat.until("⏱")
    assert re.search(r"^漢\s?字\s?!$", chat.everything, re.MULTILINE), chat.everything


def test_a_killed_repl_tells_of_the_turn_that_was_cut_off(sit: Sit) -> None:
    first = sit()
    first.until("❯")
    first.say("wait 30")
    first.until("Working.")
    os.kill(first.child.pid, signal.SIGKILL)
    assert first.ended() == -signal.SIGKILL
    second = sit()
    second.until("Interrupted")
    assert "❯ wait 30" in second.everything
    second.say("/retry")
    second.until(lambda screen: "Working." in screen)
    second.send(CTRL_C)
    second.until("Stopped")


def test_sigterm_ends_it_in_an_orderly_way(fresh: LiveTerminal) -> None:
    fresh.say("wait 30")
    fresh.until("Working.")
    fresh.child.kill(signal.SIGTERM)
    assert fresh.ended() == 128 + signal.SIGTERM


def test_history_is_kept_and_private(sit: Sit, home: Path) -> None:
    first = sit()
    first.until("❯")
    first.say("remember 42")
    first.until("⏱")
    first.send(CTRL_D)
    assert first.ended() == 0
    assert (home / "data/cli/history").stat().st_mode & 0o777 == 0o600
    second = sit()
    second.until("❯")
    second.quiet(0.3)
    second.send("\x1b[A")
    second.until(lambda screen: "❯ remember 42" in screen)


def test_no_color_is_obeyed(sit: Sit) -> None:
    chat = sit(NO_COLOR="1")
    chat.until("❯")
    chat.say("run ls")
    chat.until("Allow Bash?")
    colours = re.findall(rb"\x1b\[[0-9;]*?(?:3[0-7]|9[0-7]|38;[0-9;]+)m", chat.raw)
    assert colours == []


def test_another_folder_is_another_conversation(sit: Sit, tmp_path: Path) -> None:
    first = sit()
    first.until("❯")
    first.say("remember 42")
    first.until("I will remember 42.")
    other = tmp_path / "other"
    other.mkdir()
    second = sit(folder=other)
    second.until("❯")
    second.say("what number")
    second.until("You have told me no number.")


def test_an_answer_shows_while_it_is_written_and_once_when_it_is(
    chat: LiveTerminal, tmp_path: Path
) -> None:
    paragraphs = [f"Paragraph {n} has **some** words in it." for n in range(12)]
    file = tmp_path / "answer.md"
    file.write_text("\n\n".join(paragraphs))
    chat.say(f"write {file}")
    early = chat.until("Paragraph 2 has")
    assert "Paragraph 11" not in early
    assert "Ctrl-C stops" in early
    text = chat.until("⏱")
    for n in range(12):
        assert text.count(f"Paragraph {n} has some words in it.") == 1


def test_a_long_answer_scrolls_and_every_line_of_it_is_there_once(
    chat: LiveTerminal, tmp_path: Path
) -> None:
    file = tmp_path / "answer.md"
    code = "\n".join(f"x{n} = {n}" for n in range(60))
    items = "\n".join(f"{n}. item{n} of many" for n in range(1, 61))
    file.write_text(f"```python\n{code}\n```\n\n{items}\n")
    chat.say(f"write {file} 0.005")
    chat.until("x50 = 50")
    bottom = [line for line in chat.screen.splitlines() if line.strip()][-3:]
    assert [line.strip()[:1] for line in bottom[1:]] == ["❯", "n"]
    text = chat.until("⏱")
    assert re.findall(r"^ +x(\d+) = ", text, re.MULTILINE) == [str(n) for n in range(60)]
    assert re.findall(r"^ +(\d+)\. item\1 ", text, re.MULTILINE) == [str(n) for n in range(1, 61)]


def test_resizing_while_an_answer_is_written_loses_nothing(
    chat: LiveTerminal, tmp_path: Path
) -> None:
    file = tmp_path / "answer.md"
    file.write_text("\n\n".join(f"Paragraph {n} has words." for n in range(30)))
    chat.say(f"write {file}")
    for columns, rows in ((50, 20), (100, 12), (40, 30)):
        chat.quiet(0.2)
        chat.resize(columns, rows)
    chat.until("⏱")
    text = without_colours(chat.raw)  # pyte forgets lines when it is made smaller
    assert [n for n in range(30) if f"Paragraph {n} has words." not in text] == []


def test_every_word_of_a_burst_is_shown(chat: LiveTerminal) -> None:
    chat.say("stream 2000")
    said = " ".join(chat.until("⏱", limit_s=30).split())
    assert [n for n in range(2000) if f"word{n} " not in said] == []
