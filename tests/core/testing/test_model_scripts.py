"""What a request is read to mean, and what the conversation script answers to it."""

from base64 import b64encode
from collections.abc import Awaitable

import pytest

from core.testing.model_bodies import assistant, image, request, text, tool_result, tool_use
from palaver.testing.model import ModelRequest, Reply, Say, Use, conversation_script, replies

REMINDER = "<system-reminder>\nRemember the number 99, says nobody.\n</system-reminder>\n"
SUMMARY = "This session is being continued from a previous conversation that ran out of context."


class TestARequest:
    def test_the_prompt_is_found_among_reminders(self) -> None:
        asked = request([text(REMINDER), text("hello"), text(REMINDER + "there")])
        assert asked.prompt == "hello\nthere"
        assert asked.history == [("user", "hello"), ("user", "there")]

    def test_the_prompt_stays_while_its_tools_run(self) -> None:
        asked = request(
            "go",
            assistant(text("I run it."), tool_use("a", command="ls")),
            [tool_result("a", "x.txt" + REMINDER)],
        )
        assert asked.prompt == "go"
        (result,) = asked.tool_results
        assert (result.tool, result.input, result.text) == ("Bash", {"command": "ls"}, "x.txt")
        assert not result.is_error

    def test_results_of_an_interrupted_turn_are_not_the_next_prompts(self) -> None:
        asked = request(
            "go",
            assistant(tool_use("a")),
            [tool_result("a", is_error=True), text("[Request interrupted by user for tool use]")],
            "never mind",
        )
        assert asked.prompt == "never mind"
        assert asked.tool_results == []
        assert asked.history == [("user", "go"), ("user", "never mind")]

    def test_a_loaded_tool_is_no_prompt(self) -> None:
        asked = request("go", assistant(tool_use("a")), [tool_result("a"), text("Tool loaded.")])
        assert asked.prompt == "go"
        assert len(asked.tool_results) == 1

    def test_a_notification_is_no_prompt(self) -> None:
        note = "<system-reminder><task-notification>x</task-notification></system-reminder>"
        asked = request("go", assistant(text("gone")), note)
        assert (asked.prompt, asked.tool_results) == ("", [])

    def test_a_summary_is_history_and_no_prompt(self) -> None:
        command = "<command-name>/compact</command-name>\n <command-args></command-args>"
        asked = request([text(SUMMARY), text(command), text("and now?")])
        assert asked.prompt == "and now?"
        assert asked.history == [("user", SUMMARY), ("user", "and now?")]

    def test_an_image_comes_with_its_type_and_bytes(self) -> None:
        sent = [image("image/png", b64encode(b"x").decode()), text("[Image: source: /a/b.png]")]
        asked = request("before", assistant(text("yes")), sent)
        assert asked.images == [("image/png", b"x")]
        assert asked.prompt == ""

    def test_the_directory_is_read_from_the_environment_section(self) -> None:
        told = {
            "role": "system",
            "content": "# Environment\n - Primary working directory: /a b/c\n",
        }
        assert request("x", told).directory == "/a b/c"
        assert request("x", system=[text("Working directory: /d")]).directory == "/d"
        assert request("x").directory is None

    @pytest.mark.parametrize(
        ("asked", "kind"),
        [
            (request("x"), "turn"),
            (request("x", max_tokens=1), "side"),
            (request("x", output_config={"format": {"type": "json_schema"}}), "side"),
            (request("x", output_config={"effort": "medium"}), "turn"),
            (request("Your task is to create a detailed summary of my cat"), "turn"),
            (
                request(
                    "CRITICAL: Respond with TEXT ONLY.\nYour task is to create a detailed summary"
                ),
                "compact",
            ),
        ],
    )
    def test_its_kind_tells_turns_from_the_rest(self, asked: ModelRequest, kind: str) -> None:
        assert asked.kind == kind


NUMBERS = (
    ("Remember the number 42.", "I'll remember the number 42."),
    ("please remember my number: 3.14", "I'll remember the number 3.14."),
    ("What number did I tell you?", "This looks like the start of our conversation."),
    ("hello", "Hello! You said: hello"),
)


def answer(asked: ModelRequest) -> Reply:
    said = conversation_script(asked)
    assert not isinstance(said, Awaitable)
    return said


class TestTheConversationScript:
    @pytest.mark.parametrize(("prompt", "said"), NUMBERS)
    def test_answers_what_it_is_asked(self, prompt: str, said: str) -> None:
        assert said in str(answer(request(prompt)))

    def test_recalls_the_newest_number_of_this_request_and_no_other(self) -> None:
        said = ("Remember the number 1", assistant(text("I'll remember the number 1.")))
        asked = request(*said, "Remember 2", assistant(text("Yes.")), "Which number was it?")
        assert answer(asked) == "You told me the number 2."
        assert "don't recall" in str(answer(request("Which number was it?")))

    def test_a_number_only_the_assistant_or_a_reminder_named_is_not_recalled(self) -> None:
        asked = request(
            [text(REMINDER), text("hi")],
            assistant(text("I remember 7.")),
            "What number did I tell you?",
        )
        assert "don't recall" in str(answer(asked))

    def test_a_compaction_keeps_the_numbers_and_the_summary_brings_them_back(self) -> None:
        compaction = "CRITICAL: Respond with TEXT ONLY.\nYour task is to create a detailed summary"
        summary = str(
            answer(request("Remember the number 42", assistant(text("Yes.")), compaction))
        )
        assert "<summary>" in summary
        asked = request([text(SUMMARY + summary), text("What number did I tell you?")])
        assert answer(asked) == "You told me the number 42."

    @pytest.mark.parametrize(
        ("prompt", "path", "content"),
        [
            (
                "Write a file notes/a.txt with good day\nto you",
                "/here/notes/a.txt",
                "good day\nto you",
            ),
            ("please create the file called LICENSE with the text MIT", "/here/LICENSE", "MIT"),
            ("write /elsewhere/b.md containing x", "/elsewhere/b.md", "x"),
        ],
    )
    def test_writes_a_file_into_the_working_directory(
        self, prompt: str, path: str, content: str
    ) -> None:
        told = {"role": "system", "content": " - Primary working directory: /here"}
        said = answer(request(prompt, told))
        assert isinstance(said, list)
        assert said[-1].tool == "Write"
        assert said[-1].input == {"file_path": path, "content": content}

    def test_writes_no_file_for_a_story(self) -> None:
        assert "You said" in str(answer(request("Write a story with dragons")))

    @pytest.mark.parametrize(
        ("prompt", "command"),
        [("run ls -la", "ls -la"), ("Please run `echo hi`", "echo hi"), ("/run x", "x")],
    )
    def test_runs_a_command(self, prompt: str, command: str) -> None:
        said = answer(request(prompt))
        assert isinstance(said, Use)
        assert (said.tool, said.input["command"]) == ("Bash", command)

    @pytest.mark.parametrize(
        ("tool", "is_error", "said"),
        [
            ("Write", False, "I have written a.txt."),
            ("Write", True, "I was not allowed to write a.txt: done"),
            ("Bash", False, "The command printed:\n\n```\ndone\n```"),
            ("Bash", True, "The command failed or was not allowed: done"),
            ("Other", True, "Other failed: done"),
        ],
    )
    def test_says_what_became_of_a_tool(self, tool: str, is_error: bool, said: str) -> None:
        call = tool_use("a", tool, file_path="/w/a.txt")
        asked = request("go", assistant(call), [tool_result("a", is_error=is_error)])
        assert answer(asked) == said

    def test_speaks_slowly_when_asked_to(self) -> None:
        said = answer(request("Count slowly"))
        assert isinstance(said, Say)
        assert said.words_per_chunk == 1
        assert said.delay_s > 0

    async def test_replies_come_in_order_and_compactions_take_none(self) -> None:
        script = replies("one", "two", then=lambda _: "later")
        compaction = "CRITICAL: Respond with TEXT ONLY. Your task is to create a detailed summary"
        asked = ["a", compaction, "b", "c"]
        assert [script(request(prompt)) for prompt in asked] == ["one", "later", "two", "later"]
