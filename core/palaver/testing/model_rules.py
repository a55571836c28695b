"""What the Messages API refuses, so that the loopback model refuses it too."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any


def request_problem(body: object) -> str | None:
    """Why the Messages API would refuse this body; `None` if it would not.

    The rules are those of the API reference (https://docs.claude.com/en/api/messages) that a
    client can break by mixing up a conversation: roles, content blocks, and that each tool
    call is answered in the very next message, once.
    """
    if not isinstance(body, dict):
        return "the body must be a JSON object"
    if not isinstance(body.get("model"), str) or not body["model"]:
        return "model: Field required"
    if not isinstance(body.get("max_tokens"), int) or body["max_tokens"] < 1:
        return "max_tokens: must be a positive integer"
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        return "messages: at least one message is required"
    for index, message in enumerate(messages):
        if problem := _message_problem(message):
            return f"messages.{index}: {problem}"
    return _pairing_problem(messages)


def _message_problem(message: object) -> str | None:
    if not isinstance(message, dict) or message.get("role") not in ("user", "assistant", "system"):
        return "role must be user, assistant or system"
    content = message.get("content")
    if isinstance(content, str):
        return None if content else "content must not be empty"
    if content == [] and message["role"] == "system":
        # A change of settings in mid-conversation, as Claude Code 2.1.330 sends after a compaction.
        return None
    if not isinstance(content, list) or not content:
        return "content must be a string or a list of blocks"
    return next(filter(None, map(_block_problem, content)), None)


def _block_problem(block: object) -> str | None:
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        return "a content block must be an object with a type"
    needed = {
        "text": ("text",),
        "tool_use": ("id", "name", "input"),
        "tool_result": ("tool_use_id",),
        "image": ("source",),
        "thinking": ("thinking", "signature"),
    }.get(block["type"], ())
    missing = [name for name in needed if name not in block]
    if missing:
        return f"{block['type']}.{missing[0]}: Field required"
    if block["type"] == "text" and not block["text"].strip():
        return "text content blocks must contain non-whitespace text"
    return _image_problem(block["source"]) if block["type"] == "image" else None


def _image_problem(source: object) -> str | None:
    if not isinstance(source, dict) or source.get("type") not in ("base64", "url", "file"):
        return "image.source: unknown type"
    if source["type"] != "base64":
        return None
    if source.get("media_type") not in ("image/png", "image/jpeg", "image/gif", "image/webp"):
        return "image.source.base64.media_type: not a supported image type"
    try:
        base64.b64decode(source.get("data", ""), validate=True)
    except (binascii.Error, TypeError, ValueError):
        return "image.source.base64.data: not valid base64"
    return None


def _pairing_problem(messages: Sequence[Mapping[str, Any]]) -> str | None:
    """Whether each tool call is answered right after it, and nothing else is answered."""
    open_calls: set[str] = set()
    before = ""
    for index, message in enumerate(messages):
        role = message["role"]
        if role == "system":
            continue
        if role == "assistant" and before == "user" and open_calls:
            break
        results = _ids(message, "tool_result", "tool_use_id")
        if results - open_calls:
            return f"messages.{index}: unexpected `tool_use_id` found in `tool_result` blocks"
        open_calls = (open_calls - results) | _ids(message, "tool_use", "id")
        before = role
    if open_calls:
        return "`tool_use` ids were found without `tool_result` blocks immediately after"
    return None


def _ids(message: Mapping[str, Any], kind: str, key: str) -> set[str]:
    content = message["content"]
    if isinstance(content, str):
        return set()
    return {block[key] for block in content if block["type"] == kind}
