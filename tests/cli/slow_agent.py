"""A plugin for the tests: the scripted agent, but one that takes its time.

write FILE [S]    writes what is in FILE, seven characters every S seconds (0.01)
later S COMMAND   asks for approval of the command after S seconds
busy S COMMAND    asks for it, and at that moment keeps the whole program busy for S seconds
"""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import ClassVar

from palaver import (
    Agent,
    AgentEvent,
    AgentProcess,
    Asker,
    Prompt,
    Session,
    TextBlock,
    TextDelta,
    hookimpl,
)
from palaver.agents.scripted import ScriptedAgent, ScriptedProcess


class SlowProcess(ScriptedProcess):
    async def _act(
        self, word: str, rest: str, prompt: Prompt, asker: Asker
    ) -> AsyncIterator[AgentEvent]:
        first, _, others = rest.partition(" ")
        match word:
            case "write":
                text = await asyncio.to_thread(Path(first).read_text, "utf-8")
                for start in range(0, len(text), 7):
                    yield TextDelta(text=text[start : start + 7])
                    await asyncio.sleep(float(others or 0.01))
                yield TextBlock(text=text)
            case "later":
                await asyncio.sleep(float(first))
                async for event in self._run_command(others, asker):
                    yield event
            case "busy":
                asyncio.get_running_loop().call_later(0.02, time.sleep, float(first))
                async for event in self._run_command(others, asker):
                    yield event
            case _:
                async for event in super()._act(word, rest, prompt, asker):
                    yield event


class SlowAgent(ScriptedAgent):
    name: ClassVar[str] = "slow"

    async def open(self, session: Session, *, resume: bool) -> AgentProcess:
        await super().open(session, resume=resume)
        return SlowProcess(session, self.transcripts)


@hookimpl
def register_agents() -> list[type[Agent]]:
    return [SlowAgent]


def install(folder: Path) -> None:
    """Make it an installed plugin for processes that have `folder` in PYTHONPATH."""
    information = folder / "slow_agent-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: slow-agent\nVersion: 1\n")
    (information / "entry_points.txt").write_text("[palaver]\nslow = slow_agent\n")
    (folder / "slow_agent.py").write_text(Path(__file__).read_text("utf-8"), "utf-8")
