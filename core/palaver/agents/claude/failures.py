"""What can go wrong with Claude Code, each in one sentence with what to do."""

import re
import signal
from collections.abc import Mapping, Sequence
from typing import Any

from palaver.agents.claude.bundle import login_hint
from palaver.errors import AgentCrashedError, AgentError, AgentLoginError, AgentOutdatedError

SANDBOX_HINT = "Install bubblewrap and socat, or set sandbox = false in [agents.claude]."
_NO_LOGIN = re.compile(
    r"not logged in|please run /login|invalid api key|invalid x-api-key|oauth token|"
    r"authentication[_ ](failed|error)|could not resolve authentication",
    re.IGNORECASE,
)
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|HEADERS", re.IGNORECASE)
_UNKNOWN_OPTION = re.compile(r"unknown option '?(--[a-z-]+)")
_TOO_LONG = re.compile(r"prompt is too long|request too large", re.IGNORECASE)
_NO_SANDBOX = "Sandbox required but unavailable"
_ROOT = "cannot be used with root"
_LOST = "No conversation found with session ID"


def redact(text: str, environment: Mapping[str, str]) -> str:
    """The text without the values of variables that hold secrets."""
    for name, value in environment.items():
        if len(value) >= 8 and _SECRET_NAME.search(name):
            text = text.replace(value, f"<{name}>")
    return text


def crashed(code: int | None, stderr: str, failed_result: Mapping[str, Any] | None) -> AgentError:
    """Why the program ended on its own.

    Args:
        code: what it left with; None if it could not be told, negative for a signal.
        stderr: the end of what it complained about.
        failed_result: its last message, if that was a failed result.
    """
    said = _said(failed_result) or _last_line(stderr)
    if _NO_LOGIN.search(said):
        return AgentLoginError("Claude Code is not logged in.", hint=login_hint())
    if option := _UNKNOWN_OPTION.search(stderr):
        return AgentOutdatedError(
            f"This Claude Code does not know the option {option[1]}.",
            hint="Update it, or leave out cli_path in [agents.claude] to use the bundled one.",
        )
    if _ROOT in said or _ROOT in stderr:
        return AgentError(
            "Claude Code does not skip permissions for root.",
            hint="Choose another mode with /mode, or run Palaver as an ordinary user.",
        )
    if _NO_SANDBOX in said or _NO_SANDBOX in stderr:
        return AgentError("Claude Code's sandbox cannot be used here.", hint=SANDBOX_HINT)
    how = _how(code)
    message = f"Claude Code {how}: {said}" if said else f"Claude Code {how}."
    return AgentCrashedError(message, code=code, hint=_after(code))


def is_lost(failed_result: Mapping[str, Any] | None, stderr: str) -> bool:
    """Whether the program ended because the session's transcript is gone."""
    return _LOST in _said(failed_result) or _LOST in stderr


def turn_failure(
    subtype: str,
    status: int | None,
    errors: Sequence[str],
    text: str,
    kind: str | None,
) -> str:
    """Why a turn failed, in one sentence with what to do.

    Args:
        subtype: of the program's result.
        status: of the HTTP answer that made it fail.
        errors: what the program says went wrong.
        text: its result's text, "API Error: ..." if the model's server refused.
        kind: what the program called it on its message, such as `rate_limit`.
    """
    said = "; ".join(errors) or text
    if kind == "authentication_failed" or status in (401, 403) or _NO_LOGIN.search(said):
        return f"Claude refused the login. {login_hint()}"
    if kind == "billing_error":
        return f"The account cannot pay for this: {_brief(said)} Check its billing, then /retry."
    if status == 429 or kind == "rate_limit":
        return f"The account's limit is reached: {_brief(said)} Wait for it to reset, then /retry."
    if status == 529:
        return "Claude is overloaded just now. Send /retry in a minute."
    if status is not None and status >= 500:
        return f"Claude's server failed with {status}. Send /retry in a minute."
    if status == 404:
        return f"Claude cannot be asked: {_brief(said)} Choose another model with /model."
    if status == 413 or _TOO_LONG.search(said):
        return "The session has grown too large for the model. Send /compact, then /retry."
    if subtype == "error_max_turns":
        return "Claude has used all the steps it may take in one turn. Send /retry to go on."
    if subtype == "error_max_budget_usd":
        return "This turn has used up its budget. Raise it, then /retry."
    return f"Claude could not finish: {_brief(said or subtype)} Send /retry to try again."


def compaction_failure(said: str) -> str:
    """Why a session could not be compacted, in one sentence with what to do."""
    return f"The session could not be compacted: {_brief(said)} It is unchanged; try again later."


def _said(failed_result: Mapping[str, Any] | None) -> str:
    if not failed_result:
        return ""
    errors = failed_result.get("errors")
    texts = [error for error in errors if isinstance(error, str)] if errors else []
    return _brief("; ".join(texts) or str(failed_result.get("result") or ""))


def _last_line(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    return _brief(lines[-1]) if lines else ""


def _brief(text: str, limit: int = 300) -> str:
    text = " ".join(text.split()).removeprefix("API Error: ")
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    return text if text.endswith((".", "…", "!", "?")) else f"{text}."


def _how(code: int | None) -> str:
    if code is None:
        return "ended in the middle of its work"
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def _after(code: int | None) -> str | None:
    if code == -signal.SIGKILL:
        return "The machine may be out of memory. Your message is kept: /retry runs it again."
    return None
