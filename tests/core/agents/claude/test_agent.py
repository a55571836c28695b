"""The agent as a whole: its start, and what `palaver doctor` is told."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.agents.claude.conftest import Claude, finished, say
from palaver.agents.claude.agent import ClaudeAgent
from palaver.agents.claude.failures import crashed, turn_failure
from palaver.agents.claude.settings import ClaudeSettings
from palaver.agents.contract import Health
from palaver.config import PoolSettings


def health(found: list[Health], name: str) -> Health:
    return next(item for item in found if item.name == name)


def test_importing_the_agent_is_light() -> None:
    code = (
        "import sys, palaver.agents.claude.agent;"
        "print([m for m in sys.modules if m.split('.')[0] in ('claude_agent_sdk', 'mcp', 'anyio')])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


async def test_the_first_session_needs_no_preparation(claude: Claude) -> None:
    agent = claude.agent()
    await agent.prepare()
    await agent.prepare()
    assert finished(await say(await claude.open(), "hello")).text


def test_settings_of_the_table_are_the_agents(tmp_path: Path) -> None:
    assert ClaudeAgent.settings_model is ClaudeSettings
    assert ClaudeAgent(PoolSettings(max_warm=7), tmp_path).settings.max_warm == 7
    with pytest.raises(ValueError, match="permission_mode"):
        ClaudeSettings.model_validate({"permission_mode": "reckless"})
    with pytest.raises(ValueError, match="PALAVER_PLUGINS__X__TOKEN is Palaver's own"):
        ClaudeSettings.model_validate({"environment": ["PALAVER_PLUGINS__X__TOKEN"]})
    with pytest.raises(ValueError, match="cli"):
        ClaudeSettings.model_validate({"cli": "claude"})


async def test_a_sound_installation_is_called_sound(claude: Claude) -> None:
    found = await claude.agent().examine()
    assert [item.ok for item in found] == [True] * len(found)
    assert health(found, "claude version").detail.count(".") == 2
    assert health(found, "claude program").detail.endswith("claude")


async def test_a_missing_program_is_told_with_what_to_do(claude: Claude, tmp_path: Path) -> None:
    found = await claude.agent(cli_path=tmp_path / "none").examine()
    program = health(found, "claude program")
    assert program.ok is False
    assert "cli_path" in program.hint


async def test_an_old_program_is_told_with_what_to_do(claude: Claude, tmp_path: Path) -> None:
    program = tmp_path / "old"
    program.write_text('#!/bin/sh\necho "1.0.0 (Claude Code)"\n')
    program.chmod(0o755)
    version = health(await claude.agent(cli_path=program).examine(), "claude version")
    assert version.ok is False
    assert "1.0.0" in version.detail
    assert "claude update" in version.hint


async def test_a_login_is_found_wherever_it_is(
    claude: Claude, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = claude.agent()
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    login = health(await agent.examine(), "claude login")
    assert login.ok is not True
    assert "ANTHROPIC_API_KEY" in login.hint
    folder = claude.home / ".claude"
    folder.mkdir(exist_ok=True)
    credentials = folder / ".credentials.json"
    credentials.write_text(json.dumps({"claudeAiOauth": {"accessToken": "secret-token"}}))
    login = health(await agent.examine(), "claude login")
    assert login.ok
    assert "secret-token" not in str(login)
    credentials.write_text("broken")
    assert health(await agent.examine(), "claude login").ok is not True
    (folder / "settings.json").write_text(json.dumps({"apiKeyHelper": "get-key"}))
    assert health(await agent.examine(), "claude login").ok
    monkeypatch.setenv("CLAUDE_CODE_OAUTH_TOKEN", "secret-token")
    login = health(await agent.examine(), "claude login")
    assert login.ok
    assert "secret-token" not in str(login)


async def test_who_has_no_claude_of_their_own_is_told_of_the_one_that_came_along(
    claude: Claude, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = await claude.agent().examine()
    bundled = health(found, "claude program").detail
    assert f"Run `{bundled}` once" in health(found, "claude login").hint
    assert f"`{bundled}`" in turn_failure("success", 401, [], "", None)
    refused = crashed(1, "Invalid API key · Please run /login", None)
    assert f"`{bundled}`" in refused.hint
    own = tmp_path / "claude"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    assert "Run `claude` once" in health(await claude.agent().examine(), "claude login").hint


async def test_a_folder_that_cannot_be_written_is_told(
    claude: Claude, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", "/proc/none")
    folder = health(await claude.agent().examine(), "claude folder")
    assert folder.ok is False
    assert "CLAUDE_CONFIG_DIR" in folder.hint
