"""The real Claude Code, run against the loopback model."""

import asyncio
import struct
import zlib
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from claude_agent_sdk import (
    AssistantMessage,
    ClaudeAgentOptions,
    ClaudeSDKClient,
    PermissionResultAllow,
    PermissionResultDeny,
    ResultMessage,
    StreamEvent,
    TextBlock,
    ToolPermissionContext,
)

from palaver.testing.model import Drop, Fail, LoopbackModel, replies


@pytest.fixture
async def model() -> AsyncIterator[LoopbackModel]:
    async with LoopbackModel() as served:
        yield served
    assert served.problems == []
    assert psutil.Process().children(recursive=True) == []


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a short path: Claude Code keeps a socket in it."""
    return tmp_path_factory.mktemp("h")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return tmp_path


class Talk:
    """One open Claude Code, asked one thing after another."""

    def __init__(self, client: ClaudeSDKClient) -> None:
        self.client = client
        self.deltas: list[str] = []
        self.streaming = asyncio.Event()
        self.result: ResultMessage

    async def say(self, prompt: str | list[dict[str, Any]]) -> str:
        """Everything the assistant said to this prompt."""
        await self.client.query(_message(prompt))
        return await self.listen()

    async def listen(self) -> str:
        said = []
        self.deltas = []
        async for message in self.client.receive_response():
            match message:
                case AssistantMessage(content=content):
                    said += [block.text for block in content if isinstance(block, TextBlock)]
                case StreamEvent(event=event) if "text" in event.get("delta", {}):
                    self.deltas.append(event["delta"]["text"])
                    self.streaming.set()
                case ResultMessage():
                    self.result = message
        return "\n".join(said)


async def _message(content: str | list[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
    yield {
        "type": "user",
        "message": {"role": "user", "content": content},
        "parent_tool_use_id": None,
    }


def options(model: LoopbackModel, home: Path, workspace: Path, **more: Any) -> ClaudeAgentOptions:
    return ClaudeAgentOptions(
        cwd=workspace,
        env={**model.environment(home), "CLAUDE_CODE_MAX_RETRIES": "1"},
        setting_sources=[],
        include_partial_messages=True,
        **more,
    )


async def test_converses_uses_tools_and_compacts_as_with_a_real_model(
    model: LoopbackModel, home: Path, workspace: Path
) -> None:
    allowed = True

    async def decide(
        tool: str, given: dict[str, Any], context: ToolPermissionContext
    ) -> PermissionResultAllow | PermissionResultDeny:
        return PermissionResultAllow() if allowed else PermissionResultDeny(message="Not today.")

    async with ClaudeSDKClient(options(model, home, workspace, can_use_tool=decide)) as client:
        talk = Talk(client)
        assert await talk.say("Remember the number 42") == "I'll remember the number 42."
        assert "".join(talk.deltas) == "I'll remember the number 42."
        assert model.requests[-1].directory == str(workspace)
        assert "I have written a.txt." in await talk.say("Write a file a.txt with good day")
        assert (workspace / "a.txt").read_text() == "good day"
        assert "```\nhi\n```" in await talk.say("run echo hi > b.txt; cat b.txt")
        allowed = False
        denied = await talk.say("Write a file c.txt with evil")
        assert "I was not allowed to write c.txt: Not today." in denied
        assert not (workspace / "c.txt").exists()
        await talk.say("/compact")
        assert [request.kind for request in model.requests].count("compact") == 1
        assert await talk.say("What number did I tell you?") == "You told me the number 42."
        assert len(model.requests[-1].history) < 6
    assert model.side_requests == []


async def test_a_resumed_session_remembers_and_a_new_one_does_not(
    model: LoopbackModel, home: Path, workspace: Path
) -> None:
    async with ClaudeSDKClient(options(model, home, workspace)) as client:
        talk = Talk(client)
        await talk.say("Remember the number 42")
        session = talk.result.session_id
    async with (
        ClaudeSDKClient(options(model, home, workspace, resume=session)) as resumed,
        ClaudeSDKClient(options(model, home, workspace)) as fresh,
    ):
        assert await Talk(resumed).say("What number was it?") == "You told me the number 42."
        assert "I don't recall" in await Talk(fresh).say("What number was it?")
    assert list((home / ".claude" / "projects").glob(f"*/{session}.jsonl"))


async def test_a_slow_answer_streams_and_can_be_interrupted(
    model: LoopbackModel, home: Path, workspace: Path
) -> None:
    async with ClaudeSDKClient(options(model, home, workspace)) as client:
        talk = Talk(client)
        await client.query("Count slowly")
        listening = asyncio.create_task(talk.listen())
        await asyncio.wait_for(talk.streaming.wait(), 10)
        await client.interrupt()
        said = await asyncio.wait_for(listening, 5)
        assert said.startswith("Slowly,")
        assert "done" not in said
        assert talk.result.terminal_reason == "aborted_streaming"
        assert await talk.say("hello") == "Hello! You said: hello"
        assert [text for role, text in model.requests[-1].history if role == "user"] == [
            "Count slowly",
            "hello",
        ]


async def test_a_refusal_and_a_cut_are_retried_and_the_last_failure_is_told(
    model: LoopbackModel, home: Path, workspace: Path
) -> None:
    model.script = replies(
        Fail(529, message="Overloaded"),
        "after the refusal",
        ["half an ans", Drop()],
        "after the cut",
        Fail(404, message="no such model"),
        Fail(404, message="no such model"),
    )
    async with ClaudeSDKClient(options(model, home, workspace)) as client:
        talk = Talk(client)
        assert await talk.say("one") == "after the refusal"
        assert await talk.say("two") == "after the cut"
        assert talk.deltas[0].startswith("half")
        assert "selected model" in await talk.say("three")
        assert (talk.result.is_error, talk.result.api_error_status) == (True, 404)


async def test_an_image_reaches_the_model(
    model: LoopbackModel, home: Path, workspace: Path
) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": b64encode(_png()).decode()}
    look: dict[str, Any] = {"type": "text", "text": "Look!"}
    async with ClaudeSDKClient(options(model, home, workspace)) as client:
        assert (
            await Talk(client).say([look, {"type": "image", "source": source}])
            == "Hello! You said: Look! I see 1 image."
        )
    assert model.requests[-1].images == [("image/png", _png())]


async def test_claude_code_keeps_even_its_socket_and_scratch_files_in_the_home(
    model: LoopbackModel, home: Path, workspace: Path
) -> None:
    async with ClaudeSDKClient(options(model, home, workspace)) as client:
        await Talk(client).say("hello")
        (process,) = psutil.Process().children()
        sockets = [Path(path) for c in process.net_connections("unix") if (path := str(c.laddr))]
        assert sockets
        assert [path for path in sockets if not path.is_relative_to(home)] == []
    made = {path.name.partition("-")[0] for path in home.iterdir()}  # noqa: ASYNC240
    assert made <= {".claude", "cc", "claude"}
    assert model.requests[0].headers["x-api-key"] == "loopback"


def _png() -> bytes:
    """The smallest of pictures: one grey pixel."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0\x80", 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
