"""What a turn waits for its user to decide."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_OPTIONS = {"sqlite_autoincrement": True}


def upgrade() -> None:
    """Make the column."""
    with op.batch_alter_table("turns", recreate="auto", table_kwargs=_OPTIONS) as turns:
        turns.add_column(sa.Column("pending", sa.Text()))


def downgrade() -> None:
    """Drop it."""
    with op.batch_alter_table("turns", table_kwargs=_OPTIONS) as turns:
        turns.drop_column("pending")
