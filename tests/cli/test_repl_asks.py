"""What the agent asks, in the REPL: which keys decide, and which only look like it."""

import time

from cli.terminals import (
    CTRL_C,
    ENTER,
    ESCAPE,
    LiveTerminal,
    takes_keys,
)

QUIET_S = 0.7
"""Seconds after which a question would have decided something."""


def ask_to_run(chat: LiveTerminal, command: str = "ls") -> None:
    """Have the agent ask for approval, and wait until the question takes keys."""
    chat.say(f"run {command}")
    chat.until(takes_keys("Allow Bash?"))


def test_y_approves_once(chat: LiveTerminal) -> None:
    ask_to_run(chat)
    chat.send("y")
    chat.until("I ran ls.")
    chat.say("run ls")
    chat.until(lambda screen: "Allow Bash?" in screen)


def test_enter_denies(chat: LiveTerminal) -> None:
    ask_to_run(chat)
    chat.send(ENTER)
    chat.until("I did not run ls.")


def test_escape_denies(chat: LiveTerminal) -> None:
    ask_to_run(chat)
    chat.send(ESCAPE)
    chat.until("I did not run ls.")


def test_an_arrow_key_denies(chat: LiveTerminal) -> None:
    ask_to_run(chat)
    chat.send("\x1b[A")
    chat.until("I did not run ls.")


def test_alt_y_does_not_approve(chat: LiveTerminal) -> None:
    ask_to_run(chat)
    chat.send("\x1by")
    chat.until("I did not run ls.")


def test_what_was_typed_ahead_approves_nothing_and_is_not_lost(chat: LiveTerminal) -> None:
    chat.send("run ls" + ENTER + "y")
    chat.until("Allow Bash?")
    chat.send("y")
    chat.quiet(QUIET_S + 0.5)
    assert "Allow Bash?" in chat.screen
    assert "❯ yy" in chat.screen
    chat.send(ENTER)
    text = chat.until("I did not run ls.")
    assert "I ran" not in text
    chat.until(lambda screen: "❯ yy" in screen)


def test_a_word_typed_without_looking_approves_nothing(chat: LiveTerminal) -> None:
    ask_to_run(chat)
    chat.send("yes")
    chat.quiet(QUIET_S + 0.5)
    assert "Allow Bash?" in chat.screen
    assert "❯ yes" in chat.screen


def test_what_was_typed_while_the_program_was_busy_approves_nothing(chat: LiveTerminal) -> None:
    chat.say("busy 0.8 ls")
    time.sleep(0.4)  # nothing is read now
    chat.send("y")
    chat.until("Allow Bash?")
    chat.quiet(QUIET_S + 1)
    assert "Allow Bash?" in chat.screen
    assert "❯ y" in chat.screen


def test_pasted_text_approves_nothing(chat: LiveTerminal) -> None:
    ask_to_run(chat)
    chat.send("\x1b[200~y\x1b[201~")
    chat.quiet(QUIET_S + 0.5)
    assert "Allow Bash?" in chat.screen
    assert "❯ y" in chat.screen


def test_ctrl_c_stops_a_turn_that_waits_for_approval(chat: LiveTerminal) -> None:
    ask_to_run(chat)
    chat.send(CTRL_C)
    chat.until("I did not run ls.")
    chat.say("remember 7")
    chat.until("I will remember 7.")


def test_a_question_is_answered_by_number(chat: LiveTerminal) -> None:
    chat.say("ask Which colour?|red|green")
    chat.until("Your answer")
    chat.say("2")
    chat.until("You said: green")


def test_a_draft_is_no_answer_to_a_question(chat: LiveTerminal) -> None:
    chat.send("ask Which colour?|red|green" + ENTER + "a thought")
    chat.until("Which colour?")
    chat.quiet(QUIET_S + 0.3)
    chat.say("blue")
    chat.until("You said: blue")
    chat.until("❯ a thought")


def test_a_plan_is_accepted(chat: LiveTerminal) -> None:
    chat.say("plan first **this**")
    chat.until(takes_keys("Carry it out?"))
    chat.send("y")
    chat.until("It is done.")


def test_a_plan_goes_back_with_a_remark(chat: LiveTerminal) -> None:
    chat.say("plan first this")
    chat.until(takes_keys("Carry it out?"))
    chat.send("c")
    chat.until("What should be different?")
    chat.say("with tests")
    chat.until("To change: with tests")


def test_an_approval_that_comes_up_in_the_middle_of_typing_gets_no_key(
    chat: LiveTerminal,
) -> None:
    chat.say("later 0.5 rm -rf build")
    for key in "yes yes yes, I think so":
        chat.send(key)
        chat.quiet(0.06)
    chat.until("Allow Bash?")
    chat.until("❯ yes yes yes, I think so")
    chat.quiet(QUIET_S)
    chat.send(ENTER)
    chat.until("I did not run rm -rf build.")
    chat.until("❯ yes yes yes, I think so")
