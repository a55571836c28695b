"""People, sessions and turns to keep, and other processes that use the same database."""

import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from palaver.identity import ConversationId, Namespace
from palaver.models import Prompt, Session, Turn, TurnState

ALICE = Namespace("telegram", "1001")
BOB = Namespace("telegram", "1002")
HOME = ConversationId("home")
NOON = datetime(2025, 6, 1, 12, 0, 0, 123456, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def a_session(owner: Namespace = ALICE, **fields: Any) -> Session:
    """A session of noon, unless the fields say otherwise."""
    plain = {
        "id": uuid4(),
        "namespace": owner,
        "agent": "claude",
        "workspace": Path("/home/someone/code"),
        "created": NOON,
        "modified": NOON,
    }
    return Session.model_validate(plain | fields)


def a_turn(session: Session, text: str = "hello", **fields: Any) -> Turn:
    """A queued turn of that session's owner; `key` and `conversation` are its prompt's."""
    prompt = Prompt(
        namespace=session.namespace,
        conversation=fields.pop("conversation", HOME),
        key=fields.pop("key", uuid4().hex),
        text=text,
    )
    plain = {
        "id": uuid4(),
        "session_id": session.id,
        "prompt": prompt,
        "state": TurnState.QUEUED,
        "created": NOON,
    }
    return Turn.model_validate(plain | fields)


def over(turn: Turn, state: TurnState = TurnState.DONE, **fields: Any) -> Turn:
    """The turn as it ended, a minute past noon."""
    return turn.model_copy(update={"state": state, "finished": NOON + MINUTE, **fields})


def another_process(script: str, *arguments: object, **options: Any) -> "subprocess.Popen[str]":
    """Run a script in another Python, which gets the arguments as `sys.argv[1:]`."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )
