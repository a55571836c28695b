"""Does the agent really ask? One turn of the real Claude Code, against a model that wants to write.

A Claude Code that does not ask, because of its version, its administrator's settings or a program
of another kind in its place, would act without its user's knowledge. So this is tried, not read.
"""

import asyncio
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from palaver.app.demonstration.stage import environment
from palaver.config import Settings
from palaver.engine import open_engine
from palaver.errors import AgentError
from palaver.events import TurnFinished
from palaver.hookspecs import hookimpl
from palaver.identity import ConversationId, Namespace
from palaver.models import ApprovalRequest, Decision, Prompt, TurnState
from palaver.plugins import PluginHost
from palaver.testing.model import LoopbackModel, Say, Use, replies

LIMIT_S = 60.0
"""Seconds in which the whole round trip is to be over; it usually takes about one."""

_USER = Namespace("cli", "doctor")
_KEPT = ("cli_path", "environment", "start_timeout_s", "max_line_mb")
"""What is taken over of `[agents.claude]`; all that could allow a tool is not."""


class RoundTripError(AgentError):
    """Raised when the permission round trip fails."""

    hint = "Do not use this Claude Code: it would act without asking. Check cli_path, and update."


@dataclass(slots=True)
class Guard:
    """A plugin that hears every request and says no.

    Attributes:
        asked: the tools that wanted to be used.
    """

    asked: list[str] = field(default_factory=list)

    @hookimpl
    def on_approval(self, request: ApprovalRequest) -> Decision:
        self.asked.append(request.tool)
        return Decision.DENY


async def permission_round_trip(settings: Settings) -> str:
    """Let the model ask to write a file, and deny it; what happened, in words.

    Raises:
        RoundTripError: if no request for permission arrives, or the denial is not heeded.
        AgentError: if there is no turn to be had.
    """
    with tempfile.TemporaryDirectory(prefix="palaver-doctor-") as name:
        try:
            async with asyncio.timeout(LIMIT_S):
                return await _try(settings, Path(name))
        except TimeoutError:
            problem = f"Claude Code did not end a turn within {LIMIT_S:g} seconds."
            raise AgentError(problem, hint="Try again; with -v you see more.") from None


async def _try(settings: Settings, folder: Path) -> str:
    home, workspace = folder / "home", folder / "workspace"
    home.mkdir()
    workspace.mkdir()
    proof = workspace / "written.txt"
    use = Use("Write", {"file_path": str(proof), "content": "written without permission"})
    guard = Guard()
    async with LoopbackModel(replies(use, Say("As you wish."))) as model:
        with environment(model.environment(home)):
            finished = await _turn(_neutral(settings, folder / "data"), guard, workspace)
        told = [result for request in model.requests for result in request.tool_results]
    if finished is None or finished.state is not TurnState.DONE:
        problem = finished.error if finished else "the turn did not end"
        raise AgentError(f"A turn with a model on this machine failed: {problem}", hint="")
    if await asyncio.to_thread(proof.exists):
        asked = "although it was denied" if guard.asked else "without asking"
        raise RoundTripError(f"Claude Code has written a file {asked}.")
    if guard.asked != ["Write"]:
        raise RoundTripError("No request for permission has arrived, though a tool was to be used.")
    if not told or not told[0].is_error:
        raise RoundTripError("The model was not told that its tool was denied.")
    return "it asked before it wrote a file, and a denial kept it from writing"


def _neutral(settings: Settings, data_dir: Path) -> Settings:
    """The user's program, with nothing that would allow a tool beforehand."""
    table = settings.agents.get("claude", {})
    kept = {name: table[name] for name in _KEPT if name in table}
    return Settings.model_validate(
        {
            "data_dir": data_dir,
            "agents": {"claude": {**kept, "max_warm": 0}},
            "access": {"owners": [str(_USER)]},
        }
    )


async def _turn(settings: Settings, guard: Guard, workspace: Path) -> TurnFinished | None:
    host = PluginHost(settings, [])
    host.add("doctor", guard)
    prompt = Prompt(
        namespace=_USER,
        conversation=ConversationId(str(workspace)),
        text="Write a file.",
        workspace=workspace,
    )
    finished = None
    async with open_engine(settings, host) as engine:
        async for event in await engine.submit(prompt):
            if isinstance(event, TurnFinished):
                finished = event
    return finished
