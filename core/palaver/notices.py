"""What a user is told besides the answer: a lost session, a compaction, a wait."""

from collections.abc import Sequence

from palaver.events import Compacted
from palaver.models import Grant, Prompt, Session, Turn, TurnState
from palaver.views import Action, Item, View

_SHOWN = 200
"""Characters of a waiting message that are shown."""


def lost(session: Session) -> View:
    """A session's transcript is gone; the prompt runs in a new one."""
    return View(
        title="⚠️ Session lost",
        text=(
            f"The transcript of “{session.label}” is gone from the disk, so the agent no longer "
            "knows what was said. Your message runs in a new session."
        ),
        kind="notice",
        actions=(Action(label="Sessions", command="/sessions"),),
    )


def undecided(pending: Sequence[str]) -> str:
    """Palaver ended while a turn waited for its user's word; the agent is told to go on."""
    return (
        f"Palaver was stopped. It waited for your word on {' and '.join(pending)}: that is "
        "neither allowed nor refused. The agent asks again if it still needs to."
    )


def go_on(pending: Sequence[str]) -> str:
    """A prompt of Palaver's own, for the agent whose requests nobody has decided."""
    return (
        "Go on. Palaver, through which you reach the user, was restarted while you waited for "
        f"the user's word on {' and '.join(pending)}. Nobody has decided: it is neither allowed "
        "nor refused. If you still need it, ask again; then finish what you were doing."
    )


def elsewhere() -> View:
    """Another Palaver on the same data works in this session."""
    return View(
        title="⏳ Waiting",
        text="This session is at work elsewhere; your message runs right after.",
        kind="notice",
    )


def compaction(event: Compacted) -> str:
    """What a compaction that was asked for has done."""
    if event.tokens_before is None or event.tokens_after is None:
        return "🗜️ Session compacted."
    return f"🗜️ Session compacted: {event.tokens_before:,} → {event.tokens_after:,} tokens."


def compacted(turn: Turn, turns: int) -> View:
    """How an automatic compaction after that many turns went."""
    if turn.state is not TurnState.DONE:
        return View(title="🗜️ Not compacted", text=turn.error, kind="notice")
    return View(
        title="🗜️ Session auto-compacted",
        text=f"After {turns} turns the agent has summed it up to make room.",
        kind="notice",
    )


def answered(left: int) -> View:
    """An answer has been taken; so many questions are still open."""
    title = f"✅ {left} more to answer." if left else "✅ Passed on to the agent."
    return View(title=title, kind="notice")


def paired(grant: Grant) -> View:
    """Somebody has sent the right pairing code."""
    who = "one of its owners" if grant.owner else "a member"
    return View(
        title="🤝 Welcome",
        text=f"This Palaver knows you now; you are {who}. Send a message and the agent answers.",
        kind="notice",
        actions=(Action(label="Help", command="/help"),),
    )


def offered(prompts: Sequence[Prompt]) -> View:
    """Several messages came while nobody listened; what is to become of them?"""
    items = []
    for prompt in prompts:
        words = " ".join(prompt.text.split())
        names = ", ".join(attachment.name for attachment in prompt.attachments)
        title = words if len(words) <= _SHOWN else f"{words[: _SHOWN - 1]}…"
        items.append(Item(title=title or names, text=f"📎 {names}" if names and title else ""))
    return View(
        title=f"📬 {len(prompts)} messages came while I was away",
        items=tuple(items),
        actions=(
            Action(label="Run all", command="/backlog all", style="primary"),
            Action(label="Make one of them", command="/backlog merge"),
            Action(label="Discard", command="/backlog discard", style="danger"),
        ),
    )
