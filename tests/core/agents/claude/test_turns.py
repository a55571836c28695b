"""One prompt after another, through the real program."""

import asyncio
import base64
import re
import time
from pathlib import Path
from uuid import uuid4

import pytest

from core.agents.claude.conftest import Claude, Person, finished, kinds, only, say, until, use
from palaver.agents.contract import PlanAnswer
from palaver.errors import AgentError, AgentHungError
from palaver.events import (
    AgentReported,
    Compacted,
    RateLimited,
    Retrying,
    TextBlock,
    TextDelta,
    ThinkingDelta,
    ToolFinished,
    ToolStarted,
)
from palaver.models import Attachment, Decision
from palaver.testing.model import (
    Drop,
    Envelope,
    Fail,
    LoopbackModel,
    ModelRequest,
    Reply,
    Say,
    Think,
    Use,
    replies,
)

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


async def test_an_answer_streams_and_its_deltas_add_up_to_its_text(claude: Claude) -> None:
    process = await claude.open()
    events = await say(process, "slow 12")
    assert kinds(events) == ["agent_reported", "text_delta", "text_block", "agent_finished"]
    deltas = only(events, TextDelta)
    assert len(deltas) == 12
    assert "".join(delta.text for delta in deltas) == only(events, TextBlock)[0].text
    assert finished(events).text.split() == ["word"] * 12


async def test_the_session_is_the_one_that_was_asked_for(claude: Claude) -> None:
    session = claude.session(model="claude-haiku-4-5")
    process = await claude.open(session)
    reported = only(await say(process, "hello"), AgentReported)
    assert reported == [AgentReported(session_id=session.id, model="claude-haiku-4-5")]
    transcript = await claude.agent().transcripts.locate(session)
    assert transcript is not None
    assert transcript.name == f"{session.id}.jsonl"


async def test_one_process_serves_many_turns_and_remembers_them(claude: Claude) -> None:
    process = await claude.open()
    await say(process, "my number is 42")
    assert finished(await say(process, "recall")).text == "my number is 42 | recall"
    assert process.alive


async def test_a_new_process_remembers_a_resumed_session(claude: Claude) -> None:
    session = claude.session()
    process = await claude.open(session)
    await say(process, "my number is 42")
    await process.close()
    resumed = await claude.open(session, resume=True)
    assert resumed.session_id == session.id
    assert "my number is 42" in finished(await say(resumed, "recall")).text


async def test_reasoning_is_no_part_of_the_answer(claude: Claude, model: LoopbackModel) -> None:
    model.script = replies([Think("let me think"), Say("Yes.")])
    events = await say(await claude.open(), "hello")
    assert "".join(delta.text for delta in only(events, ThinkingDelta)) == "let me think"
    assert finished(events).text == "Yes."


async def test_a_tool_is_told_from_start_to_end(claude: Claude) -> None:
    (claude.workspace / "notes.txt").write_text("milk")
    process = await claude.open()
    events = await say(process, use("Read", file_path=str(claude.workspace / "notes.txt")))
    started, done = only(events, ToolStarted)[0], only(events, ToolFinished)[0]
    assert (started.tool, started.summary) == ("Read", "notes.txt")
    assert done.tool_id == started.tool_id
    assert done.ok
    assert "milk" in done.output
    assert "milk" in finished(events).text


async def test_usage_is_of_the_turn_alone_also_after_resuming(claude: Claude) -> None:
    session = claude.session()
    process = await claude.open(session)
    first = finished(await say(process, "hello")).usage
    second = finished(await say(process, "hello")).usage
    await process.close()
    resumed = await claude.open(session, resume=True)
    third = finished(await say(resumed, "hello")).usage
    assert first.cost_usd > 0
    for usage in (second, third):
        assert usage.cost_usd < 1.5 * first.cost_usd
        assert usage.input_tokens < 1.5 * first.input_tokens
        assert usage.output_tokens == first.output_tokens


async def test_the_context_is_that_of_the_last_request_and_not_the_sum(
    claude: Claude, model: LoopbackModel
) -> None:
    def script(request: ModelRequest) -> Reply:
        if request.tool_results:
            return [Envelope(input_tokens=1500, output_tokens=7), Say("Done.")]
        given = {"file_path": str(claude.workspace)}
        return [Envelope(input_tokens=1000, output_tokens=5), Use("Read", given)]

    model.script = script
    end = finished(await say(await claude.open(), "hello"))
    assert end.context_tokens == 1507
    assert end.usage.input_tokens == 2500
    assert end.usage.output_tokens == 12


async def test_an_interrupt_ends_the_text_and_the_process_serves_on(claude: Claude) -> None:
    process = await claude.open()
    running = asyncio.create_task(say(process, "slow 500"))
    await claude.model.wait_for_request()
    await asyncio.sleep(0.2)
    began = time.monotonic()
    await process.interrupt()
    end = finished(await running)
    assert time.monotonic() - began < 5
    assert end.stopped
    assert not end.error
    assert end.text.startswith("word")
    assert finished(await say(process, "hello")).text == "You said: hello"


async def test_an_interrupt_ends_a_tool_and_what_it_started(claude: Claude) -> None:
    process = await claude.open()
    beat = claude.workspace / "beat"
    command = f"for i in $(seq 1000); do date +%N > {beat}; sleep 0.05; done"
    running = asyncio.create_task(say(process, use("Bash", command=command)))
    await until(beat.exists)
    await process.interrupt()
    end = finished(await running)
    assert end.stopped
    await asyncio.sleep(0.2)
    before = beat.read_text()
    await asyncio.sleep(0.3)
    assert beat.read_text() == before


async def test_an_interrupt_right_after_the_prompt_is_not_lost(claude: Claude) -> None:
    process = await claude.open()
    running = asyncio.create_task(say(process, "slow 500"))
    await asyncio.sleep(0.01)
    await process.interrupt()
    assert finished(await asyncio.wait_for(running, 5)).stopped


async def test_a_turn_that_is_stopped_before_it_was_sent_costs_nothing(claude: Claude) -> None:
    process = await claude.open()
    running = asyncio.create_task(say(process, "slow 500"))
    await asyncio.sleep(0)
    await process.interrupt()
    events = await asyncio.wait_for(running, 5)
    assert kinds(events) == ["agent_reported", "agent_finished"]
    assert finished(events).stopped
    assert claude.model.requests == []
    assert finished(await say(process, "hello")).text == "You said: hello"


async def test_an_interrupt_between_turns_hurts_nothing(claude: Claude) -> None:
    process = await claude.open()
    await process.interrupt()
    end = finished(await say(process, "hello"))
    assert (end.stopped, end.text) == (False, "You said: hello")


async def test_compacting_is_told_and_keeps_the_session(claude: Claude) -> None:
    process = await claude.open()
    nothing = await say(process, "/compact")
    assert finished(nothing).text == "There is nothing to compact yet."
    await say(process, "hello")
    events = await say(process, "/compact")
    compacted = only(events, Compacted)[0]
    assert not compacted.automatic
    assert (compacted.tokens_before or 0) > (compacted.tokens_after or 0) > 0
    assert finished(events).usage.cost_usd > 0
    assert finished(events).context_tokens == compacted.tokens_after
    assert not finished(events).error
    reported = only(await say(process, "hello"), AgentReported)
    assert [report.session_id for report in reported] == [process.session_id]


async def test_a_failed_compaction_is_an_error(claude: Claude) -> None:
    process = await claude.open()
    await say(process, "hello")
    claude.model.script = lambda _: Fail(500)
    end = finished(await say(process, "/compact"))
    assert "could not be compacted" in end.error
    assert process.alive


async def test_an_automatic_compaction_is_told_within_the_turn(
    claude: Claude, model: LoopbackModel
) -> None:
    def script(request: ModelRequest) -> Reply:
        if request.kind == "compact":
            return [Say("<summary>We talked.</summary>")]
        return [Envelope(input_tokens=990_000), Say("Long.")]

    model.script = script
    process = await claude.open()
    await say(process, "one")
    events = await say(process, "two")
    assert [compacted.automatic for compacted in only(events, Compacted)][:1] == [True]
    assert finished(events).text == "Long."


REFUSALS = {
    401: "ANTHROPIC_API_KEY",
    403: "ANTHROPIC_API_KEY",
    404: "/model",
    413: "/compact",
    429: "limit is reached",
    500: "server failed with 500",
    529: "overloaded",
}


async def test_a_refusal_of_the_models_server_says_what_to_do(claude: Claude) -> None:
    process = await claude.open()
    for status, words in REFUSALS.items():
        end = finished(await say(process, f"fail {status}"))
        assert words in end.error
        assert not end.stopped
        assert "API Error" not in end.error
    assert finished(await say(process, "hello")).text == "You said: hello"


async def test_waiting_for_the_limit_is_told(
    claude: Claude, model: LoopbackModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_CODE_MAX_RETRIES", "2")
    model.script = replies([Fail(429, retry_after=0.1)], [Say("At last.")])
    events = await say(await claude.open(), "hello")
    assert [event.reached for event in only(events, RateLimited)] == [True]
    assert finished(events).text == "At last."


async def test_a_model_that_does_not_answer_is_told_while_the_agent_tries_again(
    claude: Claude, model: LoopbackModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_CODE_MAX_RETRIES", "2")
    model.script = replies([Fail(529)], [Say("At last.")])
    events = await say(await claude.open(), "hello")
    assert [(event.attempt, event.attempts) for event in only(events, Retrying)] == [(1, 2)]
    assert finished(events).text == "At last."


@pytest.mark.parametrize(("status", "reached"), [("allowed_warning", False), ("rejected", True)])
async def test_the_limit_of_a_subscription_is_told(
    claude: Claude,
    model: LoopbackModel,
    monkeypatch: pytest.MonkeyPatch,
    status: str,
    reached: bool,
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.setenv("CLAUDE_CODE_OAUTH_TOKEN", "loopback")
    resets_at = int(time.time()) + 3600
    prefix = "anthropic-ratelimit-unified"
    headers = {
        f"{prefix}-status": status,
        f"{prefix}-reset": str(resets_at),
        f"{prefix}-representative-claim": "five_hour",
        f"{prefix}-5h-utilization": "0.91",
        f"{prefix}-5h-reset": str(resets_at),
        f"{prefix}-5h-surpassed-threshold": "0.9",
    }
    model.script = replies([Envelope(headers=headers), Say("Yes.")])
    events = await say(await claude.open(), "hello")
    assert only(events, RateLimited) == [RateLimited(reached=reached, resets_at=resets_at)]


async def test_text_of_a_connection_that_broke_is_taken_back(
    claude: Claude, model: LoopbackModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_CODE_MAX_RETRIES", "2")
    model.script = replies([Say("one two"), Drop()], [Say("three")])
    events = await say(await claude.open(), "hello")
    shown = ""
    for event in events:
        if isinstance(event, TextDelta):
            shown += event.text
        elif isinstance(event, TextBlock):
            assert event.text in ("", shown)
            shown = ""
    assert finished(events).text == "three"


async def test_no_login_says_how_to_log_in(claude: Claude, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    end = finished(await say(await claude.open(), "hello"))
    assert "claude` once and log in" in end.error
    assert "ANTHROPIC_API_KEY" in end.error


async def test_model_and_mode_change_on_the_live_process(claude: Claude) -> None:
    process = await claude.open()
    await say(process, "hello")
    usual = claude.model.requests[-1].model
    await process.configure(model="claude-haiku-4-5", mode="acceptEdits")
    person = Person()
    target = claude.workspace / "new.txt"
    await say(process, use("Write", file_path=str(target), content="x"), person=person)
    assert claude.model.requests[-1].model == "claude-haiku-4-5"
    assert target.read_text() == "x"
    assert not person.approvals
    await process.configure(model=None, mode=None)
    again = claude.workspace / "again.txt"
    await say(process, use("Write", file_path=str(again), content="x"), person=person)
    assert claude.model.requests[-1].model == usual
    assert len(person.approvals) == 1


async def test_the_default_model_is_the_default_again_after_resuming(claude: Claude) -> None:
    session = claude.session(model="claude-haiku-4-5")
    process = await claude.open(session)
    await say(process, "hello")
    await process.close()
    default = session.model_copy(update={"model": None})
    process = await claude.open(default, resume=True)
    await say(process, "hello")
    await process.close()
    (claude.home / ".claude" / "settings.json").write_text('{"model": "claude-sonnet-4-5"}')
    await say(await claude.open(default, resume=True), "hello")
    first, second, third = (request.model for request in claude.model.requests)
    assert first == "claude-haiku-4-5"
    assert second not in ("claude-haiku-4-5", "claude-sonnet-4-5")
    assert third == "claude-sonnet-4-5"


async def test_allowed_tools_and_further_folders_ask_nothing(
    claude: Claude, tmp_path: Path
) -> None:
    more = tmp_path / "more"
    more.mkdir()
    (more / "a.txt").write_text("milk")
    rules = ["Bash(touch made.txt)", "WebSearch"]
    process = await claude.open(allowed_tools=rules, add_dirs=[more, tmp_path / "none"])
    person = Person(decision=Decision.DENY)
    await say(process, use("Bash", command="touch made.txt"), person=person)
    assert (claude.workspace / "made.txt").exists()
    events = await say(process, use("Read", file_path=str(more / "a.txt")), person=person)
    assert "milk" in finished(events).text
    assert not person.approvals


async def test_a_mode_that_does_not_exist_is_refused_in_plain_words(claude: Claude) -> None:
    process = await claude.open()
    with pytest.raises(AgentError, match="refuses this setting"):
        await process.configure(model=None, mode="reckless")
    assert finished(await say(process, "hello")).text == "You said: hello"


async def test_a_picture_reaches_the_model_and_another_file_its_path(
    claude: Claude, tmp_path: Path
) -> None:
    picture, table = tmp_path / "p.png", tmp_path / "t.csv"
    picture.write_bytes(PNG)
    table.write_text("a,b")
    process = await claude.open()
    await say(
        process,
        "look",
        Attachment(name="p.png", media_type="image/png", path=picture),
        Attachment(name="t.csv", media_type="text/csv", path=table),
    )
    request = claude.model.requests[-1]
    assert [kind for kind, _ in request.images] == ["image/png"]
    assert str(table) in request.prompt
    assert "look" in request.prompt
    assert claude.model.problems == []


async def test_a_file_that_only_claims_to_be_a_picture_is_named_by_its_path(
    claude: Claude, tmp_path: Path
) -> None:
    fake = tmp_path / "fake.png"
    fake.write_text("no picture at all")
    process = await claude.open()
    attachment = Attachment(name="fake.png", media_type="image/png", path=fake)
    end = finished(await say(process, "look", attachment))
    assert not end.error
    assert claude.model.requests[-1].images == []
    assert str(fake) in claude.model.requests[-1].prompt


async def test_reading_the_file_that_came_with_the_prompt_asks_nothing(
    claude: Claude, tmp_path: Path
) -> None:
    table = tmp_path / "t.csv"
    table.write_text("a,b")
    process = await claude.open()
    person = Person(decision=Decision.DENY)
    text = use("Read", file_path=str(table))
    attachment = Attachment(name="t.csv", media_type="text/csv", path=table)

    def script(request: ModelRequest) -> Reply:
        if request.tool_results:
            return request.tool_results[-1].text
        return [Use("Read", {"file_path": str(table)})]

    claude.model.script = script
    assert "a,b" in finished(await say(process, text, attachment, person=person)).text
    assert not person.approvals


async def test_tools_that_reach_other_sessions_are_not_there(claude: Claude) -> None:
    await say(await claude.open(), "hello")
    body = claude.model.requests[-1].body
    tools = {tool["name"] for tool in body["tools"]}
    assert not tools & {"ListAgents", "SendMessage", "ScheduleWakeup", "Monitor", "CronCreate"}
    assert "SendMessage" not in str(body["messages"])


async def test_a_path_in_a_prompt_is_not_read_behind_the_users_back(
    claude: Claude, tmp_path: Path
) -> None:
    (tmp_path / "outside.txt").write_text("the-secret-word")
    process = await claude.open()
    await say(process, f"what is in @{tmp_path}/outside.txt")
    assert "the-secret-word" not in str(claude.model.requests[-1].body)


async def test_what_looks_like_a_command_of_the_program_reaches_the_model_as_text(
    claude: Claude,
) -> None:
    process = await claude.open()
    await say(process, "my number is 42")
    for text in ("/clear", "/context", "/etc/hosts is what?"):
        assert finished(await say(process, text)).text == f"You said: {text}"
    assert "42" in finished(await say(process, "recall")).text


async def test_a_prompt_that_the_program_passes_over_in_silence_is_an_error(
    claude: Claude, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("palaver.agents.claude.turn._TAKES_WITHIN_S", 0.5)
    process = await claude.open()
    turn_id = uuid4()
    await say(process, "hello", turn_id=turn_id)
    with pytest.raises(AgentHungError, match="passes over the prompt"):
        await asyncio.wait_for(say(process, "hello", turn_id=turn_id), 10)
    assert len(claude.model.requests) == 1
    assert not process.alive


async def test_a_sub_agents_words_are_not_the_answer(claude: Claude, model: LoopbackModel) -> None:
    def script(request: ModelRequest) -> Reply:
        if request.tool_results:
            return [Say("The sub-agent is done.")]
        if "investigate" in request.prompt:
            return [Say("I am the sub-agent.")]
        given = {
            "description": "look",
            "prompt": "investigate",
            "subagent_type": "general-purpose",
        }
        return [Use("Task", given)]

    model.script = script
    events = await say(await claude.open(), "hello")
    assert "".join(delta.text for delta in only(events, TextDelta)) == "The sub-agent is done."
    assert [block.text for block in only(events, TextBlock)] == ["The sub-agent is done."]
    assert [tool.summary for tool in only(events, ToolStarted)] == ["look"]
    assert finished(events).text == "The sub-agent is done."


async def test_what_background_work_says_later_does_not_leak_into_the_next_turn(
    claude: Claude, model: LoopbackModel
) -> None:
    told = asyncio.Event()

    def script(request: ModelRequest) -> Reply:
        if request.tool_results:
            return [Say("Started.")]
        if not request.prompt:  # the program tells the model that the command has ended
            told.set()
            return [Say("noise " * 20, words_per_chunk=1, delay_s=0.02)]
        if request.prompt.endswith("go"):
            return [Use("Bash", {"command": "sleep 0.2; true", "run_in_background": True})]
        return [Say("The second answer.")]

    model.script = script
    process = await claude.open(background_tasks=True)
    assert finished(await say(process, "go")).text == "Started."
    await asyncio.wait_for(told.wait(), 10)
    events = await say(process, "and now")
    assert "".join(delta.text for delta in only(events, TextDelta)) == "The second answer."
    assert finished(events).text == "The second answer."


async def test_an_accepted_plan_is_carried_out_and_a_remark_sends_it_back(
    claude: Claude, model: LoopbackModel
) -> None:
    def script(request: ModelRequest) -> Reply:
        results = [result.tool for result in request.tool_results]
        if not results:
            plan_file = re.search(r"/\S+/plans/[\w-]+\.md", str(request.body))
            assert plan_file
            return [Use("Write", {"file_path": plan_file[0], "content": "1. Paint it red"})]
        if results == ["Write"]:
            return [Use("ExitPlanMode", {})]
        return [Say(f"It says: {request.tool_results[-1].text}")]

    model.script = script
    session = claude.session(mode="plan")
    process = await claude.open(session)
    person = Person(plan=PlanAnswer(accepted=False, remark="make it blue"))
    events = await say(process, "plan it", person=person)
    assert person.plans == ["1. Paint it red"]
    assert "make it blue" in finished(events).text
    assert not person.approvals
    [written] = only(events, ToolStarted)
    assert (written.tool, written.file) == ("Write", "")
    assert [tool.tool_id for tool in only(events, ToolFinished)] == [written.tool_id]

    await process.close()
    model.script = replies([Use("ExitPlanMode", {})], [Say("I begin.")])
    resumed = await claude.open(session, resume=True)
    willing = Person(plan=PlanAnswer(accepted=True))
    assert finished(await say(resumed, "go on", person=willing)).text == "I begin."
    assert willing.plans == ["1. Paint it red"]
