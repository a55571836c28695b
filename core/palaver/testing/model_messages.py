"""What a model is asked and what it answers, as the Messages API writes them.

Everything here is plain data: `ModelRequest` reads a request of Claude Code, the blocks
(`Say`, `Think`, `Use` ...) say what to answer. `palaver.testing.model` moves them over HTTP.
"""

import base64
import re
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

Kind = Literal["turn", "compact", "side"]

# Claude Code wraps what it adds to the user's words in these tags (seen with CLI 2.1.330).
_REMINDERS = re.compile(
    r"<(system-reminder|local-command-caveat|local-command-stdout|local-command-stderr"
    r"|command-name|command-message|command-args)>.*?</\1>",
    re.DOTALL,
)
_SUMMARY = "This session is being continued from a previous conversation"
_NOTIFICATION = "<task-notification>"
# What Claude Code says in the user's place: after an interruption, about an image or a tool it
# loaded, and to have a reply resumed.
_INTERRUPTED = "[Request interrupted by user"
_NOTES = re.compile(r"\[(?:Request interrupted by user|Image: source: |Image: original )[^\]]*\]")
_OTHERS_WORDS = (
    "Tool loaded.",
    "Your response above was cut off mid-stream.",
    "Your response above was stopped by a safety classifier",
    "Output token limit hit.",
)
_COMPACTION = re.compile(
    r"\A\s*CRITICAL: Respond with TEXT ONLY.*Your task is to create a detailed summary", re.DOTALL
)
_DIRECTORY = re.compile(r"^ *-? *(?:Primary working|Working) directory: *(.+?) *$", re.MULTILINE)


@dataclass(frozen=True)
class Say:
    """Text of the answer, streamed `words_per_chunk` words at a time.

    `delay_s` seconds pass before each chunk, the first too.
    """

    text: str
    words_per_chunk: int = 8
    delay_s: float = 0.0


@dataclass(frozen=True)
class Think:
    """A thinking block, streamed like `Say`."""

    text: str
    words_per_chunk: int = 8
    delay_s: float = 0.0


@dataclass(frozen=True)
class Use:
    """A call of the tool named `tool`; the reply's stop reason becomes `tool_use`."""

    tool: str
    input: Mapping[str, Any]
    id: str = field(default_factory=lambda: "toolu_" + secrets.token_hex(12))


@dataclass(frozen=True)
class Fail:
    """An error: an HTTP status before anything was streamed, an `error` event after that.

    `type` is the API's name of the error; by default the one that belongs to `status`.
    `retry_after` is in seconds.
    """

    status: int
    type: str | None = None
    message: str = "scripted failure"
    retry_after: float | None = None


@dataclass(frozen=True)
class Hang:
    """Nothing more: the connection stays open, without a byte, until the other side leaves.

    Like `Drop` and `Fail` it breaks off inside the block before it, whose end is never sent.
    """


@dataclass(frozen=True)
class Drop:
    """The connection is cut here, in the middle of the answer or before its first byte."""


@dataclass(frozen=True)
class Raw:
    """Bytes put into the stream as they are, for answers that are not well formed."""

    data: bytes


@dataclass(frozen=True)
class Wait:
    """`seconds` pass before the next block."""

    seconds: float


@dataclass(frozen=True)
class Envelope:
    """What the reply says about itself instead of what would be worked out for it.

    Tokens feed Claude Code's cost, context size and automatic compaction; headers carry
    rate limits (`anthropic-ratelimit-unified-status` ...). It may stand anywhere in a reply.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    stop_reason: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


Block = Say | Think | Use | Fail | Hang | Drop | Raw | Wait | Envelope
Reply = Block | str | Sequence[Block | str]
"""One block or several; a plain string is the same as `Say`."""


def reply_blocks(reply: Reply) -> list[Block]:
    """The blocks of a reply in whichever form a script gave it."""
    if isinstance(reply, str):
        return [Say(reply)]
    if isinstance(reply, Sequence):
        return [Say(block) if isinstance(block, str) else block for block in reply]
    return [reply]


@dataclass(frozen=True)
class ToolResult:
    """What became of a tool call that an earlier reply asked for."""

    id: str
    text: str
    is_error: bool
    tool: str
    input: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class ModelRequest:
    """One request to the model.

    `received` is `time.perf_counter()` at the moment the whole request was here.
    """

    body: dict[str, Any]
    headers: Mapping[str, str]
    received: float

    @property
    def model(self) -> str:
        """The name of the model asked for."""
        return str(self.body.get("model", ""))

    @cached_property
    def history(self) -> list[tuple[Literal["user", "assistant"], str]]:
        """All that user and assistant have said, oldest first, the newest prompt included.

        Without what Claude Code adds (reminders, tool results, notes of an interruption); the
        summary left by a compaction counts as the user's.
        """
        return [
            (message["role"], text)
            for message in self._messages
            if message["role"] in ("user", "assistant")
            for text in _own_texts(message)
        ]

    @cached_property
    def prompt(self) -> str:
        """The newest of the user's own words, also while tools are being used for them.

        `""` where they are not what this request is about: with an image alone, and when Claude
        Code tells the model that a background task has ended.
        """
        for run in self._user_runs():
            texts = [text for message in run for text in _own_texts(message)]
            own = [text for text in texts if not text.startswith(_SUMMARY)]
            if own or _images(run) or _notifies(run):
                return "\n".join(own)
        return ""

    @cached_property
    def tool_results(self) -> list[ToolResult]:
        """The results that this request brings, so none from before the newest prompt."""
        uses = {block["id"]: block for _, block in self._blocks("tool_use")}
        newest: list[dict[str, Any]] = []
        for message in next(self._user_runs(), []):
            for block in _blocks(message):
                if block["type"] == "tool_result":
                    newest.append(block)
                elif _INTERRUPTED in block.get("text", ""):
                    # The result of a call that was interrupted goes before the next prompt.
                    newest.clear()
        return [_tool_result(block, uses.get(block["tool_use_id"], {})) for block in newest]

    @cached_property
    def images(self) -> list[tuple[str, bytes]]:
        """Media type and content of the images that came with the newest user message."""
        return _images(next(self._user_runs(), []))

    @cached_property
    def kind(self) -> Kind:
        """`compact` asks for a summary, `side` is no part of the conversation.

        A side request is one of Claude Code's own: a probe of one token, or an answer in a
        fixed JSON schema without any tools (titles and the like).
        """
        if _COMPACTION.match(self.prompt):
            return "compact"
        schema = "format" in (self.body.get("output_config") or {})
        probe = self.body.get("max_tokens") == 1
        return "side" if probe or (schema and not self.body.get("tools")) else "turn"

    @cached_property
    def directory(self) -> str | None:
        """The agent's working directory, if the request tells it."""
        texts = [*_texts({"content": self.body.get("system") or []})]
        for message in self._messages:
            texts += _texts(message)
        found = [match[1] for text in texts if (match := _DIRECTORY.search(text))]
        return found[-1] if found else None

    @property
    def _messages(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self.body["messages"]
        return messages

    def _blocks(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for message in self._messages:
            for block in _blocks(message):
                if block["type"] == kind:
                    yield message["role"], block

    def _user_runs(self) -> Iterator[list[dict[str, Any]]]:
        """User messages in a row without assistant words between them, the newest run first."""
        run: list[dict[str, Any]] = []
        for message in reversed(self._messages):
            if message["role"] == "user":
                run.insert(0, message)
            elif message["role"] == "assistant" and run:
                yield run
                run = []
        if run:
            yield run


Script = Callable[[ModelRequest], Reply | Awaitable[Reply]]
"""Answers a request; asked for turns and for compactions, never for side requests."""


def _blocks(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    content = message["content"]
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return list(content)


def _texts(message: Mapping[str, Any]) -> list[str]:
    return [block["text"] for block in _blocks(message) if block["type"] == "text"]


def _own_texts(message: Mapping[str, Any]) -> list[str]:
    """The texts of a message without what Claude Code put around or between them."""
    texts = (_REMINDERS.sub("", text) for text in _texts(message))
    stripped = (_NOTES.sub("", text).strip() for text in texts)
    return [text for text in stripped if text and not text.startswith(_OTHERS_WORDS)]


def _images(run: Sequence[Mapping[str, Any]]) -> list[tuple[str, bytes]]:
    blocks = (block for message in run for block in _blocks(message))
    sources = [block["source"] for block in blocks if block["type"] == "image"]
    return [
        (source["media_type"], base64.b64decode(source["data"]))
        for source in sources
        if source["type"] == "base64"
    ]


def _notifies(run: Sequence[Mapping[str, Any]]) -> bool:
    return any(_NOTIFICATION in text for message in run for text in _texts(message))


def _tool_result(block: Mapping[str, Any], use: Mapping[str, Any]) -> ToolResult:
    content = block.get("content") or ""
    text = content if isinstance(content, str) else "\n".join(_texts({"content": content}))
    return ToolResult(
        id=block["tool_use_id"],
        text=_REMINDERS.sub("", text).strip(),
        is_error=bool(block.get("is_error")),
        tool=str(use.get("name", "")),
        input=use.get("input") or {},
    )
