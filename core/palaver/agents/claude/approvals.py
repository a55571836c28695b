"""Claude Code asks -> the user decides -> Claude Code is told. In doubt the answer is no."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import claude_agent_sdk as sdk

from palaver.agents.claude.previews import preview_of
from palaver.agents.claude.summaries import one_line, short_path, summary_of, visible
from palaver.agents.contract import Asker
from palaver.models import Choice, Decision, Question

logger = logging.getLogger(__name__)

_NOBODY = "Nobody is there to ask. Do without it, or say what you would need."
_REFUSED = "The user said no. Do not try it another way; ask what to do instead."
_UNANSWERED = "The user did not answer. Go on with what you know, or stop and say what is open."
_FAILED = "The user could not be asked. Treat this as a no."
_NO_PLAN = "(The agent has not written down its plan.)"


async def decide(
    tool: str,
    tool_input: dict[str, Any],
    context: sdk.ToolPermissionContext,
    asker: Asker | None,
    workspace: Path,
) -> sdk.PermissionResultAllow | sdk.PermissionResultDeny:
    """What to answer when the agent wants to use a tool. Raises nothing of its own.

    Args:
        workspace: the session's, from which paths are shown.
        asker: reaches the user; None if no prompt of his is being worked on.
    """
    if asker is None:
        return sdk.PermissionResultDeny(message=_NOBODY)
    try:
        if tool == "AskUserQuestion":
            return await _ask(tool_input, asker)
        if tool == "ExitPlanMode":
            return await _propose(tool_input, asker)
        return await _approve(tool, tool_input, context, asker, workspace)
    except Exception:  # whatever breaks here, the tool must not run
        logger.exception("asking the user about %s failed", tool)
        return sdk.PermissionResultDeny(message=_FAILED)


async def _approve(
    tool: str,
    tool_input: dict[str, Any],
    context: sdk.ToolPermissionContext,
    asker: Asker,
    workspace: Path,
) -> sdk.PermissionResultAllow | sdk.PermissionResultDeny:
    remembered = session_rules(context.suggestions)
    decision = await asker.approve(
        tool,
        tool_input,
        summary=summary_of(tool, tool_input, workspace),
        detail=await asyncio.to_thread(preview_of, tool, tool_input, workspace),
        reason=_reason(context, workspace),
        rememberable=bool(remembered),
    )
    if decision is Decision.ONCE:
        return sdk.PermissionResultAllow()
    if decision is Decision.SESSION:
        return sdk.PermissionResultAllow(updated_permissions=remembered)
    return sdk.PermissionResultDeny(message=_REFUSED)


def session_rules(suggestions: Sequence[sdk.PermissionUpdate]) -> list[sdk.PermissionUpdate]:
    """What "for this session" means: the narrowest that was suggested, kept in memory alone.

    For a command it is a rule for this command, for an edit the mode that accepts edits in the
    workspace. Together with a rule the program suggests more than was asked for: left out.
    """
    rules = [u for u in suggestions if u.type == "addRules" and u.behavior == "allow"]
    edits = [u for u in suggestions if u.type == "setMode" and u.mode == "acceptEdits"]
    folders = [u for u in suggestions if u.type == "addDirectories"]
    return [replace(update, destination="session") for update in rules or edits or folders]


def _reason(context: sdk.ToolPermissionContext, workspace: Path) -> str:
    if context.decision_reason:
        return one_line(context.decision_reason, 300)
    path = context.blocked_path
    return one_line(f"It writes to {short_path(path, workspace)}.", 300) if path else ""


async def _ask(
    tool_input: dict[str, Any], asker: Asker
) -> sdk.PermissionResultAllow | sdk.PermissionResultDeny:
    asked = [question for question in tool_input.get("questions") or [] if question.get("question")]
    if not asked:
        return sdk.PermissionResultDeny(message=_FAILED)
    answers = await asker.ask(tuple(_question(question) for question in asked))
    if answers is None or len(answers) != len(asked):
        return sdk.PermissionResultDeny(message=_UNANSWERED)
    given = {question["question"]: answer for question, answer in zip(asked, answers, strict=True)}
    return sdk.PermissionResultAllow(updated_input={**tool_input, "answers": given})


def _question(asked: Mapping[str, Any]) -> Question:
    choices = tuple(
        Choice(
            label=visible(str(option.get("label", ""))),
            description=visible(str(option.get("description") or "")),
        )
        for option in asked.get("options") or []
    )
    return Question(
        text=visible(str(asked["question"])),
        header=visible(str(asked.get("header") or "")),
        choices=choices,
        several=bool(asked.get("multiSelect")),
    )


async def _propose(
    tool_input: Mapping[str, Any], asker: Asker
) -> sdk.PermissionResultAllow | sdk.PermissionResultDeny:
    # The program puts the plan file's content here; a plan that the model gives itself it drops.
    plan = tool_input.get("plan")
    answer = await asker.propose(plan if isinstance(plan, str) and plan.strip() else _NO_PLAN)
    if answer.accepted:
        return sdk.PermissionResultAllow()
    remark = answer.remark.strip()
    wanted = f"The user sent the plan back: {remark}" if remark else _REFUSED
    return sdk.PermissionResultDeny(message=wanted)
