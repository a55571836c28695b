"""What the frontend brings into a process that serves."""

import subprocess
import sys

_TOLD = """
import sys
import palaver_telegram.frontend
print(sorted({"httpx", "rich.console", "pygments", "claude_agent_sdk"} & set(sys.modules)))
"""


def test_a_server_has_no_command_line_client_in_its_memory() -> None:
    told = subprocess.run([sys.executable, "-c", _TOLD], capture_output=True, check=True, text=True)
    assert told.stdout.strip() == "['httpx']"
