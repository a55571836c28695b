"""The tool with which the agent hands the user a file of the workspace."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import claude_agent_sdk as sdk

from palaver.agents.claude.options import FILE_SERVER, FILE_TOOL
from palaver.outbox import NotSentError

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
