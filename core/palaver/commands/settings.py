"""How the session works: /compact, /model, /mode, /usage."""

from datetime import timedelta
from typing import get_args

from palaver.access import Role
from palaver.commands.contract import Command, CommandCall
from palaver.commands.words import money
from palaver.errors import CommandError
from palaver.feeds import Submission
from palaver.models import PermissionMode, now
from palaver.turns import COMPACT
from palaver.views import Action, FieldRow, View

_MODES: dict[str, str] = {
    "default": "asks before it changes anything",
    "acceptEdits": "edits files without asking",
    "plan": "plans, and changes nothing until the plan is accepted",
    "dontAsk": "never asks; what is not allowed is refused",
    "bypassPermissions": "asks nothing at all",
}
_OWNERS_MODES = frozenset({"bypassPermissions"})


async def compact(call: CommandCall) -> "View | Submission":
    """Have the agent sum up the session to make room; waits its turn, as a prompt does."""
    session = await call.engine.sessions.current(call.prompt)
    if not session.turns:
        return View(title="There is nothing to compact yet.")
    text = f"{COMPACT} {call.argument}".strip()
    prompt = call.prompt.model_copy(update={"text": text})
    return await call.engine.turns.submit(session, prompt)


async def model(call: CommandCall) -> View:
    """Show or set the session's model."""
    session = await call.engine.sessions.current(call.prompt)
    if not call.argument:
        return View(
            title=f"🤖 Model: {session.model or 'default'}",
            text="Set it with /model NAME, for example /model opus; /model default goes back.",
        )
    name = call.argument
    if len(name) > 100 or not all(c.isalnum() or c in "-_.:/[]" for c in name):
        raise CommandError(f"{name[:40]!r} is no model's name.", hint="Try /model sonnet.")
    chosen = None if name == "default" else name
    await call.engine.sessions.set_model(session, chosen)
    return View(title=f"🤖 Model: {name}", text="From the next message on.")


async def mode(call: CommandCall) -> View:
    """Show or set what the agent may do without asking."""
    session = await call.engine.sessions.current(call.prompt)
    by_name = {one.lower(): one for one in get_args(PermissionMode)}
    chosen = by_name.get(call.argument.lower())
    if not call.argument:
        return _modes(session.mode or "default", call.role)
    if chosen is None:
        raise CommandError(f"There is no mode {call.argument[:40]!r}.", hint="See /mode.")
    if chosen in _OWNERS_MODES and call.role < Role.OWNER:
        raise CommandError(f"The mode {chosen} is for the owner.", hint="See /mode.")
    await call.engine.sessions.set_mode(session, None if chosen == "default" else chosen)
    return View(title=f"🛡️ Mode: {chosen}", text=f"The agent {_MODES[chosen]}.")


async def usage(call: CommandCall) -> View:
    """What the user has used: this session, today, in all."""
    session = await call.engine.sessions.current(call.prompt)
    today = await call.engine.usage(call.namespace, now() - timedelta(days=1))
    total = await call.engine.usage(call.namespace)
    rows = []
    for name, used in (("This session", session.usage), ("Last 24 hours", today), ("All", total)):
        read = used.input_tokens + used.cache_read_tokens + used.cache_write_tokens
        value = f"{money(used.cost_usd)} · {read:,} tokens read · {used.output_tokens:,} written"
        rows.append(FieldRow(name=name, value=value))
    return View(title="💰 Usage", fields=tuple(rows), private=True)


def _modes(current: str, role: Role) -> View:
    names = [name for name in _MODES if name not in _OWNERS_MODES or role >= Role.OWNER]
    return View(
        title=f"🛡️ Mode: {current}",
        text="\n".join(f"- **{name}**: {_MODES[name]}" for name in names),
        actions=tuple(
            Action(label=name, command=f"/mode {name}") for name in names if name != current
        ),
    )


COMMANDS = (
    Command("compact", "Sum up the session to make room", compact, argument="[INSTRUCTIONS]"),
    Command("model", "Show or set the model", model, argument="[NAME]"),
    Command("mode", "Show or set what needs your approval", mode, argument="[NAME]"),
    Command("usage", "What you have used", usage),
)
