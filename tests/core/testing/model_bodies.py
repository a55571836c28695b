"""Requests to the Messages API, in few words."""

from typing import Any

from palaver.testing.model import ModelRequest


def body(*messages: Any, **more: Any) -> dict[str, Any]:
    said = [m if isinstance(m, dict) else {"role": "user", "content": m} for m in messages]
    return {"model": "claude-test", "max_tokens": 100, "messages": said, "stream": True, **more}


def assistant(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def tool_use(call: str, tool: str = "Bash", **given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": call, "name": tool, "input": given}


def tool_result(call: str, said: str = "done", *, is_error: bool = False) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call, "content": said, "is_error": is_error}


def request(*messages: Any, **more: Any) -> ModelRequest:
    return ModelRequest(body(*messages, **more), {}, 0.0)


def image(media_type: str, data: str) -> dict[str, Any]:
    source = {"type": "base64", "media_type": media_type, "data": data}
    return {"type": "image", "source": source}
