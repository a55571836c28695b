"""The tool with which the agent hands the user a file of the workspace."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import claude_agent_sdk as sdk

from palaver.agents.claude.options import FILE_SERVER, FILE_TOOL

_DESCRIPTION = (
    "Send the user a file of the workspace through the chat. Use it when the user wants to have "
    "a file, or when a picture or a document says it better than text."
)
_SCHEMA = {
    "type": "object",
    "properties": {
        "path": {"type": "string", "description": "The file, absolute or from the workspace"},
        "caption": {"type": "string", "description": "One line that goes with it"},
    },
    "required": ["path"],
}


class NotSentError(Exception):
    """Raised when a file cannot be sent; its text is for the agent."""


def server(send: Callable[[Mapping[str, Any]], Awaitable[str]]) -> sdk.McpSdkServerConfig:
    """An MCP server in this process with the one tool.

    Args:
        send: takes the tool's arguments, returns what to tell the agent, raises `NotSentError`.
    """

    @sdk.tool(FILE_TOOL, _DESCRIPTION, _SCHEMA)
    async def send_file(arguments: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"content": [{"type": "text", "text": await send(arguments)}]}
        except NotSentError as error:
            return {"content": [{"type": "text", "text": str(error)}], "is_error": True}

    return sdk.create_sdk_mcp_server(FILE_SERVER, tools=[send_file])


def inside(workspace: Path, path: str) -> Path:
    """The file that is meant, all links resolved. Blocking.

    Raises:
        NotSentError: if it is no file, or not in the workspace.
    """
    root = workspace.resolve()
    file = (root / path).resolve()
    if not file.is_relative_to(root):
        raise NotSentError(f"{path} is not in the workspace; copy it there first.")
    if not file.is_file():
        raise NotSentError(f"There is no file {path}.")
    return file
