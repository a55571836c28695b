"""The first schema: sessions, where they are current, turns.

Written out and not taken from `schema.py`: that one goes on, this stays as it was.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make all of it."""
    _sessions()
    _conversations()
    _turns()


def downgrade() -> None:
    """Drop all of it."""
    for table in ("turns", "conversations", "sessions"):
        op.drop_table(table)


def _usage() -> list[sa.Column[int] | sa.Column[float]]:
    return [
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cache_read_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cache_write_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost_usd", sa.Double(), nullable=False),
    ]


def _session_of_the_same_owner(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["frontend", "user", "session_id"],
        ["sessions.frontend", "sessions.user", "sessions.id"],
        name=f"fk_{table}_sessions",
        ondelete="CASCADE",
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("frontend", sa.String(32), nullable=False),
        sa.Column("user", sa.String(200), nullable=False),
        sa.Column("agent", sa.String(64), nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("folded_name", sa.Text(), nullable=False),
        sa.Column("folded_title", sa.Text(), nullable=False),
        sa.Column("model", sa.Text()),
        sa.Column("mode", sa.Text()),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("modified", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("modified_ns", sa.BigInteger(), nullable=False),
        sa.Column("turns", sa.Integer(), nullable=False),
        sa.Column("turns_since_compaction", sa.Integer(), nullable=False),
        *_usage(),
        sa.Column("transcript", sa.Text()),
        sa.Column("trashed", sa.BigInteger()),
        sa.Column("lost", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.UniqueConstraint("frontend", "user", "id", name="uq_sessions_frontend_user_id"),
    )
    _index("recent", ["frontend", "user", sa.text("modified DESC"), "id"], "trashed IS NULL")
    _index("trashed", ["frontend", "user", "trashed"], "trashed IS NOT NULL")
    stamp = ["transcript", "agent", "size", "modified_ns", "lost"]
    _index("transcript", stamp, "trashed IS NULL")


def _index(name: str, columns: Sequence[str | sa.TextClause], where: str) -> None:
    op.create_index(
        f"ix_sessions_{name}",
        "sessions",
        columns,
        sqlite_where=sa.text(where),
        postgresql_where=sa.text(where),
    )


def _conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("frontend", sa.String(32), nullable=False),
        sa.Column("user", sa.String(200), nullable=False),
        sa.Column("conversation", sa.Text(), nullable=False),
        sa.Column("session_id", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("frontend", "user", "conversation", name="pk_conversations"),
        _session_of_the_same_owner("conversations"),
    )
    op.create_index("ix_conversations_session_id", "conversations", ["session_id"])


def _turns() -> None:
    op.create_table(
        "turns",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("frontend", sa.String(32), nullable=False),
        sa.Column("user", sa.String(200), nullable=False),
        sa.Column("conversation", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("session_id", sa.String(36), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("delivery", sa.String(16), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("started", sa.BigInteger()),
        sa.Column("finished", sa.BigInteger()),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        *_usage(),
        sa.Column("runner", sa.Text(), nullable=False),
        sa.Column("agent_process", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_turns"),
        sa.UniqueConstraint(
            "frontend",
            "user",
            "conversation",
            "key",
            name="uq_turns_frontend_user_conversation_key",
        ),
        _session_of_the_same_owner("turns"),
        sa.UniqueConstraint("id", name="uq_turns_id"),
        sqlite_autoincrement=True,
    )
    owner = ["frontend", "user", "conversation", "created"]
    op.create_index("ix_turns_recent", "turns", owner)
    op.create_index("ix_turns_session_id_state", "turns", ["session_id", "state"])
    op.create_index("ix_turns_state_delivery", "turns", ["state", "delivery"])
