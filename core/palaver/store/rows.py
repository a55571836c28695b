"""From models to rows and back."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from palaver.identity import ConversationId, Namespace
from palaver.models import (
    Attachment,
    DeliveryState,
    Prompt,
    Session,
    Turn,
    TurnState,
    Usage,
)
from palaver.store.schema import kept, original, sessions, sound, turns

USAGE = tuple(Usage.model_fields)
_STORE_ONLY = {"seq", "folded_name", "folded_title", "modified_ns"}
SESSION_COLUMNS = [column for column in sessions.c if column.name not in _STORE_ONLY]
TURN_COLUMNS = [column for column in turns.c if column.name not in _STORE_ONLY]


def owner_values(namespace: Namespace) -> dict[str, str]:
    """The namespace as the parameters that `owned` compares with."""
    return {"b_frontend": namespace.frontend, "b_user": namespace.user}


def owned(table: sa.FromClause) -> sa.ColumnElement[bool]:
    """Rows of the namespace that `owner_values` gives."""
    return sa.and_(
        table.c.frontend == sa.bindparam("b_frontend"), table.c.user == sa.bindparam("b_user")
    )


def usage_values(usage: Usage) -> dict[str, Any]:
    """The usage as its columns."""
    return {name: getattr(usage, name) for name in USAGE}


def usage_from(row: sa.Row[Any]) -> Usage:
    """The usage in a row of sessions or turns, or in a sum over them."""
    return Usage(
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cache_read_tokens=row.cache_read_tokens,
        cache_write_tokens=row.cache_write_tokens,
        cost_usd=row.cost_usd,
    )


def session_values(session: Session) -> dict[str, Any]:
    """A whole row of sessions."""
    return {
        "id": str(session.id),
        "frontend": session.namespace.frontend,
        "user": session.namespace.user,
        "agent": session.agent,
        "workspace": session.workspace,
        "name": session.name,
        "title": session.title,
        "folded_name": session.name.casefold(),
        "folded_title": session.title.casefold(),
        "model": session.model,
        "mode": session.mode,
        "created": session.created,
        "modified": session.modified,
        "size": session.size,
        "modified_ns": 0,
        "turns": session.turns,
        "turns_since_compaction": session.turns_since_compaction,
        **usage_values(session.usage),
        "transcript": session.transcript,
        "trashed": session.trashed,
        "lost": session.lost,
    }


def session_from(row: sa.Row[Any]) -> Session:
    """The session in a row of `SESSION_COLUMNS`."""
    return Session(
        id=UUID(row.id),
        namespace=Namespace(row.frontend, row.user),
        agent=row.agent,
        workspace=row.workspace,
        name=row.name,
        title=row.title,
        model=row.model,
        mode=row.mode,
        created=row.created,
        modified=row.modified,
        size=row.size,
        turns=row.turns,
        turns_since_compaction=row.turns_since_compaction,
        usage=usage_from(row),
        transcript=row.transcript,
        trashed=row.trashed,
        lost=row.lost,
    )


def prompt_text(prompt: Prompt) -> str:
    """What of a prompt has no column of its own, as JSON.

    Not pydantic's JSON: that refuses half a surrogate pair, and so would lose the prompt.
    """
    attachments = [[a.name, a.media_type, kept(str(a.path))] for a in prompt.attachments]
    workspace = kept(str(prompt.workspace)) if prompt.workspace else None
    kept_values = {"text": sound(prompt.text), "attachments": attachments, "workspace": workspace}
    messages = [kept(key) for key in prompt.messages]
    return json.dumps({**kept_values, "upkeep": prompt.upkeep, "messages": messages})


def message_text(key: str) -> str:
    """A message's key as it stands in `prompt_text` of the prompts that it is a part of."""
    return json.dumps(kept(key))


def prompt_from(row: sa.Row[Any]) -> Prompt:
    """The prompt in a row of turns; the columns say whose it is."""
    read: dict[str, Any] = json.loads(row.prompt)
    place: str | None = read["workspace"]
    return Prompt(
        namespace=Namespace(row.frontend, row.user),
        conversation=ConversationId(row.conversation),
        key=row.key,
        text=read["text"],
        attachments=tuple(
            Attachment(name=name, media_type=media_type, path=Path(original(path)))
            for name, media_type, path in read["attachments"]
        ),
        workspace=Path(original(place)) if place else None,
        upkeep=read.get("upkeep", False),
        messages=tuple(map(original, read.get("messages", []))),
    )


def pending_text(lines: Sequence[str]) -> str | None:
    """What a turn waits for, as JSON; None for nothing."""
    return json.dumps([sound(line) for line in lines]) if lines else None


def turn_values(turn: Turn) -> dict[str, Any]:
    """A whole row of turns but for its number."""
    prompt = turn.prompt
    return {
        "id": str(turn.id),
        "frontend": prompt.namespace.frontend,
        "user": prompt.namespace.user,
        "conversation": prompt.conversation,
        "key": prompt.key,
        "session_id": str(turn.session_id),
        "prompt": prompt_text(prompt),
        "created": turn.created,
        "started": turn.started,
        "runner": turn.runner,
        "agent_process": turn.agent_process,
        "pending": pending_text(turn.pending),
        **outcome_values(turn),
    }


def outcome_values(turn: Turn) -> dict[str, Any]:
    """What is known of a turn when it is over."""
    return {
        "state": turn.state.value,
        "delivery": turn.delivery.value,
        "finished": turn.finished,
        "answer": turn.answer,
        "error": turn.error,
        **usage_values(turn.usage),
    }


def turn_from(row: sa.Row[Any]) -> Turn:
    """The turn in a row of `TURN_COLUMNS`."""
    return Turn(
        id=UUID(row.id),
        session_id=UUID(row.session_id),
        prompt=prompt_from(row),
        state=TurnState(row.state),
        delivery=DeliveryState(row.delivery),
        created=row.created,
        started=row.started,
        finished=row.finished,
        answer=row.answer,
        error=row.error,
        usage=usage_from(row),
        runner=row.runner,
        agent_process=row.agent_process,
        pending=tuple(json.loads(row.pending)) if row.pending else (),
    )
